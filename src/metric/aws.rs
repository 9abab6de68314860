//! Requests that Amazon takes: who signs them, and the signature of version 4.

use ring::digest::{SHA256, digest};
use ring::hmac::{HMAC_SHA256, Key, sign as hmac};
use serde_json::Value;

use super::answer;
use super::url::escape;
use super::{Ask, Credentials, Grant, HttpRequest, HttpResponse, Login, Means, QueryError, Session, Trust};
use crate::model::Time;

/// A session ends so long before its keys, so that no request is under way then.
const EARLY_MILLIS: i64 = 60_000;

/// Keys that are there without a login: the user's in the Secret, or else the operator's in its environment.
pub(super) fn keys_at_hand(ask: &Ask, means: &Means<'_>) -> Result<Option<Grant>, QueryError> {
    if let Some(keys) = means.keys(ask) {
        let (key, secret) = (keys.needed("aws_access_key_id")?, keys.needed("aws_secret_access_key")?);
        return Ok(Some(Grant::Aws { key, secret, token: keys.optional("aws_session_token")? }));
    }
    let value = |name| means.identity.value(name).map(str::to_owned);
    Ok(match (value("AWS_ACCESS_KEY_ID"), value("AWS_SECRET_ACCESS_KEY")) {
        (Some(key), Some(secret)) => Some(Grant::Aws { key, secret, token: value("AWS_SESSION_TOKEN") }),
        _ => None,
    })
}

/// A login as the role of the operator's ServiceAccount: by its web identity, or by the agent of EKS Pod Identity.
pub(super) fn login(means: &Means<'_>, region: &str) -> Result<Login, QueryError> {
    let value = |name| means.identity.value(name);
    if let (Some(role), Some(token)) = (value("AWS_ROLE_ARN"), value("AWS_WEB_IDENTITY_TOKEN_FILE")) {
        let body = format!(
            "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleSessionName=serin&RoleArn={}&WebIdentityToken={}",
            escape(role),
            escape(token)
        );
        let url = format!("https://{}/", host("sts", region));
        let kind = "application/x-www-form-urlencoded";
        let request = HttpRequest::post(url, kind, body, Credentials::None, Trust::System);
        return Ok(Login { request, read: assumed });
    }
    let agent = value("AWS_CONTAINER_CREDENTIALS_FULL_URI").zip(value("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"));
    let Some((url, token)) = agent else {
        return Err(QueryError::NoIdentity(
            "write a Secret with aws_access_key_id and aws_secret_access_key, or give the operator's ServiceAccount a role",
        ));
    };
    let credentials = Credentials::Headers(vec![("Authorization", token.to_owned())]);
    Ok(Login { request: HttpRequest::get(url.to_owned(), credentials, Trust::System), read: given })
}

/// Host of a service in a region.
pub(super) fn host(service: &str, region: &str) -> String {
    let country = if region.starts_with("cn-") { ".cn" } else { "" };
    format!("{service}.{region}.amazonaws.com{country}")
}

/// The answer of STS, in XML.
fn assumed(answer: &HttpResponse, _now: Time) -> Result<Session, String> {
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    let tag = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        rest.split_once("</").map(|(value, _)| value.to_owned())
    };
    if answer.status != 200 {
        let why = tag("Message").unwrap_or_else(|| "no text".to_owned());
        return Err(format!("AWS STS answered {}: {}", answer.status, super::shorten(&why, 300)));
    }
    session([tag("AccessKeyId"), tag("SecretAccessKey"), tag("SessionToken"), tag("Expiration")])
}

/// The answer of the agent, in JSON.
fn given(answer: &HttpResponse, _now: Time) -> Result<Session, String> {
    let body = answer::json("the EKS Pod Identity agent", answer)?;
    let field = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    session([field("AccessKeyId"), field("SecretAccessKey"), field("Token"), field("Expiration")])
}

fn session(fields: [Option<String>; 4]) -> Result<Session, String> {
    let [Some(key), Some(secret), token, Some(end)] = fields else {
        return Err("the answer of the login has no keys".to_owned());
    };
    let end = Time::parse(&end).ok_or_else(|| "the answer of the login has no end".to_owned())?;
    let until = Time::from_millis(end.as_millis().saturating_sub(EARLY_MILLIS));
    Ok(Session { grant: Grant::Aws { key, secret, token }, until })
}

/// What is signed.
pub(super) struct Call<'a> {
    pub(super) method: &'static str,
    pub(super) host: &'a str,
    /// Sorted and encoded; empty where there is none.
    pub(super) query: &'a str,
    /// Further headers, in small letters.
    pub(super) headers: &'a [(&'a str, &'a str)],
    pub(super) body: &'a [u8],
    pub(super) region: &'a str,
    pub(super) service: &'a str,
}

