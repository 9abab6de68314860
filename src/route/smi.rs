//! SMI: a TrafficSplit `<apex>` in one of its versions, which differ in how they write a weight.
//!
//! Owns `service` and `backends`, and for Istio's adapter (`smi:v1alpha2:istio`) the note about gateways; `matches` is the user's. Shares all requests or none: conditions would need an
//! HTTPRouteGroup, which no mesh that still lives reads together with a split.

#[cfg(test)]
mod tests;

use serde_json::{Map, Value, json};

use super::claim::{Claim, Made, release};
use super::refusal::refuse_what_it_cannot;
use super::{BuiltinQuery, Capabilities, RouteError, Router, Target, backends};
use crate::api;
use crate::model::{Builtin, Percent, Routing};
use crate::object::{Change, Kind, ObjectKey, Objects, value};

/// A version of SMI, under the names of the meshes that read it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Smi {
    providers: &'static [&'static str],
    kinds: &'static [Kind],
    weight: Weight,
    queries: [&'static str; 2],
}

/// How a version writes a weight.
#[derive(Clone, Copy, Debug)]
enum Weight {
    /// As a Kubernetes quantity, which is a text.
    Quantity,
    /// As a number.
    Number,
}

/// Linkerd up to 2.11, and its SMI extension.
pub(super) const V1ALPHA1: Smi = Smi {
    providers: &["smi:v1alpha1", "linkerd"],
    kinds: &[split("v1alpha1")],
    weight: Weight::Quantity,
    queries: LINKERD,
};

/// The version that most installations have.
pub(super) const V1ALPHA2: Smi =
    Smi { providers: &["smi:v1alpha2"], kinds: &[split("v1alpha2")], weight: Weight::Number, queries: LINKERD };

/// Open Service Mesh, which has metrics of its own.
pub(super) const OSM: Smi =
    Smi { providers: &["osm"], kinds: &[split("v1alpha2")], weight: Weight::Number, queries: OPEN_SERVICE_MESH };

/// The version that added conditions.
pub(super) const V1ALPHA3: Smi =
    Smi { providers: &["smi:v1alpha3"], kinds: &[split("v1alpha3")], weight: Weight::Number, queries: LINKERD };

/// The Gateways that Istio's adapter puts the split behind, as a JSON list.
const GATEWAYS: &str = "VirtualService.v1alpha3.networking.istio.io/spec.gateways";

const fn split(version: &'static str) -> Kind {
    Kind { group: "split.smi-spec.io", version, kind: "TrafficSplit", plural: "trafficsplits" }
}

impl Smi {
    fn key(&self, target: &Target<'_>) -> Option<ObjectKey> {
        self.kinds.first().map(|kind| kind.named(target.namespace, target.apex))
    }

    fn spec(&self, target: &Target<'_>, canary: Percent) -> Map<String, Value> {
        let root = target.service.hosts.iter().flatten().next().map_or(target.apex, String::as_str);
        let [primary, side] = target.sides();
        let weight = |weight: Percent| match self.weight {
            Weight::Quantity => json!(weight.proportion().to_string()),
            Weight::Number => json!(weight.proportion()),
        };
        let backends = [(side, canary), (primary, canary.rest())]
            .map(|(service, share)| json!({"service": service, "weight": weight(share)}));
        Map::from_iter([("service".to_owned(), json!(root)), ("backends".to_owned(), json!(backends))])
    }
}

impl Router for Smi {
    fn providers(&self) -> &'static [&'static str] {
        self.providers
    }

    fn capabilities(&self, _: &api::CanaryService) -> Capabilities {
        Capabilities { weights: true, fine: true, ports: true, ..Capabilities::default() }
    }

    fn kinds(&self) -> &'static [Kind] {
        self.kinds
    }

    fn fields(&self, _: Kind) -> &'static [&'static str] {
        &["service", "backends"]
    }

    fn annotations(&self) -> &'static [&'static str] {
        &[GATEWAYS]
    }

    fn objects(&self, target: &Target<'_>) -> Vec<ObjectKey> {
        self.key(target).into_iter().collect()
    }

    fn render(&self, target: &Target<'_>, want: &Routing, have: &Objects) -> Result<Vec<Change>, RouteError> {
        refuse_what_it_cannot(self, target, want)?;
        let claims = self.key(target).map(|key| Claim {
            annotations: gateways(target).map(|list| (GATEWAYS.to_owned(), Some(list))).into_iter().collect(),
            ..Claim::plain(key, self.spec(target, want.canary))
        });
        claims.into_iter().filter_map(|claim| claim.write(have).transpose()).collect()
    }

    fn read(&self, target: &Target<'_>, have: &Objects) -> Result<Option<Routing>, RouteError> {
        let found = self.key(target).and_then(|key| have.find(&key));
        let backends = found.and_then(|split| value::at(split, &["spec", "backends"])).and_then(Value::as_array);
        let Some(backends) = backends else { return Ok(None) };
        let [_, canary] = target.sides();
        let is_canary = |backend: &Value| value::text(backend, &["service"]) == Some(&canary);
        Ok(backends::share_of(backends, is_canary).map(Routing::split))
    }

    fn release(&self, target: &Target<'_>, have: &Objects) -> Vec<Change> {
        // Without a split the mesh sends the apex's requests where its Service leads.
        let key = self.key(target);
        key.and_then(|key| release(&key, self.fields(key.kind), Made::Deleted, have)).into_iter().collect()
    }

    fn query(&self, builtin: Builtin) -> BuiltinQuery {
        let [success_rate, duration] = self.queries;
        let query = match builtin {
            Builtin::SuccessRate => success_rate,
            Builtin::Duration => duration,
        };
        BuiltinQuery { query, scale: 1.0 }
    }
}

/// None where the mesh behind the split is not Istio, or nothing but the mesh shall route by it.
fn gateways(target: &Target<'_>) -> Option<String> {
    let names = target.service.gateways.as_ref().filter(|names| !names.is_empty())?;
    target.provider.ends_with(":istio").then(|| json!(names).to_string())
}

const LINKERD: [&str; 2] = [
    concat!(
        r#"sum(rate(response_total{namespace="{{ namespace }}",deployment=~"{{ target }}",classification!="failure","#,
        r#"direction="inbound"}[{{ interval }}])) / "#,
        r#"sum(rate(response_total{namespace="{{ namespace }}",deployment=~"{{ target }}",direction="inbound"}"#,
        r#"[{{ interval }}])) * 100"#,
    ),
    concat!(
        r#"histogram_quantile(0.99, sum(rate(response_latency_ms_bucket{namespace="{{ namespace }}","#,
        r#"deployment=~"{{ target }}",direction="inbound"}[{{ interval }}])) by (le))"#,
    ),
];

const OPEN_SERVICE_MESH: [&str; 2] = [
    concat!(
        r#"sum(rate(osm_request_total{destination_namespace="{{ namespace }}",destination_kind="Deployment","#,
        r#"destination_name="{{ target }}",response_code!~"5.*"}[{{ interval }}])) / "#,
        r#"sum(rate(osm_request_total{destination_namespace="{{ namespace }}",destination_kind="Deployment","#,
        r#"destination_name="{{ target }}"}[{{ interval }}])) * 100"#,
    ),
    concat!(
        r#"histogram_quantile(0.99, sum(rate(osm_request_duration_ms_bucket{destination_namespace="{{ namespace }}","#,
        r#"destination_kind="Deployment",destination_name="{{ target }}"}[{{ interval }}])) by (le))"#,
    ),
];
