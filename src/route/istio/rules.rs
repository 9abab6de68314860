//! The rules of a VirtualService, first match first, port by port: the preview, cookies, then the shared traffic, then everybody else.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::port::{Port, Protocol};
use super::{MESH, conditions, is_delegate};
use crate::model::{Affinity, Mirror, Percent, Routing};
use crate::route::{Target, cookies};

/// All rules of ours of a protocol, in the wire form.
pub(super) fn of(target: &Target<'_>, protocol: Protocol, want: &Routing) -> Vec<Value> {
    pens(target, protocol).flat_map(|pen| pen.shared(want)).collect()
}

/// The rules that are left of a protocol when nothing is shared any more: one for each port.
pub(super) fn to_apex(target: &Target<'_>, protocol: Protocol) -> Vec<Value> {
    pens(target, protocol).map(Pen::to_apex).collect()
}

fn pens<'a>(target: &'a Target<'a>, protocol: Protocol) -> impl Iterator<Item = Pen<'a>> {
    let ports = Port::all(target.service).into_iter().filter(move |port| port.protocol == protocol);
    ports.map(move |port| Pen { target, port })
}

/// Writes the rules of one port.
#[derive(Clone, Copy)]
struct Pen<'a> {
    target: &'a Target<'a>,
    port: Port,
}

impl Pen<'_> {
    fn shared(self, want: &Routing) -> Vec<Value> {
        match self.port.protocol {
            Protocol::Http => self.http(want),
            // Connections cannot be told apart by conditions on requests: where there are some, they stay on the primary.
            Protocol::Tcp if conditions::splits(self.target) => vec![self.tcp(json!(self.split(Percent::ZERO)))],
            Protocol::Tcp => vec![self.tcp(json!(self.split(want.canary)))],
        }
    }

    fn to_apex(self) -> Value {
        let route = json!([{"destination": self.destination(self.target.apex)}]);
        match self.port.protocol {
            Protocol::Http => self.rule(&conditions::of_service(self.target), Mirror::Off, route),
            Protocol::Tcp => self.tcp(route),
        }
    }

    fn tcp(self, route: Value) -> Value {
        let conditions = self.target.service.match_.iter().flatten();
        let ports = conditions.filter_map(|condition| condition.port).map(|port| json!({"port": port})).collect();
        let mut rule = Map::new();
        put(&mut rule, "match", json!(self.port.narrowed(ports)));
        put(&mut rule, "route", route);
        Value::Object(rule)
    }

    fn http(self, want: &Routing) -> Vec<Value> {
        let target = self.target;
        let everybody = conditions::of_service(target);
        let shared = conditions::of_analysis(target);
        let mut rules = Vec::new();
        if want.preview {
            let [_, canary] = self.split(Percent::FULL);
            rules.push(self.rule(&conditions::of_preview(target), Mirror::Off, json!([canary])));
        }
        let mut route = self.split(want.canary);
        match &want.affinity {
            Affinity::None => {}
            Affinity::Sticky { canary, primary } => {
                let options = target.spec.analysis.session_affinity.as_ref();
                let on_canary = conditions::with_cookie(&shared, canary);
                rules.push(self.rule(&on_canary, Mirror::Off, json!(self.split(Percent::FULL))));
                add_cookie(&mut route, Side::Canary, &cookies::kept(canary, options));
                if let Some(primary) = primary {
                    let on_primary = conditions::with_cookie(&shared, primary);
                    rules.push(self.rule(&on_primary, want.mirror, json!(self.split(Percent::ZERO))));
                    let interval = cookies::seconds(&target.spec.analysis.interval);
                    add_cookie(&mut route, Side::Primary, &cookies::kept_for(interval, primary, options));
                }
            }
            Affinity::Expire(cookie) => {
                let before = conditions::with_cookie(&everybody, cookie);
                let mut expiring = self.rule(&before, want.mirror, json!(self.split(Percent::ZERO)));
                let options = target.spec.analysis.session_affinity.as_ref();
                add_response_header(&mut expiring, &cookies::expired(cookie, options));
                rules.push(expiring);
            }
        }
        rules.push(self.rule(&shared, want.mirror, json!(route)));
        if conditions::splits(target) {
            let [primary, _] = self.split(Percent::ZERO);
            rules.push(self.rule(&everybody, Mirror::Off, json!([primary])));
        }
        rules
    }

    /// A rule with everything that the user asked for on each request of the service.
    fn rule(self, conditions: &[Value], mirror: Mirror, route: Value) -> Value {
        let service = self.target.service;
        let rewrite = service.rewrite.as_ref();
        let [_, canary] = self.target.sides();
        let mut rule = Map::new();
        put(&mut rule, "match", json!(self.port.narrowed(conditions.to_vec())));
        put(&mut rule, "rewrite", wire(&rewrite.map(|r| without_type(&wire(r)))));
        put(&mut rule, "timeout", wire(&service.timeout));
        put(&mut rule, "retries", wire(&service.retries));
        put(&mut rule, "corsPolicy", wire(&service.cors_policy));
        put(&mut rule, "headers", wire(&service.headers));
        if mirror != Mirror::Off {
            put(&mut rule, "mirror", self.destination(&canary));
        }
        if let Mirror::Share(share) = mirror {
            put(&mut rule, "mirrorPercentage", json!({"value": share.whole()}));
        }
        put(&mut rule, "route", route);
        Value::Object(rule)
    }

    /// Both sides with their weights. A weight of 0 is written too: a side that is missing reads as another route.
    fn split(self, canary: Percent) -> [Value; 2] {
        let [primary_host, canary_host] = self.target.sides();
        [(primary_host, canary.rest()), (canary_host, canary)]
            .map(|(host, weight)| json!({"destination": self.destination(&host), "weight": weight.proportion()}))
    }

    /// A port is needed where a gateway's listener cannot tell which of several ports is meant.
    fn destination(self, host: &str) -> Value {
        let service = self.target.service;
        let gateway = service.gateways.iter().flatten().next();
        let behind_gateway = gateway.is_some_and(|gateway| gateway != MESH) || is_delegate(self.target);
        let several = service.port_discovery == Some(true) || !service.further_ports().is_empty();
        let port = self.port.number.or_else(|| (several && behind_gateway).then_some(service.port));
        port.map_or_else(|| json!({"host": host}), |port| json!({"host": host, "port": {"number": port}}))
    }
}

