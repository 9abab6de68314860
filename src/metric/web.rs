//! Any server that answers with JSON: a path below the address, and a JSONPath to the number.

use serde_json::Value;

use super::answer::{self, Found, number};
use super::jsonpath::Path;
use super::url::Base;
use super::{About, Address, Ask, HttpRequest, HttpResponse, Means, Method, Provider, QueryError, Request, bearer};
use crate::model::Measurement;

const WHO: &str = "the server";
const FORM: &str =
    "a first line [GET|POST ]/path?name=value, a second line $.path.to.number, and the body of a POST below";

pub(super) struct Web;

impl Provider for Web {
    fn name(&self) -> &'static str {
        "web"
    }

    fn about(&self) -> About {
        About { address: Address::Needed, secret: "the key token, or both username and password", query: FORM }
    }

    fn request(&self, ask: &Ask, means: &Means<'_>) -> Result<Request, QueryError> {
        let query = Query::read(&ask.query).ok_or_else(|| QueryError::QueryUnusable(ask.query.clone(), FORM))?;
        let credentials = bearer::of_the_user(ask, means)?;
        let url = Base::read(&ask.address)?.under(query.path);
        let mut headers = bearer::headers(ask, &credentials)?;
        let request = match query.method {
            Method::Post => HttpRequest::post(url, "application/json", query.body, credentials, ask.trust),
            Method::Get | Method::Put => HttpRequest::get(url, credentials, ask.trust),
        };
        let own = |name: &str| headers.iter().any(|(given, _)| given.eq_ignore_ascii_case(name));
        let usual: Vec<_> = request.headers.iter().filter(|(name, _)| !own(name)).cloned().collect();
        headers.extend(usual);
        Ok(HttpRequest { headers, ..request }.into())
    }

    fn parse(&self, ask: &Ask, answer: &HttpResponse) -> Measurement {
        let found = match Query::read(&ask.query) {
            Some(query) => answer::json(WHO, answer).and_then(|body| value(&body, &query.result)),
            None => Err(QueryError::QueryUnusable(ask.query.clone(), FORM).to_string()),
        };
        answer::measured(WHO, found)
    }
}

struct Query<'a> {
    method: Method,
    path: &'a str,
    result: Path,
    body: String,
}

impl<'a> Query<'a> {
    fn read(query: &'a str) -> Option<Self> {
        let mut lines = query.trim().lines();
        let first = lines.next()?.trim();
        let (method, path) = match first.split_once(' ') {
            Some(("GET", path)) => (Method::Get, path.trim()),
            Some(("POST", path)) => (Method::Post, path.trim()),
            _ => (Method::Get, first),
        };
        let result = Path::parse(lines.next()?)?;
        let body = lines.collect::<Vec<_>>().join("\n");
        let clean = path.starts_with('/') && !path.contains(|c: char| c.is_whitespace() || c.is_control() || c == '#');
        clean.then_some(Self { method, path, result, body })
    }
}

/// A truth is 1 or 0.
fn value(body: &Value, path: &Path) -> Found {
    match path.find(body) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(holds)) => Ok(Some(f64::from(u8::from(*holds)))),
        Some(other) => number(other).map(Some).ok_or_else(|| answer::no_number(WHO, other)),
    }
}
