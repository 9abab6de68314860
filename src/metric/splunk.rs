//! Splunk Observability: a SignalFlow program that runs over a span of the past and ends.
//!
//! It is sent by the REST form of SignalFlow, whose answer is a stream of events; no WebSocket stays open.

use std::collections::BTreeSet;

use serde_json::Value;

use super::answer::{self, Found, number};
use super::url::Base;
use super::{
    About, Address, Ask, Credentials, HttpRequest, HttpResponse, Means, Provider, QueryError, Request, Trust, shorten,
    window,
};
use crate::model::Measurement;

const WHO: &str = "Splunk";

pub(super) struct Splunk;

impl Provider for Splunk {
    fn name(&self) -> &'static str {
        "splunk"
    }

    fn about(&self) -> About {
        About {
            address: Address::Needed,
            secret: "the key sf_token_key",
            query: "a SignalFlow program with one series",
        }
    }

    fn request(&self, ask: &Ask, means: &Means<'_>) -> Result<Request, QueryError> {
        let token = means.needed(ask)?.needed("sf_token_key")?;
        let (start, stop) = window::millis(ask, means.now);
        // The API has the address of its realm, https://api.REALM.signalfx.com, and programs run beside it.
        let address = ask.address.replacen("api", "stream", 1);
        let values = [("start", start.to_string()), ("stop", stop.to_string()), ("immediate", "true".to_owned())];
        let values: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let url = Base::read(&address)?.below("/v2/signalflow/execute", &values);
        let credentials = Credentials::Headers(vec![("X-SF-Token", token)]);
        Ok(HttpRequest::post(url, "text/plain", ask.query.clone(), credentials, Trust::System).into())
    }

    fn parse(&self, _ask: &Ask, answer: &HttpResponse) -> Measurement {
        answer::measured(WHO, answer::plain(WHO, answer).and_then(|text| value(&text)))
    }
}

/// The newest value of the one series in the stream.
fn value(text: &str) -> Found {
    let (mut series, mut newest, mut read) = (BTreeSet::new(), None, false);
    for event in events(text) {
        if let Some(error) = error(&event) {
            return Err(format!("{WHO} says {}", shorten(error, 300)));
        }
        read |= event.is_object();
        for point in event.get("data").and_then(Value::as_array).into_iter().flatten() {
            series.insert(point.get("tsId").and_then(Value::as_str).unwrap_or_default().to_owned());
            newest = point.get("value").and_then(number).or(newest);
        }
    }
    match series.len() {
        _ if !read => Err(answer::strange(WHO, &text.into())),
        0 | 1 => Ok(newest),
        many => Err(format!("the query gives {many} series and a KPI is one; add .sum() or .mean()")),
    }
}

fn error(event: &Value) -> Option<&str> {
    let failed = event.get("event").and_then(Value::as_str) == Some("CHANNEL_ABORT")
        || event.get("error").is_some()
        || event.get("errors").is_some();
    failed.then(|| answer::message(event).or_else(|| event.pointer("/abortInfo/sf_job_abortReason")?.as_str()))?
}

/// The data of each server-sent event that is whole JSON.
fn events(text: &str) -> impl Iterator<Item = Value> {
    let text = text.replace("\r\n", "\n");
    let blocks: Vec<String> = text
        .split("\n\n")
        .map(|block| block.lines().filter_map(|line| line.strip_prefix("data:")).collect::<Vec<_>>().join("\n"))
        .collect();
    blocks.into_iter().filter_map(|data| serde_json::from_str(&data).ok())
}
