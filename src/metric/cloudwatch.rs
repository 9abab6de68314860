//! Amazon CloudWatch: GetMetricData. The span ends with a whole period, because the one that runs is too low.

use std::time::Duration;

use serde_json::{Value, json};

use super::answer::{self, Found};
use super::aws::{self, Call};
use super::{
    About, Address, Ask, Credentials, HttpRequest, HttpResponse, Login, Means, Provider, QueryError, Request, Trust,
    window,
};
use crate::model::Measurement;

const WHO: &str = "CloudWatch";
const KIND: &str = "application/x-amz-json-1.0";
const TARGET: &str = "GraniteServiceVersion20100801.GetMetricData";
const FORM: &str = "a JSON list of MetricDataQuery, all but one with \"ReturnData\": false";

pub(super) struct CloudWatch;

impl Provider for CloudWatch {
    fn name(&self) -> &'static str {
        "cloudwatch"
    }

    fn about(&self) -> About {
        About {
            address: Address::Maker("https://monitoring.REGION.amazonaws.com"),
            secret: "the keys aws_access_key_id and aws_secret_access_key; without a Secret the operator's role asks",
            query: FORM,
        }
    }

    fn login(&self, ask: &Ask, means: &Means<'_>) -> Result<Option<Login>, QueryError> {
        match aws::keys_at_hand(ask, means)? {
            Some(_) => Ok(None),
            None => aws::login(means, region(ask)?).map(Some),
        }
    }

    fn request(&self, ask: &Ask, means: &Means<'_>) -> Result<Request, QueryError> {
        let unusable = || QueryError::QueryUnusable(super::shorten(&ask.query, 200), FORM);
        let queries: Vec<Value> = serde_json::from_str(&ask.query).map_err(|_| unusable())?;
        let (start, end) = window::seconds(ask, window::whole(means.now, period(&queries)));
        let body = json!({"MetricDataQueries": queries, "StartTime": start, "EndTime": end, "MaxDatapoints": 20,
            "ScanBy": "TimestampDescending"})
        .to_string();
        let region = region(ask)?;
        let host = aws::host("monitoring", region);
        let call = Call {
            method: "POST",
            host: &host,
            query: "",
            headers: &[("content-type", KIND), ("x-amz-target", TARGET)],
            body: body.as_bytes(),
            region,
            service: "monitoring",
        };
        let grant = aws::keys_at_hand(ask, means)?.or_else(|| means.session.map(|session| session.grant.clone()));
        let proof = grant.map(|grant| aws::sign(&call, &grant, means.now)).unwrap_or_default();
        let mut request =
            HttpRequest::post(format!("https://{host}/"), KIND, body, Credentials::Headers(proof), Trust::System);
        request.headers.push(("x-amz-target".to_owned(), TARGET.to_owned()));
        Ok(request.into())
    }

    fn parse(&self, _ask: &Ask, answer: &HttpResponse) -> Measurement {
        answer::measured(WHO, answer::json(WHO, answer).and_then(|body| value(&body)))
    }
}

/// It becomes a part of the host that credentials are shown to, so it is nothing but a region.
fn region(ask: &Ask) -> Result<&str, QueryError> {
    let region = ask.region.as_deref().unwrap_or_default();
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if region.is_empty() || !region.chars().all(plain) {
        let wanted = "the name of one, for example eu-west-1";
        return Err(QueryError::FieldUnusable { field: "region", value: region.to_owned(), wanted });
    }
    Ok(region)
}

/// The longest period of the queries.
fn period(queries: &[Value]) -> Duration {
    let periods =
        queries.iter().filter_map(|query| query.pointer("/MetricStat/Period").or_else(|| query.get("Period")));
    Duration::from_secs(periods.filter_map(Value::as_u64).max().unwrap_or(60).max(1))
}

fn value(body: &Value) -> Found {
    let Some(results) = body.get("MetricDataResults") else { return Err(answer::strange(WHO, body)) };
    let cure = "write \"ReturnData\": false into all but one";
    let Some(result) = answer::only(Some(results), "results", cure)? else { return Ok(None) };
    if let Some(code @ ("InternalError" | "Forbidden")) = result.get("StatusCode").and_then(Value::as_str) {
        return Err(format!("{WHO} says {code}: {}", answer::message(result).unwrap_or("no text")));
    }
    result.pointer("/Values/0").map_or(Ok(None), |value| answer::optional(WHO, value))
}
