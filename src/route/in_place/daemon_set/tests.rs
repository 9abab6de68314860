//! Claims about which pods are given away, which are taken back, and what stands in the spec meanwhile.

use serde_json::{Value, json};

use super::super::super::testing::{split, target};
use super::super::super::{Acceptance, Router, Target};
use super::super::InPlace;
use super::*;
use crate::api;
use crate::model::Routing;
use crate::object::FakeStore;
use crate::object::daemon;
use crate::object::kinds::{DAEMON_SET, POD};

const COUNT: &str = "deprecated.daemonset.template.generation";

/// A DaemonSet with its controller, whose pods are named after their node and the generation that they were made of.
struct Agent {
    store: FakeStore,
    spec: api::CanarySpec,
    nodes: u32,
}

fn key() -> ObjectKey {
    DAEMON_SET.named("test", "podinfo")
}

/// Template `1` on so many nodes, at rest.
fn agent(nodes: u32, strategy: &Value) -> Agent {
    let named = json!({"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "podinfo", "inPlace": true});
    let analysis = json!({"interval": "1m", "threshold": 1, "stepWeight": 20});
    let spec = serde_json::from_value(json!({"targetRef": named, "service": {"port": 80}, "analysis": analysis}));
    let mut agent = Agent { store: FakeStore::default(), spec: spec.expect("it is of the wire types"), nodes };
    let meta = json!({"uid": "u", "generation": 1, "annotations": {COUNT: "1"}});
    agent.store.put(key(), json!({"metadata": meta, "spec": {"template": {"is": "1"}, "updateStrategy": strategy}}));
    agent.control();
    agent.share(0);
    agent
}

fn rolling() -> Value {
    json!({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}})
}

impl Agent {
    fn object(&self) -> &Value {
        self.store.objects().find(&key()).expect("it is there")
    }

    fn edit(&mut self, patch: &Value) {
        let before = self.object()["spec"].clone();
        self.write(&Change::Merge(key(), patch.clone())).expect("no other hand wrote");
        self.admit(&before);
    }

    fn write(&mut self, change: &Change) -> Result<(), crate::object::Conflict> {
        self.store.write(change)
    }

    /// What the apiserver counts.
    fn admit(&mut self, before: &Value) {
        let object = self.object().clone();
        let more = |path: &[&str]| value::count(&object, path).unwrap_or(0) + 1;
        if object["spec"] != *before {
            let generation = json!({"metadata": {"generation": more(&["metadata", "generation"])}});
            self.store.write(&Change::Merge(key(), generation)).expect("no other hand wrote");
        }
        if object["spec"]["template"] != before["template"] {
            let count: u32 = value::text(&object, &["metadata", "annotations", COUNT]).unwrap().parse().unwrap();
            let count = json!({"metadata": {"annotations": {COUNT: (count + 1).to_string()}}});
            self.store.write(&Change::Merge(key(), count)).expect("no other hand wrote");
        }
    }

    /// Its controller comes by: nodes without a pod get one of the template, which is ready.
    fn control(&mut self) {
        let object = self.object().clone();
        let made_of = object["metadata"]["annotations"][COUNT].as_str().unwrap().to_owned();
        let revision = object["spec"]["template"]["is"].clone();
        for node in 0..self.nodes {
            let name = format!("podinfo-{node}");
            if self.store.objects().of_kind(POD).any(|(key, _)| key.name.starts_with(&name)) {
                continue;
            }
            let labels = json!({"controller-revision-hash": revision, "pod-template-generation": made_of});
            let owners = json!([{"uid": "u", "controller": true}]);
            let meta = json!({"uid": format!("{name}-{made_of}"), "labels": labels, "ownerReferences": owners});
            let status = json!({"conditions": [{"type": "Ready", "status": "True"}]});
            let key = POD.named("test", format!("{name}-{made_of}"));
            self.store.put(key, json!({"metadata": meta, "status": status}));
        }
        let seen = object["metadata"]["generation"].clone();
        let nodes = self.nodes;
        let status =
            json!({"observedGeneration": seen, "desiredNumberScheduled": nodes, "updatedNumberScheduled": nodes});
        self.store.write(&Change::Merge(key(), json!({"status": status}))).expect("no other hand wrote");
    }

    fn asked(&self) -> Target<'_> {
        target("kubernetes", self.spec.service.as_ref().expect("it has one"), &self.spec)
    }

    fn render(&self, canary: i64) -> Vec<Change> {
        InPlace.render(&self.asked(), &split(canary), self.store.objects()).expect("the set is there")
    }

    /// Writes what is to be written, and tells which pods were deleted.
    fn share(&mut self, canary: i64) -> Vec<String> {
        let before = self.object()["spec"].clone();
        let changes = self.render(canary);
        changes.iter().for_each(|change| self.write(change).expect("nobody else writes here"));
        self.admit(&before);
        let deleted = |change: &Change| match change {
            Change::DeleteThis(key, _) => Some(key.name.clone()),
            _ => None,
        };
        changes.iter().filter_map(deleted).collect()
    }

    /// The same again and again, the controller in between, until nothing is left to do.
    fn settle(&mut self, canary: i64) {
        for _ in 0..50 {
            if self.render(canary).is_empty() {
                return;
            }
            self.share(canary);
            self.control();
        }
        panic!("it never settles: {:?}", self.render(canary));
    }

    /// The template of each pod, by node.
    fn pods(&self) -> Vec<&str> {
        let label = |pod| value::text(pod, &["metadata", "labels", "controller-revision-hash"]);
        self.store.objects().of_kind(POD).filter_map(|(_, pod)| label(pod)).collect()
    }

    fn template(&self) -> &str {
        value::text(self.object(), &["spec", "template", "is"]).unwrap_or_default()
    }

    fn read(&self) -> Option<Routing> {
        InPlace.read(&self.asked(), self.store.objects()).expect("reading never fails")
    }

    fn is_pending(&self) -> bool {
        InPlace.acceptance(&self.asked(), self.store.objects()) == Acceptance::Pending
    }

    fn release(&self) -> Vec<Change> {
        InPlace.release(&self.asked(), self.store.objects())
    }
}

