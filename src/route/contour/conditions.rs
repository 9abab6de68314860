//! Which requests a route is for, in the forms that an HTTPProxy has: a list whose entries must all hold.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::api::{HttpMatch, MatchCondition, StringMatch};
use crate::route::condition::{self, Text};
use crate::route::{RouteError, Target};

/// An error for the first condition that an HTTPProxy cannot hold: left out, other requests would match.
pub(super) fn check(target: &Target<'_>) -> Result<(), RouteError> {
    for condition in target.service.match_.iter().flatten() {
        let set = [
            (condition.authority.is_some(), "authority"),
            (condition.ignore_uri_case == Some(true), "ignoreUriCase"),
            (condition.method.is_some(), "method"),
            (condition.port.is_some(), "port"),
            (condition.scheme.is_some(), "scheme"),
            (condition.source_labels.is_some(), "sourceLabels"),
            (condition.source_namespace.is_some(), "sourceNamespace"),
            (condition.without_headers.is_some(), "withoutHeaders"),
        ];
        if let Some((_, field)) = set.into_iter().find(|(set, _)| *set) {
            return Err(refused("spec.service.match", field));
        }
    }
    for (list, conditions) in
        [("spec.analysis.match", target.conditions()), ("spec.analysis.preview.match", target.preview())]
    {
        if conditions.iter().any(|condition| condition.source_labels.is_some()) {
            return Err(refused(list, "sourceLabels"));
        }
    }
    Ok(())
}

fn refused(list: &str, field: &str) -> RouteError {
    RouteError {
        reason: "UnsupportedMatch",
        sentence: format!(
            "{list} has {field}, which an HTTPProxy cannot ask for, so it would match other requests and is not written; drop it, \
             or write uri, headers or queryParams"
        ),
    }
}

/// The requests of the service: one list for each route.
pub(super) fn of_service(target: &Target<'_>) -> Vec<Vec<Value>> {
    let conditions = target.service.match_.as_deref().unwrap_or_default();
    if conditions.is_empty() {
        return vec![of(&HttpMatch::default(), &MatchCondition::default())];
    }
    conditions.iter().map(|condition| of(condition, &MatchCondition::default())).collect()
}

/// The requests whose traffic is shared: each condition of the analysis together with each of the service.
pub(super) fn of_analysis(target: &Target<'_>) -> Vec<Vec<Value>> {
    if target.conditions().is_empty() { of_service(target) } else { narrowed(target, target.conditions()) }
}

/// The requests that see the canary whatever its share.
pub(super) fn of_preview(target: &Target<'_>) -> Vec<Vec<Value>> {
    narrowed(target, target.preview())
}

fn narrowed(target: &Target<'_>, conditions: &[MatchCondition]) -> Vec<Vec<Value>> {
    let everything = [HttpMatch::default()];
    let service = target.service.match_.as_deref().filter(|list| !list.is_empty()).unwrap_or(&everything);
    conditions.iter().flat_map(|more| service.iter().map(move |one| of(one, more))).collect()
}

/// The path stands with the first of the others, as Flagger writes it; an HTTPProxy takes just one path.
fn of(one: &HttpMatch, more: &MatchCondition) -> Vec<Value> {
    let mut headers: BTreeMap<&str, Text<'_>> = texts(one.headers.as_ref());
    headers.extend(condition::headers(more));
    let mut params: BTreeMap<&str, Text<'_>> = texts(one.query_params.as_ref());
    params.extend(condition::params(more));
    let headers = headers.into_iter().map(|(name, text)| json!({"header": named(name, header(text))}));
    let params = params.into_iter().map(|(name, text)| json!({"queryParameter": named(name, parameter(text))}));
    let mut all: Vec<Value> = headers.chain(params).collect();
    let path = path(one.uri.as_ref());
    match all.first_mut().and_then(Value::as_object_mut) {
        Some(first) => first.extend(path),
        None => all.push(Value::Object(path)),
    }
    all
}

fn texts(texts: Option<&BTreeMap<String, StringMatch>>) -> BTreeMap<&str, Text<'_>> {
    texts.into_iter().flatten().map(|(name, text)| (name.as_str(), text.into())).collect()
}

fn path(uri: Option<&StringMatch>) -> Map<String, Value> {
    let (form, path) = match uri.map(|uri| (&uri.exact, &uri.prefix, &uri.regex)) {
        Some((Some(exact), ..)) => ("exact", exact.as_str()),
        Some((None, Some(prefix), _)) => ("prefix", prefix.as_str()),
        Some((None, None, Some(regex))) => ("regex", regex.as_str()),
        Some((None, None, None)) | None => ("prefix", "/"),
    };
    Map::from_iter([(form.to_owned(), json!(path))])
}

fn named(name: &str, condition: (&str, Value)) -> Value {
    let (form, value) = condition;
    Value::Object(Map::from_iter([("name".to_owned(), json!(name)), (form.to_owned(), value)]))
}

/// Contour knows no beginning and no end of a header, and a regular expression says the same.
fn header(text: Text<'_>) -> (&'static str, Value) {
    match text {
        Text::Present => ("present", json!(true)),
        Text::Exact(text) => ("exact", json!(text)),
        Text::Prefix(_) | Text::Suffix(_) | Text::Regex(_) => ("regex", json!(text.regex())),
    }
}

fn parameter(text: Text<'_>) -> (&'static str, Value) {
    match text {
        Text::Prefix(text) => ("prefix", json!(text)),
        Text::Suffix(text) => ("suffix", json!(text)),
        Text::Present | Text::Exact(_) | Text::Regex(_) => header(text),
    }
}