/// The headers that prove who sends the call. Nothing where the grant is no key.
pub(super) fn sign(call: &Call<'_>, grant: &Grant, now: Time) -> Vec<(&'static str, String)> {
    let Grant::Aws { key, secret, token } = grant else { return Vec::new() };
    let moment = Time::from_millis(now.as_millis().div_euclid(1000) * 1000).to_string().replace(['-', ':'], "");
    let day = moment.get(..8).unwrap_or_default();
    let mut headers: Vec<(&str, &str)> = call.headers.to_vec();
    headers.extend([("host", call.host), ("x-amz-date", &moment)]);
    headers.extend(token.iter().map(|token| ("x-amz-security-token", token.as_str())));
    headers.sort_unstable();
    let names = headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
    let lines: String = headers.iter().map(|(name, value)| format!("{name}:{}\n", value.trim())).collect();
    let Call { method, query, body, region, service, .. } = call;
    let canonical = format!("{method}\n/\n{query}\n{lines}\n{names}\n{}", hex(digest(&SHA256, body).as_ref()));
    let scope = format!("{day}/{region}/{service}/aws4_request");
    let text = format!("AWS4-HMAC-SHA256\n{moment}\n{scope}\n{}", hex(digest(&SHA256, canonical.as_bytes()).as_ref()));
    let seed = format!("AWS4{secret}").into_bytes();
    let chain = [day, *region, *service, "aws4_request", text.as_str()];
    let signature =
        chain.iter().fold(seed, |key, part| hmac(&Key::new(HMAC_SHA256, &key), part.as_bytes()).as_ref().to_vec());
    let proof =
        format!("AWS4-HMAC-SHA256 Credential={key}/{scope}, SignedHeaders={names}, Signature={}", hex(&signature));
    let mut sent = vec![("Authorization", proof), ("X-Amz-Date", moment.clone())];
    sent.extend(token.iter().map(|token| ("X-Amz-Security-Token", token.clone())));
    sent
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant() -> Grant {
        let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned();
        Grant::Aws { key: "AKIDEXAMPLE".to_owned(), secret, token: None }
    }

    fn signature(call: &Call<'_>) -> String {
        let signed = sign(call, &grant(), Time::parse("2015-08-30T12:36:00.400Z").unwrap());
        signed[0].1.rsplit_once("Signature=").unwrap().1.to_owned()
    }

    #[test]
    fn signatures_are_those_of_amazons_published_examples() {
        let call = Call {
            method: "POST",
            host: "example.amazonaws.com",
            query: "",
            headers: &[],
            body: b"",
            region: "us-east-1",
            service: "service",
        };
        assert_eq!(signature(&call), "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b");
        let call = Call {
            method: "GET",
            host: "iam.amazonaws.com",
            query: "Action=ListUsers&Version=2010-05-08",
            headers: &[("content-type", "application/x-www-form-urlencoded; charset=utf-8")],
            service: "iam",
            ..call
        };
        assert_eq!(signature(&call), "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7");
    }

    #[test]
    fn a_session_token_is_signed_and_sent() {
        let Grant::Aws { key, secret, .. } = grant() else { panic!("no keys") };
        let grant = Grant::Aws { key, secret, token: Some("t0ken".to_owned()) };
        let call = Call { method: "POST", host: "h", query: "", headers: &[], body: b"", region: "r", service: "s" };
        let signed = sign(&call, &grant, Time::from_millis(0));
        assert!(signed[0].1.contains("SignedHeaders=host;x-amz-date;x-amz-security-token"), "{signed:?}");
        assert_eq!(signed[2], ("X-Amz-Security-Token", "t0ken".to_owned()));
    }

    #[test]
    fn the_answers_of_both_logins_are_read() {
        let keys = "<AccessKeyId>A</AccessKeyId><SecretAccessKey>S</SecretAccessKey><SessionToken>T</SessionToken>";
        let body = format!("<r>{keys}<Expiration>2026-11-20T10:00:00Z</Expiration></r>").into_bytes();
        let read = assumed(&HttpResponse::new(200, body), Time::from_millis(0)).unwrap();
        assert_eq!(read.until, Time::parse("2026-11-20T09:59:00Z").unwrap());
        let body = br#"{"AccessKeyId":"A","SecretAccessKey":"S","Token":"T","Expiration":"2026-11-20T10:00:00Z"}"#;
        let same = given(&HttpResponse::new(200, body.to_vec()), Time::from_millis(0)).unwrap();
        assert!(read == same);
        let refused = b"<ErrorResponse><Error><Message>Not authorized</Message></Error></ErrorResponse>".to_vec();
        let why = assumed(&HttpResponse::new(403, refused), Time::from_millis(0)).unwrap_err();
        assert_eq!(why, "AWS STS answered 403: Not authorized");
    }
}
