//! A StatefulSet: its own controller replaces the pods that it is given, and remembers the revision that all had last.

use std::time::Duration;

use super::super::whole::{Place, Whole};
use super::super::{WorkloadError, pods};
use super::{endpoints, rollout};
use crate::api::sentences;
use crate::model::{Complaint, Endpoints, PrimaryMatch, PrimarySeen, Replacement, Revision, Seen, TargetSeen};
use crate::object::divided::{Divided, Standing};
use crate::object::kinds::STATEFUL_SET;
use crate::object::stateful::{self, Stateful};
use crate::object::{Change, ObjectKey};

/// With fewer pods there is no share of them: the first step would replace all, and no pod would be left to go back to.
const FEWEST: u32 = 2;

#[derive(Debug)]
pub(crate) struct StatefulSet;

impl Whole for StatefulSet {
    fn check(&self, at: &Place<'_>) -> Result<(), Complaint> {
        pods::rolls_by_itself(STATEFUL_SET, at.target)?;
        let replicas = pods::replicas(STATEFUL_SET, at.target);
        if replicas < FEWEST {
            let values = [("target", at.name), ("replicas", &*replicas.to_string())];
            return Err(Complaint::blocks(sentences::CAN132.reason, sentences::CAN132.say(&values)));
        }
        Ok(())
    }

    fn target(&self, at: &Place<'_>) -> Result<TargetSeen, Complaint> {
        let set = read(at);
        let newest = set.as_ref().and_then(Stateful::newest).map(named);
        let (Some(set), Some(revision)) = (set, newest) else {
            let values = [("target", at.name), ("namespace", at.namespace)];
            return Err(Complaint::blocks(sentences::CAN133.reason, sentences::CAN133.say(&values)));
        };
        let rollout = rollout(&set, set.newer(), set.given());
        let grace = pods::template(at.target).map_or(Duration::ZERO, pods::grace);
        Ok(TargetSeen { revision, replicas: set.replicas(), rollout, grace, replacement: Replacement::Rolling })
    }

    fn primary(&self, at: &Place<'_>) -> Seen<PrimarySeen> {
        let Some(set) = read(at) else { return Seen::Missing };
        let runs = set.current().map_or(PrimaryMatch::Unknown, |name| PrimaryMatch::Revision(named(name)));
        let rollout = rollout(&set, set.current(), set.replicas());
        Seen::Found(PrimarySeen { runs, replicas: set.replicas(), rollout })
    }

    fn endpoints(&self, at: &Place<'_>) -> Endpoints {
        read(at).map(|set| endpoints(&set)).unwrap_or_default()
    }

    fn kept(&self, at: &Place<'_>) -> Vec<Revision> {
        read(at).and_then(|set| set.current().map(named)).into_iter().collect()
    }

    fn sides(&self, _at: &Place<'_>) -> Vec<Change> {
        Vec::new()
    }

    /// Its controller brings the newest revision to the pods by itself. One that never got ready holds it up until it is gone.
    fn promote(&self, at: &Place<'_>, wanted: &Revision) -> Result<Vec<Change>, WorkloadError> {
        let Some(set) = read(at).filter(|set| set.newer().map(named).as_ref() == Some(wanted)) else {
            return Ok(Vec::new());
        };
        let stuck = set.pods().iter().filter(|pod| {
            pod.standing == Standing::Unready && pod.index >= set.partition() && Some(pod.revision) != set.newest()
        });
        Ok(stuck.map(|pod| Change::DeleteThis(pod.key.clone(), pod.uid.to_owned())).collect())
    }

    /// The partition goes back with the route.
    fn discard(&self, _at: &Place<'_>) -> Vec<Change> {
        Vec::new()
    }
}

/// The pods that a StatefulSet makes.
pub(crate) fn members(key: &ObjectKey, target: Option<&serde_json::Value>) -> Vec<ObjectKey> {
    target.into_iter().flat_map(|target| stateful::keys(key, target)).collect()
}

fn read<'a>(at: &Place<'a>) -> Option<Stateful<'a>> {
    Stateful::find(&STATEFUL_SET.named(at.namespace, at.name), at.objects)
}

