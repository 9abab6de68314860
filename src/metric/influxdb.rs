//! InfluxDB: Flux for version 2, InfluxQL for version 1. A query that begins with `SELECT` is InfluxQL.

mod csv;

use serde_json::{Value, json};

use super::answer::{self, Found};
use super::secret::Keys;
use super::url::Base;
use super::{About, Address, Ask, Credentials, HttpRequest, HttpResponse, Means, Provider, QueryError, Request};
use crate::model::Measurement;

const WHO: &str = "InfluxDB";

pub(super) struct InfluxDb;

impl Provider for InfluxDb {
    fn name(&self) -> &'static str {
        "influxdb"
    }

    fn about(&self) -> About {
        About {
            address: Address::Needed,
            secret: "the key token and, where the server wants it, org; for version 1 both username and password",
            query: "Flux with one row; for version 1 InfluxQL that begins with SELECT, and ?db=… in the address",
        }
    }

    fn request(&self, ask: &Ask, means: &Means<'_>) -> Result<Request, QueryError> {
        let keys = means.keys(ask);
        let credentials = keys.as_ref().map_or(Ok(Credentials::None), credentials)?;
        let base = Base::read(&ask.address)?;
        if is_influxql(&ask.query) {
            let url = base.below("/query", &[("q", ask.query.trim())]);
            return Ok(HttpRequest::get(url, credentials, ask.trust).into());
        }
        let org = keys.map_or(Ok(None), |keys| keys.optional("org"))?;
        let values: Vec<(&str, &str)> = org.iter().map(|org| ("org", org.as_str())).collect();
        let dialect = json!({"header": true, "annotations": ["datatype"]});
        let body = json!({"query": ask.query, "type": "flux", "dialect": dialect}).to_string();
        let url = base.below("/api/v2/query", &values);
        let mut request = HttpRequest::post(url, "application/json", body, credentials, ask.trust);
        request.headers.push(("accept".to_owned(), "application/csv".to_owned()));
        Ok(request.into())
    }

    fn parse(&self, ask: &Ask, answer: &HttpResponse) -> Measurement {
        let found = if is_influxql(&ask.query) {
            answer::json(WHO, answer).and_then(|body| influxql(&body))
        } else {
            answer::plain(WHO, answer).and_then(|text| csv::value(&text))
        };
        answer::measured(WHO, found)
    }
}

fn is_influxql(query: &str) -> bool {
    query.trim_start().get(..6).is_some_and(|word| word.eq_ignore_ascii_case("select"))
}

fn credentials(keys: &Keys<'_>) -> Result<Credentials, QueryError> {
    if let Some(token) = keys.optional("token")? {
        return Ok(Credentials::Headers(vec![("Authorization", format!("Token {token}"))]));
    }
    match keys.user()? {
        Some((user, password)) => Ok(Credentials::Basic(user, password)),
        None => Err(keys.missing("token and no username")),
    }
}

/// The one row of the one series; its first column is the time.
fn influxql(body: &Value) -> Found {
    let Some(result) = answer::only(body.get("results"), "results", "write one statement")? else {
        return Err(answer::strange(WHO, body));
    };
    if let Some(error) = result.get("error").and_then(Value::as_str) {
        return Err(format!("{WHO} says {error}"));
    }
    let Some(series) = answer::only(result.get("series"), "series", "leave GROUP BY out")? else { return Ok(None) };
    let cure = "select one aggregate, for example mean(…)";
    let Some(row) = answer::only(series.get("values"), "rows", cure)? else { return Ok(None) };
    match row.as_array().map(Vec::as_slice) {
        Some([_time, value]) => answer::optional(WHO, value),
        _ => Err(answer::no_number(WHO, row)),
    }
}
