//! The second version of the API: virtual routers are objects of their own, and pods are found by labels.

use serde_json::{Map, Value, json};

use super::routes::{self, Route, header_matches, param_matches, without_unset};
use super::{GROUP, Protocol, Retries, gateway, logging, millis, written};
use crate::api::{self, TargetPort};
use crate::model::{Builtin, Percent, Routing};
use crate::object::{Change, Kind, ObjectKey, Objects, value};
use crate::route::claim::{Claim, Made, release};
use crate::route::condition::Part;
use crate::route::refusal::refuse_what_it_cannot;
use crate::route::{BuiltinQuery, Capabilities, RouteError, Router, Target, backends};

const VIRTUAL_NODE: Kind = kind("VirtualNode", "virtualnodes");
const VIRTUAL_ROUTER: Kind = kind("VirtualRouter", "virtualrouters");
const VIRTUAL_SERVICE: Kind = kind("VirtualService", "virtualservices");

const fn kind(kind: &'static str, plural: &'static str) -> Kind {
    Kind { group: GROUP, version: "v1beta2", kind, plural }
}

/// App Mesh, `appmesh.k8s.aws/v1beta2`.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct V1Beta2;

impl Router for V1Beta2 {
    fn providers(&self) -> &'static [&'static str] {
        &["appmesh:v1beta2"]
    }

    fn capabilities(&self, service: &api::CanaryService) -> Capabilities {
        Capabilities { weights: true, matches: true, preview: true, ..Capabilities::default() }.over_http(service)
    }

    fn kinds(&self) -> &'static [Kind] {
        &[VIRTUAL_NODE, VIRTUAL_ROUTER, VIRTUAL_SERVICE]
    }

    fn fields(&self, kind: Kind) -> &'static [&'static str] {
        match kind {
            VIRTUAL_NODE => &["listeners", "serviceDiscovery", "podSelector", "backends", "logging"],
            VIRTUAL_ROUTER => &["listeners", "routes"],
            _ => &["provider"],
        }
    }

    fn objects(&self, target: &Target<'_>) -> Vec<ObjectKey> {
        let [primary, canary] = target.sides();
        let apex = || target.apex.to_owned();
        let all = [
            (VIRTUAL_NODE, primary),
            (VIRTUAL_NODE, canary.clone()),
            (VIRTUAL_ROUTER, apex()),
            (VIRTUAL_ROUTER, canary.clone()),
            (VIRTUAL_SERVICE, apex()),
            (VIRTUAL_SERVICE, canary),
        ];
        all.into_iter().map(|(kind, name)| kind.named(target.namespace, name)).collect()
    }

    fn check(&self, target: &Target<'_>) -> Result<(), RouteError> {
        let grpc: &[Part] = &[Part::QueryParams, Part::SourceLabels];
        let unread = if Protocol::of(target) == Protocol::Grpc { grpc } else { &[Part::SourceLabels] };
        routes::refuse_conditions(target, unread)
    }

    fn before_pods(&self, target: &Target<'_>, have: &Objects) -> Result<Vec<Change>, RouteError> {
        written(nodes(target), have)
    }

    fn render(&self, target: &Target<'_>, want: &Routing, have: &Objects) -> Result<Vec<Change>, RouteError> {
        refuse_what_it_cannot(self, target, want)?;
        // Order: what is led to before what leads there.
        let [_, canary] = target.sides();
        let routes = [
            router(target, target.apex, &routes::of_apex(target, want)),
            router(target, &canary, &routes::of_canary(target)),
            Claim { annotations: gateway(target), ..service(target, target.apex) },
            service(target, &canary),
        ];
        written(nodes(target).into_iter().chain(routes), have)
    }

    fn read(&self, target: &Target<'_>, have: &Objects) -> Result<Option<Routing>, RouteError> {
        let router = have.find(&VIRTUAL_ROUTER.named(target.namespace, target.apex));
        let routes = router.and_then(|router| router.get("spec")).map(|spec| backends::of(spec, "routes"));
        Ok(routes.and_then(|all| routes::routing(target, all, weighted_targets, &["virtualNodeRef", "name"])))
    }

    fn release(&self, target: &Target<'_>, have: &Objects) -> Vec<Change> {
        let keys = self.objects(target);
        keys.iter().rev().filter_map(|key| release(key, self.fields(key.kind), Made::Deleted, have)).collect()
    }

    fn query(&self, builtin: Builtin) -> BuiltinQuery {
        super::query(builtin)
    }
}

/// Of both sides.
fn nodes(target: &Target<'_>) -> [Claim; 2] {
    let [primary, canary] = target.sides();
    let values = target.pods.map(|(_, value)| [format!("{value}-primary"), value.to_owned()]);
    let [primary_pods, canary_pods] = values.map_or([None, None], |sides| sides.map(Some));
    [node(target, &primary, primary_pods), node(target, &canary, canary_pods)]
}

