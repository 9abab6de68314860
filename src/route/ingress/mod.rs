//! An Ingress of the user's and its twin `<ingress>-canary`: the same hosts and paths for the canary, beside which the
//! controller reads annotations of the twin. The user's Ingress is never written.

pub(super) mod nginx;
mod skipper;

#[cfg(test)]
mod tests;

pub(super) use nginx::Nginx;
pub(super) use skipper::Skipper;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::claim::{Claim, KEEP_FLUX_AWAY, Made, is_users, release};
use super::{RouteError, Target};
use crate::object::{Change, Kind, ObjectKey, Objects, is_mark, value};

pub(super) const INGRESS: Kind =
    Kind { group: "networking.k8s.io", version: "v1", kind: "Ingress", plural: "ingresses" };
/// All that an Ingress has: the twin is a copy.
pub(super) const FIELDS: &[&str] = &["defaultBackend", "ingressClassName", "rules", "tls"];
/// The older way to say which controller an Ingress is for.
const CLASS: &str = "kubernetes.io/ingress.class";

/// An Ingress of the user's, and the field of the Canary that names it.
#[derive(Clone, Debug)]
pub(super) struct Reference<'a> {
    pub(super) name: &'a str,
    pub(super) field: String,
}

impl<'a> Reference<'a> {
    /// That of `spec.ingressRef`; none without.
    fn of(target: &Target<'a>) -> Option<Self> {
        let name = &target.spec.ingress_ref.as_ref()?.name;
        Some(Self { name, field: "spec.ingressRef".to_owned() })
    }

    /// An error without `spec.ingressRef`.
    fn named(target: &Target<'a>) -> Result<Self, RouteError> {
        let Target { provider, apex, .. } = target;
        Self::of(target).ok_or_else(|| RouteError {
            reason: "NoIngress",
            sentence: format!(
                "spec.ingressRef is not set, so provider {provider} finds no Ingress to share the traffic of; \
                 write the name of the one that leads to the Service {apex}"
            ),
        })
    }

    /// The user's Ingress and its twin.
    pub(super) fn keys(&self, target: &Target<'_>) -> [ObjectKey; 2] {
        let name = self.name;
        [name.to_owned(), format!("{name}-canary")].map(|name| INGRESS.named(target.namespace, name))
    }

    /// The twin as it stands.
    fn found<'h>(&self, target: &Target<'_>, have: &'h Objects) -> Option<&'h Value> {
        let [_, twin] = self.keys(target);
        have.find(&twin)
    }

    /// The twin goes: the user's Ingress leads to the apex Service on its own. That of another canary stays.
    pub(super) fn released(&self, target: &Target<'_>, have: &Objects) -> Option<Change> {
        let [source, twin] = self.keys(target);
        let others = have.find(&source).and_then(|source| other(target, source, &twin, have));
        if others.is_some() { None } else { release(&twin, FIELDS, Made::Deleted, have) }
    }
}

/// An error where this Ingress cannot lead to the canary.
pub(super) fn check(target: &Target<'_>, reference: &Reference<'_>, have: &Objects) -> Result<(), RouteError> {
    Twin::of(target, reference, have).map(|_| ())
}

/// The apex of another canary, for which the twin of this Ingress was made; it can lead to one canary only.
fn other(target: &Target<'_>, source: &Value, twin: &ObjectKey, have: &Objects) -> Option<String> {
    let [_, canary] = target.sides();
    let made = have.find(twin).filter(|found| !is_users(twin, have) && !leads_to(found, &canary))?;
    let services = services(made).filter_map(|service| service.strip_suffix("-canary"));
    services.filter(|apex| leads_to(source, apex)).map(str::to_owned).next()
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
    /// Of the Ingress that the Canary names, which must lead to the apex Service, and have no twin of another canary's.
    pub(super) fn of(target: &Target<'_>, reference: &Reference<'_>, have: &'a Objects) -> Result<Self, RouteError> {
        let [source, key] = reference.keys(target);
        let (apex, field) = (target.apex, &reference.field);
        let refusal = |reason, sentence| Err(RouteError { reason, sentence });
        let Some(found) = have.find(&source) else {
            let sentence =
                format!("{source} is not there, so the canary can get no traffic; create it, or correct {field}.name");
            return refusal("MissingIngress", sentence);
        };
        if !leads_to(found, apex) {
            let sentence = format!(
                "{source} has no path to the Service {apex}, so the canary can get no traffic; \
                 add a path whose backend is {apex}, or correct {field}.name"
            );
            return refusal("NoBackend", sentence);
        }
        if let Some(other) = other(target, found, &key, have) {
            let sentence = format!(
                "{source}: another Canary shares the traffic of {other} by {key}, and an Ingress has one twin, so the canary of {apex} \
                 can get no traffic; move the paths to {apex} into an Ingress of their own, and name that in {field}.name"
            );
            return refusal("IngressIsShared", sentence);
        }
        Ok(Self { source: found, key })
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
        let copied = copied.filter(|(name, _)| !is_mark(name) && !begins(name, &steering.own));
        let flux = KEEP_FLUX_AWAY.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let wanted = copied.chain(flux).chain(own).map(|(name, value)| (name, Some(value)));
        Claim {
            labels: metadata(self.source, "labels").into_iter().filter(|(name, _)| !is_mark(name)).collect(),
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
    services(ingress).any(|backend| backend == service)
}

/// The backends of all paths of an Ingress.
fn services(ingress: &Value) -> impl Iterator<Item = &str> {
    let rules = value::at(ingress, &["spec", "rules"]).and_then(Value::as_array);
    rules.into_iter().flatten().flat_map(paths).filter_map(backend)
}

/// A rule without `http` has no paths of its own.
fn paths(rule: &Value) -> &[Value] {
    value::at(rule, &["http", "paths"]).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn backend(path: &Value) -> Option<&str> {
    value::text(path, &["backend", "service", "name"])
}

fn is_backed_by(path: &Value, service: &str) -> bool {
    backend(path) == Some(service)
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

/// An Ingress to the apex, as the laws need one.
fn sample(target: &Target<'_>) -> Vec<(ObjectKey, Value)> {
    let backend = |name: &str| json!({"service": {"name": name, "port": {"number": 80}}});
    let path = |path: &str, name: &str| json!({"path": path, "pathType": "Prefix", "backend": backend(name)});
    let rules = json!([
        {"host": "redirect.example"},
        {"host": "shop.example", "http": {"paths": [path("/", target.apex), path("/help", "help")]}},
    ]);
    let spec = json!({"ingressClassName": "public", "defaultBackend": backend("nobody"), "rules": rules});
    let metadata = json!({"annotations": {"example.com/owner": "shop"}, "labels": {"tier": "edge"}});
    let source = Reference::of(target).map(|reference| reference.keys(target)).map(|[source, _]| source);
    source.map(|source| (source, json!({"metadata": metadata, "spec": spec}))).into_iter().collect()
}
