//! What a Deployment says about itself.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Configs, hash};
use crate::api::sentences;
use crate::model::{Complaint, Rollout, TargetSeen};
use crate::object::{Change, ObjectKey, value};

/// The user's workload as it was seen, with the configs that its pods read; a complaint where it has no pod template.
pub fn target(object: &Value, configs: &Configs) -> Result<TargetSeen, Complaint> {
    let template = template(object).ok_or_else(|| no_template(object))?;
    let grace = value::count(template, &["spec", "terminationGracePeriodSeconds"])
        .map_or(DEFAULT_GRACE, |seconds| Duration::from_secs(u64::from(seconds)));
    Ok(TargetSeen {
        revision: hash::revision_with(template, configs),
        replicas: replicas(object),
        rollout: rollout(object),
        grace,
    })
}

/// How far a Deployment's rollout is, as its controller counts it.
pub fn rollout(object: &Value) -> Rollout {
    let status = |field| value::count(object, &["status", field]).unwrap_or_default();
    let generation = |path: &[&str]| value::at(object, path).and_then(Value::as_i64).unwrap_or_default();
    let conditions = value::at(object, &["status", "conditions"]).and_then(Value::as_array);
    Rollout {
        observed: generation(&["metadata", "generation"]) <= generation(&["status", "observedGeneration"]),
        desired: replicas(object),
        updated: status("updatedReplicas"),
        total: status("replicas"),
        available: status("availableReplicas"),
        deadline_exceeded: conditions.into_iter().flatten().any(|condition| {
            value::text(condition, &["type"]) == Some("Progressing")
                && value::text(condition, &["reason"]) == Some("ProgressDeadlineExceeded")
        }),
    }
}

/// `spec.replicas`; 1 where it is not set.
pub fn replicas(object: &Value) -> u32 {
    value::count(object, &["spec", "replicas"]).unwrap_or(1)
}

/// The pod template.
pub fn template(object: &Value) -> Option<&Value> {
    value::at(object, &["spec", "template"]).filter(|template| template.is_object())
}

/// The write that makes a Deployment ask for `wanted` pods; none where it does or is not there. Nothing else of it is touched.
pub fn scale(key: &ObjectKey, have: Option<&Value>, wanted: u32) -> Vec<Change> {
    let differs = have.is_some_and(|have| replicas(have) != wanted);
    differs.then(|| Change::Merge(key.clone(), json!({"spec": {"replicas": wanted}}))).into_iter().collect()
}

/// What the apiserver fills in for terminationGracePeriodSeconds.
const DEFAULT_GRACE: Duration = Duration::from_secs(30);

fn no_template(object: &Value) -> Complaint {
    let values = [
        ("kind", value::text(object, &["kind"]).unwrap_or("Deployment")),
        ("target", value::text(object, &["metadata", "name"]).unwrap_or_default()),
    ];
    Complaint::blocks(sentences::CAN061.reason, sentences::CAN061.say(&values))
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;
    use crate::model::{Percent, Unready};
    use crate::object::FakeStore;
    use crate::object::kinds::DEPLOYMENT;

    #[test]
    fn a_target_is_seen_with_its_revision_replicas_and_grace() {
        let mut object = samples::deployment();
        let seen = target(&object, &Configs::new()).expect("it has a template");
        assert_eq!(seen.revision, hash::revision(&samples::template()));
        assert_eq!((seen.replicas, seen.grace), (3, DEFAULT_GRACE));
        object["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = json!(90);
        assert_eq!(target(&object, &Configs::new()).map(|seen| seen.grace), Ok(Duration::from_secs(90)));
    }

    #[test]
    fn other_replicas_are_the_same_revision() {
        let mut object = samples::deployment();
        object["spec"]["replicas"] = json!(9);
        let (before, after) = (target(&samples::deployment(), &Configs::new()), target(&object, &Configs::new()));
        assert_eq!(before.map(|seen| seen.revision), after.map(|seen| seen.revision));
    }

    #[test]
    fn a_target_without_a_template_is_a_complaint() {
        let complaint = target(&json!({"kind": "Deployment", "metadata": {"name": "cart"}}), &Configs::new())
            .expect_err("it has none");
        assert!(complaint.sentence.starts_with("Deployment/cart has no spec.template"), "{}", complaint.sentence);
    }

    #[test]
    fn a_rollout_is_read_from_the_status() {
        let expected =
            Rollout { observed: true, desired: 3, updated: 3, total: 3, available: 2, deadline_exceeded: false };
        assert_eq!(rollout(&samples::deployment()), expected);
        assert_eq!(rollout(&json!({"metadata": {"generation": 1}})), Rollout { desired: 1, ..Rollout::default() });
    }

    #[test]
    fn a_status_of_an_older_spec_is_not_ready() {
        let mut object = samples::deployment();
        object["metadata"]["generation"] = json!(4);
        assert_eq!(rollout(&object).readiness(Percent::ZERO), Err(Unready::NotObserved));
    }

    #[test]
    fn the_deployments_own_deadline_is_seen() {
        let mut object = samples::deployment();
        object["status"]["conditions"][0]["reason"] = json!("ProgressDeadlineExceeded");
        assert_eq!(rollout(&object).readiness(Percent::ZERO), Err(Unready::DeadlineExceeded));
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
        assert_eq!(replicas(&after), 0);
        assert_eq!(after["spec"]["template"], before["spec"]["template"]);
        assert_eq!(scale(&key, Some(&after), 0), []);
        assert_eq!(scale(&key, None, 0), []);
    }
}
