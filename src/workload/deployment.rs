//! What a Deployment says about itself.

use serde_json::{Value, json};

use crate::model::Rollout;
use crate::object::value;

/// How far a Deployment's rollout is, as its controller counts it.
pub(super) fn rollout(object: &Value) -> Rollout {
    let status = |field| value::count(object, &["status", field]).unwrap_or_default();
    let conditions = value::at(object, &["status", "conditions"]).and_then(Value::as_array);
    Rollout {
        observed: value::is_observed(object),
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
pub(super) fn replicas(object: &Value) -> u32 {
    value::count(object, &["spec", "replicas"]).unwrap_or(1)
}

/// The patch that makes it ask for `wanted` pods; `None` where it does.
pub(super) fn scale(have: &Value, wanted: u32) -> Option<Value> {
    (replicas(have) != wanted).then(|| json!({"spec": {"replicas": wanted}}))
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;
    use crate::model::{Percent, Unready};

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
}
