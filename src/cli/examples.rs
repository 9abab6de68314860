//! Every router has an example under its name, each kind of the user's own routes has one, so has each feature that no router is the
//! name of, and each example plays to its end.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::api::Canary;
use crate::model::Phase;
use crate::object::value;
use crate::route;
use crate::settings::{self, Defaults};
use crate::sim::{self, Outcome, Scenario, Verdict};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")
}

fn documents(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_saphyr::from_multiple(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The example of a router: what the user has, and the Canary.
fn example(name: &str) -> (Vec<Value>, Canary) {
    let directory = root().join(name.replace(':', "-"));
    let mut manifests = documents(&directory.join("app.yaml"));
    let canary = documents(&directory.join("canary.yaml")).remove(0);
    manifests.push(canary.clone());
    (manifests, serde_json::from_value(canary).unwrap_or_else(|e| panic!("{name}: {e}")))
}

fn routers() -> impl Iterator<Item = &'static str> {
    route::ALL.iter().flat_map(|router| router.providers()).copied()
}

fn own_routes() -> BTreeSet<String> {
    route::OWN.kinds().iter().map(|kind| format!("own-routes/{}", kind.kind.to_lowercase())).collect()
}

/// What Flagger has not, by the directory of its example.
const FEATURES: &[&str] = &[
    "bake",
    "canary-replicas",
    "first",
    "gates",
    "in-place",
    "in-place/daemon-set",
    "pod-routing",
    "ports",
    "preview",
];

fn features() -> impl Iterator<Item = String> {
    FEATURES.iter().map(|name| (*name).to_owned())
}

fn names() -> impl Iterator<Item = String> {
    routers().map(str::to_owned).chain(own_routes()).chain(features())
}

#[test]
fn every_router_has_an_example_under_its_name() {
    for name in routers() {
        let (_, canary) = example(name);
        assert_eq!(canary.spec.provider.map(|provider| provider.as_str()), Some(name));
    }
}

/// The simulated cluster has no Knative to make revisions.
fn is_playable(canary: &Canary) -> bool {
    !canary.spec.target_ref.is_knative()
}

#[test]
fn nothing_stands_against_an_example() {
    for name in names() {
        let (_, canary) = example(&name);
        let defaults = Defaults { provider: "", namespace: "demo" };
        let complaints = settings::resolve(&canary.spec, &defaults).err().unwrap_or_default();
        assert!(complaints.is_empty() || !is_playable(&canary), "{name}: {complaints:?}");
    }
}

#[test]
fn every_example_plays_to_a_promotion() {
    let scenario: Scenario =
        serde_saphyr::from_str(&std::fs::read_to_string(root().join("scenarios/good.yaml")).unwrap()).unwrap();
    for name in names() {
        let (manifests, canary) = example(&name);
        if is_playable(&canary) {
            let outcome = sim::play(&manifests, &scenario).unwrap_or_else(|e| panic!("{name}: {e}"));
            assert_eq!((outcome.verdict, outcome.broken), (Verdict::Promoted, None), "{name}");
        }
    }
}

/// A good revision of the application in `examples/istio` with the Canary of another example.
fn played(example: &str) -> Outcome {
    let mut manifests = documents(&root().join("istio/app.yaml"));
    manifests.extend(documents(&root().join(example)));
    let scenario: Scenario = serde_saphyr::from_str("events: [{at: 0s, revision: {name: B}}]").unwrap();
    sim::play(&manifests, &scenario).unwrap()
}

#[test]
fn the_example_of_an_order_waits_for_the_database_that_comes_first() {
    let outcome = played("order/canary.yaml");
    assert_eq!((outcome.verdict, outcome.broken), (Verdict::Undecided, None));
    let last = outcome.timeline.last().unwrap();
    assert_eq!(last.phase, Phase::Waiting);
    assert!(
        last.sentences[0].contains("canary demo/database of spec.dependsOn comes first and is not there"),
        "{last:?}"
    );
}

#[test]
fn the_example_of_a_group_is_promoted_when_nobody_else_has_a_release() {
    let outcome = played("group/canary.yaml");
    assert_eq!((outcome.verdict, outcome.broken), (Verdict::Promoted, None));
    let waits = outcome.timeline.iter().find(|entry| entry.phase == Phase::Waiting).unwrap();
    assert!(waits.sentences[0].contains("the other canaries of group shop may have been changed"), "{waits:?}");
}

#[test]
fn the_example_of_a_schedule_waits_for_the_morning_and_is_promoted_then() {
    // A simulated cluster begins on a Thursday at midnight UTC.
    let outcome = played("schedule/canary.yaml");
    assert_eq!((outcome.verdict, outcome.broken), (Verdict::Promoted, None));
    let waits = outcome.timeline.iter().find(|entry| entry.phase == Phase::Waiting).unwrap();
    assert!(waits.sentences[0].contains("before Thu 2026-01-01 09:00 Europe/Berlin"), "{waits:?}");
    let begins = outcome.timeline.iter().find(|entry| entry.phase == Phase::Progressing).unwrap();
    let wait = begins.at.saturating_sub(waits.at);
    assert!((7 * 3_600..8 * 3_600).contains(&wait.as_secs()), "{wait:?}");
}

#[test]
fn the_example_of_a_policy_holds_a_canary_that_says_nothing_of_it() {
    let outcome = played("policy/canary.yaml");
    assert_eq!((outcome.verdict, outcome.broken), (Verdict::Promoted, None));
    let waits = outcome.timeline.iter().find(|entry| entry.phase == Phase::Waiting).unwrap();
    assert!(
        waits.sentences[0].contains("DeliveryPolicy production has no window open before Thu 2026-01-01 09:00"),
        "{waits:?}"
    );
}

#[test]
fn an_a_b_test_through_a_route_of_the_users_own_plays_to_a_promotion() {
    let directory = root().join("own-routes/httproute");
    let mut manifests = documents(&directory.join("app.yaml"));
    manifests.extend(documents(&directory.join("ab-test.yaml")));
    let scenario = std::fs::read_to_string(root().join("scenarios/good.yaml")).unwrap();
    let outcome = sim::play(&manifests, &serde_saphyr::from_str(&scenario).unwrap()).unwrap();
    assert_eq!((outcome.verdict, outcome.broken), (Verdict::Promoted, None));
}

#[test]
fn every_directory_is_the_example_of_a_router_or_a_feature() {
    let known: Vec<_> = routers()
        .map(|name| name.replace(':', "-"))
        .chain(features())
        .chain(["group", "order", "own-routes", "policy", "scenarios", "schedule", "verdict"].map(str::to_owned))
        .collect();
    for entry in std::fs::read_dir(root()).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        assert!(known.contains(&name), "examples/{name} belongs to no router and no feature");
    }
}

#[test]
fn the_objects_of_an_example_are_in_one_namespace() {
    for name in names() {
        for object in example(&name).0 {
            assert_eq!(value::text(&object, &["metadata", "namespace"]), Some("demo"), "{name}");
        }
    }
}
