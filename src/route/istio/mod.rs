//! Istio: a VirtualService `<apex>` that shares the traffic, and a DestinationRule for each side.
//!
//! Owns `hosts`, `gateways` and `http` (or `tcp`) of the VirtualService and `host` and `trafficPolicy` of the
//! DestinationRules; `exportTo`, `tls`, `subsets` and whatever else stands there is the user's. The rules are written whole,
//! with the wanted weights, so that no repair ever moves traffic.

mod conditions;
mod port;
mod reading;
mod rules;

#[cfg(test)]
mod tests;

pub(super) use conditions::narrowed;
pub(super) use reading::goes_to;

use serde_json::{Map, Value, json};

use super::claim::{Claim, Made, is_users, release};
use super::refusal::refuse_what_it_cannot;
use super::{BuiltinQuery, Capabilities, RouteError, Router, Target};
use crate::api;
use crate::model::{Builtin, Routing};
use crate::object::{Change, Kind, ObjectKey, Objects, value};
use port::{Port, Protocol};

const GROUP: &str = "networking.istio.io";
const VERSION: &str = "v1beta1";
const VIRTUAL_SERVICE: Kind =
    Kind { group: GROUP, version: VERSION, kind: "VirtualService", plural: "virtualservices" };
const DESTINATION_RULE: Kind =
    Kind { group: GROUP, version: VERSION, kind: "DestinationRule", plural: "destinationrules" };

const MESH: &str = "mesh";
const VIRTUAL_SERVICE_FIELDS: &[&str] = &["hosts", "gateways", "http", "tcp"];
const DESTINATION_RULE_FIELDS: &[&str] = &["host", "trafficPolicy"];

/// Istio with sidecars, waypoints or gateways.
#[derive(Clone, Copy, Debug)]
pub(super) struct Istio;

impl Router for Istio {
    fn providers(&self) -> &'static [&'static str] {
        &["istio"]
    }

    fn capabilities(&self, service: &api::CanaryService) -> Capabilities {
        let http = Protocol::of(service.app_protocol.as_deref()) == Protocol::Http;
        Capabilities {
            weights: true,
            fine: true,
            matches: http,
            mirror: http,
            affinity: http,
            preview: http,
            ports: true,
            ..Capabilities::default()
        }
    }

    fn kinds(&self) -> &'static [Kind] {
        &[DESTINATION_RULE, VIRTUAL_SERVICE]
    }

    fn objects(&self, target: &Target<'_>) -> Vec<ObjectKey> {
        let [primary, canary] = target.sides();
        let rules = [primary, canary].map(|side| DESTINATION_RULE.named(target.namespace, side));
        rules.into_iter().chain([VIRTUAL_SERVICE.named(target.namespace, target.apex)]).collect()
    }

    fn fields(&self, kind: Kind) -> &'static [&'static str] {
        if kind == VIRTUAL_SERVICE { VIRTUAL_SERVICE_FIELDS } else { DESTINATION_RULE_FIELDS }
    }

    fn check(&self, target: &Target<'_>) -> Result<(), RouteError> {
        refuse_delegation_with_hosts(target)?;
        port::refuse_matches_of_ports(target)
    }

    fn render(&self, target: &Target<'_>, want: &Routing, have: &Objects) -> Result<Vec<Change>, RouteError> {
        refuse_what_it_cannot(self, target, want)?;
        let claims = target.sides().map(|side| destination_rule(target, &side, have));
        let claims = claims.into_iter().chain([virtual_service(target, want, have)]);
        claims.filter_map(|claim| claim.write(have).transpose()).collect()
    }

    fn read(&self, target: &Target<'_>, have: &Objects) -> Result<Option<Routing>, RouteError> {
        let found = have.find(&VIRTUAL_SERVICE.named(target.namespace, target.apex));
        let rules =
            |protocol: Protocol| found.and_then(|found| value::at(found, &["spec", protocol.field()])?.as_array());
        let of = |port: Port| {
            let rules = rules(port.protocol)?.iter().filter(|rule| port.takes(target, rule));
            reading::routing(target, &rules.collect::<Vec<_>>())
        };
        // Where they differ, what was asked for last has not reached all of them: the others are written again.
        Ok(Port::all(target.service).into_iter().filter_map(of).max_by_key(|routing| routing.canary))
    }

    fn release(&self, target: &Target<'_>, have: &Objects) -> Vec<Change> {
        // Order: the route before the rules for what it leads to.
        let keys = self.objects(target);
        let made = |key: &ObjectKey| {
            if key.kind == VIRTUAL_SERVICE { Made::Kept(to_apex(target)) } else { Made::Deleted }
        };
        keys.iter().rev().filter_map(|key| release(key, self.fields(key.kind), made(key), have)).collect()
    }

    fn query(&self, builtin: Builtin) -> BuiltinQuery {
        let query = match builtin {
            Builtin::SuccessRate => SUCCESS_RATE,
            Builtin::Duration => DURATION,
        };
        BuiltinQuery { query, scale: 1.0 }
    }
}

const SUCCESS_RATE: &str = concat!(
    r#"sum(rate(istio_requests_total{reporter="destination",destination_workload_namespace="{{ namespace }}","#,
    r#"destination_workload=~"{{ target }}",response_code!~"5.*"}[{{ interval }}])) / "#,
    r#"sum(rate(istio_requests_total{reporter="destination",destination_workload_namespace="{{ namespace }}","#,
    r#"destination_workload=~"{{ target }}"}[{{ interval }}])) * 100"#,
);

