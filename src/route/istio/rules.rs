//! The rules of a VirtualService, first match first: cookies, then the shared traffic, then everybody else.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{MESH, Protocol, conditions, is_delegate};
use crate::model::{Affinity, Mirror, Percent, Routing};
use crate::route::{Target, cookies};

/// All rules of ours, in the wire form.
pub(super) fn of(target: &Target<'_>, protocol: Protocol, want: &Routing) -> Vec<Value> {
    match protocol {
        Protocol::Http => http(target, want),
        Protocol::Tcp => tcp(target, want),
    }
}

/// The one rule that is left when nothing is shared any more.
pub(super) fn to_apex(target: &Target<'_>, protocol: Protocol) -> Value {
    let route = json!([{"destination": destination(target, target.apex)}]);
    json!([match protocol {
        Protocol::Http => rule(target, &conditions::of_service(target), Mirror::Off, route),
        Protocol::Tcp => tcp_rule(target, route),
    }])
}

fn tcp(target: &Target<'_>, want: &Routing) -> Vec<Value> {
    vec![tcp_rule(target, json!(split(target, want.canary)))]
}

fn tcp_rule(target: &Target<'_>, route: Value) -> Value {
    let conditions = target.service.match_.iter().flatten();
    let ports: Vec<_> = conditions.filter_map(|condition| condition.port).map(|port| json!({"port": port})).collect();
    let mut rule = Map::new();
    put(&mut rule, "match", json!(ports));
    put(&mut rule, "route", route);
    Value::Object(rule)
}

fn http(target: &Target<'_>, want: &Routing) -> Vec<Value> {
    let everybody = conditions::of_service(target);
    let shared = conditions::of_analysis(target);
    let mut rules = Vec::new();
    let mut route = split(target, want.canary);
    match &want.affinity {
        Affinity::None => {}
        Affinity::Sticky { canary, primary } => {
            let options = target.spec.analysis.session_affinity.as_ref();
            let on_canary = conditions::with_cookie(&shared, canary);
            rules.push(rule(target, &on_canary, Mirror::Off, json!(split(target, Percent::FULL))));
            add_cookie(&mut route, Side::Canary, &cookies::kept(canary, options));
            if let Some(primary) = primary {
                let on_primary = conditions::with_cookie(&shared, primary);
                rules.push(rule(target, &on_primary, want.mirror, json!(split(target, Percent::ZERO))));
                let interval = cookies::seconds(&target.spec.analysis.interval);
                add_cookie(&mut route, Side::Primary, &cookies::kept_for(interval, primary, options));
            }
        }
        Affinity::Expire(cookie) => {
            let before = conditions::with_cookie(&everybody, cookie);
            let mut expiring = rule(target, &before, want.mirror, json!(split(target, Percent::ZERO)));
            let options = target.spec.analysis.session_affinity.as_ref();
            add_response_header(&mut expiring, &cookies::expired(cookie, options));
            rules.push(expiring);
        }
    }
    rules.push(rule(target, &shared, want.mirror, json!(route)));
    if conditions::splits(target) {
        let [primary, _] = split(target, Percent::ZERO);
        rules.push(rule(target, &everybody, Mirror::Off, json!([primary])));
    }
    rules
}

/// A rule with everything that the user asked for on each request of the service.
fn rule(target: &Target<'_>, conditions: &[Value], mirror: Mirror, route: Value) -> Value {
    let service = target.service;
    let rewrite = service.rewrite.as_ref();
    let [_, canary] = target.sides();
    let mut rule = Map::new();
    put(&mut rule, "match", json!(conditions));
    put(&mut rule, "rewrite", wire(&rewrite.map(|r| without_type(&wire(r)))));
    put(&mut rule, "timeout", wire(&service.timeout));
    put(&mut rule, "retries", wire(&service.retries));
    put(&mut rule, "corsPolicy", wire(&service.cors_policy));
    put(&mut rule, "headers", wire(&service.headers));
    if mirror != Mirror::Off {
        put(&mut rule, "mirror", destination(target, &canary));
    }
    if let Mirror::Share(share) = mirror {
        put(&mut rule, "mirrorPercentage", json!({"value": share.get()}));
    }
    put(&mut rule, "route", route);
    Value::Object(rule)
}

/// Both sides with their weights. A weight of 0 is written too: a side that is missing reads as another route.
fn split(target: &Target<'_>, canary: Percent) -> [Value; 2] {
    let [primary_host, canary_host] = target.sides();
    [(primary_host, canary.rest()), (canary_host, canary)]
        .map(|(host, weight)| json!({"destination": destination(target, &host), "weight": weight.get()}))
}

/// A port is needed where a gateway's listener cannot tell which of several ports is meant.
fn destination(target: &Target<'_>, host: &str) -> Value {
    let service = target.service;
    let gateway = service.gateways.iter().flatten().next();
    let behind_gateway = gateway.is_some_and(|gateway| gateway != MESH) || is_delegate(target);
    if service.port_discovery == Some(true) && behind_gateway {
        json!({"host": host, "port": {"number": service.port}})
    } else {
        json!({ "host": host })
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
