//! An Ingress of the user's and its twin `<ingress>-canary`: the same hosts and paths for the canary, beside which the
//! controller reads annotations of the twin. The user's Ingress is never written.

mod nginx;
mod skipper;

#[cfg(test)]
mod tests;

pub(super) use nginx::Nginx;
pub(super) use skipper::Skipper;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::claim::{Claim, KEEP_FLUX_AWAY, Made, release};
use super::{RouteError, Target};
use crate::object::{Change, Kind, ObjectKey, Objects, value};

const INGRESS: Kind = Kind { group: "networking.k8s.io", version: "v1", kind: "Ingress", plural: "ingresses" };
/// All that an Ingress has: the twin is a copy.
const FIELDS: &[&str] = &["defaultBackend", "ingressClassName", "rules", "tls"];
/// The older way to say which controller an Ingress is for.
const CLASS: &str = "kubernetes.io/ingress.class";
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The user's Ingress and its twin; none without `spec.ingressRef`.
fn keys(target: &Target<'_>) -> Option<[ObjectKey; 2]> {
    let name = &target.spec.ingress_ref.as_ref()?.name;
    Some([name.clone(), format!("{name}-canary")].map(|name| INGRESS.named(target.namespace, name)))
}

/// An error without `spec.ingressRef`.
fn named_keys(target: &Target<'_>) -> Result<[ObjectKey; 2], RouteError> {
    let Target { provider, apex, .. } = target;
    keys(target).ok_or_else(|| RouteError {
        reason: "NoIngress",
        sentence: format!(
            "spec.ingressRef is not set, so provider {provider} finds no Ingress to share the traffic of; \
             write the name of the one that leads to the Service {apex}"
        ),
    })
}

/// The twin as it stands.
fn found<'a>(target: &Target<'_>, have: &'a Objects) -> Option<&'a Value> {
    keys(target).and_then(|[_, twin]| have.find(&twin))
}

/// An Ingress that is copied, and what its copy is called.
struct Twin<'a> {
    source: &'a Value,
    key: ObjectKey,
}

/// Annotations that a controller reads, by the beginnings of their names.
struct Steering {
    /// All of them. Those that the user's Ingress has not got are taken from the twin.
    all: Vec<String>,
    /// Those that only a twin has: they are not copied.
    own: Vec<String>,
}

impl<'a> Twin<'a> {
    /// Of the Ingress that `spec.ingressRef` names, which must lead to the apex Service.
    fn of(target: &Target<'_>, have: &'a Objects) -> Result<Self, RouteError> {
        let [source, key] = named_keys(target)?;
        let missing = || RouteError {
            reason: "MissingIngress",
            sentence: format!(
                "{source} is not there, so the canary can get no traffic; create it, or correct spec.ingressRef.name"
            ),
        };
        let found = have.find(&source).ok_or_else(missing)?;
        if leads_to(found, target.apex) {
            return Ok(Self { source: found, key });
        }
        let apex = target.apex;
        Err(RouteError {
            reason: "NoBackend",
            sentence: format!(
                "{source} has no path to the Service {apex}, so the canary can get no traffic; \
                 add a path whose backend is {apex}, or correct spec.ingressRef.name"
            ),
        })
    }

    /// With `edit` done to the paths of each rule, and these annotations beside the copied ones.
    fn claim(
        self,
        edit: impl Fn(&[Value]) -> Vec<Value>,
        steering: &Steering,
        own: BTreeMap<String, String>,
        have: &Objects,
    ) -> Claim {
        let begins = |name: &str, with: &[String]| with.iter().any(|beginning| name.starts_with(beginning));
        let stale = have.find(&self.key).map(|twin| metadata(twin, "annotations")).unwrap_or_default().into_keys();
        let stale = stale.filter(|name| begins(name, &steering.all)).map(|name| (name, None));
        let copied = metadata(self.source, "annotations").into_iter();
        let copied = copied.filter(|(name, _)| name != LAST_APPLIED && !begins(name, &steering.own));
        let flux = KEEP_FLUX_AWAY.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let wanted = copied.chain(flux).chain(own).map(|(name, value)| (name, Some(value)));
        Claim {
            labels: metadata(self.source, "labels"),
            annotations: stale.chain(wanted).collect(),
            spec: self.spec(edit),
            beside_spec: Map::new(),
            key: self.key,
        }
    }

    fn spec(&self, edit: impl Fn(&[Value]) -> Vec<Value>) -> Map<String, Value> {
        let field = |name: &str| value::at(self.source, &["spec", name]).cloned().unwrap_or_default();
        let mut spec: Map<_, _> = FIELDS.iter().map(|name| ((*name).to_owned(), field(name))).collect();
        for rule in spec.get_mut("rules").and_then(Value::as_array_mut).into_iter().flatten() {
            let edited = edit(paths(rule));
            if let Some(paths) = rule.get_mut("http").and_then(|http| http.get_mut("paths")) {
                *paths = edited.into();
            }
        }
        spec
    }
}

/// Whether some path of an Ingress has this Service as its backend.
fn leads_to(ingress: &Value, service: &str) -> bool {
    let rules = value::at(ingress, &["spec", "rules"]).and_then(Value::as_array);
    rules.into_iter().flatten().flat_map(paths).any(|path| is_backed_by(path, service))
}

/// A rule without `http` has no paths of its own.
fn paths(rule: &Value) -> &[Value] {
    value::at(rule, &["http", "paths"]).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn is_backed_by(path: &Value, service: &str) -> bool {
    value::text(path, &["backend", "service", "name"]) == Some(service)
}

/// The same path with another Service behind it.
fn backed_by(path: &Value, service: &str) -> Value {
    let mut path = path.clone();
    value::merge(&mut path, &json!({"backend": {"service": {"name": service}}}));
    path
}

fn metadata(object: &Value, kind: &str) -> BTreeMap<String, String> {
    let map = value::at(object, &["metadata", kind]).and_then(Value::as_object);
    let text = |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_owned()));
    map.into_iter().flatten().filter_map(text).collect()
}

fn annotation<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    value::text(object, &["metadata", "annotations", name])
}

/// The twin goes: the user's Ingress leads to the apex Service on its own.
fn released(target: &Target<'_>, have: &Objects) -> Vec<Change> {
    keys(target).and_then(|[_, twin]| release(&twin, FIELDS, Made::Deleted, have)).into_iter().collect()
}

/// An Ingress to the apex, as the laws need one.
#[cfg(test)]
fn sample(target: &Target<'_>) -> Vec<(ObjectKey, Value)> {
    let backend = |name: &str| json!({"service": {"name": name, "port": {"number": 80}}});
    let path = |path: &str, name: &str| json!({"path": path, "pathType": "Prefix", "backend": backend(name)});
    let rules = json!([
        {"host": "redirect.example"},
        {"host": "shop.example", "http": {"paths": [path("/", target.apex), path("/help", "help")]}},
    ]);
    let spec = json!({"ingressClassName": "public", "defaultBackend": backend("nobody"), "rules": rules});
    let metadata = json!({"annotations": {"example.com/owner": "shop"}, "labels": {"tier": "edge"}});
    keys(target).map(|[source, _]| (source, json!({"metadata": metadata, "spec": spec}))).into_iter().collect()
}
