//! What a DaemonSet says about itself, and how it is scaled, though it has no replicas.
//!
//! At zero it asks for nodes with a label that none has. The label is Flagger's, so that either operator can end it.

use serde_json::{Value, json};

use crate::model::Rollout;
use crate::object::value;

/// Label of nodes that there are none of.
const NOWHERE: &str = "flagger.app/scale-to-zero";

/// How far its rollout is. A deadline of its own it has not: how long a side may stay unready is the Canary's to say.
pub(super) fn rollout(object: &Value) -> Rollout {
    let status = |field| value::count(object, &["status", field]).unwrap_or_default();
    let (updated, current) = (status("updatedNumberScheduled"), status("currentNumberScheduled"));
    Rollout {
        observed: value::is_observed(object),
        desired: if is_nowhere(object) { 0 } else { status("desiredNumberScheduled") },
        updated,
        total: current.max(updated),
        available: status("numberAvailable"),
        deadline_exceeded: false,
    }
}

/// One pod for each node; 0 only where it is parked, whatever the nodes are.
pub(super) fn replicas(object: &Value) -> u32 {
    if is_nowhere(object) { 0 } else { value::count(object, &["status", "desiredNumberScheduled"]).unwrap_or(1).max(1) }
}

/// The patch that parks it, or gives it its nodes back; `None` where it is so.
pub(super) fn scale(have: &Value, wanted: u32) -> Option<Value> {
    let label = match (wanted, is_nowhere(have)) {
        (0, false) => json!("true"),
        (1.., true) => Value::Null,
        (0, true) | (1.., false) => return None,
    };
    Some(json!({"spec": {"template": {"spec": {"nodeSelector": {NOWHERE: label}}}}}))
}

/// Takes out of a template what parks its pods: it is no part of a revision.
pub(super) fn unpark(template: &mut Value) {
    if let Some(nodes) = template.pointer_mut("/spec/nodeSelector").and_then(Value::as_object_mut) {
        nodes.shift_remove(NOWHERE);
    }
}

fn is_nowhere(object: &Value) -> bool {
    value::at(object, &["spec", "template", "spec", "nodeSelector", NOWHERE]).is_some()
}

#[cfg(test)]
mod tests {
    use super::super::primary::{self, Source};
    use super::super::{Configs, Subject, hash, pods, samples};
    use super::*;
    use crate::model::{Percent, Unready};
    use crate::object::kinds::DAEMON_SET;
    use crate::object::{Change, FakeStore};

    fn daemon_set() -> Value {
        let mut object = samples::deployment();
        object["kind"] = json!("DaemonSet");
        let spec = json!({
            "replicas": null, "strategy": null, "progressDeadlineSeconds": null,
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}},
        });
        value::merge(&mut object["spec"], &spec);
        object["status"] = json!({
            "observedGeneration": 3, "desiredNumberScheduled": 4, "currentNumberScheduled": 4,
            "updatedNumberScheduled": 4, "numberAvailable": 4,
        });
        object
    }

    fn subject() -> Subject<'static> {
        Subject { kind: DAEMON_SET, ..samples::subject() }
    }

    #[test]
    fn a_daemon_set_that_waits_for_a_hand_is_a_complaint() {
        let mut object = daemon_set();
        object["spec"]["updateStrategy"] = json!({"type": "OnDelete"});
        let complaint = pods::check(DAEMON_SET, &object).expect_err("nobody would replace its pods");
        assert!(
            complaint.sentence.starts_with("DaemonSet/cart has spec.updateStrategy.type OnDelete"),
            "{complaint:?}"
        );
        assert!(pods::check(DAEMON_SET, &daemon_set()).is_ok());
        assert!(
            pods::target(DAEMON_SET, &object, pods::template(&object).map(hash::revision).as_ref()).is_ok(),
            "it is there, and may still serve"
        );
    }

    #[test]
    fn its_pods_count_by_node_and_the_threshold_is_of_them() {
        let ready = |updated: u32, available: u32, threshold: i64| {
            let mut object = daemon_set();
            let status = json!({"updatedNumberScheduled": updated, "numberAvailable": available});
            value::merge(&mut object["status"], &status);
            rollout(&object).readiness(Percent::clamped(threshold))
        };
        assert_eq!(ready(4, 4, 100), Ok(()));
        assert_eq!(ready(4, 2, 50), Ok(()));
        assert!(ready(4, 1, 50).is_err());
        assert_eq!(ready(3, 4, 100), Err(Unready::Updating { updated: 3, desired: 4 }));
    }

    #[test]
    fn parking_is_no_revision_and_is_undone_exactly() {
        let key = DAEMON_SET.named("shop", "cart");
        let mut store = FakeStore::default();
        store.put(key.clone(), daemon_set());
        let revision = |store: &FakeStore| {
            let object = store.objects().find(&key).expect("it is there");
            (hash::revision(&object["spec"]["template"]), replicas(object), object["spec"].clone())
        };
        let before = revision(&store);
        let scale = |store: &mut FakeStore, wanted: u32| {
            let changes = pods::scale(&key, store.objects().find(&key), wanted);
            changes.iter().for_each(|change| store.write(change).expect("no other hand wrote"));
            changes.len()
        };
        assert_eq!((scale(&mut store, 0), scale(&mut store, 0)), (1, 0));
        let parked = revision(&store);
        assert_eq!((&parked.0, parked.1), (&before.0, 0));
        assert_eq!(rollout(store.objects().find(&key).expect("it is there")).desired, 0);
        assert_eq!((scale(&mut store, 4), scale(&mut store, 4)), (1, 0));
        assert_eq!(revision(&store).0, before.0);
        assert_eq!(revision(&store).2["template"]["spec"]["nodeSelector"], json!({}));
    }

    #[test]
    fn a_primary_made_while_the_target_is_parked_runs_on_every_node() {
        let mut parked = daemon_set();
        value::merge(&mut parked, &scale(&daemon_set(), 0).expect("it was not parked"));
        let revision = hash::revision(&daemon_set()["spec"]["template"]);
        let made = primary::changes(&subject(), &revision, Source::Target(&parked, &Configs::new()), None);
        let made = made.expect("it is of this revision");
        let [Change::Create(kind, primary)] = &made[..] else { panic!("{made:?}") };
        assert_eq!((*kind, &primary["kind"]), (DAEMON_SET, &json!("DaemonSet")));
        assert!(!is_nowhere(primary), "{primary}");
        assert_eq!(primary["spec"].get("replicas"), None);
        assert_eq!(primary["spec"]["updateStrategy"], daemon_set()["spec"]["updateStrategy"]);
    }
}
