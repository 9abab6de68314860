//! The first version of the API: a virtual service holds its router, and the names of services carry the namespace.

use serde_json::{Map, Value, json};

use super::routes::{self, Route, header_matches, without_unset};
use super::{GROUP, Protocol, Retries, gateway, logging, written};
use crate::api;
use crate::model::{Builtin, Percent, Routing};
use crate::object::{Change, Kind, ObjectKey, Objects, value};
use crate::route::claim::{Claim, Made, release};
use crate::route::condition::Part;
use crate::route::refusal::refuse_what_it_cannot;
use crate::route::{BuiltinQuery, Capabilities, RouteError, Router, Target, backends};

const VIRTUAL_NODE: Kind = Kind { group: GROUP, version: "v1beta1", kind: "VirtualNode", plural: "virtualnodes" };
const VIRTUAL_SERVICE: Kind =
    Kind { group: GROUP, version: "v1beta1", kind: "VirtualService", plural: "virtualservices" };

/// App Mesh, `appmesh.k8s.aws/v1beta1`.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct V1Beta1;

impl Router for V1Beta1 {
    fn providers(&self) -> &'static [&'static str] {
        &["appmesh"]
    }

    fn capabilities(&self, service: &api::CanaryService) -> Capabilities {
        Capabilities { weights: true, matches: true, preview: true, ..Capabilities::default() }.over_http(service)
    }

    fn kinds(&self) -> &'static [Kind] {
        &[VIRTUAL_NODE, VIRTUAL_SERVICE]
    }

    fn fields(&self, kind: Kind) -> &'static [&'static str] {
        match kind {
            VIRTUAL_NODE => &["meshName", "listeners", "serviceDiscovery", "backends", "logging"],
            _ => &["meshName", "virtualRouter", "routes"],
        }
    }

    fn objects(&self, target: &Target<'_>) -> Vec<ObjectKey> {
        let [primary, canary] = target.sides();
        let nodes = [target.apex.to_owned(), primary, canary.clone()];
        let nodes = nodes.into_iter().map(|name| VIRTUAL_NODE.named(target.namespace, name));
        nodes.chain([service_key(target, target.apex), service_key(target, &canary)]).collect()
    }

    fn check(&self, target: &Target<'_>) -> Result<(), RouteError> {
        if mesh(target).is_none() {
            return Err(RouteError {
                reason: "NoMesh",
                sentence: "spec.service.meshName is not set, so provider appmesh cannot tell which mesh to route in; write the name of the mesh".to_owned(),
            });
        }
        routes::refuse_conditions(target, &[Part::QueryParams, Part::SourceLabels])
    }

    fn before_pods(&self, target: &Target<'_>, have: &Objects) -> Result<Vec<Change>, RouteError> {
        self.check(target)?;
        written(nodes(target), have)
    }

    fn render(&self, target: &Target<'_>, want: &Routing, have: &Objects) -> Result<Vec<Change>, RouteError> {
        refuse_what_it_cannot(self, target, want)?;
        // Order: what is led to before what leads there.
        let [_, canary] = target.sides();
        let apex = service(target, target.apex, &routes::of_apex(target, want));
        let services =
            [Claim { annotations: gateway(target), ..apex }, service(target, &canary, &routes::of_canary(target))];
        written(nodes(target).into_iter().chain(services), have)
    }

    fn read(&self, target: &Target<'_>, have: &Objects) -> Result<Option<Routing>, RouteError> {
        let service = have.find(&service_key(target, target.apex)).and_then(|service| service.get("spec"));
        let routes = service.map(|spec| backends::of(spec, "routes"));
        Ok(routes.and_then(|all| routes::routing(target, all, weighted_targets, &["virtualNodeName"])))
    }

    fn release(&self, target: &Target<'_>, have: &Objects) -> Vec<Change> {
        let keys = self.objects(target);
        keys.iter().rev().filter_map(|key| release(key, self.fields(key.kind), Made::Deleted, have)).collect()
    }

    fn query(&self, builtin: Builtin) -> BuiltinQuery {
        super::query(builtin)
    }
}

fn service_key(target: &Target<'_>, service: &str) -> ObjectKey {
    VIRTUAL_SERVICE.named(target.namespace, format!("{service}.{}", target.namespace))
}

fn mesh<'a>(target: &Target<'a>) -> Option<&'a str> {
    target.service.mesh_name.as_deref().filter(|name| !name.is_empty())
}

/// Of the apex, which stands for the primary, and of both sides.
fn nodes(target: &Target<'_>) -> [Claim; 3] {
    let [primary, canary] = target.sides();
    [node(target, target.apex, &primary), node(target, &primary, &primary), node(target, &canary, &canary)]
}

/// A virtual node that leads to a Service.
fn node(target: &Target<'_>, name: &str, service: &str) -> Claim {
    let names: Vec<_> = target.service.backends.iter().flatten().collect();
    let backends = names.iter().map(|name| json!({"virtualService": {"virtualServiceName": name}}));
    let backends = if names.is_empty() { Value::Null } else { backends.collect() };
    let host = format!("{service}.{}", target.namespace);
    let fields = [
        ("meshName", json!(mesh(target))),
        ("listeners", json!([{"portMapping": port(target)}])),
        ("serviceDiscovery", json!({"dns": {"hostName": host}})),
        ("backends", backends),
        ("logging", logging(target)),
    ];
    Claim::of_apex(VIRTUAL_NODE.named(target.namespace, name), target, spec(fields))
}

fn service(target: &Target<'_>, name: &str, all: &[Route<'_>]) -> Claim {
    let routes: Vec<_> = all.iter().map(|one| route(target, one)).collect();
    let router = json!({"name": name, "listeners": [{"portMapping": port(target)}]});
    let fields = [("meshName", json!(mesh(target))), ("virtualRouter", router), ("routes", json!(routes))];
    Claim::plain(service_key(target, name), spec(fields))
}

/// This version has routes for HTTP alone, and sends gRPC, which is HTTP, through them.
fn route(target: &Target<'_>, route: &Route<'_>) -> Value {
    let matching = without_unset(vec![
        ("prefix", json!(routes::prefix(target))),
        ("headers", json!(header_matches(route.condition))),
    ]);
    let weighted = |(node, share): &(String, Percent)| json!({"virtualNodeName": node, "weight": share.whole()});
    let targets: Vec<_> = route.shares.iter().map(weighted).collect();
    let retries = Retries::of(target).map(|retries| {
        json!({"maxRetries": retries.attempts, "perRetryTimeoutMillis": retries.timeout, "httpRetryEvents": retries.events})
    });
    let http = without_unset(vec![
        ("match", matching),
        ("action", json!({"weightedTargets": targets})),
        ("retryPolicy", retries.unwrap_or_default()),
    ]);
    without_unset(vec![("name", json!(route.name)), ("priority", json!(route.priority)), ("http", http)])
}

fn port(target: &Target<'_>) -> Value {
    json!({"port": target.service.port, "protocol": Protocol::of(target).name()})
}

fn spec<const N: usize>(fields: [(&str, Value); N]) -> Map<String, Value> {
    fields.into_iter().map(|(field, value)| (field.to_owned(), value)).collect()
}

fn weighted_targets(route: &Value) -> &[Value] {
    value::at(route, &["http", "action"]).map(|action| backends::of(action, "weightedTargets")).unwrap_or_default()
}