fn node(target: &Target<'_>, name: &str, pods: Option<String>) -> Claim {
    let protocol = Protocol::of(target);
    let timeout = timeout(target).map(|timeout| json!({protocol.name(): {"perRequest": timeout}}));
    let listener = without_unset(vec![("portMapping", port(target)), ("timeout", timeout.unwrap_or_default())]);
    let host = format!("{name}.{}.svc.cluster.local.", target.namespace);
    let mut spec = Map::from_iter([
        ("listeners".to_owned(), json!([listener])),
        ("serviceDiscovery".to_owned(), json!({"dns": {"hostname": host}})),
        ("backends".to_owned(), callable(target)),
        ("logging".to_owned(), logging(target)),
    ]);
    if let (Some((label, _)), Some(value)) = (target.pods, pods) {
        spec.insert("podSelector".to_owned(), json!({"matchLabels": {label: value}}));
    }
    Claim::of_apex(VIRTUAL_NODE.named(target.namespace, name), target, spec)
}

/// The virtual services that the pods may call; `null` where there are none.
fn callable(target: &Target<'_>) -> Value {
    let backend = |name: &String| {
        let service = if name.starts_with("arn:aws") {
            json!({"virtualServiceARN": name})
        } else {
            json!({"virtualServiceRef": {"name": name}})
        };
        json!({ "virtualService": service })
    };
    let all: Vec<_> = target.service.backends.iter().flatten().map(backend).collect();
    if all.is_empty() { Value::Null } else { Value::Array(all) }
}

fn router(target: &Target<'_>, name: &str, all: &[Route<'_>]) -> Claim {
    let routes: Vec<_> = all.iter().map(|one| route(target, one)).collect();
    let spec = Map::from_iter([
        ("listeners".to_owned(), json!([{"portMapping": port(target)}])),
        ("routes".to_owned(), json!(routes)),
    ]);
    Claim::plain(VIRTUAL_ROUTER.named(target.namespace, name), spec)
}

fn service(target: &Target<'_>, name: &str) -> Claim {
    let provider = json!({"virtualRouter": {"virtualRouterRef": {"name": name}}});
    let spec = Map::from_iter([("provider".to_owned(), provider)]);
    Claim::plain(VIRTUAL_SERVICE.named(target.namespace, name), spec)
}

fn route(target: &Target<'_>, route: &Route<'_>) -> Value {
    let protocol = Protocol::of(target);
    let headers = json!(header_matches(route.condition));
    let (field, matching) = match protocol {
        Protocol::Http => {
            let params = json!(param_matches(route.condition));
            let prefix = json!(routes::prefix(target));
            ("httpRoute", without_unset(vec![("prefix", prefix), ("headers", headers), ("queryParameters", params)]))
        }
        Protocol::Grpc => ("grpcRoute", without_unset(vec![("metadata", headers)])),
    };
    let weighted =
        |(node, share): &(String, Percent)| json!({"virtualNodeRef": {"name": node}, "weight": share.whole()});
    let targets: Vec<_> = route.shares.iter().map(weighted).collect();
    let mut rule = without_unset(vec![
        ("timeout", timeout(target).map(|timeout| json!({"perRequest": timeout})).unwrap_or_default()),
        ("retryPolicy", Retries::of(target).map(|retries| retry_policy(&retries)).unwrap_or_default()),
        ("action", json!({"weightedTargets": targets})),
    ]);
    // Required, even where it says nothing.
    value::merge(&mut rule, &json!({ "match": matching }));
    without_unset(vec![("name", json!(route.name)), ("priority", json!(route.priority)), (field, rule)])
}

fn retry_policy(retries: &Retries) -> Value {
    json!({
        "maxRetries": retries.attempts,
        "perRetryTimeout": {"unit": "ms", "value": retries.timeout},
        "httpRetryEvents": retries.events,
    })
}

fn timeout(target: &Target<'_>) -> Option<Value> {
    let millis = target.service.timeout.as_deref().and_then(millis)?;
    Some(json!({"unit": "ms", "value": millis}))
}

/// The port that the pods listen on, as far as its number is known.
fn port(target: &Target<'_>) -> Value {
    let number = match target.service.target_port {
        Some(TargetPort::Number(number)) if number > 0 => number,
        Some(TargetPort::Number(_) | TargetPort::Name(_)) | None => target.service.port,
    };
    json!({"port": number, "protocol": Protocol::of(target).name()})
}

/// Of whatever protocol: it may have been changed since.
fn weighted_targets(route: &Value) -> &[Value] {
    let action = ["httpRoute", "grpcRoute"].iter().find_map(|field| value::at(route, &[field, "action"]));
    action.map(|action| backends::of(action, "weightedTargets")).unwrap_or_default()
}
