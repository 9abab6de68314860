//! Google Cloud Monitoring: its query language MQL. The token comes from a service account's key, or from the machine's
//! metadata server for the workload identity of the operator.

use std::time::Duration;

use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{self, Found};
use super::secret::Keys;
use super::url::{Base, escape, segment};
use super::{
    About, Address, Ask, Credentials, HttpRequest, HttpResponse, Login, Means, Provider, QueryError, Request, Trust,
    bearer, coding,
};
use crate::model::{Measurement, Time};

const WHO: &str = "Cloud Monitoring";
const HOST: &str = "https://monitoring.googleapis.com";
const SCOPE: &str = "https://www.googleapis.com/auth/monitoring.read";
const METADATA: &str = "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token";
const KEY: &str = "serviceAccountKey";
/// How long an assertion is good: as long as Google takes one.
const GOOD: Duration = Duration::from_secs(3600);

pub(super) struct Stackdriver;

impl Provider for Stackdriver {
    fn name(&self) -> &'static str {
        "stackdriver"
    }

    fn about(&self) -> About {
        About {
            address: Address::Maker(HOST),
            secret: "the key project and, without a workload identity, serviceAccountKey",
            query: "MQL with one series",
        }
    }

    fn login(&self, ask: &Ask, means: &Means<'_>) -> Result<Option<Login>, QueryError> {
        let keys = means.needed(ask)?;
        let request = match Account::read(&keys)? {
            Some(account) => account.login(means.now).ok_or_else(|| malformed(&keys))?,
            None => {
                let flavor = ("Metadata-Flavor".to_owned(), "Google".to_owned());
                let request = HttpRequest::get(METADATA.to_owned(), Credentials::None, Trust::System);
                HttpRequest { headers: vec![flavor], ..request }
            }
        };
        Ok(Some(Login { request, read: bearer::session }))
    }

    fn request(&self, ask: &Ask, means: &Means<'_>) -> Result<Request, QueryError> {
        let keys = means.needed(ask)?;
        let named = keys.optional("project")?.or(Account::read(&keys)?.and_then(|account| account.project_id));
        let project = segment(&named.ok_or_else(|| keys.missing("project"))?);
        let url = format!("{HOST}/v3/projects/{project}/timeSeries:query");
        let credentials = means.bearer().map_or(Credentials::None, Credentials::Bearer);
        let body = json!({"query": ask.query}).to_string();
        Ok(HttpRequest::post(url, "application/json", body, credentials, Trust::System).into())
    }

    fn parse(&self, _ask: &Ask, answer: &HttpResponse) -> Measurement {
        answer::measured(WHO, answer::json(WHO, answer).and_then(|body| value(&body)))
    }
}

/// The key of a service account, as Google gives it out.
#[derive(Deserialize)]
struct Account {
    client_email: String,
    private_key: String,
    private_key_id: Option<String>,
    project_id: Option<String>,
    token_uri: String,
}

impl Account {
    /// `None` where the Secret has no such key.
    fn read(keys: &Keys<'_>) -> Result<Option<Self>, QueryError> {
        match keys.data.contains_key(KEY) {
            false => Ok(None),
            true => {
                keys.text(KEY).and_then(|text| serde_json::from_str(text).ok()).map(Some).ok_or_else(|| malformed(keys))
            }
        }
    }

    /// A token for an assertion that the account's key signs; `None` where the key cannot sign.
    fn login(&self, now: Time) -> Option<HttpRequest> {
        let (issued, ends) = (now.as_millis().div_euclid(1000), now.after(GOOD).as_millis().div_euclid(1000));
        let header = json!({"alg": "RS256", "typ": "JWT", "kid": self.private_key_id});
        let claims =
            json!({"iss": self.client_email, "scope": SCOPE, "aud": self.token_uri, "iat": issued, "exp": ends});
        let part = |part: Value| coding::for_url(part.to_string().as_bytes());
        let signed = format!("{}.{}", part(header), part(claims));
        let key = RsaKeyPair::from_pkcs8(&coding::pem(&self.private_key, "PRIVATE KEY")?).ok()?;
        let mut signature = vec![0; key.public().modulus_len()];
        // The random numbers only hide the key from who measures the time: the signature is always the same.
        key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).ok()?;
        let assertion = format!("{signed}.{}", coding::for_url(&signature));
        let grant = escape("urn:ietf:params:oauth:grant-type:jwt-bearer");
        let body = format!("grant_type={grant}&assertion={assertion}");
        let kind = "application/x-www-form-urlencoded";
        Base::read(&self.token_uri).ok()?;
        Some(HttpRequest::post(self.token_uri.clone(), kind, body, Credentials::None, Trust::System))
    }
}

fn malformed(keys: &Keys<'_>) -> QueryError {
    let wanted = "the JSON of a service account's key, as Google gives it out";
    QueryError::KeyMalformed { secret: keys.name.clone(), key: KEY, wanted }
}

/// The newest point of the one series: points come newest first.
fn value(body: &Value) -> Found {
    if !body.is_object() {
        return Err(answer::strange(WHO, body));
    }
    let cure = "end it with | group_by [], mean(val()) or the like";
    let Some(series) = answer::only(body.get("timeSeriesData"), "series", cure)? else { return Ok(None) };
    let Some(point) = series.pointer("/pointData/0") else { return Ok(None) };
    let Some(value) = answer::only(point.get("values"), "values a point", "select one")? else { return Ok(None) };
    match value.get("doubleValue").or_else(|| value.get("int64Value")) {
        Some(number) => answer::optional(WHO, number),
        None => Err(answer::no_number(WHO, value)),
    }
}
