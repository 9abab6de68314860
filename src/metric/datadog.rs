//! Datadog: its query API for time series.
//!
//! The value is the newest bucket that has ended: the last one is still being filled, so its count or rate is too low.

use serde_json::Value;

use super::answer::{self, Found, number};
use super::url::Base;
use super::{
    About, Address, Ask, Credentials, HttpRequest, HttpResponse, Means, Provider, QueryError, Request, Trust, window,
};
use crate::model::Measurement;

const WHO: &str = "Datadog";

pub(super) struct Datadog;

impl Provider for Datadog {
    fn name(&self) -> &'static str {
        "datadog"
    }

    fn about(&self) -> About {
        About {
            address: Address::Default("https://api.datadoghq.com"),
            secret: "the keys datadog_api_key and datadog_application_key",
            query: "a metrics query with one series",
        }
    }

    fn request(&self, ask: &Ask, means: &Means<'_>) -> Result<Request, QueryError> {
        let keys = means.needed(ask)?;
        let credentials = Credentials::Headers(vec![
            ("DD-API-KEY", keys.needed("datadog_api_key")?),
            ("DD-APPLICATION-KEY", keys.needed("datadog_application_key")?),
        ]);
        let (from, to) = window::seconds(ask, means.now);
        let values = [("query", ask.query.as_str()), ("from", &from.to_string()), ("to", &to.to_string())];
        let url = Base::read(&ask.address)?.below("/api/v1/query", &values);
        Ok(HttpRequest::get(url, credentials, Trust::System).into())
    }

    fn parse(&self, _ask: &Ask, answer: &HttpResponse) -> Measurement {
        answer::measured(WHO, answer::json(WHO, answer).and_then(|body| value(&body)))
    }
}

fn value(body: &Value) -> Found {
    if body.get("status").and_then(Value::as_str) == Some("error") {
        return Err(format!("{WHO} says {}", answer::message(body).unwrap_or("error")));
    }
    if body.get("series").is_none() {
        return Err(answer::strange(WHO, body));
    }
    let cure = "wrap it in sum:…{…} without a by {…}";
    let Some(series) = answer::only(body.get("series"), "series", cure)? else { return Ok(None) };
    let end = body.get("to_date").and_then(number);
    let length = series.get("interval").and_then(number).unwrap_or(0.0) * 1000.0;
    let points = series.get("pointlist").and_then(Value::as_array);
    let ended = points.into_iter().flatten().rev().filter_map(Value::as_array).filter_map(|point| {
        let [at, value] = point.as_slice() else { return None };
        let over = end.is_none_or(|end| number(at).is_some_and(|at| at + length <= end));
        number(value).filter(|_| over)
    });
    Ok(ended.into_iter().next())
}
