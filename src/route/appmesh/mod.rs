//! AWS App Mesh, which its vendor has ended: a virtual node for each side, and for the apex a virtual service whose routes
//! share the requests. `<apex>-canary` is a service too, so that tests reach the canary alone.
//!
//! Owns the fields that it writes; what App Mesh's controller adds (`awsName`, `meshRef`) stays. The two versions of the
//! API differ in their objects, not in what these mean.

mod routes;
mod v1beta1;
mod v1beta2;

#[cfg(test)]
mod tests;

pub(super) use v1beta1::V1Beta1;
pub(super) use v1beta2::V1Beta2;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::claim::Claim;
use super::query::envoy;
use super::{BuiltinQuery, RouteError, Target};
use crate::model::{Builtin, duration};
use crate::object::{Change, Objects};

const GROUP: &str = "appmesh.k8s.aws";
/// Annotation of a Canary that asks for access logs.
const ACCESS_LOG: &str = "appmesh.flagger.app/accesslog";
/// Annotations of a virtual service that App Mesh's gateway reads.
const GATEWAY: &str = "gateway.appmesh.k8s.aws";

fn written(claims: impl IntoIterator<Item = Claim>, have: &Objects) -> Result<Vec<Change>, RouteError> {
    claims.into_iter().filter_map(|claim| claim.write(have).transpose()).collect()
}

/// What a port speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Protocol {
    Http,
    Grpc,
}

impl Protocol {
    /// By the name of the port, as App Mesh has no other sign of it.
    fn of(target: &Target<'_>) -> Self {
        let service = target.service;
        let named = service.port_name.as_ref().is_some_and(|name| name.contains("grpc"));
        let told = service.app_protocol.as_ref().is_some_and(|protocol| protocol.eq_ignore_ascii_case("grpc"));
        if named || told { Self::Grpc } else { Self::Http }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Grpc => "grpc",
        }
    }
}

/// Where the sidecar writes a line for each request; `null` unless the Canary asks for it.
fn logging(target: &Target<'_>) -> Value {
    let asked = target.annotations.get(ACCESS_LOG).is_some_and(|value| value == "enabled");
    if asked { json!({"accessLog": {"file": {"path": "/dev/stdout"}}}) } else { Value::Null }
}

/// What App Mesh's gateway reads from the apex's virtual service; nothing for a service without hosts.
fn gateway(target: &Target<'_>) -> BTreeMap<String, Option<String>> {
    let service = target.service;
    let hosts: String = service.hosts.iter().flatten().map(|host| format!("{host},")).collect();
    if hosts.is_empty() {
        return BTreeMap::new();
    }
    let attempts = service.retries.as_ref().and_then(|retries| retries.attempts).filter(|attempts| *attempts > 0);
    let fields = [
        ("expose", Some("true".to_owned())),
        ("domain", Some(hosts)),
        ("timeout", service.timeout.clone().filter(|timeout| !timeout.is_empty())),
        ("retries", attempts.map(|attempts| attempts.to_string())),
    ];
    fields.into_iter().filter(|(_, v)| v.is_some()).map(|(name, v)| (format!("{GATEWAY}/{name}"), v)).collect()
}

/// How failed requests are tried again, in the words of both versions: how often, how long each try may take, and why.
struct Retries {
    attempts: i32,
    /// Milliseconds.
    timeout: u64,
    events: Vec<String>,
}

impl Retries {
    /// App Mesh has no defaults of its own: one try more, of 250 ms, when a gateway fails.
    fn of(target: &Target<'_>) -> Option<Self> {
        let retries = target.service.retries.as_ref()?;
        let events = retries.retry_on.as_deref().filter(|events| !events.is_empty()).unwrap_or("gateway-error");
        Some(Self {
            attempts: retries.attempts.filter(|attempts| *attempts > 0).unwrap_or(1),
            timeout: retries.per_try_timeout.as_deref().and_then(millis).unwrap_or(250),
            events: events.split(',').map(|event| event.trim().to_owned()).collect(),
        })
    }
}

/// Milliseconds of a duration such as `15s`; `None` where it cannot be read.
fn millis(text: &str) -> Option<u64> {
    duration::parse(text).and_then(|duration| u64::try_from(duration.as_millis()).ok())
}

/// Pods of the target have one or two more parts in their names, of letters and digits that no word is made of: those of the
/// primary have a word there.
fn query(builtin: Builtin) -> BuiltinQuery {
    envoy!(
        builtin,
        r#"kubernetes_namespace="{{ namespace }}",kubernetes_pod_name=~"{{ target }}(-[bcdfghjklmnpqrstvwxz2456789]+)?-[bcdfghjklmnpqrstvwxz2456789]{5}""#
    )
}
