//! Claims about what of a DaemonSet is the primary, and what the canary.

use serde_json::json;

use super::*;
use crate::model::{Percent, Unready};
use crate::object::kinds::POD;
use crate::object::{FakeStore, daemon::NOTE};

/// Template `2` of a DaemonSet that had `1`, with pods of these revisions; `b` is what is made of it.
fn store(note: Option<u32>, pods: &[&str]) -> FakeStore {
    let mut store = FakeStore::default();
    let current = json!({"revision": "a", "template": template("1")});
    let note = note.map(|given| json!({"strategy": null, "current": current, "given": given}).to_string());
    let meta = json!({
        "name": "agent", "uid": "u", "generation": 1,
        "annotations": {NOTE: note, "deprecated.daemonset.template.generation": "2"},
    });
    let nodes = pods.len();
    let status = json!({
        "observedGeneration": 1, "desiredNumberScheduled": nodes, "currentNumberScheduled": nodes,
        "updatedNumberScheduled": 1, "numberAvailable": nodes,
    });
    store.put(key_of(), json!({"metadata": meta, "spec": {"template": template("2")}, "status": status}));
    for (revision, index) in pods.iter().zip(0..) {
        let made_of = if *revision == "b" { "2" } else { "1" };
        let labels = json!({"controller-revision-hash": revision, "pod-template-generation": made_of});
        let owners = json!([{"uid": "u", "controller": true}]);
        let meta = json!({"uid": "p", "labels": labels, "ownerReferences": owners});
        let ready = json!([{"type": "Ready", "status": "True"}]);
        let pod = json!({"metadata": meta, "status": {"conditions": ready}});
        store.put(POD.named("shop", format!("agent-{index}")), pod);
    }
    store.put(POD.named("shop", "other"), json!({"metadata": {"ownerReferences": [{"uid": "x", "controller": true}]}}));
    store
}

fn template(image: &str) -> Value {
    json!({"spec": {"containers": [{"name": "agent", "image": image}]}})
}

fn key_of() -> ObjectKey {
    DAEMON_SET.named("shop", "agent")
}

fn at<T>(store: &FakeStore, look: impl FnOnce(&Place<'_>) -> T) -> T {
    let target = store.objects().find(&key_of()).expect("it is there");
    look(&Place { namespace: "shop", canary: "agent", name: "agent", apex: "agent", target, objects: store.objects() })
}

fn target(store: &FakeStore) -> TargetSeen {
    at(store, |at| DaemonSet.target(at)).expect("it has a template")
}

fn primary(store: &FakeStore) -> PrimarySeen {
    match at(store, |at| DaemonSet.primary(at)) {
        Seen::Found(primary) => primary,
        Seen::Missing => panic!("it is there"),
    }
}

#[test]
fn until_it_is_taken_all_pods_are_the_primarys_and_its_controller_says_how_far_they_are() {
    let store = store(None, &["a", "a", "b"]);
    let seen = primary(&store);
    assert_eq!(seen.runs, PrimaryMatch::Revision(target(&store).revision));
    assert_eq!(seen.rollout.readiness(Percent::FULL), Err(Unready::Updating { updated: 1, desired: 3 }));
    let endpoints = at(&store, |at| DaemonSet.endpoints(at));
    assert_eq!((endpoints.primary, endpoints.canary), (3, 0));
}

#[test]
fn the_canary_is_what_is_made_of_the_template_and_the_primary_what_all_had_last() {
    let store = store(Some(1), &["a", "a", "b"]);
    assert_eq!(target(&store).revision, hash::revision(&template("2")));
    assert_eq!(target(&store).rollout.readiness(Percent::FULL), Ok(()));
    assert_eq!(primary(&store).runs, PrimaryMatch::Revision(hash::revision(&template("1"))));
    assert_eq!(at(&store, |at| DaemonSet.kept(at)), [hash::revision(&template("1"))]);
    let endpoints = at(&store, |at| DaemonSet.endpoints(at));
    assert_eq!((endpoints.primary, endpoints.canary), (2, 1));
}

#[test]
fn beside_a_pod_of_a_third_revision_or_one_too_many_nobody_is_ready() {
    for pods in [["a", "z", "b"], ["a", "b", "b"]] {
        let rollout = target(&store(Some(1), &pods)).rollout;
        assert_eq!(rollout.readiness(Percent::FULL), Err(Unready::OldPods { old: 1 }), "{pods:?}");
    }
}

#[test]
fn a_revision_becomes_the_current_one_when_every_pod_has_it_and_not_before() {
    let wanted = hash::revision(&template("2"));
    let promote = |store: &FakeStore, revision: &Revision| at(store, |at| DaemonSet.promote(at, revision)).expect("ok");
    assert_eq!(promote(&store(Some(3), &["a", "b", "b"]), &wanted), []);
    let mut all = store(Some(3), &["b"; 3]);
    assert_eq!(promote(&all, &hash::revision(&template("3"))), [], "another one was decided on");
    promote(&all, &wanted).iter().for_each(|change| all.write(change).expect("no other hand wrote"));
    assert_eq!(primary(&all).runs, PrimaryMatch::Revision(wanted.clone()));
    assert_eq!(primary(&all).rollout.readiness(Percent::FULL), Ok(()));
    assert_eq!(promote(&all, &wanted), [], "it is noted");
}

#[test]
fn what_can_never_be_released_in_place_says_what_to_write() {
    let said = |note: Option<u32>, spec: Value, pods: &[&str]| {
        let mut store = store(note, pods);
        store.write(&Change::Merge(key_of(), json!({"spec": spec}))).expect("no other hand wrote");
        at(&store, |at| DaemonSet.check(at)).map_err(|complaint| complaint.sentence)
    };
    let none = |most: Value| json!({"updateStrategy": {"rollingUpdate": {"maxUnavailable": most}}});
    let by_hand = json!({"updateStrategy": {"type": "OnDelete"}});
    assert_eq!(said(None, json!({}), &["a"]), Ok(()), "one pod is enough");
    assert_eq!(said(Some(0), by_hand.clone(), &["a"]), Ok(()), "that is our own doing");
    let theirs = said(None, by_hand, &["a"]).unwrap_err();
    assert!(theirs.starts_with("DaemonSet/agent has spec.updateStrategy.type OnDelete"), "{theirs}");
    for most in [json!(0), json!("0%")] {
        let stuck = said(None, none(most), &["a"]).unwrap_err();
        assert!(stuck.contains("maxUnavailable 0") && stuck.ends_with("write 1 or more"), "{stuck}");
    }
    let nowhere = said(None, json!({}), &[]).unwrap_err();
    assert!(nowhere.contains("has counted no node for it"), "{nowhere}");
}
