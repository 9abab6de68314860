//! Azure Monitor: its metrics API. The token comes from a client secret, or from the workload identity of the operator.

use std::time::Duration;

use serde_json::Value;

use super::answer::{self, Found};
use super::url::{escape, segment, unescape};
use super::{
    About, Address, Ask, Credentials, HttpRequest, HttpResponse, Login, Means, Provider, QueryError, Request, Trust,
    bearer, window,
};
use crate::model::{Measurement, Time};

const WHO: &str = "Azure Monitor";
const HOST: &str = "https://management.azure.com";
const SECRET: &str = "the keys azure_tenant_id, azure_client_id and azure_client_secret; without a Secret the operator's workload identity asks";
const FORM: &str = "/subscriptions/…/NAME?metricnames=METRIC&aggregation=Average";
/// Buckets of a query that names no interval.
const BUCKET: Duration = Duration::from_secs(60);

pub(super) struct AzureMonitor;

impl Provider for AzureMonitor {
    fn name(&self) -> &'static str {
        "azuremonitor"
    }

    fn about(&self) -> About {
        About { address: Address::Maker(HOST), secret: SECRET, query: FORM }
    }

    fn login(&self, ask: &Ask, means: &Means<'_>) -> Result<Option<Login>, QueryError> {
        let (tenant, client, proof) = match means.keys(ask) {
            Some(keys) => {
                let proof = format!("client_secret={}", escape(&keys.needed("azure_client_secret")?));
                (keys.needed("azure_tenant_id")?, keys.needed("azure_client_id")?, proof)
            }
            None => of_the_pod(means).ok_or(QueryError::NoIdentity(
                "write a Secret with azure_tenant_id, azure_client_id and azure_client_secret, or give the operator a workload identity",
            ))?,
        };
        let url = format!("https://login.microsoftonline.com/{}/oauth2/v2.0/token", segment(&tenant));
        let body = format!(
            "grant_type=client_credentials&client_id={}&scope={}&{proof}",
            escape(&client),
            escape(&format!("{HOST}/.default"))
        );
        let kind = "application/x-www-form-urlencoded";
        let request = HttpRequest::post(url, kind, body, Credentials::None, Trust::System);
        Ok(Some(Login { request, read: bearer::session }))
    }

    fn request(&self, ask: &Ask, means: &Means<'_>) -> Result<Request, QueryError> {
        let unusable = || QueryError::QueryUnusable(ask.query.clone(), FORM);
        let (resource, query) = ask.query.trim().split_once('?').ok_or_else(unusable)?;
        let plain = |c: char| c.is_ascii_alphanumeric() || "/-_.()".contains(c);
        if !resource.starts_with("/subscriptions/") || !resource.chars().all(plain) || resource.contains("..") {
            return Err(unusable());
        }
        let pairs: Option<Vec<(&str, &str)>> = query.split('&').map(|pair| pair.split_once('=')).collect();
        let pairs = pairs.ok_or_else(unusable)?;
        let end = window::whole(means.now, bucket(&pairs));
        let (start, end) = window::millis(ask, end);
        let span = format!("{}/{}", Time::from_millis(start), Time::from_millis(end));
        let mut url = format!("{HOST}{resource}/providers/Microsoft.Insights/metrics?api-version=2018-01-01");
        url += &format!("&timespan={}", escape(&span));
        for (name, value) in pairs.iter().filter(|(name, _)| !["api-version", "timespan"].contains(name)) {
            url += &format!("&{}={}", escape(name), escape(&unescape(value)));
        }
        let credentials = means.bearer().map_or(Credentials::None, Credentials::Bearer);
        Ok(HttpRequest::get(url, credentials, Trust::System).into())
    }

    fn parse(&self, _ask: &Ask, answer: &HttpResponse) -> Measurement {
        answer::measured(WHO, answer::json(WHO, answer).and_then(|body| value(&body)))
    }
}

/// Tenant, client and proof of the operator's workload identity.
fn of_the_pod(means: &Means<'_>) -> Option<(String, String, String)> {
    let value = |name| means.identity.value(name).map(str::to_owned);
    let token = value("AZURE_FEDERATED_TOKEN_FILE")?;
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    let proof = format!("client_assertion_type={}&client_assertion={}", escape(kind), escape(&token));
    Some((value("AZURE_TENANT_ID")?, value("AZURE_CLIENT_ID")?, proof))
}

/// The length of the buckets that a query asks for, `PT1M` and the like: the span ends with a whole one.
fn bucket(pairs: &[(&str, &str)]) -> Duration {
    let asked = pairs.iter().find(|(name, _)| *name == "interval").and_then(|(_, value)| value.strip_prefix("PT"));
    let seconds = asked.and_then(|asked| match (asked.strip_suffix('M'), asked.strip_suffix('H')) {
        (Some(minutes), _) => minutes.parse::<u64>().ok()?.checked_mul(60),
        (_, Some(hours)) => hours.parse::<u64>().ok()?.checked_mul(3600),
        _ => None,
    });
    seconds.map_or(BUCKET, Duration::from_secs)
}

/// The newest bucket of the one series that has a value; its name is that of the aggregation.
fn value(body: &Value) -> Found {
    if body.get("value").is_none() {
        return Err(answer::strange(WHO, body));
    }
    let Some(metric) = answer::only(body.get("value"), "metrics", "write one in metricnames")? else { return Ok(None) };
    let cure = "leave $filter out or narrow it";
    let Some(series) = answer::only(metric.get("timeseries"), "series", cure)? else { return Ok(None) };
    let buckets = series.get("data").and_then(Value::as_array);
    for bucket in buckets.into_iter().flatten().rev() {
        let fields = bucket.as_object().into_iter().flatten();
        let values: Vec<&Value> = fields.filter(|(name, _)| *name != "timeStamp").map(|(_, value)| value).collect();
        match values.as_slice() {
            [] | [Value::Null] => {}
            [one] => return answer::optional(WHO, one),
            _ => {
                return Err(format!("{WHO} gives several values a bucket; write one aggregation, for example Average"));
            }
        }
    }
    Ok(None)
}
