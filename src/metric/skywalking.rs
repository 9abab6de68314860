//! SkyWalking: its GraphQL API. The query may use the variable `$duration`, which ends with the last whole minute.

use std::time::Duration;

use serde_json::{Value, json};

use super::answer::{self, Found};
use super::url::Base;
use super::{About, Address, Ask, HttpRequest, HttpResponse, Means, Provider, QueryError, Request, bearer, window};
use crate::model::{Measurement, Time};

const WHO: &str = "SkyWalking";
const MINUTE: Duration = Duration::from_secs(60);

pub(super) struct SkyWalking;

impl Provider for SkyWalking {
    fn name(&self) -> &'static str {
        "skywalking"
    }

    fn about(&self) -> About {
        About {
            address: Address::Needed,
            secret: "the key token, or both username and password",
            query: "a GraphQL query with one field, which may use $duration",
        }
    }

    fn request(&self, ask: &Ask, means: &Means<'_>) -> Result<Request, QueryError> {
        // The minute that has just ended may still be written.
        let end = window::whole(means.now, MINUTE).as_millis().saturating_sub(60_000);
        let span = i64::try_from(ask.window.max(MINUTE).as_millis()).unwrap_or(i64::MAX);
        // Both ends are part of the span.
        let start = end.saturating_sub(span).saturating_add(60_000);
        let duration = json!({"start": minute(start), "end": minute(end), "step": "MINUTE"});
        let body = json!({"query": ask.query, "variables": {"duration": duration}}).to_string();
        let url = Base::read(&ask.address)?.below("/graphql", &[]);
        let credentials = bearer::of_the_user(ask, means)?;
        Ok(HttpRequest::post(url, "application/json", body, credentials, ask.trust).into())
    }

    fn parse(&self, _ask: &Ask, answer: &HttpResponse) -> Measurement {
        answer::measured(WHO, answer::json(WHO, answer).and_then(|body| value(&body)))
    }
}

/// `2026-11-20 1230`, in UTC.
fn minute(millis: i64) -> String {
    let text = Time::from_millis(millis).to_string();
    text.get(..16).unwrap_or_default().replacen('T', " ", 1).replace(':', "")
}

fn value(body: &Value) -> Found {
    let data = body.get("data").and_then(Value::as_object);
    let fields: Vec<&Value> = data.into_iter().flat_map(|data| data.values()).collect();
    match (body.get("errors").and_then(answer::message), fields.as_slice()) {
        (Some(error), _) => Err(format!("{WHO} says {}", super::shorten(error, 300))),
        (None, []) if data.is_none() => Err(answer::strange(WHO, body)),
        (None, []) => Ok(None),
        (None, [one]) => newest(one),
        (None, many) => Err(format!("the query gives {} fields and a KPI is one; ask for one", many.len())),
    }
}

/// A number, or the newest value of the one series: `values.values[]`, or `results[].values[]` of an expression.
fn newest(field: &Value) -> Found {
    if let Some(error) = field.get("error").and_then(Value::as_str).filter(|error| !error.is_empty()) {
        return Err(format!("{WHO} says {}", super::shorten(error, 300)));
    }
    let series = match field.get("results") {
        Some(results) => {
            answer::only(Some(results), "series", "aggregate its labels")?.and_then(|one| one.get("values"))
        }
        None => field.pointer("/values/values"),
    };
    if field.is_null() || series.is_none() && field.get("results").is_some() {
        return Ok(None);
    }
    let Some(series) = series.and_then(Value::as_array) else { return answer::optional(WHO, field) };
    let is_there = |point: &&Value| point.get("isEmptyValue").and_then(Value::as_bool) != Some(true);
    let values = series.iter().rev().filter(is_there).filter_map(|point| point.get("value"));
    values.into_iter().find(|value| !value.is_null()).map_or(Ok(None), |value| answer::optional(WHO, value))
}
