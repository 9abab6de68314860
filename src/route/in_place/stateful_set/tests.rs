//! Claims about which pods are given away, and which are taken back.

use super::super::super::testing::{split, target};
use super::super::super::{Acceptance, Router, Target};
use super::super::InPlace;
use super::*;
use crate::api;
use crate::model::Routing;
use crate::object::FakeStore;
use crate::object::kinds::{POD, STATEFUL_SET};

/// A StatefulSet of five, at rest at revision `a`; the template is `b`.
struct Cart {
    store: FakeStore,
    spec: api::CanarySpec,
}

fn cart() -> Cart {
    let target_ref = json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "podinfo"});
    let analysis = json!({"interval": "1m", "threshold": 1, "stepWeight": 20});
    let spec = serde_json::from_value(json!({"targetRef": target_ref, "service": {"port": 80}, "analysis": analysis}));
    let mut cart = Cart { store: FakeStore::default(), spec: spec.expect("it is of the wire types") };
    let strategy = json!({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "partition": 0}});
    cart.store.put(set(), json!({
        "spec": {"replicas": 5, "updateStrategy": strategy}, "status": {"currentRevision": "a", "updateRevision": "b"},
    }));
    (0..5).for_each(|ordinal| cart.pod(ordinal, "a", "True"));
    cart
}

fn set() -> ObjectKey {
    STATEFUL_SET.named("test", "podinfo")
}

impl Cart {
    fn pod(&mut self, ordinal: u32, revision: &str, ready: &str) {
        let meta = json!({"uid": format!("{ordinal}-{revision}"), "labels": {"controller-revision-hash": revision}});
        let conditions = json!([{"type": "Ready", "status": ready}]);
        let key = POD.named("test", format!("podinfo-{ordinal}"));
        self.store.put(key, json!({"metadata": meta, "status": {"conditions": conditions}}));
    }

    fn asked(&self) -> Target<'_> {
        let service = self.spec.service.as_ref().expect("it has one");
        target("kubernetes", service, &self.spec)
    }

    fn render(&self, canary: i64) -> Vec<Change> {
        InPlace.render(&self.asked(), &split(canary), self.store.objects()).expect("the set is there")
    }

    /// Writes what is to be written, and tells which pods were deleted.
    fn share(&mut self, canary: i64) -> Vec<String> {
        let changes = self.render(canary);
        changes.iter().for_each(|change| self.store.write(change).expect("nobody else writes here"));
        let deleted = |change: &Change| match change {
            Change::DeleteThis(key, _) => Some(key.name.clone()),
            _ => None,
        };
        changes.iter().filter_map(deleted).collect()
    }

    fn partition(&self) -> Option<u32> {
        Stateful::find(&set(), self.store.objects()).map(|set| set.partition())
    }

    fn read(&self) -> Option<Routing> {
        InPlace.read(&self.asked(), self.store.objects()).expect("reading never fails")
    }

    fn is_pending(&self) -> bool {
        InPlace.acceptance(&self.asked(), self.store.objects()) == Acceptance::Pending
    }
}

#[test]
fn a_share_is_the_pods_with_the_highest_ordinals_and_none_is_beyond_all_of_them() {
    let mut cart = cart();
    for (share, partition) in [(0, REST), (20, 4), (21, 3), (60, 2), (100, 0)] {
        assert_eq!(cart.share(share), [""; 0]);
        assert_eq!(cart.partition(), Some(partition), "{share} %");
        assert_eq!(cart.render(share), []);
    }
    assert_eq!(cart.read(), Some(split(100)));
    cart.share(40);
    assert_eq!(cart.read(), Some(split(40)));
    cart.share(0);
    assert_eq!(cart.read(), Some(split(0)));
}

#[test]
fn pods_of_a_revision_that_lost_its_share_go_as_far_as_half_of_all_stay() {
    let mut cart = cart();
    cart.share(80);
    (1..5).for_each(|ordinal| cart.pod(ordinal, "b", "True"));
    assert_eq!(cart.share(0), ["podinfo-4", "podinfo-3"]);
    assert!(cart.is_pending(), "the others have still to go");
    cart.pod(4, "a", "True");
    assert_eq!(cart.share(0), ["podinfo-2"]);
    (2..4).for_each(|ordinal| cart.pod(ordinal, "a", "True"));
    assert_eq!(cart.share(0), ["podinfo-1"]);
    assert!(!cart.is_pending());
}

