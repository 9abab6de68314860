//! Prometheus, and whatever else has its query API.

use std::collections::BTreeMap;

use prometheus_http_query::response::{Data, PromqlResult};
use serde::Deserialize;
use serde_json::Value;

use super::selector::first;
use super::url::{Base, escape};
use super::{About, Address, Ask, HttpRequest, HttpResponse, Means, Provider, QueryError, Request, bearer, shorten};
use crate::model::{Measurement, Time};

/// How much of Prometheus' own error text is shown, in characters.
const ERROR_LENGTH: usize = 300;
/// Longer queries, in bytes, do not go into an address: a proxy may cut it.
pub(super) const LONG: usize = 1000;
pub(super) const FORM: &str = "application/x-www-form-urlencoded";

pub(super) struct Prometheus;

impl Provider for Prometheus {
    fn name(&self) -> &'static str {
        "prometheus"
    }

    fn about(&self) -> About {
        About {
            address: Address::Needed,
            secret: "the key token, or both username and password",
            query: "PromQL whose result is one number",
        }
    }

    fn request(&self, ask: &Ask, means: &Means<'_>) -> Result<Request, QueryError> {
        let credentials = bearer::of_the_user(ask, means)?;
        let base = Base::read(&ask.address)?;
        let headers = bearer::headers(ask, &credentials)?;
        let mut request = if ask.query.len() > LONG {
            let body = format!("query={}", escape(&ask.query));
            HttpRequest::post(base.below("/api/v1/query", &[]), FORM, body, credentials, ask.trust)
        } else {
            HttpRequest::get(base.below("/api/v1/query", &[("query", &ask.query)]), credentials, ask.trust)
        };
        request.headers.extend(headers);
        Ok(request.into())
    }

    fn parse(&self, ask: &Ask, answer: &HttpResponse) -> Measurement {
        data(answer).map_or_else(Measurement::Error, |data| measure(ask, data))
    }

    fn speaks_promql(&self) -> bool {
        true
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

/// One series of a range of time.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Line {
    /// Its labels.
    pub(super) labels: BTreeMap<String, String>,
    /// Its values, which need not be finite, by time.
    pub(super) samples: Vec<(Time, f64)>,
}

/// The series of an answer about a range of time; an error that tells why it holds none.
pub(super) fn lines(answer: &HttpResponse) -> Result<Vec<Line>, String> {
    match serde_json::from_value::<PromqlResult>(data(answer)?).map(PromqlResult::into_inner) {
        Ok((Data::Matrix(found), _)) => Ok(found
            .iter()
            .map(|one| Line {
                labels: one.metric().iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
                samples: one.samples().iter().map(|sample| (time(sample.timestamp()), sample.value())).collect(),
            })
            .collect()),
        Ok(_) => Err("Prometheus gave something else than a range of values".to_owned()),
        Err(error) => Err(format!("the values of Prometheus cannot be read: {error}")),
    }
}

/// A moment as Prometheus reads it: seconds since 1970.
pub(super) fn moment(time: Time) -> String {
    let millis = time.as_millis();
    format!("{}.{:03}", millis.div_euclid(1000), millis.rem_euclid(1000))
}

fn time(seconds: f64) -> Time {
    #[expect(clippy::cast_possible_truncation, reason = "milliseconds of our time")]
    let millis = (seconds * 1000.0).round() as i64;
    Time::from_millis(millis)
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