/// Its controller names revisions after their templates: the same template has the same name again.
fn named(name: &str) -> Revision {
    Revision::new(format!("{}{name}", Revision::SCHEME))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Percent, Unready};
    use crate::object::kinds::POD;
    use crate::object::{FakeStore, value};
    use serde_json::{Value, json};

    /// Three pods of this revision each; `true` where it answers.
    fn store(spec: &Value, pods: [(&str, bool); 3]) -> FakeStore {
        let mut store = FakeStore::default();
        let status = json!({"observedGeneration": 1, "currentRevision": "cart-a", "updateRevision": "cart-b"});
        let mut set = json!({"metadata": {"name": "cart", "generation": 1}, "spec": {"replicas": 3, "template": {}}, "status": status});
        value::merge(&mut set["spec"], spec);
        store.put(STATEFUL_SET.named("shop", "cart"), set);
        for ((revision, ready), ordinal) in pods.into_iter().zip(0..) {
            let meta = json!({"uid": "u", "labels": {"controller-revision-hash": revision}});
            let conditions = json!([{"type": "Ready", "status": if ready { "True" } else { "False" }}]);
            let pod = json!({"metadata": meta, "status": {"conditions": conditions}});
            store.put(POD.named("shop", format!("cart-{ordinal}")), pod);
        }
        store
    }

    fn at<T>(store: &FakeStore, look: impl FnOnce(&Place<'_>) -> T) -> T {
        let target = store.objects().find(&STATEFUL_SET.named("shop", "cart")).expect("it is there");
        look(&Place { namespace: "shop", canary: "cart", name: "cart", apex: "cart", target, objects: store.objects() })
    }

    fn divided(partition: u32) -> Value {
        json!({"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": partition}}})
    }

    #[test]
    fn the_canary_is_what_is_of_a_newer_revision_than_all_had_last() {
        let store = store(&divided(2), [("cart-a", true), ("cart-a", false), ("cart-b", true)]);
        let Seen::Found(primary) = at(&store, |at| StatefulSet.primary(at)) else { panic!("it is there") };
        let target = at(&store, |at| StatefulSet.target(at));
        let target = target.expect("it has revisions");
        assert_eq!((target.revision.as_str(), target.replicas), ("s1-cart-b", 3));
        assert_eq!(target.rollout.readiness(Percent::FULL), Ok(()), "the one pod that it was given");
        assert!(primary.runs.is(&Revision::new("s1-cart-a")));
        assert_eq!(primary.rollout.readiness(Percent::FULL), Err(Unready::Updating { updated: 2, desired: 3 }));
        let endpoints = at(&store, |at| StatefulSet.endpoints(at));
        assert_eq!((endpoints.primary, endpoints.canary), (1, 1));
        assert_eq!(at(&store, |at| StatefulSet.kept(at)), [Revision::new("s1-cart-a")]);
    }

    #[test]
    fn a_pod_that_is_still_of_the_old_revision_is_waited_for() {
        let store = store(&divided(1), [("cart-a", true), ("cart-a", true), ("cart-b", true)]);
        let target = at(&store, |at| StatefulSet.target(at)).expect("it has revisions");
        assert_eq!(target.rollout.readiness(Percent::FULL), Err(Unready::Updating { updated: 1, desired: 2 }));
    }

    #[test]
    fn before_anything_serves_pods_that_never_got_ready_make_way() {
        let store = store(&divided(0), [("cart-a", false), ("cart-a", true), ("cart-b", false)]);
        let changes = at(&store, |at| StatefulSet.promote(at, &Revision::new("s1-cart-b")));
        assert_eq!(changes, Ok(vec![Change::DeleteThis(POD.named("shop", "cart-0"), "u".to_owned())]));
        assert_eq!(at(&store, |at| StatefulSet.promote(at, &Revision::new("s1-cart-c"))), Ok(vec![]));
    }

    #[test]
    fn what_can_never_be_released_in_place_says_what_to_write() {
        let said = |spec: Value| {
            let store = store(&spec, [("cart-a", true); 3]);
            at(&store, |at| StatefulSet.check(at)).map_err(|complaint| complaint.sentence)
        };
        assert_eq!(said(divided(0)), Ok(()));
        let alone = said(json!({"replicas": 1})).unwrap_err();
        assert!(
            alone.starts_with("StatefulSet/cart has spec.replicas 1,") && alone.ends_with("write 2 or more"),
            "{alone}"
        );
        let by_hand = said(json!({"updateStrategy": {"type": "OnDelete"}})).unwrap_err();
        assert!(by_hand.starts_with("StatefulSet/cart has spec.updateStrategy.type OnDelete"), "{by_hand}");
        let fresh = store(&json!({}), [("", false); 3]);
        let unknown = json!({"status": {"currentRevision": "", "updateRevision": ""}});
        let mut store = fresh;
        store.write(&Change::Merge(STATEFUL_SET.named("shop", "cart"), unknown)).expect("no other hand wrote");
        let complaint = at(&store, |at| StatefulSet.target(at)).expect_err("it has no revision");
        assert!(complaint.sentence.contains("has no revision in its status yet"), "{}", complaint.sentence);
    }
}
