//! Conditions in the status of an object: what its controllers say of it, and of which version they speak. Where nobody says
//! anything, nothing is waited for: a controller that is older, or has its status writes turned off, never will.

use serde_json::Value;

use super::{Acceptance, RouteError};
use crate::object::value;

/// The worst that these conditions say; each comes with what its refusal has to name.
pub(super) fn worst<'a, N>(
    object: &Value,
    conditions: impl Iterator<Item = (N, &'a Value)>,
    refusal: impl Fn(N, &Value) -> RouteError,
) -> Acceptance {
    let generation = value::at(object, &["metadata", "generation"]).and_then(Value::as_u64).unwrap_or(0);
    let mut all = Acceptance::Accepted;
    for (named, condition) in conditions {
        if observed(condition).is_some_and(|observed| observed < generation) {
            all = Acceptance::Pending;
        } else if value::text(condition, &["status"]) == Some("False") {
            return Acceptance::Refused(refusal(named, condition));
        }
    }
    all
}

/// The condition of this type, where the object has one list of them.
pub(super) fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    let all = value::at(object, &["status", "conditions"]).and_then(Value::as_array);
    all.into_iter().flatten().find(|condition| value::text(condition, &["type"]) == Some(kind))
}

/// The version of the object that a condition speaks of, where it says so.
pub(super) fn observed(condition: &Value) -> Option<u64> {
    condition.get("observedGeneration").and_then(Value::as_u64)
}
