//! The Upstreams of the two sides: the Service that each leads to, and the settings that are copied from the user's.

use serde_json::{Map, Value, json};

use super::UPSTREAM;
use crate::object::{ObjectKey, Objects, value};
use crate::route::claim::Claim;
use crate::route::{RouteError, Target};

/// What is written; all but the first is copied.
pub(super) const FIELDS: &[&str] = &[
    "kube",
    "sslConfig",
    "circuitBreakers",
    "connectionConfig",
    "loadBalancerConfig",
    "useHttp2",
    "initialStreamWindowSize",
    "initialConnectionWindowSize",
    "httpProxyHostname",
];

/// Primary and canary.
pub(super) fn keys(target: &Target<'_>) -> [ObjectKey; 2] {
    names(target).map(|name| UPSTREAM.named(target.namespace, name))
}

/// The names by which the routes know them.
pub(super) fn names(target: &Target<'_>) -> [String; 2] {
    let Target { namespace, apex, service, .. } = target;
    ["primary", "canary"].map(|side| format!("{namespace}-{apex}-{side}upstream-{}", service.port))
}

/// The Upstream whose settings are copied, where the user named one.
pub(super) fn template_key(target: &Target<'_>) -> Option<ObjectKey> {
    let named = target.spec.upstream_ref.as_ref()?;
    let namespace = named.namespace.as_deref().filter(|namespace| !namespace.is_empty());
    Some(UPSTREAM.named(namespace.unwrap_or(target.namespace), &named.name))
}

/// An error where the user named an Upstream that is not there.
pub(super) fn claims(target: &Target<'_>, have: &Objects) -> Result<Vec<Claim>, RouteError> {
    let template = template_key(target).map(|key| have.find(&key).ok_or_else(|| missing(&key))).transpose()?;
    let pods = target.pods.map(|(label, value)| [format!("{value}-primary"), value.to_owned()].map(|v| (label, v)));
    let pods = pods.map(|sides| sides.map(|(label, value)| json!({label: value})));
    let selectors = pods.map_or([None, None], |sides| sides.map(Some));
    let sides = keys(target).into_iter().zip(target.sides()).zip(selectors);
    let claim = |((key, service), selector): ((ObjectKey, String), Option<Value>)| {
        let kube = kube(target, &service, selector, have.find(&key));
        let mut spec = Map::from_iter([("kube".to_owned(), kube)]);
        spec.extend(template.into_iter().flat_map(copied));
        Claim::plain(key, spec)
    };
    Ok(sides.map(claim).collect())
}

/// Gloo's discovery writes what it finds out about a Service into the same field.
fn kube(target: &Target<'_>, service: &str, selector: Option<Value>, have: Option<&Value>) -> Value {
    let mut kube = have.and_then(|have| value::at(have, &["spec", "kube"])).cloned().unwrap_or_default();
    value::merge(
        &mut kube,
        &json!({"serviceName": service, "serviceNamespace": target.namespace, "servicePort": target.service.port}),
    );
    if let (Some(kube), Some(selector)) = (kube.as_object_mut(), selector) {
        kube.insert("selector".to_owned(), selector);
    }
    kube
}

/// What the user's Upstream does not have, ours shall not have either.
fn copied(template: &Value) -> impl Iterator<Item = (String, Value)> {
    let setting = |field: &&str| {
        let setting = value::at(template, &["spec", field]).cloned().unwrap_or_default();
        ((*field).to_owned(), setting)
    };
    FIELDS.iter().skip(1).map(setting)
}

fn missing(key: &ObjectKey) -> RouteError {
    RouteError {
        reason: "MissingUpstream",
        sentence: format!(
            "{key}, which spec.upstreamRef names, is not there, so there are no settings to copy and the route stays as it is; \
             create it, correct the reference, or remove it"
        ),
    }
}
