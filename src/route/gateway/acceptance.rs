//! Whether the controllers of the parents have taken a route over, by its status.

use serde_json::Value;

use crate::object::{ObjectKey, value};
use crate::route::{Acceptance, RouteError};

/// Conditions without which requests are not routed as the route says.
const NEEDED: [&str; 2] = ["Accepted", "ResolvedRefs"];

/// The worst that a parent of the route says. A parent that says nothing has no controller that tells.
pub(super) fn of(key: &ObjectKey, route: &Value) -> Acceptance {
    let parents = value::at(route, &["status", "parents"]).and_then(Value::as_array);
    let current = parents.into_iter().flatten().filter(|parent| is_current(route, parent));
    let conditions = current.flat_map(|parent| {
        let list = parent.get("conditions").and_then(Value::as_array);
        list.into_iter().flatten().map(move |condition| (parent, condition))
    });
    let generation = value::at(route, &["metadata", "generation"]).and_then(Value::as_u64).unwrap_or(0);
    let mut pending = false;
    for (parent, condition) in conditions {
        let kind = value::text(condition, &["type"]).unwrap_or_default();
        if !NEEDED.contains(&kind) {
            continue;
        }
        let observed = condition.get("observedGeneration").and_then(Value::as_u64);
        if observed.is_some_and(|observed| observed < generation) {
            pending = true;
        } else if value::text(condition, &["status"]) == Some("False") {
            return Acceptance::Refused(refusal(key, parent, condition));
        }
    }
    if pending { Acceptance::Pending } else { Acceptance::Accepted }
}

/// Whether the route still names this parent: the status of one that it left may stay.
fn is_current(route: &Value, parent: &Value) -> bool {
    let named = value::at(route, &["spec", "parentRefs"]).and_then(Value::as_array);
    let told = parent.get("parentRef").unwrap_or(&Value::Null);
    let same = |one: &Value, field: &str| {
        let of = |reference: &Value| reference.get(field).cloned();
        of(one).is_none() || of(told).is_none() || of(one) == of(told)
    };
    let fields = ["group", "kind", "namespace", "name", "sectionName", "port"];
    named.into_iter().flatten().any(|one| fields.iter().all(|field| same(one, field)))
}

fn refusal(key: &ObjectKey, parent: &Value, condition: &Value) -> RouteError {
    let said = |field| value::text(condition, &[field]).unwrap_or_default();
    let gateway = value::text(parent, &["parentRef", "name"]).unwrap_or_default();
    RouteError {
        reason: "RouteNotAccepted",
        sentence: format!(
            "{key}: {gateway} says {} False ({}: {}), so the weights in it have no effect and no release advances; mend what it \
             names, or correct spec.service.gatewayRefs",
            said("type"),
            said("reason"),
            said("message").trim_end_matches('.')
        ),
    }
}
