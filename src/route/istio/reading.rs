//! What a VirtualService routes, whoever wrote it. Never an error: an edit by another hand reads as another route.

use serde_json::Value;

use crate::model::{Affinity, Cookie, Mirror, Percent, Routing};
use crate::object::value;
use crate::route::{Target, backends, cookies};

/// Read from the last rule with a canary in it: rules for cookies stand before it, the rule for everybody else behind.
pub(super) fn routing(target: &Target<'_>, rules: &[&Value]) -> Option<Routing> {
    let [_, canary] = target.sides();
    let shares = |rule: &&Value| destinations(rule).iter().any(|d| goes_to(target, d.get("destination"), &canary));
    let position = rules.iter().rposition(shares)?;
    let (before, shared) = (rules.get(..position)?, rules.get(position)?);
    Some(Routing {
        canary: share(target, destinations(shared), &canary),
        mirror: mirror(target, shared, &canary),
        affinity: affinity(target, before, shared),
        preview: before.iter().any(|rule| is_preview(target, rule)),
    })
}

/// Cookies lead to both sides, one of which gets nothing.
fn is_preview(target: &Target<'_>, rule: &Value) -> bool {
    let [_, canary] = target.sides();
    matches!(destinations(rule), [only] if goes_to(target, only.get("destination"), &canary))
}

/// Whether any destination of a rule is one of the sides, or the apex whose traffic is to be shared.
pub(super) fn is_ours(target: &Target<'_>, rule: &Value) -> bool {
    let to_apex = |d: &Value| goes_to(target, d.get("destination"), target.apex);
    names_a_side(target, rule) || destinations(rule).iter().any(to_apex)
}

/// Whether any destination of a rule is one of the sides.
pub(super) fn names_a_side(target: &Target<'_>, rule: &Value) -> bool {
    let sides = target.sides();
    destinations(rule).iter().any(|d| sides.iter().any(|side| goes_to(target, d.get("destination"), side)))
}

fn destinations(rule: &Value) -> &[Value] {
    rule.get("route").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// By its short name or by any longer form of it that names our namespace.
pub(in crate::route) fn goes_to(target: &Target<'_>, destination: Option<&Value>, side: &str) -> bool {
    let Some(host) = destination.and_then(|d| value::text(d, &["host"])) else { return false };
    match host.strip_prefix(side) {
        Some("") => true,
        Some(rest) => rest
            .strip_prefix('.')
            .and_then(|r| r.strip_prefix(target.namespace))
            .is_some_and(|r| r.is_empty() || r.starts_with(".svc")),
        None => false,
    }
}

/// What share the canary has in truth, even where the weights do not sum to 100: a mesh takes them as proportions.
fn share(target: &Target<'_>, route: &[Value], canary: &str) -> Percent {
    if let [_] = route {
        return Percent::FULL; // a single destination gets everything, whatever its weight
    }
    let sum = |of: &dyn Fn(&&Value) -> bool| route.iter().filter(of).map(weight).sum::<u128>();
    Percent::nearest(sum(&|d| goes_to(target, d.get("destination"), canary)), sum(&|_| true))
}

fn weight(destination: &Value) -> u128 {
    destination.get("weight").and_then(Value::as_u64).map_or(0, u128::from)
}

fn mirror(target: &Target<'_>, rule: &Value, canary: &str) -> Mirror {
    if !goes_to(target, rule.get("mirror"), canary) {
        return Mirror::Off;
    }
    match value::at(rule, &["mirrorPercentage", "value"]) {
        None => Mirror::All,
        Some(share) => Mirror::Share(backends::nearest(share.as_f64())),
    }
}

fn affinity(target: &Target<'_>, before: &[&Value], shared: &Value) -> Affinity {
    let [primary, canary] = target.sides();
    let given_by = |side: &str| {
        let destination = destinations(shared).iter().find(|d| goes_to(target, d.get("destination"), side))?;
        cookies::parse(set_cookie(destination)?)
    };
    let taken_back =
        |rule: &Value| -> Option<Cookie> { cookies::parse(set_cookie(rule).filter(|text| cookies::expires(text))?) };
    match given_by(&canary) {
        Some(canary) => Affinity::Sticky { canary, primary: given_by(&primary) },
        None => before
            .iter()
            .filter(|rule| names_a_side(target, rule) && !is_preview(target, rule))
            .find_map(|rule| taken_back(rule))
            .map_or(Affinity::None, Affinity::Expire),
    }
}

fn set_cookie(rule: &Value) -> Option<&str> {
    value::text(rule, &["headers", "response", "add", "Set-Cookie"])
}