#[test]
fn pods_that_answer_nobody_go_at_once_and_the_last_one_that_answers_stays() {
    let mut cart = cart();
    cart.share(80);
    (0..5).for_each(|ordinal| cart.pod(ordinal, if ordinal == 0 { "a" } else { "b" }, "False"));
    cart.pod(4, "b", "True");
    assert_eq!(cart.share(0), ["podinfo-3", "podinfo-2", "podinfo-1"]);
    cart.pod(0, "a", "True");
    assert_eq!(cart.share(0), ["podinfo-4"], "now another one answers");
}

#[test]
fn a_pod_that_is_down_makes_way_for_the_newest_revision_where_it_has_its_place() {
    let mut cart = cart();
    (3..5).for_each(|ordinal| cart.pod(ordinal, "a", "False"));
    assert_eq!(cart.share(20), ["podinfo-4"]);
    cart.pod(4, "b", "False");
    assert_eq!(cart.share(20), [""; 0], "it is of that revision, and on its way");
    assert_eq!(cart.share(100), ["podinfo-3"]);
}

#[test]
fn more_pods_in_the_middle_of_a_release_leave_the_share_what_it_is() {
    let mut cart = cart();
    cart.share(40);
    (3..5).for_each(|ordinal| cart.pod(ordinal, "b", "True"));
    cart.store.write(&Change::Merge(set(), json!({"spec": {"replicas": 10}}))).expect("nobody else writes here");
    (5..10).for_each(|ordinal| cart.pod(ordinal, "b", "True"));
    assert_eq!(cart.read(), Some(split(70)));
    assert_eq!(cart.share(40), ["podinfo-5", "podinfo-4", "podinfo-3"]);
    assert_eq!((cart.partition(), cart.read()), (Some(6), Some(split(40))));
}

#[test]
fn pods_are_given_only_to_the_revision_that_was_seen_and_taken_back_from_any() {
    let mut cart = cart();
    let stale = [cart.render(40), cart.render(0)].concat();
    cart.store.write(&Change::Merge(set(), json!({"spec": {"template": {"new": true}}}))).expect("nobody else writes");
    cart.store
        .write(&Change::Merge(set(), json!({"spec": {"updateStrategy": {"rollingUpdate": {"partition": 9}}}})))
        .expect("nor here");
    let [give, take] = &stale[..] else { panic!("{stale:?}") };
    assert_eq!(cart.store.write(take), Ok(()));
    let give = give.clone();
    assert_eq!(cart.partition(), Some(REST));
    cart.store.write(&give).expect("taking pods from partition 0 is no gift");
    let gift = cart.render(80);
    cart.store
        .write(&Change::Merge(set(), json!({"spec": {"template": {"newer": true}}})))
        .expect("nobody else writes");
    assert!(gift.iter().any(|change| cart.store.write(change).is_err()), "{gift:?}");
}

#[test]
fn a_pod_that_was_made_anew_meanwhile_is_not_deleted() {
    let mut cart = cart();
    cart.share(20);
    cart.pod(4, "b", "True");
    let changes = cart.render(0);
    cart.pod(4, "a", "True");
    changes.iter().for_each(|change| cart.store.write(change).expect("nobody else writes here"));
    assert!(cart.store.objects().find(&POD.named("test", "podinfo-4")).is_some());
}

#[test]
fn the_user_gets_the_partition_back_and_everything_else_of_the_strategy_stays() {
    let mut cart = cart();
    let before = cart.store.objects().find(&set()).map(|set| set["spec"].clone());
    assert_eq!(InPlace.release(&cart.asked(), cart.store.objects()), [], "nothing was taken yet");
    cart.share(0);
    cart.share(40);
    let changes = InPlace.release(&cart.asked(), cart.store.objects());
    changes.iter().for_each(|change| cart.store.write(change).expect("nobody else writes here"));
    assert_eq!(cart.store.objects().find(&set()).map(|set| set["spec"].clone()), before);
    assert_eq!(InPlace.release(&cart.asked(), cart.store.objects()), []);
}

#[test]
fn a_pod_that_holds_up_all_others_is_freed_before_the_partition_is_given_back() {
    let mut cart = cart();
    cart.share(20);
    // Of a revision that never got ready and that nobody asks for any more; one that serves waits for its controller.
    cart.pod(4, "broken", "False");
    cart.pod(3, "broken", "True");
    let changes = InPlace.release(&cart.asked(), cart.store.objects());
    let [Change::DeleteThis(pod, _), Change::Merge(..)] = &changes[..] else { panic!("{changes:?}") };
    assert_eq!(pod.name, "podinfo-4");
}
