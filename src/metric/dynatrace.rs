//! Dynatrace: its metrics API, version 2.

use serde_json::Value;

use super::answer::{self, Found};
use super::url::Base;
use super::{
    About, Address, Ask, Credentials, HttpRequest, HttpResponse, Means, Provider, QueryError, Request, Trust, window,
};
use crate::model::Measurement;

const WHO: &str = "Dynatrace";
const ONE_SERIES: &str = "end it with :splitBy():avg or the like";

pub(super) struct Dynatrace;

impl Provider for Dynatrace {
    fn name(&self) -> &'static str {
        "dynatrace"
    }

    fn about(&self) -> About {
        About {
            address: Address::Needed,
            secret: "the key dynatrace_token",
            query: "a metric selector with one series",
        }
    }

    fn request(&self, ask: &Ask, means: &Means<'_>) -> Result<Request, QueryError> {
        let token = means.needed(ask)?.needed("dynatrace_token")?;
        let (from, to) = window::millis(ask, means.now);
        let values = [
            ("metricSelector", ask.query.as_str()),
            ("resolution", "Inf"),
            ("from", &from.to_string()),
            ("to", &to.to_string()),
        ];
        let url = Base::read(&ask.address)?.below("/api/v2/metrics/query", &values);
        let credentials = Credentials::Headers(vec![("Authorization", format!("Api-Token {token}"))]);
        Ok(HttpRequest::get(url, credentials, Trust::System).into())
    }

    fn parse(&self, _ask: &Ask, answer: &HttpResponse) -> Measurement {
        answer::measured(WHO, answer::json(WHO, answer).and_then(|body| value(&body)))
    }
}

fn value(body: &Value) -> Found {
    if body.get("result").is_none() {
        return Err(answer::strange(WHO, body));
    }
    let Some(metric) = answer::only(body.get("result"), "metrics", ONE_SERIES)? else { return Ok(None) };
    let Some(series) = answer::only(metric.get("data"), "series", ONE_SERIES)? else { return Ok(None) };
    let value = answer::only(series.get("values"), "values", "leave its resolution out")?;
    value.map_or(Ok(None), |value| answer::optional(WHO, value))
}
