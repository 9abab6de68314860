//! How the user's objects are taken and given back, and how Flagger's are taken over.

use serde_json::{Value, json};

use super::{Scene, key, rule_key, split};
use crate::object::{Change, value};
use crate::route::{BEFORE, ORIGINAL};

const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

fn theirs() -> Value {
    json!({"hosts": ["shop.example"], "exportTo": ["."], "http": [{"route": [{"destination": {"host": "podinfo"}}]}]})
}

fn annotation<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    value::text(object, &["metadata", "annotations", name])
}

#[test]
fn the_users_spec_is_kept_once_and_never_overwritten() {
    let mut scene = Scene::of(&json!({})).with(json!({"spec": theirs()}));
    scene.route(&split(0));
    let kept = annotation(scene.found(), ORIGINAL).map(str::to_owned);
    assert_eq!(kept, Some(theirs().to_string()));
    let mut scene = scene.edited(&json!({"timeout": "9s"}));
    scene.route(&split(50)).write(&[Change::Merge(key(), json!({"spec": {"http": []}}))]).route(&split(50));
    assert_eq!(annotation(scene.found(), ORIGINAL).map(str::to_owned), kept);
}

#[test]
fn a_release_gives_the_spec_back_and_takes_our_annotations_away() {
    let mut scene = Scene::of(&json!({"apex": {"labels": {"team": "b"}}}))
        .with(json!({"metadata": {"labels": {"team": "a"}}, "spec": theirs()}));
    scene.route(&split(0)).route(&split(70)).release();
    assert_eq!(scene.found()["spec"], theirs());
    assert_eq!(scene.found()["metadata"]["labels"], json!({"team": "a"}));
    assert_eq!(scene.found()["metadata"]["annotations"], json!({}));
}

#[test]
fn a_kubectl_object_goes_back_to_what_was_last_applied() {
    let applied = json!({"metadata": {"name": "podinfo"}, "spec": theirs()}).to_string();
    let mut scene =
        Scene::of(&json!({})).with(json!({"metadata": {"annotations": {LAST_APPLIED: applied}}, "spec": theirs()}));
    scene.route(&split(30));
    assert_eq!(annotation(scene.found(), ORIGINAL), None);
    scene.release();
    assert_eq!(scene.found()["spec"], theirs());
    assert_eq!(scene.found()["metadata"]["annotations"], json!({LAST_APPLIED: applied}));
}

#[test]
fn a_kubectl_object_whose_annotation_goes_later_is_not_mistaken_for_the_users() {
    let applied = json!({"spec": theirs()}).to_string();
    let mut scene =
        Scene::of(&json!({})).with(json!({"metadata": {"annotations": {LAST_APPLIED: applied}}, "spec": theirs()}));
    scene.route(&split(30));
    scene.write(&[Change::Merge(key(), json!({"metadata": {"annotations": {LAST_APPLIED: null}}}))]);
    scene.route(&split(40));
    assert_eq!(annotation(scene.found(), ORIGINAL), None);
}

#[test]
fn what_kubectl_applied_after_us_is_newer_than_what_we_noted() {
    let applied = json!({"spec": {"hosts": ["newer.example"]}}).to_string();
    let mut scene = Scene::of(&json!({})).with(json!({"spec": theirs()}));
    scene.route(&split(30));
    scene.write(&[Change::Merge(key(), json!({"metadata": {"annotations": {LAST_APPLIED: applied}}}))]);
    scene.route(&split(40)).release();
    assert_eq!(scene.found()["spec"]["hosts"], json!(["newer.example"]));
}

#[test]
fn a_kubectl_object_that_was_never_taken_is_left_alone() {
    let applied = json!({"spec": {"hosts": ["older"]}}).to_string();
    let mut scene =
        Scene::of(&json!({})).with(json!({"metadata": {"annotations": {LAST_APPLIED: applied}}, "spec": theirs()}));
    assert_eq!(scene.release().found()["spec"], theirs());
}

#[test]
fn what_we_made_leads_to_the_apex_and_is_the_users_from_then_on() {
    let mut scene = Scene::of(&json!({"hosts": ["shop.example"], "gateways": ["public"], "timeout": "9s"}));
    scene.route(&split(10)).route(&split(0));
    assert_eq!(annotation(scene.found(), BEFORE), Some("absent"));
    scene.release();
    let http = json!([{"timeout": "9s", "route": [{"destination": {"host": "podinfo"}}]}]);
    let spec = json!({"hosts": ["shop.example", "podinfo"], "gateways": ["public"], "http": http});
    assert_eq!(scene.found()["spec"], spec);
    assert_eq!(scene.found()["metadata"]["annotations"], json!({}));
    assert_eq!(scene.store.objects().find(&rule_key("canary")), None);
    scene.route(&split(30)).release();
    assert_eq!(scene.found()["spec"], spec);
}

