//! Credentials that a user wrote for a server of their own: a token, or user and password, and headers. And tokens that a
//! login gives.

use std::time::Duration;

use serde_json::Value;

use super::answer;
use super::{Ask, Credentials, Grant, HttpResponse, Means, QueryError, Session};
use crate::model::Time;

/// A session ends so long before its token, so that no request is under way then.
const EARLY: Duration = Duration::from_secs(60);
/// How long a token is good that does not say it.
const USUAL: Duration = Duration::from_secs(600);

/// A bearer token, or else user and password, or nobody.
pub(super) fn of_the_user(ask: &Ask, means: &Means<'_>) -> Result<Credentials, QueryError> {
    let Some(keys) = means.keys(ask) else { return Ok(Credentials::None) };
    if let Some(token) = keys.optional("token")? {
        return Ok(Credentials::Bearer(token));
    }
    match keys.user()? {
        Some((user, password)) => Ok(Credentials::Basic(user, password)),
        None => Err(keys.missing("token and no username")),
    }
}

/// The user's headers; credentials of the Secret take the place of an Authorization among them.
pub(super) fn headers(ask: &Ask, credentials: &Credentials) -> Result<Vec<(String, String)>, QueryError> {
    let replaced = |name: &str| *credentials != Credentials::None && name.eq_ignore_ascii_case("authorization");
    let pairs = ask.headers.iter().flat_map(|(name, values)| values.iter().map(move |value| (name, value)));
    pairs.filter(|(name, _)| !replaced(name)).map(|(name, value)| header(name, value)).collect()
}

fn header(name: &str, value: &str) -> Result<(String, String), QueryError> {
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    let good = !name.is_empty() && name.chars().all(token) && !value.chars().any(|c| c.is_control() && c != '\t');
    if good { Ok((name.to_owned(), value.to_owned())) } else { Err(QueryError::HeaderUnusable(name.to_owned())) }
}

/// The token of an OAuth login.
pub(super) fn session(answer: &HttpResponse, now: Time) -> Result<Session, String> {
    let body = answer::json("the login", answer)?;
    let token = body.get("access_token").and_then(Value::as_str);
    let token = token.ok_or_else(|| "the answer of the login has no access_token".to_owned())?;
    let seconds = body.get("expires_in").and_then(answer::number);
    let good = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()).unwrap_or(USUAL);
    Ok(Session { grant: Grant::Bearer(token.to_owned()), until: now.after(good.saturating_sub(EARLY)) })
}
