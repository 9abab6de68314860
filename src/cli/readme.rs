//! The README's pictures are what the program prints.

use std::path::Path;

use super::simulate::{story, text};

const BEGIN: &str = "<!-- simulate:begin -->\n";
const END: &str = "<!-- simulate:end -->\n";

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
        "{BEGIN}A release that answers with errors, and one that does not:\n\n{}\n{}{END}",
        play("examples/scenarios/bad.yaml"),
        play("examples/scenarios/good.yaml")
    );
    let path = root.join("README.md");
    let readme = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = readme.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    expect_test::expect_file![path].assert_eq(&format!("{before}{shown}{after}"));
}