fn asks(template: &str) -> Value {
    json!({"spec": {"template": {"is": template}}})
}

/// Template `2` has two pods of five.
fn shared() -> Agent {
    let mut agent = agent(5, &rolling());
    agent.edit(&asks("2"));
    agent.settle(40);
    agent
}

#[test]
fn a_daemon_set_is_taken_when_all_its_pods_are_of_one_revision_and_starts_nothing_by_itself_then() {
    let mut agent = agent(3, &rolling());
    assert_eq!(agent.object()["spec"]["updateStrategy"], json!({"type": "OnDelete"}));
    assert_eq!((agent.read(), agent.is_pending()), (Some(split(0)), false));
    agent.edit(&asks("2"));
    agent.control();
    assert_eq!((agent.render(0), agent.read()), (vec![], Some(split(0))));

    let mut busy = self::agent(3, &rolling());
    let note = json!({"metadata": {"annotations": {daemon::NOTE: null}}, "status": {"updatedNumberScheduled": 2}});
    busy.edit(&note);
    assert_eq!((busy.render(0), busy.read()), (vec![], None), "its controller is not through");
}

#[test]
fn a_share_is_given_one_pod_after_the_other_as_its_user_lets_them_be_missing() {
    let mut agent = agent(5, &rolling());
    agent.edit(&asks("2"));
    assert_eq!(agent.share(40), [""; 0], "its controller has not seen the template");
    agent.control();
    assert_eq!(agent.share(40), ["podinfo-0-1"]);
    assert_eq!(agent.share(40), [""; 0], "one is missing");
    agent.control();
    assert_eq!(agent.share(40), ["podinfo-1-1"]);
    agent.control();
    assert_eq!((agent.render(40), agent.read()), (vec![], Some(split(40))));
    assert_eq!(agent.pods(), ["2", "2", "1", "1", "1"]);

    let mut many = self::agent(5, &json!({"rollingUpdate": {"maxUnavailable": "30%"}}));
    many.edit(&asks("2"));
    many.control();
    assert_eq!(many.share(100).len(), 2, "30 % of five, rounded up");
    let mut all = self::agent(5, &json!({"rollingUpdate": {"maxUnavailable": "100%"}}));
    all.edit(&asks("2"));
    all.control();
    assert_eq!(all.share(100).len(), 4, "one answers");
}

#[test]
fn pods_go_back_to_the_template_before_and_what_is_asked_for_stands_in_the_spec_again_then() {
    let mut agent = shared();
    assert_eq!(agent.share(0), [""; 0], "its controller is to see the template first");
    assert_eq!((agent.template(), agent.is_pending()), ("1", true));
    agent.control();
    assert_eq!(agent.share(0).len(), 1);
    assert_eq!(agent.share(0), [""; 0], "one is missing");
    agent.control();
    assert_eq!(agent.share(0).len(), 1);
    agent.share(0);
    assert_eq!(agent.template(), "1", "the pod that is missing gets what stands in the spec");
    agent.control();
    agent.settle(0);
    assert_eq!((agent.template(), agent.pods()), ("2", vec!["1"; 5]));
    assert_eq!((agent.read(), agent.is_pending()), (Some(split(0)), false));
}

