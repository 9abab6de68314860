//! New Relic: its Insights query API.

use serde_json::Value;

use super::answer::{self, Found, number};
use super::url::{Base, segment};
use super::{About, Address, Ask, Credentials, HttpRequest, HttpResponse, Means, Provider, QueryError, Request, Trust};
use crate::model::Measurement;

const WHO: &str = "New Relic";

pub(super) struct NewRelic;

impl Provider for NewRelic {
    fn name(&self) -> &'static str {
        "newrelic"
    }

    fn about(&self) -> About {
        About {
            address: Address::Default("https://insights-api.newrelic.com"),
            secret: "the keys newrelic_account_id and newrelic_query_key",
            query: "NRQL without SINCE, whose result is one number",
        }
    }

    fn request(&self, ask: &Ask, means: &Means<'_>) -> Result<Request, QueryError> {
        let keys = means.needed(ask)?;
        let account = segment(&keys.needed("newrelic_account_id")?);
        let query = format!("{} SINCE {} seconds ago", ask.query.trim(), ask.window.as_secs());
        let url = Base::read(&ask.address)?.below(&format!("/v1/accounts/{account}/query"), &[("nrql", &query)]);
        let credentials = Credentials::Headers(vec![("X-Query-Key", keys.needed("newrelic_query_key")?)]);
        Ok(HttpRequest::get(url, credentials, Trust::System).into())
    }

    fn parse(&self, _ask: &Ask, answer: &HttpResponse) -> Measurement {
        answer::measured(WHO, answer::json(WHO, answer).and_then(|body| value(&body)))
    }
}

/// The field is called `result`, or as the function of the query is.
fn value(body: &Value) -> Found {
    if body.get("results").is_none() {
        return Err(answer::strange(WHO, body));
    }
    let cure = "select one value, without FACET and TIMESERIES";
    let Some(result) = answer::only(body.get("results"), "results", cure)? else { return Ok(None) };
    if let Some(value) = result.get("result") {
        return answer::optional(WHO, value);
    }
    let fields: Vec<&Value> = result.as_object().into_iter().flat_map(|fields| fields.values()).collect();
    match fields.as_slice() {
        [] | [Value::Null] => Ok(None),
        [one] => number(one).map(Some).ok_or_else(|| answer::no_number(WHO, one)),
        _ => Err(answer::no_number(WHO, result)),
    }
}
