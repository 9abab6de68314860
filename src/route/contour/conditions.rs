//! Which requests a route is for, in the forms that an HTTPProxy has: a list whose entries must all hold.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::api::{HeaderMatch, HttpMatch, MatchCondition, StringMatch};
use crate::route::cookies::escaped;
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
    let labels = target.conditions().iter().any(|condition| condition.source_labels.is_some());
    if labels { Err(refused("spec.analysis.match", "sourceLabels")) } else { Ok(()) }
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
    if target.conditions().is_empty() {
        return of_service(target);
    }
    let everything = [HttpMatch::default()];
    let service = target.service.match_.as_deref().filter(|list| !list.is_empty()).unwrap_or(&everything);
    target.conditions().iter().flat_map(|more| service.iter().map(move |one| of(one, more))).collect()
}

/// The path stands with the first of the others, as Flagger writes it; an HTTPProxy takes just one path.
fn of(one: &HttpMatch, more: &MatchCondition) -> Vec<Value> {
    let mut headers: BTreeMap<String, HeaderMatch> =
        one.headers.clone().unwrap_or_default().into_iter().map(widened).collect();
    headers.extend(more.headers.clone().unwrap_or_default());
    let mut params = one.query_params.clone().unwrap_or_default();
    params.extend(more.query_params.clone().unwrap_or_default());
    let headers = headers.iter().map(|(name, text)| json!({"header": named(name, header(text))}));
    let params = params.iter().map(|(name, text)| json!({"queryParameter": named(name, parameter(text))}));
    let mut all: Vec<Value> = headers.chain(params).collect();
    let path = path(one.uri.as_ref());
    match all.first_mut().and_then(Value::as_object_mut) {
        Some(first) => first.extend(path),
        None => all.push(Value::Object(path)),
    }
    all
}

fn widened((name, text): (String, StringMatch)) -> (String, HeaderMatch) {
    let StringMatch { exact, prefix, regex } = text;
    (name, HeaderMatch { exact, prefix, regex, suffix: None })
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
fn header(text: &HeaderMatch) -> (&'static str, Value) {
    match text {
        HeaderMatch { exact: Some(exact), .. } => ("exact", json!(exact)),
        HeaderMatch { regex: Some(regex), .. } => ("regex", json!(regex)),
        HeaderMatch { prefix: Some(prefix), .. } => ("regex", json!(format!("{}.*", escaped(prefix)))),
        HeaderMatch { suffix: Some(suffix), .. } => ("regex", json!(format!(".*{}", escaped(suffix)))),
        _ => ("present", json!(true)),
    }
}

fn parameter(text: &StringMatch) -> (&'static str, Value) {
    match (&text.exact, &text.prefix, &text.regex) {
        (Some(exact), ..) => ("exact", json!(exact)),
        (None, Some(prefix), _) => ("prefix", json!(prefix)),
        (None, None, Some(regex)) => ("regex", json!(regex)),
        (None, None, None) => ("present", json!(true)),
    }
}
