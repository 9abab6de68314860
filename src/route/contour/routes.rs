//! The routes of an HTTPProxy, and what they route. The most specific condition counts, wherever it stands.

use serde_json::{Map, Value, json};

use super::conditions;
use crate::model::{Mirror, Percent, Routing};
use crate::object::value;
use crate::route::farewell::Form;
use crate::route::{Target, backends};

/// The list of backends of a route.
const SERVICES: &str = "services";
/// How routes say which backends they have.
pub(super) const FORM: Form = Form { list: SERVICES, unset: 0 };
/// Fields of a route that follow from the Canary; the others are the user's.
const OURS: [&str; 4] = ["conditions", SERVICES, "timeoutPolicy", "retryPolicy"];
/// The API's own default, which the apiserver writes.
const RETRIES: i32 = 1;

/// The routes of a proxy as it stands.
pub(super) fn found(proxy: Option<&Value>) -> &[Value] {
    let routes = proxy.and_then(|proxy| value::at(proxy, &["spec", "routes"])).and_then(Value::as_array);
    routes.map(Vec::as_slice).unwrap_or_default()
}

/// Read from the first route that shares with a canary: those for everybody else stand behind. One that leads to the canary alone is
/// the preview's, unless there is no other.
pub(super) fn routing(target: &Target<'_>, routes: &[Value]) -> Option<Routing> {
    let of = |route| backends::of(route, SERVICES);
    let with_canary = routes.iter().map(of).filter(|services| backends::lead_to_canary(target, services));
    let (shared, alone): (Vec<&[Value]>, Vec<&[Value]>) = with_canary.partition(|services| services.len() > 1);
    let services = shared.first().or(alone.first())?;
    let preview = !shared.is_empty() && !alone.is_empty();
    let (copied, shared): (Vec<_>, Vec<_>) = services.iter().cloned().partition(is_mirror);
    let [_, canary] = target.sides();
    let copy = copied.iter().find(|service| backends::is(target, service, &canary));
    let mirror = copy.map_or(Mirror::Off, |copy| match copy.get("weight").and_then(Value::as_i64) {
        None | Some(0) => Mirror::All,
        Some(share) => Mirror::Share(Percent::clamped(share)),
    });
    Some(Routing { mirror, preview, ..Routing::split(share(target, &shared)) })
}

/// All routes: ours, then those that lead elsewhere.
pub(super) fn sharing(target: &Target<'_>, want: &Routing, have: &[Value]) -> Vec<Value> {
    let mut shared = split(target, want.canary);
    shared.extend(copies(target, want.mirror));
    let mut routes = Vec::new();
    if want.preview {
        let [_, canary] = target.sides();
        routes.extend(of(target, have, conditions::of_preview(target), &[service(target, &canary)]));
    }
    routes.extend(of(target, have, conditions::of_analysis(target), &shared));
    if !target.conditions().is_empty() {
        routes.extend(of(target, have, conditions::of_service(target), &split(target, Percent::ZERO)));
    }
    routes.extend(others(target, have));
    routes
}

/// The routes that are left when nothing is shared any more.
pub(super) fn to_apex(target: &Target<'_>, have: &[Value]) -> Vec<Value> {
    let apex = json!({"name": target.apex, "port": target.service.port});
    let mut routes = of(target, have, conditions::of_service(target), &[apex]);
    routes.extend(others(target, have));
    routes
}

/// One service alone gets everything; nothing of nothing is shared evenly.
fn share(target: &Target<'_>, services: &[Value]) -> Percent {
    let weighted = services.iter().any(|service| service.get("weight").and_then(Value::as_u64).is_some_and(|w| w > 0));
    backends::share(target, services, u64::from(!weighted))
}

fn of(target: &Target<'_>, have: &[Value], conditions: Vec<Vec<Value>>, services: &[Value]) -> Vec<Value> {
    let service = target.service;
    let timeout = service.timeout.as_ref().map(|timeout| json!({"response": timeout, "idle": "5m"}));
    let retries = service.retries.as_ref().map(|retries| {
        let reasons = retries.retry_on.iter().flat_map(|reasons| reasons.split(',')).map(str::trim);
        let reasons: Vec<_> = reasons.filter(|reason| !reason.is_empty()).collect();
        let mut policy = json!({"count": retries.attempts.filter(|count| *count != 0).unwrap_or(RETRIES)});
        value::merge(&mut policy, &json!({"perTryTimeout": retries.per_try_timeout}));
        value::merge(&mut policy, &json!({"retryOn": (!reasons.is_empty()).then_some(reasons)}));
        policy
    });
    let route = |conditions: Vec<Value>| {
        let mut route = kept(target, have);
        route.insert("conditions".to_owned(), json!(conditions));
        route.extend(timeout.clone().map(|timeout| ("timeoutPolicy".to_owned(), timeout)));
        route.extend(retries.clone().map(|retries| ("retryPolicy".to_owned(), retries)));
        route.insert(SERVICES.to_owned(), json!(services));
        Value::Object(route)
    };
    conditions.into_iter().map(route).collect()
}

/// What the user wrote into the route in whose place ours stand.
fn kept(target: &Target<'_>, have: &[Value]) -> Map<String, Value> {
    let replaced = have.iter().find(|route| backends::are_ours(target, backends::of(route, SERVICES)));
    let fields = replaced.and_then(Value::as_object).into_iter().flatten();
    let kept = fields.filter(|(field, _)| !OURS.contains(&field.as_str()));
    kept.map(|(field, value)| (field.clone(), value.clone())).collect()
}

fn others(target: &Target<'_>, have: &[Value]) -> Vec<Value> {
    have.iter().filter(|route| !backends::are_ours(target, backends::of(route, SERVICES))).cloned().collect()
}

/// Both sides. A weight of 0 is left out: that is how the API writes it.
fn split(target: &Target<'_>, canary: Percent) -> Vec<Value> {
    let [primary_name, canary_name] = target.sides();
    let side = |name: &str, weight: Percent| {
        let mut side = service(target, name);
        value::merge(&mut side, &json!({"weight": (!weight.is_zero()).then_some(weight.proportion())}));
        side
    };
    vec![side(&primary_name, canary.rest()), side(&canary_name, canary)]
}

fn copies(target: &Target<'_>, mirror: Mirror) -> Option<Value> {
    let share = match mirror {
        Mirror::Off => return None,
        Mirror::All => None,
        Mirror::Share(share) => Some(share.whole()),
    };
    let [_, canary] = target.sides();
    let mut copies = service(target, &canary);
    value::merge(&mut copies, &json!({"mirror": true, "weight": share}));
    Some(copies)
}

/// With the header by which a Linkerd sidecar finds its way.
fn service(target: &Target<'_>, name: &str) -> Value {
    let port = target.service.port;
    let host = format!("{name}.{}.svc.cluster.local:{port}", target.namespace);
    json!({"name": name, "port": port, "requestHeadersPolicy": {"set": [{"name": "l5d-dst-override", "value": host}]}})
}

fn is_mirror(service: &Value) -> bool {
    service.get("mirror").and_then(Value::as_bool) == Some(true)
}