#[derive(Clone, Copy)]
enum Side {
    Primary,
    Canary,
}

fn add_cookie(route: &mut [Value; 2], side: Side, set_cookie: &str) {
    let [primary, canary] = route;
    add_response_header(
        match side {
            Side::Primary => primary,
            Side::Canary => canary,
        },
        set_cookie,
    );
}

/// On this rule or destination alone: the user's own headers are shared by all rules and stay as they are.
fn add_response_header(to: &mut Value, set_cookie: &str) {
    let header = json!({"headers": {"response": {"add": {"Set-Cookie": set_cookie}}}});
    crate::object::value::merge(to, &header);
}

/// Gateway API's field, which Istio does not know.
fn without_type(rewrite: &Value) -> Value {
    let known = rewrite.as_object().into_iter().flatten().filter(|(field, _)| *field != "type");
    known.map(|(field, value)| (field.clone(), value.clone())).collect()
}

fn put(rule: &mut Map<String, Value>, field: &str, value: Value) {
    let unset = matches!(&value, Value::Null)
        || value.as_array().is_some_and(Vec::is_empty)
        || value.as_object().is_some_and(Map::is_empty);
    if !unset {
        rule.insert(field.to_owned(), value);
    }
}

/// The wire form of what the user wrote. The types of `api` are plain data with text keys, which always have one.
pub(super) fn wire<T: Serialize>(options: &T) -> Value {
    serde_json::to_value(options).unwrap_or_default()
}
