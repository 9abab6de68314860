//! Lists of backends that have a name, perhaps a namespace, and a weight, as several data planes have them.

use serde_json::Value;

use super::Target;
use crate::model::{Percent, Routing};
use crate::object::value;

/// The backends of a rule under this name.
pub(super) fn of<'a>(rule: &'a Value, field: &str) -> &'a [Value] {
    rule.get(field).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// Whether a backend is this Service of our namespace.
pub(super) fn is(target: &Target<'_>, backend: &Value, service: &str) -> bool {
    let here = value::text(backend, &["namespace"]).is_none_or(|namespace| namespace == target.namespace);
    here && value::text(backend, &["name"]) == Some(service)
}

/// Whether one of the backends is the canary.
pub(super) fn lead_to_canary(target: &Target<'_>, backends: &[Value]) -> bool {
    let [_, canary] = target.sides();
    backends.iter().any(|backend| is(target, backend, &canary))
}

/// Whether one of the backends is a side or the apex: the traffic that is shared, or is to be.
pub(super) fn are_ours(target: &Target<'_>, backends: &[Value]) -> bool {
    let [primary, canary] = target.sides();
    let ours = [target.apex, &primary, &canary];
    backends.iter().any(|backend| ours.iter().any(|service| is(target, backend, service)))
}

/// Whether a backend is one of the sides.
pub(super) fn is_side(target: &Target<'_>, backend: &Value) -> bool {
    target.sides().iter().any(|side| is(target, backend, side))
}

/// The weight of a backend, which is `unset` where it has none.
pub(super) fn weight_or(backend: &Value, unset: u64) -> u128 {
    match backend.get("weight") {
        None => u128::from(unset),
        Some(weight) => weight.as_u64().map_or(0, u128::from),
    }
}

/// What share the canary has in truth, even where the weights do not sum to 100: data planes take them as proportions.
/// `unset` is the weight of a backend that has none.
pub(super) fn share(target: &Target<'_>, backends: &[Value], unset: u64) -> Percent {
    let [_, canary] = target.sides();
    let weight = |backend: &Value| weight_or(backend, unset);
    let all: u128 = backends.iter().map(weight).sum();
    let part: u128 = backends.iter().filter(|backend| is(target, backend, &canary)).map(weight).sum();
    Percent::nearest(part, all)
}

/// The nearest percentage to a number; nothing where there is none.
pub(super) fn nearest(share: Option<f64>) -> Percent {
    let rounded = share.and_then(|share| format!("{share:.0}").parse().ok());
    Percent::clamped(rounded.unwrap_or(0))
}

/// The share of the backends that `is_canary` picks, where data planes name them in another way; `None` where it picks none.
pub(super) fn share_of(backends: &[Value], is_canary: impl Fn(&Value) -> bool) -> Option<Percent> {
    backends.iter().any(&is_canary).then(|| {
        let part = backends.iter().filter(|backend| is_canary(backend)).map(weight).sum();
        Percent::nearest(part, backends.iter().map(weight).sum())
    })
}

/// What lists of backends come to, in the order of their rules: those that lead to the canary alone are a preview's, and the first of
/// the others that leads to it has its share.
pub(super) fn routing<'a>(
    lists: impl Iterator<Item = &'a [Value]>,
    is_canary: impl Fn(&Value) -> bool,
) -> Option<Routing> {
    let with_canary = lists.filter(|backends| backends.iter().any(&is_canary));
    let (preview, shared): (Vec<_>, Vec<_>) = with_canary.partition(|backends| backends.len() == 1);
    let share = share_of(shared.first()?, &is_canary)?;
    Some(Routing { preview: !preview.is_empty(), ..Routing::split(share) })
}

/// A number, or a text as in the first version of SMI; none where it is neither.
fn weight(backend: &Value) -> u128 {
    let weight = backend.get("weight");
    weight.and_then(|weight| weight.as_u64().or_else(|| weight.as_str()?.parse().ok())).map_or(0, u128::from)
}
