//! Gloo: a RouteTable `<apex>`, which the user's VirtualService delegates to, and an Upstream for each side.
//!
//! Owns `routes` of the RouteTable; of an Upstream what makes it lead to the Service, and, where the user names an Upstream
//! to copy from, its connection settings. What Gloo's discovery adds stays.

mod acceptance;
mod rules;
mod upstream;

#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

use super::claim::{Claim, Made, release};
use super::condition::{Part, refuse, refuse_in};
use super::query::envoy;
use super::refusal::refuse_what_it_cannot;
use super::{Acceptance, BuiltinQuery, Capabilities, RouteError, Router, Target};
use crate::api;
use crate::model::{Builtin, Routing};
use crate::object::{Change, Kind, ObjectKey, Objects, value};

const ROUTE_TABLE: Kind = Kind { group: "gateway.solo.io", version: "v1", kind: "RouteTable", plural: "routetables" };
const UPSTREAM: Kind = Kind { group: "gloo.solo.io", version: "v1", kind: "Upstream", plural: "upstreams" };

/// Gloo.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gloo;

impl Router for Gloo {
    fn providers(&self) -> &'static [&'static str] {
        &["gloo"]
    }

    fn capabilities(&self, service: &api::CanaryService) -> Capabilities {
        let all = Capabilities {
            weights: true,
            fine: true,
            matches: true,
            mirror: true,
            affinity: true,
            preview: true,
            ..Capabilities::default()
        };
        all.over_http(service)
    }

    fn kinds(&self) -> &'static [Kind] {
        &[UPSTREAM, ROUTE_TABLE]
    }

    fn fields(&self, kind: Kind) -> &'static [&'static str] {
        if kind == ROUTE_TABLE { &["routes"] } else { upstream::FIELDS }
    }

    fn objects(&self, target: &Target<'_>) -> Vec<ObjectKey> {
        upstream::keys(target).into_iter().chain([table(target)]).chain(upstream::template_key(target)).collect()
    }

    fn check(&self, target: &Target<'_>) -> Result<(), RouteError> {
        refuse("gloo", &[Part::SourceLabels], target.conditions())?;
        refuse_in("spec.analysis.preview.match", "gloo", &[Part::SourceLabels], target.preview())
    }

    fn render(&self, target: &Target<'_>, want: &Routing, have: &Objects) -> Result<Vec<Change>, RouteError> {
        refuse_what_it_cannot(self, target, want)?;
        // Order: what the routes lead to before the routes.
        let mut claims = upstream::claims(target, have)?;
        let routes = Map::from_iter([("routes".to_owned(), rules::of(target, want))]);
        claims.push(Claim::of_apex(table(target), target, routes));
        claims.into_iter().filter_map(|claim| claim.write(have).transpose()).collect()
    }

    fn read(&self, target: &Target<'_>, have: &Objects) -> Result<Option<Routing>, RouteError> {
        let routes = have.find(&table(target)).and_then(|table| value::at(table, &["spec", "routes"]));
        Ok(routes.and_then(Value::as_array).and_then(|routes| rules::routing(target, routes)))
    }

    fn acceptance(&self, target: &Target<'_>, have: &Objects) -> Acceptance {
        acceptance::of(upstream::keys(target).iter().chain([&table(target)]), have)
    }

    fn release(&self, target: &Target<'_>, have: &Objects) -> Vec<Change> {
        let to_apex = Map::from_iter([("routes".to_owned(), rules::to_apex(target))]);
        let table = release(&table(target), self.fields(ROUTE_TABLE), Made::Kept(to_apex), have);
        let upstreams =
            upstream::keys(target).into_iter().filter_map(|key| release(&key, upstream::FIELDS, Made::Deleted, have));
        table.into_iter().chain(upstreams).collect()
    }

    fn query(&self, builtin: Builtin) -> BuiltinQuery {
        envoy!(
            builtin,
            r#"envoy_cluster_name=~"{{ namespace }}-{{ service }}-canaryupstream-[0-9a-zA-Z-]+_[0-9a-zA-Z-]+""#
        )
    }

    fn samples(&self, target: &Target<'_>) -> Vec<(ObjectKey, Value)> {
        let spec = serde_json::json!({"useHttp2": true, "connectionConfig": {"connectTimeout": "5s"}, "static": {"hosts": []}});
        upstream::template_key(target).map(|key| (key, serde_json::json!({ "spec": spec }))).into_iter().collect()
    }
}

fn table(target: &Target<'_>) -> ObjectKey {
    ROUTE_TABLE.named(target.namespace, target.apex)
}
