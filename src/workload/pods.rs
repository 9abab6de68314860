//! Workloads that run pods: what a Deployment and a DaemonSet have in common.

use std::time::Duration;

use serde_json::Value;

use super::{daemon_set, deployment};
use crate::api::sentences;
use crate::model::{Complaint, Replacement, Revision, Rollout, TargetSeen};
use crate::object::kinds::DAEMON_SET;
use crate::object::{Change, Kind, ObjectKey, value};

/// The user's workload as it was seen, with the revision of its template; a complaint where it has none, and cannot be released.
pub fn target(kind: Kind, object: &Value, revision: Option<&Revision>) -> Result<TargetSeen, Complaint> {
    let (template, revision) = template(object).zip(revision).ok_or_else(|| no_template(kind, object))?;
    let (grace, revision) = (grace(template), revision.clone());
    let (replicas, rollout) = (replicas(kind, object), rollout(kind, object));
    Ok(TargetSeen { revision, replicas, rollout, grace, replacement: replacement(object, replicas) })
}

/// What keeps a workload that can be read from ever being released.
pub fn check(kind: Kind, object: &Value) -> Result<(), Complaint> {
    if kind == DAEMON_SET { rolls_by_itself(kind, object) } else { Ok(()) }
}

/// A complaint where its pods are not replaced by themselves: then no release could ever be rolled out.
pub(super) fn rolls_by_itself(kind: Kind, object: &Value) -> Result<(), Complaint> {
    match value::text(object, &["spec", "updateStrategy", "type"]) {
        None | Some("" | "RollingUpdate") => Ok(()),
        Some(other) => {
            let name = value::text(object, &["metadata", "name"]).unwrap_or_default();
            let sentence = sentences::CAN065.say(&[("kind", kind.kind), ("target", name), ("value", other)]);
            Err(Complaint::blocks(sentences::CAN065.reason, sentence))
        }
    }
}

/// How long the pods of a template may take to finish their requests.
pub(super) fn grace(template: &Value) -> Duration {
    value::count(template, &["spec", "terminationGracePeriodSeconds"])
        .map_or(DEFAULT_GRACE, |seconds| Duration::from_secs(u64::from(seconds)))
}

/// Only as many pods as `maxUnavailable` says may be missing in a rolling update, which can be all there are.
fn replacement(object: &Value, replicas: u32) -> Replacement {
    let strategy = ["strategy", "updateStrategy"].into_iter().find_map(|field| value::at(object, &["spec", field]));
    let Some(strategy) = strategy else { return Replacement::Rolling };
    let recreate = value::text(strategy, &["type"]) == Some("Recreate");
    let missing = match value::at(strategy, &["rollingUpdate", "maxUnavailable"]) {
        Some(Value::Number(pods)) => pods.as_u64().is_some_and(|pods| pods >= u64::from(replicas.max(1))),
        Some(Value::String(share)) => share == "100%",
        Some(_) | None => false,
    };
    if recreate || missing { Replacement::AllAtOnce } else { Replacement::Rolling }
}

/// How far its rollout is, as its controller counts it.
pub fn rollout(kind: Kind, object: &Value) -> Rollout {
    if kind == DAEMON_SET { daemon_set::rollout(object) } else { deployment::rollout(object) }
}

/// Pods that it asks for; 0 where it is parked.
pub fn replicas(kind: Kind, object: &Value) -> u32 {
    if kind == DAEMON_SET { daemon_set::replicas(object) } else { deployment::replicas(object) }
}

/// The write that makes it ask for `wanted` pods; none where it does or is not there. Nothing else of it is touched.
pub fn scale(key: &ObjectKey, have: Option<&Value>, wanted: u32) -> Vec<Change> {
    let change = have.and_then(|have| {
        if key.kind == DAEMON_SET { daemon_set::scale(have, wanted) } else { deployment::scale(have, wanted) }
    });
    change.map(|patch| Change::Merge(key.clone(), patch)).into_iter().collect()
}

/// The pod template.
pub fn template(object: &Value) -> Option<&Value> {
    value::at(object, &["spec", "template"]).filter(|template| template.is_object())
}

/// What the apiserver fills in for terminationGracePeriodSeconds.
const DEFAULT_GRACE: Duration = Duration::from_secs(30);

pub(super) fn no_template(kind: Kind, object: &Value) -> Complaint {
    let name = value::text(object, &["metadata", "name"]).unwrap_or_default();
    Complaint::blocks(sentences::CAN061.reason, sentences::CAN061.say(&[("kind", kind.kind), ("target", name)]))
}

#[cfg(test)]
mod tests {
    use super::super::{hash, samples};
    use super::*;
    use crate::object::FakeStore;
    use crate::object::kinds::DEPLOYMENT;
    use serde_json::json;

    fn seen(object: &Value) -> Result<TargetSeen, Complaint> {
        target(DEPLOYMENT, object, template(object).map(hash::revision).as_ref())
    }

    #[test]
    fn a_target_is_seen_with_its_revision_replicas_and_grace() {
        let mut object = samples::deployment();
        let found = seen(&object).expect("it has a template");
        assert_eq!(found.revision, hash::revision(&samples::template()));
        assert_eq!((found.replicas, found.grace), (3, DEFAULT_GRACE));
        object["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = json!(90);
        assert_eq!(seen(&object).map(|seen| seen.grace), Ok(Duration::from_secs(90)));
    }

    #[test]
    fn a_strategy_that_takes_all_pods_at_once_is_seen() {
        let of = |strategy: Value, replicas: u32| {
            let mut object = samples::deployment();
            (object["spec"]["strategy"], object["spec"]["replicas"]) = (strategy, json!(replicas));
            seen(&object).expect("it has a template").replacement
        };
        let rolling = |most: Value| json!({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": most}});
        assert_eq!(of(json!({"type": "Recreate"}), 9), Replacement::AllAtOnce);
        assert_eq!(of(rolling(json!("100%")), 9), Replacement::AllAtOnce);
        assert_eq!(of(rolling(json!(2)), 2), Replacement::AllAtOnce);
        assert_eq!(of(rolling(json!(2)), 3), Replacement::Rolling);
        assert_eq!(of(rolling(json!("25%")), 1), Replacement::Rolling);
        assert_eq!(of(Value::Null, 1), Replacement::Rolling);
    }

    #[test]
    fn other_replicas_are_the_same_revision() {
        let mut object = samples::deployment();
        object["spec"]["replicas"] = json!(9);
        let (before, after) = (seen(&samples::deployment()), seen(&object));
        assert_eq!(before.map(|seen| seen.revision), after.map(|seen| seen.revision));
    }

    #[test]
    fn a_target_without_a_template_is_a_complaint() {
        let complaint = seen(&json!({"metadata": {"name": "cart"}})).expect_err("it has none");
        assert!(complaint.sentence.starts_with("Deployment/cart has no spec.template"), "{}", complaint.sentence);
    }

    #[test]
    fn scaling_writes_the_replicas_alone_and_only_once() {
        let key = DEPLOYMENT.named("shop", "cart");
        let mut store = FakeStore::default();
        store.put(key.clone(), samples::deployment());
        let before = store.objects().find(&key).cloned().expect("it was put there");
        for change in scale(&key, store.objects().find(&key), 0) {
            store.write(&change).expect("no other hand wrote");
        }
        let after = store.objects().find(&key).cloned().expect("it is still there");
        assert_eq!(replicas(DEPLOYMENT, &after), 0);
        assert_eq!(after["spec"]["template"], before["spec"]["template"]);
        assert_eq!(scale(&key, Some(&after), 0), []);
        assert_eq!(scale(&key, None, 0), []);
    }
}
