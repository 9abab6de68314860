//! Prometheus, and whatever else has its query API.

use std::collections::BTreeMap;

use prometheus_http_query::response::{Data, PromqlResult};
use serde::Deserialize;
use serde_json::Value;

use super::selector::first;
use super::url::Base;
use super::{
    Ask, Credentials, HttpRequest, HttpResponse, Method, Provider, QueryError, SecretData, SecretName, shorten,
};
use crate::model::Measurement;

/// How much of Prometheus' own error text is shown, in characters.
const ERROR_LENGTH: usize = 300;

pub(super) struct Prometheus;

impl Provider for Prometheus {
    fn name(&self) -> &'static str {
        "prometheus"
    }

    fn request(&self, ask: &Ask, secret: Option<&SecretData>) -> Result<HttpRequest, QueryError> {
        let credentials = match (&ask.secret, secret) {
            (Some(name), Some(data)) => credentials(name, data)?,
            _ => Credentials::None,
        };
        Ok(HttpRequest {
            method: Method::Get,
            url: Base::read(&ask.address)?.below("/api/v1/query", "query", &ask.query),
            headers: headers(ask, &credentials)?,
            credentials,
            body: Vec::new(),
            trust: ask.trust,
        })
    }

    fn parse(&self, ask: &Ask, answer: &HttpResponse) -> Measurement {
        data(answer).map_or_else(Measurement::Error, |data| measure(ask, data))
    }
}

/// One series of a result, at one moment.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Series {
    /// Its labels.
    pub(super) labels: BTreeMap<String, String>,
    /// Its value, which need not be finite.
    pub(super) value: f64,
}

/// The series of an answer; an error that tells why it holds none.
pub(super) fn series(answer: &HttpResponse) -> Result<Vec<Series>, String> {
    match serde_json::from_value::<PromqlResult>(data(answer)?).map(PromqlResult::into_inner) {
        Ok((Data::Vector(found), _)) => Ok(found
            .iter()
            .map(|one| Series {
                labels: one.metric().iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
                value: one.sample().value(),
            })
            .collect()),
        Ok(_) => Err("Prometheus gave something else than series".to_owned()),
        Err(error) => Err(format!("the series of Prometheus cannot be read: {error}")),
    }
}

/// The data of an answer, or why there are none.
fn data(answer: &HttpResponse) -> Result<Value, String> {
    let body: Option<Body> = serde_json::from_slice(&answer.body).ok();
    Err(match (answer.status, body) {
        (200..=299, Some(Body { data: Some(data), error: None })) => return Ok(data),
        (200..=299, Some(Body { error: Some(error), .. })) => {
            format!("Prometheus says {}", shorten(&error, ERROR_LENGTH))
        }
        (200..=299, _) => {
            let body = shorten(&String::from_utf8_lossy(&answer.body), 40);
            format!(
                "the answer is not of Prometheus' query API but begins with {body:?}; write its base URL as address"
            )
        }
        (status @ (401 | 403), _) => format!(
            "Prometheus answered {status}: it wants other credentials; write them into a Secret and name it in secretRef"
        ),
        (404, _) => {
            "Prometheus answered 404: its query API is not there; write its base URL as address, without /graph or /api"
                .to_owned()
        }
        (status, body) => {
            let text = body.and_then(|b| b.error).unwrap_or_else(|| String::from_utf8_lossy(&answer.body).into_owned());
            format!("Prometheus answered {status}: {}", shorten(&text, ERROR_LENGTH))
        }
    })
}

/// The frame of every answer of the API.
#[derive(Deserialize)]
struct Body {
    data: Option<Value>,
    error: Option<String>,
}

fn measure(ask: &Ask, data: Value) -> Measurement {
    let kind = data.get("resultType").and_then(Value::as_str).unwrap_or("nothing").to_owned();
    let value = match serde_json::from_value::<PromqlResult>(data).map(PromqlResult::into_inner) {
        Ok((Data::Scalar(sample), _)) => sample.value(),
        Ok((Data::Vector(series), _)) => match series.as_slice() {
            [] => {
                return Measurement::NoData(format!(
                    "the result is empty; the first selector is {}",
                    first(&ask.query)
                ));
            }
            [one] => one.sample().value(),
            many => {
                let count = many.len();
                return Measurement::Error(format!(
                    "the query gives {count} series and a KPI is one; wrap it in sum(…)"
                ));
            }
        },
        Ok((Data::Matrix(_), _)) => {
            return Measurement::Error(
                "the query gives a range of values and a KPI is one; wrap it in avg_over_time(…), or drop […] at its end".to_owned(),
            );
        }
        Err(_) => {
            return Measurement::Error(format!(
                "the result is a {kind} that holds no number; write a query whose result is one number"
            ));
        }
    };
    if value.is_finite() {
        return Measurement::Value(value);
    }
    Measurement::NoData(format!(
        "the result is {value}, as of a division by 0 or an empty histogram; the first selector is {}",
        first(&ask.query)
    ))
}

/// A bearer token, or else user and password.
fn credentials(secret: &SecretName, data: &SecretData) -> Result<Credentials, QueryError> {
    let missing = |missing| QueryError::KeyMissing {
        secret: secret.clone(),
        missing,
        wanted: "the key token, or both username and password",
    };
    if data.contains_key("token") {
        return line(secret, data, "token").map(Credentials::Bearer);
    }
    match (data.contains_key("username"), data.contains_key("password")) {
        (true, true) => Ok(Credentials::Basic(line(secret, data, "username")?, line(secret, data, "password")?)),
        (true, false) => Err(missing("password")),
        (false, true) => Err(missing("username")),
        (false, false) => Err(missing("token and no username")),
    }
}

/// A value of the Secret without the line break that editors and `echo` leave at its end.
fn line(secret: &SecretName, data: &SecretData, key: &'static str) -> Result<String, QueryError> {
    let text =
        data.get(key).and_then(|bytes| std::str::from_utf8(bytes).ok()).map(|text| text.trim_end_matches(['\r', '\n']));
    match text {
        Some(text) if !text.is_empty() && !text.chars().any(char::is_control) => Ok(text.to_owned()),
        _ => Err(QueryError::KeyUnusable(secret.clone(), key)),
    }
}

/// The user's headers; credentials of the Secret take the place of an Authorization among them.
fn headers(ask: &Ask, credentials: &Credentials) -> Result<Vec<(String, String)>, QueryError> {
    let replaced = |name: &str| *credentials != Credentials::None && name.eq_ignore_ascii_case("authorization");
    let pairs = ask.headers.iter().flat_map(|(name, values)| values.iter().map(move |value| (name, value)));
    pairs.filter(|(name, _)| !replaced(name)).map(|(name, value)| header(name, value)).collect()
}

fn header(name: &str, value: &str) -> Result<(String, String), QueryError> {
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    let good = !name.is_empty() && name.chars().all(token) && !value.chars().any(|c| c.is_control() && c != '\t');
    if good { Ok((name.to_owned(), value.to_owned())) } else { Err(QueryError::HeaderUnusable(name.to_owned())) }
}