#[test]
fn what_flagger_made_does_not_go_with_the_canary() {
    let owners =
        json!([{"apiVersion": "flagger.app/v1beta1", "kind": "Canary", "name": "podinfo", "uid": "1"}, {"kind": "X"}]);
    let rule = json!({"route": [{"destination": {"host": "podinfo-canary"}, "weight": 100}]});
    let mut scene =
        Scene::of(&json!({})).with(json!({"metadata": {"ownerReferences": owners}, "spec": {"http": [rule]}}));
    scene.release();
    assert_eq!(scene.found()["metadata"]["ownerReferences"], json!([{"kind": "X"}]));
    assert_eq!(scene.found()["spec"]["http"], json!([{"route": [{"destination": {"host": "podinfo"}}]}]));
}

#[test]
fn destination_rules_are_given_back_too() {
    let theirs = json!({"host": "podinfo-primary", "subsets": [{"name": "a"}], "trafficPolicy": {"loadBalancer": {"simple": "RANDOM"}}});
    let mut scene = Scene::of(&json!({"trafficPolicy": {"loadBalancer": {"consistentHash": {"useSourceIp": true}}}}));
    scene.store.put(rule_key("primary"), json!({ "spec": theirs }));
    scene.route(&split(0));
    let ours = json!({"loadBalancer": {"consistentHash": {"useSourceIp": true}}});
    assert_eq!(scene.destination_rule("primary")["spec"]["trafficPolicy"], ours);
    assert_eq!(scene.destination_rule("primary")["spec"]["subsets"], theirs["subsets"]);
    scene.release();
    assert_eq!(scene.destination_rule("primary")["spec"], theirs);
}

#[test]
fn an_object_that_changes_while_it_is_taken_is_not_taken() {
    let mut scene = Scene::of(&json!({})).with(json!({"spec": theirs()}));
    let changes = scene.render(&split(0)).expect("it renders");
    scene.store.put(key(), json!({"spec": {"http": []}}));
    let written: Vec<_> = changes.iter().map(|change| scene.store.write(change).is_ok()).collect();
    assert_eq!(written, [true, true, false]);
}

#[test]
fn an_installation_of_flaggers_is_taken_over_without_a_write() {
    let owner = json!([{"apiVersion": "flagger.app/v1beta1", "kind": "Canary", "name": "podinfo", "uid": "1", "controller": true}]);
    let flux = json!({"helm.toolkit.fluxcd.io/driftDetection": "disabled", "kustomize.toolkit.fluxcd.io/reconcile": "disabled"});
    let spec = json!({"hosts": ["podinfo"], "gateways": ["mesh"], "http": [{"route": [
        {"destination": {"host": "podinfo-primary"}, "weight": 100}, {"destination": {"host": "podinfo-canary"}, "weight": 0},
    ]}]});
    let mut scene = Scene::of(&json!({}))
        .with(json!({"metadata": {"ownerReferences": owner, "annotations": flux, "labels": {"app": "podinfo"}}, "spec": spec}));
    for side in ["primary", "canary"] {
        let rule = json!({"metadata": {"ownerReferences": owner}, "spec": {"host": format!("podinfo-{side}")}});
        scene.store.put(rule_key(side), rule);
    }
    assert_eq!(scene.read(), Some(split(0)));
    assert_eq!(scene.render(&split(0)), Ok(vec![]));
    scene.route(&split(10));
    assert_eq!(annotation(scene.found(), BEFORE), Some("absent"), "what Flagger made is not the user's");
    assert_eq!(annotation(scene.found(), ORIGINAL), None);
    assert_eq!(scene.found()["metadata"]["ownerReferences"], owner);
}

#[test]
fn what_flagger_took_from_the_user_is_given_back() {
    let annotations = json!({
        "helm.toolkit.fluxcd.io/driftDetection": "disabled", "kustomize.toolkit.fluxcd.io/reconcile": "disabled",
        ORIGINAL: theirs().to_string(), "note": "mine",
    });
    let mut scene =
        Scene::of(&json!({})).with(json!({"metadata": {"annotations": annotations}, "spec": {"exportTo": ["."]}}));
    scene.route(&split(10)).release();
    assert_eq!(scene.found()["spec"], theirs());
    assert_eq!(scene.found()["metadata"]["annotations"], json!({"note": "mine"}));
}

#[test]
fn an_object_whose_spec_is_no_object_is_named() {
    let scene = Scene::of(&json!({})).with(json!({"spec": "x"}));
    let refusal = scene.render(&split(0)).map_err(|e| e.sentence);
    let sentence = "VirtualService/podinfo.test: spec is \"x\", so no traffic can be routed by it; make spec an object or delete it";
    assert_eq!(refusal, Err(sentence.to_owned()));
}
