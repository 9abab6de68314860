//! Which requests a rule is for, in the forms that an HTTPRoute has. There is always a path: the apiserver would add one.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::api::{HttpMatch, MatchCondition, StringMatch};
use crate::model::Cookie;
use crate::route::condition::{self, Text, escaped};
use crate::route::{RouteError, Target, cookies};

/// An error for the first condition that an HTTPRoute cannot hold: left out, other requests would match.
pub(super) fn check(target: &Target<'_>) -> Result<(), RouteError> {
    for condition in target.service.match_.iter().flatten() {
        of(condition)?;
    }
    for (field, conditions) in
        [("spec.analysis.match", target.conditions()), ("spec.analysis.preview.match", target.preview())]
    {
        if conditions.iter().any(|condition| condition.source_labels.is_some()) {
            return Err(refused(field, "sourceLabels", "headers"));
        }
    }
    let on_cookies = |matches: &[Value]| matches.iter().any(|m| position(headers(m), cookies::HEADER).is_some());
    if target.spec.analysis.session_affinity.is_some() && on_cookies(&of_analysis(target)?) {
        return Err(RouteError {
            reason: "TwoConditionsOnCookies",
            sentence: "spec.analysis.sessionAffinity is set, and a match has a condition on the header Cookie: an HTTPRoute can \
                       hold only one of the two, so no release would start; drop one of them"
                .to_owned(),
        });
    }
    Ok(())
}

/// The requests of the service.
pub(super) fn of_service(target: &Target<'_>) -> Result<Vec<Value>, RouteError> {
    let conditions = target.service.match_.as_deref().unwrap_or_default();
    if conditions.is_empty() {
        return Ok(vec![of(&HttpMatch::default())?]);
    }
    conditions.iter().map(of).collect()
}

/// The requests whose traffic is shared: each condition of the analysis together with each of the service.
pub(super) fn of_analysis(target: &Target<'_>) -> Result<Vec<Value>, RouteError> {
    narrowed_by(target, target.conditions())
}

/// The requests that see the canary whatever its share.
pub(super) fn of_preview(target: &Target<'_>) -> Result<Vec<Value>, RouteError> {
    narrowed_by(target, target.preview())
}

fn narrowed_by(target: &Target<'_>, conditions: &[MatchCondition]) -> Result<Vec<Value>, RouteError> {
    let everybody = of_service(target)?;
    if conditions.is_empty() {
        return Ok(everybody);
    }
    Ok(conditions.iter().flat_map(|more| everybody.iter().map(move |one| narrowed(one, more))).collect())
}

/// Those of the requests that carry the cookie.
pub(super) fn with_cookie(matches: &[Value], cookie: &Cookie) -> Vec<Value> {
    let pattern = format!(".*{}.*{}.*", escaped(&cookie.name), escaped(&cookie.value));
    let carries = entry(cookies::HEADER, Text::Regex(&pattern));
    matches.iter().map(|one| with(one, "headers", std::slice::from_ref(&carries))).collect()
}

fn of(condition: &HttpMatch) -> Result<Value, RouteError> {
    refuse_unknown(condition)?;
    let (form, path) = condition.uri.as_ref().map_or(("PathPrefix", "/"), path);
    let mut found = Map::from_iter([("path".to_owned(), json!({"type": form, "value": path}))]);
    let texts = |texts: &Option<BTreeMap<String, StringMatch>>| -> Vec<Value> {
        texts.iter().flatten().map(|(name, text)| entry(name, text.into())).collect()
    };
    for (field, entries) in [("headers", texts(&condition.headers)), ("queryParams", texts(&condition.query_params))] {
        if !entries.is_empty() {
            found.insert(field.to_owned(), json!(entries));
        }
    }
    if let Some(method) = condition.method.as_ref().and_then(|method| method.exact.as_ref()) {
        found.insert("method".to_owned(), json!(method));
    }
    Ok(Value::Object(found))
}

fn path(uri: &StringMatch) -> (&'static str, &str) {
    match (&uri.exact, &uri.prefix, &uri.regex) {
        (Some(exact), ..) => ("Exact", exact),
        (None, Some(prefix), _) => ("PathPrefix", prefix),
        (None, None, Some(regex)) => ("RegularExpression", regex),
        (None, None, None) => ("PathPrefix", "/"),
    }
}

/// Data planes look for an expression in the whole text or anywhere in it; an anchored one means the same to both.
fn entry(name: &str, text: Text<'_>) -> Value {
    let (form, value) = match text {
        Text::Exact(text) => ("Exact", text.to_owned()),
        Text::Regex(regex) => ("RegularExpression", regex.to_owned()),
        Text::Present | Text::Prefix(_) | Text::Suffix(_) => ("RegularExpression", format!("^{}$", text.regex())),
    };
    json!({"type": form, "name": name, "value": value})
}

/// A match that asks for what the condition asks for, too; where both name the same header or parameter, the condition counts.
pub(in crate::route) fn narrowed(one: &Value, more: &MatchCondition) -> Value {
    let headers: Vec<_> = condition::headers(more).map(|(name, text)| entry(name, text)).collect();
    let params: Vec<_> = condition::params(more).map(|(name, text)| entry(name, text)).collect();
    with(&with(one, "headers", &headers), "queryParams", &params)
}

/// The match with these entries, each in the place of one with the same name.
fn with(one: &Value, field: &str, entries: &[Value]) -> Value {
    let mut all: Vec<Value> = one.get(field).and_then(Value::as_array).cloned().unwrap_or_default();
    for entry in entries {
        let name = entry.get("name").and_then(Value::as_str).unwrap_or_default();
        match position(&all, name).and_then(|at| all.get_mut(at)) {
            Some(same) => *same = entry.clone(),
            None => all.push(entry.clone()),
        }
    }
    let mut found = one.as_object().cloned().unwrap_or_default();
    if !all.is_empty() {
        found.insert(field.to_owned(), json!(all));
    }
    Value::Object(found)
}

fn headers(one: &Value) -> &[Value] {
    one.get("headers").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn position(entries: &[Value], name: &str) -> Option<usize> {
    let named = |entry: &Value| entry.get("name").and_then(Value::as_str).is_some_and(|n| n.eq_ignore_ascii_case(name));
    entries.iter().position(named)
}

fn refuse_unknown(condition: &HttpMatch) -> Result<(), RouteError> {
    let no_exact = |method: &StringMatch| method.exact.is_none();
    let unknown = [
        (condition.authority.is_some(), "authority", "spec.service.hosts"),
        (condition.ignore_uri_case == Some(true), "ignoreUriCase", "uri.regex"),
        (condition.method.as_ref().is_some_and(no_exact), "method without exact", "method.exact"),
        (condition.port.is_some(), "port", "gatewayRefs[].port or sectionName"),
        (condition.scheme.is_some(), "scheme", "gatewayRefs[].sectionName"),
        (condition.source_labels.is_some(), "sourceLabels", "headers"),
        (condition.source_namespace.is_some(), "sourceNamespace", "headers"),
        (condition.without_headers.is_some(), "withoutHeaders", "headers"),
    ];
    let Some((_, field, instead)) = unknown.into_iter().find(|(set, ..)| *set) else { return Ok(()) };
    Err(refused("spec.service.match", field, instead))
}

fn refused(list: &str, field: &str, instead: &str) -> RouteError {
    RouteError {
        reason: "UnsupportedMatch",
        sentence: format!(
            "{list} has {field}, which an HTTPRoute cannot ask for, so it would match other requests and is not \
             written; drop it, or write {instead}"
        ),
    }
}
