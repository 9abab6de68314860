//! What the answers of most providers have in common: JSON, refusals, and numbers in it.

use serde_json::Value;

use super::{HttpResponse, shorten};
use crate::model::Measurement;

/// How much of a provider's own error text is shown, in characters.
const ERROR_LENGTH: usize = 300;
/// How much of what is no JSON is shown, in characters.
const START_LENGTH: usize = 40;

/// One number, none, or a part of a sentence that tells why there can be none.
pub(super) type Found = Result<Option<f64>, String>;

/// The measurement of what `who` answered.
pub(super) fn measured(who: &str, found: Found) -> Measurement {
    match found {
        Ok(Some(value)) if value.is_finite() => Measurement::Value(value),
        Ok(Some(value)) => Measurement::NoData(format!("the result of {who} is {value}")),
        Ok(None) => Measurement::NoData(format!("the result of {who} is empty")),
        Err(why) => Measurement::Error(why),
    }
}

/// The JSON of a good answer; else a part of a sentence.
pub(super) fn json(who: &str, answer: &HttpResponse) -> Result<Value, String> {
    let body = serde_json::from_slice(&answer.body).ok();
    match (answer.status, body) {
        (200..=299, Some(body)) => Ok(body),
        (200..=299, None) => Err(format!(
            "the answer of {who} is no JSON but begins with {:?}; write its base URL as address",
            shorten(&String::from_utf8_lossy(&answer.body), START_LENGTH)
        )),
        (status, body) => Err(refused(who, status, &text(answer, body.as_ref()))),
    }
}

/// The text of a good answer that is no JSON; else a part of a sentence.
pub(super) fn plain(who: &str, answer: &HttpResponse) -> Result<String, String> {
    match answer.status {
        200..=299 => Ok(String::from_utf8_lossy(&answer.body).into_owned()),
        status => Err(refused(who, status, &text(answer, serde_json::from_slice(&answer.body).ok().as_ref()))),
    }
}

fn refused(who: &str, status: u16, text: &str) -> String {
    match status {
        300..=399 => format!(
            "{who} answered {status}: it sends us to another address, where credentials never follow; write that one as address"
        ),
        401 | 403 => format!("{who} answered {status}: {text}; it wants other credentials, correct the Secret"),
        404 => format!("{who} answered 404: {text}; correct the address or what the query names"),
        429 => format!("{who} answered 429: {text}; it is asked too often, write a longer interval"),
        _ => format!("{who} answered {status}: {text}"),
    }
}

/// What the provider says itself.
fn text(answer: &HttpResponse, body: Option<&Value>) -> String {
    let text = body.and_then(message).map_or_else(|| String::from_utf8_lossy(&answer.body).into_owned(), str::to_owned);
    let text = if text.trim().is_empty() { "no text".to_owned() } else { text };
    shorten(&text, ERROR_LENGTH)
}

/// The sentence in an error, wherever its provider puts it.
pub(super) fn message(body: &Value) -> Option<&str> {
    const PLACES: &[&str] = &["message", "Message", "error_description", "error", "errors", "errorMessage", "detail"];
    match body {
        Value::String(text) => Some(text),
        Value::Array(several) => several.first().and_then(message),
        Value::Object(fields) => PLACES.iter().find_map(|place| fields.get(*place).and_then(message)),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

/// A number, also where it is written as a text.
pub(super) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A number that may be missing: `null` is none, anything else is a mistake.
pub(super) fn optional(who: &str, value: &Value) -> Found {
    match (value, number(value)) {
        (Value::Null, _) => Ok(None),
        (_, Some(number)) => Ok(Some(number)),
        (other, None) => Err(no_number(who, other)),
    }
}

/// The one of a list; `None` where it is empty.
pub(super) fn only<'a>(list: Option<&'a Value>, what: &str, cure: &str) -> Result<Option<&'a Value>, String> {
    match list.and_then(Value::as_array).map(Vec::as_slice) {
        None | Some([]) => Ok(None),
        Some([one]) => Ok(Some(one)),
        Some(many) => Err(format!("the query gives {} {what} and a KPI is one; {cure}", many.len())),
    }
}

/// What is said of a value that should be a number.
pub(super) fn no_number(who: &str, value: &Value) -> String {
    let shown = shorten(&value.to_string(), START_LENGTH);
    format!("{who} gives {shown}, which is no number; write a query whose result is one number")
}

/// What is said of JSON that has another shape than the provider's.
pub(super) fn strange(who: &str, body: &Value) -> String {
    let shown = shorten(&body.to_string(), START_LENGTH);
    format!("the answer is not one of {who} but begins with {shown}; correct the address")
}
