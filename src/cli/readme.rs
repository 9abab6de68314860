//! The README's pictures are what the program prints, and its tables what the code says.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::simulate::{story, text};
use crate::alert::ChatKind;
use crate::api::{Canary, CanaryService, DeliveryPolicy};
use crate::metric::{self, About, Address, Provider};
use crate::model::Moment;
use crate::object::value;
use crate::route::{self, Capabilities, Router};
use crate::settings::{self, Defaults};

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
    let header = "| `spec.provider` | objects | weights | below 1 % | A/B (`match`) | mirroring | session affinity | `preview` | several `ports` |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n";
    let rows: String = route::ALL.iter().map(|router| row(*router)).collect();
    check("routers", &format!("{header}{rows}"));
}

fn row(router: &dyn Router) -> String {
    let names: Vec<_> =
        router.providers().iter().map(|name| format!("[{name}](examples/{})", name.replace(':', "-"))).collect();
    let mut kinds: Vec<_> = router.kinds().iter().map(|kind| kind.kind).collect();
    kinds.dedup();
    let objects = if kinds.is_empty() { "none".to_owned() } else { kinds.join(", ") };
    let Capabilities { weights, matches, whole_matches, mirror, affinity, preview, ports, fine } =
        router.capabilities(&CanaryService::default());
    let yes = |can: bool| if can { "yes" } else { "–" };
    let matches = if whole_matches { "all of the matching" } else { yes(matches) };
    format!(
        "| {} | {objects} | {} | {} | {matches} | {} | {} | {} | {} |\n",
        names.join(", "),
        yes(weights),
        yes(fine),
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

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")
}

fn readme() -> String {
    std::fs::read_to_string(path()).unwrap()
}

/// Compares the part of the README between two marks. `UPDATE_EXPECT=1 cargo test` rewrites it.
fn check(block: &str, shown: &str) {
    let (begin, end) = (format!("<!-- {block}:begin -->\n"), format!("<!-- {block}:end -->\n"));
    let readme = readme();
    let (before, rest) = readme.split_once(&begin).unwrap();
    let (_, after) = rest.split_once(&end).unwrap();
    expect_test::expect_file![path()].assert_eq(&format!("{before}{begin}{shown}{end}{after}"));
}

#[test]
fn every_link_of_the_readme_leads_somewhere() {
    let readme = readme();
    let slug = |heading: &str| -> String {
        let kept = heading.trim_start_matches(['#', ' ']).chars().filter(|c| c.is_alphanumeric() || " -".contains(*c));
        kept.collect::<String>().to_lowercase().replace(' ', "-")
    };
    let headings: Vec<_> = readme.lines().filter(|line| line.starts_with('#')).map(slug).collect();
    let links: Vec<_> = readme.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(to, _)| to).collect();
    assert!(links.len() > 40, "{links:?}");
    for link in links.into_iter().filter(|link| !link.starts_with("http")) {
        let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
        let there = Path::new(env!("CARGO_MANIFEST_DIR")).join(file).exists();
        let here = !file.is_empty() || headings.iter().any(|heading| heading == anchor);
        assert!(there && here, "the README links to {link}");
    }
}

/// The blocks of YAML in the README, each as a whole Canary: what a block leaves out is as in the first five minutes.
fn manifests() -> Vec<Value> {
    let readme = readme();
    let blocks = readme.split("```yaml\n").skip(1).filter_map(|rest| rest.split_once("```")).map(|(block, _)| block);
    let whole = |block: &str| {
        let written: Value = serde_saphyr::from_str(block).unwrap_or_else(|e| panic!("{e}:\n{block}"));
        let spec = match written.as_object().and_then(|fields| fields.keys().next()).map(String::as_str) {
            Some("apiVersion") => return written,
            Some("spec") => written["spec"].clone(),
            Some("metrics" | "webhooks") => json!({"analysis": written}),
            _ => written,
        };
        let steps = if block.contains("stepWeights") { json!({}) } else { json!({"stepWeight": 10}) };
        let mut canary = json!({
            "apiVersion": "flagger.app/v1beta1", "kind": "Canary", "metadata": {"name": "app"},
            "spec": {
                "provider": "istio",
                "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "app"},
                "service": {"port": 80},
                "analysis": {"interval": "1m", "threshold": 5},
            },
        });
        value::merge(&mut canary["spec"]["analysis"], &steps);
        value::merge(&mut canary["spec"], &spec);
        canary
    };
    blocks.map(whole).collect()
}

#[test]
fn every_manifest_of_the_readme_is_served_as_it_is_written() {
    let manifests = manifests();
    assert!(manifests.len() > 10, "{manifests:?}");
    for written in manifests {
        if written["kind"] == "DeliveryPolicy" {
            let policy: DeliveryPolicy = serde_json::from_value(written.clone()).unwrap();
            let read = serde_json::to_value(&policy.spec).unwrap();
            assert!(is_kept(&read, &written["spec"]), "a field of {written} is unknown: {read}");
            assert!(settings::schedule(&policy.spec.schedule.unwrap_or_default()).is_ok(), "{written}");
            continue;
        }
        let canary: Canary = serde_json::from_value(written.clone()).unwrap_or_else(|e| panic!("{e}: {written}"));
        let read = serde_json::to_value(&canary.spec).unwrap();
        assert!(is_kept(&read, &written["spec"]), "a field of {written} is unknown: {read}");
        let defaults = Defaults { provider: "", namespace: "shop" };
        assert_eq!(settings::resolve(&canary.spec, &defaults).err(), None, "{written}");
    }
}

/// Whether all that was written was read.
fn is_kept(read: &Value, written: &Value) -> bool {
    match (read, written) {
        (Value::Object(read), Value::Object(written)) => {
            written.iter().all(|(field, written)| read.get(field).is_some_and(|read| is_kept(read, written)))
        }
        (Value::Array(read), Value::Array(written)) => {
            read.len() == written.len() && read.iter().zip(written).all(|(read, written)| is_kept(read, written))
        }
        (Value::Number(read), Value::Number(written)) => read.as_f64() == written.as_f64(),
        _ => read == written,
    }
}