const DURATION: &str = concat!(
    r#"histogram_quantile(0.99, sum(rate(istio_request_duration_milliseconds_bucket{reporter="destination","#,
    r#"destination_workload_namespace="{{ namespace }}",destination_workload=~"{{ target }}"}[{{ interval }}])) by (le))"#,
);

/// Without a policy in the Canary, what we made has none, and the user's own rule keeps what it says.
fn destination_rule(target: &Target<'_>, side: &str, have: &Objects) -> Claim {
    let key = DESTINATION_RULE.named(target.namespace, side);
    let mut spec = Map::from_iter([("host".to_owned(), json!(side))]);
    if target.service.traffic_policy.is_some() || !is_users(&key, have) {
        spec.insert("trafficPolicy".to_owned(), json!(target.service.traffic_policy));
    }
    Claim::plain(key, spec)
}

fn virtual_service(target: &Target<'_>, want: &Routing, have: &Objects) -> Claim {
    let key = VIRTUAL_SERVICE.named(target.namespace, target.apex);
    let mut spec = Map::from_iter([("hosts".to_owned(), hosts(target)), ("gateways".to_owned(), gateways(target))]);
    for protocol in [Protocol::Http, Protocol::Tcp] {
        let ours = rules::of(target, protocol, want);
        let rules = if ours.is_empty() {
            rules_of_others(target, protocol, have.find(&key))
        } else {
            Some(among_others(target, protocol, ours, have))
        };
        spec.extend(rules.map(|rules| (protocol.field().to_owned(), rules)));
    }
    Claim::of_apex(key, target, spec)
}

/// Our rules in the place of those that led to the apex, in a VirtualService of the user's: rules that lead elsewhere stay before or
/// behind them, as they were, since the first that matches counts. One that we made holds nothing but ours.
fn among_others(target: &Target<'_>, protocol: Protocol, ours: Vec<Value>, have: &Objects) -> Value {
    let key = VIRTUAL_SERVICE.named(target.namespace, target.apex);
    let found = have.find(&key).filter(|_| is_users(&key, have));
    let rules = found.and_then(|found| value::at(found, &["spec", protocol.field()])).and_then(Value::as_array);
    let rules = rules.map(Vec::as_slice).unwrap_or_default();
    let is_ours = |rule: &Value| reading::is_ours(target, rule);
    let (before, behind) = rules.split_at(rules.iter().position(is_ours).unwrap_or(0));
    before.iter().cloned().chain(ours).chain(behind.iter().filter(|rule| !is_ours(rule)).cloned()).collect()
}

/// What is left of a VirtualService that we made: the user's hosts and options, on the apex Service.
fn to_apex(target: &Target<'_>) -> Map<String, Value> {
    let rules = [Protocol::Http, Protocol::Tcp].map(|protocol| (protocol.field(), rules::to_apex(target, protocol)));
    let rules = rules.into_iter().filter(|(_, rules)| !rules.is_empty()).map(|(field, rules)| (field, json!(rules)));
    let fields = [("hosts", hosts(target)), ("gateways", gateways(target))].into_iter().chain(rules);
    fields.filter(|(_, value)| !value.is_null()).map(|(field, value)| (field.to_owned(), value)).collect()
}

/// The user's hosts, and the apex unless they cover it. A delegate has none.
fn hosts(target: &Target<'_>) -> Value {
    if is_delegate(target) {
        return Value::Null;
    }
    let mut hosts = target.service.hosts.clone().unwrap_or_default();
    if !hosts.iter().any(|host| host == target.apex || host == "*") {
        hosts.push(target.apex.to_owned());
    }
    json!(hosts)
}

fn gateways(target: &Target<'_>) -> Value {
    if is_delegate(target) {
        return Value::Null;
    }
    let gateways = target.service.gateways.as_deref().unwrap_or_default();
    if gateways.is_empty() { json!([MESH]) } else { json!(gateways) }
}

/// What is left of a protocol's rules when ours, from before no port speaks it any more, are gone; `None` where there are
/// none of ours.
fn rules_of_others(target: &Target<'_>, protocol: Protocol, have: Option<&Value>) -> Option<Value> {
    let rules = value::at(have?, &["spec", protocol.field()])?.as_array()?;
    let others: Vec<_> = rules.iter().filter(|rule| !reading::names_a_side(target, rule)).collect();
    match others.len() {
        len if len == rules.len() => None,
        0 => Some(Value::Null),
        _ => Some(json!(others)),
    }
}

fn is_delegate(target: &Target<'_>) -> bool {
    target.service.delegation == Some(true)
}

fn refuse_delegation_with_hosts(target: &Target<'_>) -> Result<(), RouteError> {
    let is_set = |list: &Option<Vec<String>>| list.as_ref().is_some_and(|list| !list.is_empty());
    if !is_delegate(target) || !(is_set(&target.service.hosts) || is_set(&target.service.gateways)) {
        return Ok(());
    }
    Err(RouteError {
        reason: "DelegateWithHosts",
        sentence:
            "spec.service.delegation is true, but spec.service.hosts or gateways is set: a delegate VirtualService \
                   has neither, Istio takes both from its root; remove hosts and gateways, or set delegation: false"
                .to_owned(),
    })
}
