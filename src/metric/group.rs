//! Builtin queries of many canaries as one query: a label tells whose series is whose.
//!
//! Never a change of meaning: each part gets the answer that it would have got alone, or none at all, and is then asked alone.

use serde_json::{Value, json};

use super::url::{Base, escape};
use super::{Ask, Credentials, HttpRequest, HttpResponse, Origin, Trust};

/// The label. It is taken off before anybody reads the answer.
const PART: &str = "serin_part";

/// Whether the question may be asked together with others of its address: nobody's credentials or headers go with it.
pub fn is_groupable(ask: &Ask) -> bool {
    let alone = ask.secret.is_some() || !ask.headers.is_empty() || ask.trust != Trust::System;
    matches!(ask.origin, Origin::Builtin { .. }) && !alone
}

/// The request that asks them all; `None` where their address is no URL.
pub fn together(asks: &[Ask]) -> Option<HttpRequest> {
    let base = Base::read(&asks.first()?.address).ok()?;
    let part =
        |(index, ask): (usize, &Ask)| format!("label_replace(({}), \"{PART}\", \"{index}\", \"\", \"\")", ask.query);
    let query = asks.iter().enumerate().map(part).collect::<Vec<_>>().join(" or ");
    let body = format!("query={}", escape(&query));
    let kind = "application/x-www-form-urlencoded";
    Some(HttpRequest::post(base.below("/api/v1/query", &[]), kind, body, Credentials::None, Trust::System))
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
