//! Builtin queries of many canaries as one query: a label tells whose series is whose.
//!
//! Never a change of meaning: each part gets the answer that it would have got alone, or none at all, and is then asked alone.

use serde_json::{Value, json};

use super::url::{Base, escape};
use super::{Ask, HttpRequest, HttpResponse, Means, Origin, Request, Trust};

/// The label. It is taken off before anybody reads the answer.
const PART: &str = "serin_part";

/// So long Prometheus may work on all of them: less than the asker waits, so that one slow query is found out by asking each alone,
/// and does not become the failure of all.
const TIMEOUT: &str = "3s";

/// Whom a builtin question is asked together with: those of the same address and the same credentials. `None` for any other.
pub fn of(ask: &Ask) -> Option<String> {
    let plain = ask.headers.is_empty() && ask.trust == Trust::System;
    (plain && matches!(ask.origin, Origin::Builtin { .. })).then(|| format!("{:?}", (&ask.address, &ask.secret)))
}

/// The request that asks them all, with the credentials of the first; `None` where that cannot be asked.
pub fn together(asks: &[Ask], means: &Means<'_>) -> Option<HttpRequest> {
    let first = asks.first()?;
    let base = Base::read(&first.address).ok()?;
    let Ok(Request::Http(HttpRequest { credentials, .. })) = first.request(means) else { return None };
    let part =
        |(index, ask): (usize, &Ask)| format!("label_replace(({}), \"{PART}\", \"{index}\", \"\", \"\")", ask.query);
    let query = asks.iter().enumerate().map(part).collect::<Vec<_>>().join(" or ");
    let body = format!("query={}&timeout={TIMEOUT}", escape(&query));
    let kind = "application/x-www-form-urlencoded";
    Some(HttpRequest::post(base.below("/api/v1/query", &[]), kind, body, credentials, Trust::System))
}

/// The answer of each of `count` parts; `None` where the whole does not tell.
pub fn apart(count: usize, answer: &HttpResponse) -> Option<Vec<HttpResponse>> {
    let body: Value = serde_json::from_slice(&answer.body).ok().filter(|_| answer.status == 200)?;
    let data = body.get("data").filter(|data| data.get("resultType").and_then(Value::as_str) == Some("vector"))?;
    let mut parts: Vec<Vec<Value>> = vec![Vec::new(); count];
    for series in data.get("result")?.as_array()? {
        let mut series = series.clone();
        let labels = series.get_mut("metric")?.as_object_mut()?;
        let index: usize = labels.remove(PART)?.as_str()?.parse().ok()?;
        parts.get_mut(index)?.push(series);
    }
    let alone = |result: Vec<Value>| {
        let body = json!({"status": "success", "data": {"resultType": "vector", "result": result}});
        HttpResponse::new(200, body.to_string().into_bytes())
    };
    Some(parts.into_iter().map(alone).collect())
}
