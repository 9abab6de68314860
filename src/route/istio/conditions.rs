//! Which requests a rule is for: the service's conditions, the analysis's, and a cookie's. An empty list is every request.

use serde_json::{Map, Value, json};

use super::rules::wire;
use crate::api::MatchCondition;
use crate::model::Cookie;
use crate::route::Target;
use crate::route::condition::escaped;

/// The conditions of `service.match`.
pub(super) fn of_service(target: &Target<'_>) -> Vec<Value> {
    target.service.match_.iter().flatten().map(wire).collect()
}

/// The conditions under which the traffic is shared: each of `analysis.match` together with each of `service.match`.
pub(super) fn of_analysis(target: &Target<'_>) -> Vec<Value> {
    narrowed_by(target, target.conditions())
}

/// The conditions under which the canary is seen whatever its share.
pub(super) fn of_preview(target: &Target<'_>) -> Vec<Value> {
    narrowed_by(target, target.preview())
}

fn narrowed_by(target: &Target<'_>, conditions: &[MatchCondition]) -> Vec<Value> {
    let conditions: Vec<_> = conditions.iter().map(|condition| in_istio(wire(condition))).collect();
    both(&of_service(target), &conditions)
}

/// What a rule asks for, and a condition of the analysis besides.
pub(in crate::route) fn narrowed(one: &Value, condition: &MatchCondition) -> Value {
    joined(one, &in_istio(wire(condition)))
}

/// Whether some requests of the service are not shared.
pub(super) fn splits(target: &Target<'_>) -> bool {
    !target.conditions().is_empty()
}

/// Those of the requests that carry the cookie.
pub(super) fn with_cookie(conditions: &[Value], cookie: &Cookie) -> Vec<Value> {
    let value = json!({"regex": format!(".*{}.*{}.*", escaped(&cookie.name), escaped(&cookie.value))});
    let each = |condition: &Value| {
        // Envoy reads header names without regard to case: a condition of the user's on the same header holds beside ours.
        let taken = condition.get("headers").and_then(|headers| headers.get("Cookie")).is_some();
        let name = if taken { "cookie" } else { "Cookie" };
        joined(condition, &json!({"headers": {name: value}}))
    };
    if conditions.is_empty() { vec![each(&json!({}))] } else { conditions.iter().map(each).collect() }
}

fn both(one: &[Value], other: &[Value]) -> Vec<Value> {
    match (one, other) {
        ([], only) | (only, []) => only.to_vec(),
        (one, other) => other.iter().flat_map(|o| one.iter().map(move |c| joined(c, o))).collect(),
    }
}

/// A condition that asks for what both ask for; where both name the same header, label or parameter, `more` counts.
fn joined(condition: &Value, more: &Value) -> Value {
    let mut joined = condition.as_object().cloned().unwrap_or_default();
    for (field, more) in more.as_object().into_iter().flatten() {
        match (joined.get_mut(field), more) {
            (Some(Value::Object(have)), Value::Object(more)) => have.extend(more.clone()),
            _ => {
                joined.insert(field.clone(), more.clone());
            }
        }
    }
    Value::Object(joined)
}

/// Istio has no suffix: a regular expression says the same.
fn in_istio(mut condition: Value) -> Value {
    let headers = condition.get_mut("headers").and_then(Value::as_object_mut);
    for header in headers.into_iter().flat_map(Map::values_mut) {
        if let Some(suffix) = header.get("suffix").and_then(Value::as_str) {
            *header = json!({"regex": format!(".*{}", escaped(suffix))});
        }
    }
    condition
}
