//! What an HTTPRoute routes, whoever wrote it. Never an error: an edit by another hand reads as another route.

use serde_json::Value;

use super::filters;
use super::rules::{BACKENDS, UNSET, shared};
use crate::model::{Affinity, Routing};
use crate::route::{Target, backends, cookies};

const FILTERS: &str = "filters";

pub(super) fn routing(target: &Target<'_>, rules: &[Value]) -> Option<Routing> {
    let position = shared(target, rules)?;
    let (before, shared) = (rules.get(..position)?, rules.get(position)?);
    let named = backends::of(shared, BACKENDS);
    let requests = |of_side: bool| {
        let weights = named.iter().filter(|backend| backends::is_side(target, backend) == of_side);
        weights.map(|backend| backends::weight_or(backend, UNSET)).sum::<u128>()
    };
    if requests(true) == 0 && requests(false) > 0 {
        // Both sides are named, and what served before them still serves.
        return None;
    }
    Some(Routing {
        canary: backends::share(target, named, UNSET),
        mirror: filters::mirror(target, backends::of(shared, FILTERS)),
        affinity: affinity(target, before, shared),
        preview: before.iter().any(|rule| is_preview(target, rule)),
    })
}

/// Cookies lead to both sides, one of which gets nothing.
fn is_preview(target: &Target<'_>, rule: &Value) -> bool {
    let backends = backends::of(rule, BACKENDS);
    backends.len() == 1 && backends::lead_to_canary(target, backends)
}

fn affinity(target: &Target<'_>, before: &[Value], shared: &Value) -> Affinity {
    let [primary, canary] = target.sides();
    let given_by = |side: &str| {
        let backend = backends::of(shared, BACKENDS).iter().find(|backend| backends::is(target, backend, side))?;
        cookies::parse(filters::added_cookie(backends::of(backend, FILTERS))?)
    };
    let taken_back = |rule: &Value| {
        let text = filters::added_cookie(backends::of(rule, FILTERS)).filter(|text| cookies::expires(text))?;
        cookies::parse(text)
    };
    match given_by(&canary) {
        Some(canary) => Affinity::Sticky { canary, primary: given_by(&primary) },
        None => before
            .iter()
            .filter(|rule| !is_preview(target, rule))
            .find_map(taken_back)
            .map_or(Affinity::None, Affinity::Expire),
    }
}