#[test]
fn of_several_pods_some_go_back_and_the_others_are_still_known() {
    let mut agent = shared();
    agent.settle(80);
    agent.settle(20);
    let made_first = |(key, pod): &(&ObjectKey, &Value)| {
        pod["metadata"]["labels"]["controller-revision-hash"] == "2" && key.name.ends_with("-2")
    };
    assert_eq!(agent.store.objects().of_kind(POD).filter(made_first).count(), 1, "it was not made anew");
    assert_eq!((agent.template(), agent.read(), agent.is_pending()), ("2", Some(split(20)), false));
    agent.settle(100);
    assert_eq!(agent.pods(), ["2"; 5]);
}

#[test]
fn pods_of_a_revision_that_nobody_asks_for_any_more_go_back_before_the_next_gets_one() {
    let mut agent = shared();
    agent.edit(&asks("3"));
    agent.control();
    assert!(agent.is_pending());
    agent.settle(0);
    assert_eq!((agent.template(), agent.pods()), ("3", vec!["1"; 5]));
    agent.settle(20);
    assert_eq!(agent.pods().iter().filter(|pod| **pod == "3").count(), 1);
}

#[test]
fn what_is_asked_for_anew_while_pods_go_back_is_what_stands() {
    let mut agent = shared();
    agent.share(0);
    agent.edit(&asks("3"));
    agent.control();
    agent.settle(0);
    assert_eq!((agent.template(), agent.pods()), ("3", vec!["1"; 5]));

    let mut agent = shared();
    agent.edit(&asks("1"));
    agent.control();
    agent.settle(0);
    assert_eq!((agent.template(), agent.pods()), ("1", vec!["1"; 5]), "its user went back");
}

#[test]
fn a_pod_that_came_by_itself_beyond_the_share_goes_back() {
    let mut agent = shared();
    agent.store.remove(&POD.named("test", "podinfo-4-1"));
    agent.control();
    assert_eq!(agent.pods(), ["2", "2", "1", "1", "2"]);
    assert!(agent.is_pending());
    agent.settle(40);
    assert_eq!(agent.pods().iter().filter(|pod| **pod == "2").count(), 2);
    assert_eq!(agent.template(), "2");
}

#[test]
fn pods_that_answer_nobody_go_at_once_and_let_no_other_go() {
    let mut agent = agent(5, &rolling());
    agent.edit(&asks("2"));
    agent.control();
    let unready = json!({"status": {"conditions": [{"type": "Ready", "status": "False"}]}});
    for node in [3, 4] {
        let pod = Change::Merge(POD.named("test", format!("podinfo-{node}-1")), unready.clone());
        agent.store.write(&pod).expect("no other hand wrote");
    }
    assert_eq!(agent.share(100), ["podinfo-3-1", "podinfo-4-1"]);
}

#[test]
fn the_only_pod_of_one_node_goes_to_the_newest_revision_and_back() {
    let mut agent = agent(1, &rolling());
    agent.edit(&asks("2"));
    agent.control();
    agent.settle(100);
    assert_eq!((agent.pods(), agent.read()), (vec!["2"], Some(split(100))));
    agent.settle(0);
    assert_eq!((agent.pods(), agent.template()), (vec!["1"], "2"));
}

#[test]
fn pods_are_given_only_to_the_template_that_was_seen() {
    let mut agent = shared();
    for share in [80, 0] {
        let stale = agent.render(share);
        agent.edit(&asks("3"));
        let [note, ..] = &stale[..] else { panic!("{stale:?}") };
        assert!(agent.store.write(note).is_err(), "{share} %: {note:?}");
        agent.edit(&asks("2"));
        agent.control();
    }
}

#[test]
fn the_user_gets_the_strategy_and_the_template_back() {
    let mut agent = agent(3, &rolling());
    let before = agent.object()["spec"].clone();
    agent.edit(&json!({"metadata": {"annotations": {"theirs": "1"}}}));
    agent.release().iter().for_each(|change| agent.store.write(change).expect("nobody else writes here"));
    assert_eq!((before["template"].clone(), agent.release()), (agent.object()["spec"]["template"].clone(), vec![]));
    assert_eq!(agent.object()["spec"]["updateStrategy"], rolling());

    let mut agent = shared();
    agent.share(0);
    assert_eq!(agent.template(), "1");
    agent.release().iter().for_each(|change| agent.store.write(change).expect("nobody else writes here"));
    assert_eq!((agent.template(), daemon::note(agent.object())), ("2", None));
}

#[test]
fn a_strategy_that_another_hand_writes_is_taken_again_and_is_what_is_given_back() {
    let mut agent = shared();
    let theirs = json!({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 3}});
    agent.edit(&json!({"spec": {"updateStrategy": theirs}}));
    agent.control();
    agent.share(40);
    assert_eq!(agent.object()["spec"]["updateStrategy"], json!({"type": "OnDelete"}));
    let given_back = agent.release();
    given_back.iter().for_each(|change| agent.store.write(change).expect("nobody else writes here"));
    assert_eq!(agent.object()["spec"]["updateStrategy"], theirs);
}
