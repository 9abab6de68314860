//! The README's pictures are what the program prints, and its tables what the code says.

use std::path::Path;

use super::simulate::{story, text};
use crate::alert::ChatKind;
use crate::api::CanaryService;
use crate::metric::{self, About, Address, Provider};
use crate::model::Moment;
use crate::route::{self, Capabilities, Router};

#[test]
fn the_readme_shows_what_simulate_prints() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let play = |scenario: &str| {
        let outcome = story(&root.join("examples/istio/canary.yaml"), &root.join(scenario)).unwrap();
        format!(
            "```\n$ cargo run -- simulate examples/istio/canary.yaml --scenario {scenario}\n{}```\n",
            text(&outcome)
        )
    };
    let shown = format!(
        "A release that answers with errors, and one that does not:\n\n{}\n{}",
        play("examples/scenarios/bad.yaml"),
        play("examples/scenarios/good.yaml")
    );
    check("simulate", &shown);
}

#[test]
fn the_readme_lists_the_routers_and_what_they_can() {
    let header = "| `spec.provider` | objects | weights | A/B (`match`) | mirroring | session affinity | `preview` | several `ports` |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n";
    let rows: String = route::ALL.iter().map(|router| row(*router)).collect();
    check("routers", &format!("{header}{rows}"));
}

fn row(router: &dyn Router) -> String {
    let names: Vec<_> =
        router.providers().iter().map(|name| format!("[{name}](examples/{})", name.replace(':', "-"))).collect();
    let mut kinds: Vec<_> = router.kinds().iter().map(|kind| kind.kind).collect();
    kinds.dedup();
    let objects = if kinds.is_empty() { "none".to_owned() } else { kinds.join(", ") };
    let Capabilities { weights, matches, whole_matches, mirror, affinity, preview, ports } =
        router.capabilities(&CanaryService::default());
    let yes = |can: bool| if can { "yes" } else { "–" };
    let matches = if whole_matches { "all of the matching" } else { yes(matches) };
    format!(
        "| {} | {objects} | {} | {matches} | {} | {} | {} | {} |\n",
        names.join(", "),
        yes(weights),
        yes(mirror),
        yes(affinity),
        yes(preview),
        yes(ports)
    )
}

#[test]
fn the_readme_lists_the_kpi_providers_and_what_each_wants() {
    let rows: String = metric::ALL.iter().map(|provider| provider_row(*provider)).collect();
    let header = "| `spec.provider.type` | asked at | Secret | query |\n| --- | --- | --- | --- |\n";
    check("providers", &format!("{header}{rows}"));
}

fn provider_row(provider: &dyn Provider) -> String {
    let About { address, secret, query } = provider.about();
    let address = match address {
        Address::Needed => "`address`".to_owned(),
        Address::Default(usual) => format!("`address`, or {usual}"),
        Address::OrCluster => "`address`, or the apiserver".to_owned(),
        Address::Cluster => "the apiserver".to_owned(),
        Address::Maker(host) => host.to_owned(),
    };
    format!("| {} | {address} | {secret} | {} |\n", provider.name(), query.replace('|', "\\|"))
}

#[test]
fn the_readme_lists_the_chats() {
    let header = "| `spec.type` | `address` |\n| --- | --- |\n";
    let rows: String = ChatKind::ALL.iter().map(|kind| format!("| {} | {} |\n", kind.as_str(), kind.about())).collect();
    check("chats", &format!("{header}{rows}"));
}

#[test]
fn the_readme_lists_the_moments_of_webhooks() {
    let header = "| `type` | called | a no means |\n| --- | --- | --- |\n";
    let row = |moment: Moment| {
        let (called, no) = moment.about();
        format!("| {} | {called} | {no} |\n", moment.as_str())
    };
    let rows: String = Moment::ALL.into_iter().map(row).collect();
    check("webhooks", &format!("{header}{rows}"));
}

/// Compares the part of the README between two marks. `UPDATE_EXPECT=1 cargo test` rewrites it.
fn check(block: &str, shown: &str) {
    let (begin, end) = (format!("<!-- {block}:begin -->\n"), format!("<!-- {block}:end -->\n"));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = readme.split_once(&begin).unwrap();
    let (_, after) = rest.split_once(&end).unwrap();
    expect_test::expect_file![path].assert_eq(&format!("{before}{begin}{shown}{end}{after}"));
}
