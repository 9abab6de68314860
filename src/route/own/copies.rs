//! The rules that are added for an analysis with conditions, or a preview: before each rule that leads to the apex a copy of it, with
//! its filters and whatever else it has, for those of its requests that match. The user's rule stays as it is.
//!
//! A copy is known again by its matches, which the note keeps, and by the canary in it. It has no name of its own: names are unique.

use serde_json::{Value, json};

use super::lists::{Dialect, List};
use super::note::Note;
use crate::api::MatchCondition;
use crate::object::{Kind, ObjectKey, value};
use crate::route::{RouteError, Target, backends, gateway, istio};

/// The most rules that a route of the Gateway API may have.
const MOST_RULES: usize = 16;

/// An error for conditions that routes of this kind cannot ask for.
pub(super) fn check(target: &Target<'_>, kind: Kind, reference: &str) -> Result<(), RouteError> {
    let headers = "match on headers instead";
    for (field, conditions) in
        [("spec.analysis.match", target.conditions()), ("spec.analysis.preview.match", target.preview())]
    {
        let any = |part: fn(&MatchCondition) -> Value| conditions.iter().any(|one| !value::is_unset(&part(one)));
        let (labels, params) = (any(|one| json!(one.source_labels)), any(|one| json!(one.query_params)));
        let (what, instead) = match kind.kind {
            "TCPRoute" | "TLSRoute" if !conditions.is_empty() => {
                ("sees no requests", "remove the field or the reference")
            }
            "GRPCRoute" if params => ("knows no queryParams", headers),
            "GRPCRoute" | "HTTPRoute" if labels => ("knows no sourceLabels", headers),
            _ => continue,
        };
        let kind = kind.kind;
        let sentence = format!(
            "{field} is set, but {reference} names a {kind}, which {what}, so no release would start; {instead}"
        );
        return Err(RouteError { reason: "UnsupportedMatch", sentence });
    }
    Ok(())
}

/// The route without the rules that we added to it, and these.
pub(super) fn taken_out(target: &Target<'_>, dialect: Dialect, note: &Note, route: &Value) -> (Value, Vec<Value>) {
    let is_copy = |rule: &Value| {
        let known = rule.get(dialect.matches()).is_some_and(|matches| note.added().contains(matches));
        known && dialect.names_canary(target, rule)
    };
    let (mut theirs, mut copies) = (route.clone(), Vec::new());
    for field in dialect.fields() {
        let rules = theirs.get_mut("spec").and_then(|spec| spec.get_mut(*field)).and_then(Value::as_array_mut);
        let Some(rules) = rules else { continue };
        let (ours, others): (Vec<_>, Vec<_>) = std::mem::take(rules).into_iter().partition(is_copy);
        *rules = others;
        copies.extend(ours);
    }
    (theirs, copies)
}

/// The matches of a copy of this rule: each that the rule has, together with each of these conditions.
///
/// # Errors
/// Where both speak of the same header or parameter: other requests than those of the rule would match.
pub(super) fn matches(key: &ObjectKey, list: &List<'_>, conditions: &[MatchCondition]) -> Result<Value, RouteError> {
    let theirs = backends::of(list.rule, list.dialect.matches());
    let every = [json!({})];
    let mut all = Vec::new();
    for condition in conditions {
        for one in if theirs.is_empty() { &every } else { theirs } {
            let narrowed = match list.dialect {
                Dialect::Gateway => gateway::matches::narrowed(&with_path(key, one), condition),
                Dialect::Istio => istio::narrowed(one, condition),
            };
            if !keeps(&narrowed, one) {
                return Err(contradicted(key, list));
            }
            all.push(narrowed);
        }
    }
    Ok(json!(all))
}

/// The copy of the rule that a list stands in, with these matches and backends.
pub(super) fn copy(list: &List<'_>, matches: &Value, backends: &[Value]) -> Value {
    let mut copy = list.rule.clone();
    let fields =
        [("name", Value::Null), (list.dialect.matches(), matches.clone()), (list.dialect.list(), json!(backends))];
    value::merge(&mut copy, &fields.into_iter().map(|(field, value)| (field.to_owned(), value)).collect());
    copy
}

/// # Errors
/// Where the API takes no more rules, or the user has a rule to the canary for just these requests: it would pass for ours.
pub(super) fn refuse(target: &Target<'_>, key: &ObjectKey, theirs: &Value, added: &[Value]) -> Result<(), RouteError> {
    let dialect = Dialect::of(key.kind);
    let refusal = |sentence| Err(RouteError { reason: "RouteCannotBeShared", sentence });
    for field in dialect.fields() {
        let rules =
            value::at(theirs, &["spec", field]).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let same = |rule: &Value| rule.get(dialect.matches()).is_some_and(|matches| added.contains(matches));
        if let Some(at) = rules.iter().position(|rule| same(rule) && dialect.names_canary(target, rule)) {
            return refusal(format!(
                "{key}: {field}[{at}] leads to {}-canary for the very requests of a match in spec.analysis, for which a rule would be \
                 added, so no release advances; remove one of the two",
                target.apex
            ));
        }
        if dialect == Dialect::Gateway && rules.len() + added.len() > MOST_RULES {
            return refusal(format!(
                "{key} has {} rules, and spec.analysis asks for {} more, but the API takes {MOST_RULES}, so no release advances; \
                 move rules into another route",
                rules.len(),
                added.len()
            ));
        }
    }
    Ok(())
}

/// An HTTPRoute's match without a path gets one from the apiserver.
fn with_path(key: &ObjectKey, one: &Value) -> Value {
    let mut all =
        if key.kind.kind == "HTTPRoute" { json!({"path": {"type": "PathPrefix", "value": "/"}}) } else { json!({}) };
    value::merge(&mut all, one);
    all
}

/// Whether all that `theirs` asks for is still asked for.
fn keeps(narrowed: &Value, theirs: &Value) -> bool {
    match (narrowed, theirs) {
        (Value::Object(narrowed), Value::Object(theirs)) => {
            theirs.iter().all(|(field, theirs)| narrowed.get(field).is_some_and(|narrowed| keeps(narrowed, theirs)))
        }
        (Value::Array(narrowed), Value::Array(theirs)) => theirs.iter().all(|one| narrowed.contains(one)),
        _ => narrowed == theirs,
    }
}

fn contradicted(key: &ObjectKey, list: &List<'_>) -> RouteError {
    RouteError {
        reason: "RouteCannotBeShared",
        sentence: format!(
            "{key}: the rule of {} asks for a header or parameter that a match in spec.analysis asks for in another way, so no release \
             advances; leave it to one of the two",
            list.place()
        ),
    }
}
