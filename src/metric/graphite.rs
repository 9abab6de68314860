//! Graphite: its render API.

use serde_json::Value;

use super::answer::{self, Found};
use super::url::{Base, unescape};
use super::{About, Address, Ask, Credentials, HttpRequest, HttpResponse, Means, Provider, QueryError, Request};
use crate::model::Measurement;

const WHO: &str = "Graphite";
const FORM: &str = "the values of a URL, for example target=sumSeries(app.*.errors)&from=-2min";

pub(super) struct Graphite;

impl Provider for Graphite {
    fn name(&self) -> &'static str {
        "graphite"
    }

    fn about(&self) -> About {
        About {
            address: Address::Needed,
            secret: "both username and password",
            query: "the values of a render URL: target=…&from=…, with one target",
        }
    }

    fn request(&self, ask: &Ask, means: &Means<'_>) -> Result<Request, QueryError> {
        let credentials = match means.keys(ask) {
            None => Credentials::None,
            Some(keys) => {
                let (user, password) = keys.user()?.ok_or_else(|| keys.missing("username and no password"))?;
                Credentials::Basic(user, password)
            }
        };
        let query = ask.query.split_whitespace().collect::<Vec<_>>().join(" ");
        let pairs =
            query.split('&').map(|pair| pair.split_once('=').map(|(name, value)| (name.trim(), unescape(value))));
        let pairs: Option<Vec<(&str, String)>> = pairs.collect();
        let pairs = pairs.ok_or_else(|| QueryError::QueryUnusable(query.clone(), FORM))?;
        let kept = pairs.iter().filter(|(name, _)| *name != "format").map(|(name, value)| (*name, value.as_str()));
        let values: Vec<(&str, &str)> = kept.chain([("format", "json")]).collect();
        Ok(HttpRequest::get(Base::read(&ask.address)?.below("/render", &values), credentials, ask.trust).into())
    }

    fn parse(&self, _ask: &Ask, answer: &HttpResponse) -> Measurement {
        answer::measured(WHO, answer::json(WHO, answer).and_then(|body| value(&body)))
    }
}

/// The newest value of the one target: Graphite pads what it does not have with nulls.
fn value(body: &Value) -> Found {
    if !body.is_array() {
        return Err(answer::strange(WHO, body));
    }
    let Some(target) = answer::only(Some(body), "targets", "wrap it in sumSeries(…)")? else { return Ok(None) };
    let points = target.get("datapoints").and_then(Value::as_array);
    let values = points.into_iter().flatten().rev().filter_map(|point| point.get(0));
    match values.into_iter().find(|value| !value.is_null()) {
        Some(value) => answer::optional(WHO, value),
        None => Ok(None),
    }
}
