//! The way from the sides back to the apex behind data planes that learn of routes and of backends in streams of their own: a
//! backend that they do not know yet, or no longer, answers 503. So the apex is named before requests go to it, and the sides until
//! none go there any more. Each step waits for the data plane's word on the last one.

use serde_json::{Value, json};

use super::{Acceptance, Target, backends};
use crate::object::value;

/// How a route's rules say which backends they have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form {
    /// The list of backends of a rule.
    pub(super) list: &'static str,
    /// The weight of a backend that has none.
    pub(super) unset: u64,
}

/// The rules to write next on the way from those that stand to those that lead `to_apex`; `None` when these may be written. `said` is
/// the data plane's word on those that stand.
pub(super) fn next(
    target: &Target<'_>,
    form: Form,
    have: &[Value],
    said: &Acceptance,
    to_apex: &[Value],
) -> Option<Vec<Value>> {
    let is_side = |backend: &&Value| backends::is_side(target, backend);
    let is_apex = |backend: &Value| backends::is(target, backend, target.apex);
    let with_side: Vec<_> = have.iter().filter(|rule| form.of(rule).iter().any(|backend| is_side(&backend))).collect();
    let sides: Vec<_> = with_side.iter().flat_map(|rule| form.of(rule)).filter(is_side).collect();
    let (rule, apex) = to_apex.iter().find_map(|rule| Some((rule, form.of(rule).iter().find(|b| is_apex(b))?)))?;
    if with_side.is_empty() {
        None
    } else if with_side.iter().any(|rule| !form.of(rule).iter().any(is_apex)) {
        let knows =
            |rule: &Value| !form.of(rule).iter().any(|backend| is_side(&backend)) || form.of(rule).iter().any(is_apex);
        Some(have.iter().map(|rule| if knows(rule) { rule.clone() } else { form.with_idle(rule, [apex]) }).collect())
    } else if *said == Acceptance::Pending {
        Some(have.to_vec())
    } else if sides.iter().any(|side| backends::weight_or(side, form.unset) > 0) {
        let names = target.sides();
        let named = names.iter().filter_map(|name| sides.iter().find(|side| backends::is(target, side, name)));
        let left = form.with_idle(&form.weighted(rule), named.copied());
        Some(to_apex.iter().map(|one| if one == rule { left.clone() } else { one.clone() }).collect())
    } else {
        None
    }
}

impl Form {
    fn of(self, rule: &Value) -> &[Value] {
        backends::of(rule, self.list)
    }

    /// The rule, with these beside its backends, which get no request.
    pub(super) fn with_idle<'a>(self, rule: &Value, idle: impl IntoIterator<Item = &'a Value>) -> Value {
        let nothing = if self.unset == 0 { Value::Null } else { json!(0) };
        let idle = idle.into_iter().map(|backend| {
            let mut backend = backend.clone();
            value::merge(&mut backend, &json!({"weight": nothing, "mirror": null, "filters": null}));
            backend
        });
        let all: Vec<_> = backends::of(rule, self.list).iter().cloned().chain(idle).collect();
        with(rule, self.list, &all)
    }

    /// The rule, each of whose backends has a weight.
    fn weighted(self, rule: &Value) -> Value {
        let mut all = backends::of(rule, self.list).to_vec();
        all.iter_mut().for_each(|backend| value::merge(backend, &json!({"weight": 100})));
        with(rule, self.list, &all)
    }
}

fn with(rule: &Value, list: &str, backends: &[Value]) -> Value {
    let mut rule = rule.clone();
    value::merge(&mut rule, &json!({ list: backends }));
    rule
}
