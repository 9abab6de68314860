//! What stands against a spec. Small claims, each about one thing, in one list.

use crate::api::sentences::{self, Sentence};
use std::collections::BTreeSet;

use crate::api::{AutoscalerRef, CanarySpec, ComparisonType, Metric, Provider, TargetKind, ThresholdRange};
use crate::model::{Builtin, Complaint, Layout, duration};
use crate::route::{self, AFFINITY, Ability, FINE, MATCH_SHARES, MATCHES, MIRROR, PORTS, PREVIEW, Router};

use super::{Defaults, in_place, provider};

/// Every complaint about `spec`, in the order of the claims.
pub(super) fn all(spec: &CanarySpec, defaults: &Defaults<'_>) -> Vec<Complaint> {
    let router = provider(spec, defaults);
    let mut found = Vec::new();
    found.extend(served(router));
    found.extend(service(spec));
    found.extend(apex(spec, router));
    found.extend(knative(spec));
    found.extend(references(spec, router));
    found.extend(delegation(spec, router));
    found.extend(ports(spec));
    found.extend(in_place::all(spec, router));
    found.extend(abilities(spec, router));
    found.extend(durations(spec));
    found.extend(cookies(spec));
    found.extend(metrics(spec));
    found.extend(super::traffic::complaint(spec));
    found.extend(super::hook::complaints(spec));
    found.extend(canary_size(spec));
    found.extend(super::after::complaints(spec, router));
    found.extend(super::pods::complaints(spec, router));
    found.extend(group(spec));
    found
}

fn group(spec: &CanarySpec) -> Option<Complaint> {
    let name = spec.group.as_deref()?;
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let fits = name.len() <= 63 && name.starts_with(inner) && name.ends_with(inner);
    let fits = fits && name.chars().all(|c| inner(c) || c == '-');
    let value = if name.is_empty() { "empty" } else { name };
    (!fits).then(|| complaint(&sentences::CAN160, &[("value", value)]))
}

fn canary_size(spec: &CanarySpec) -> Vec<Complaint> {
    let Some(asked) = spec.canary_replicas else { return Vec::new() };
    let forms = [asked.count.is_some(), asked.percent.is_some(), asked.follow_weight.is_some()];
    let kind = spec.target_ref.kind;
    let unclear = forms.into_iter().filter(|set| *set).count() != 1;
    let contested = |scaler: &AutoscalerRef| complaint(&sentences::CAN125, &[("name", &scaler.name)]);
    let uncounted = || complaint(&sentences::CAN124, &[("kind", kind.as_str())]);
    let found = [
        unclear.then(|| complaint(&sentences::CAN123, &[])),
        (kind != TargetKind::Deployment).then(uncounted),
        spec.autoscaler_ref.as_ref().map(contested),
    ];
    found.into_iter().flatten().collect()
}

/// A complaint that stops all work on the canary.
pub(super) fn complaint(sentence: &Sentence, values: &[(&str, &str)]) -> Complaint {
    Complaint::blocks(sentence.reason, sentence.say(values))
}

fn served(router: &str) -> Option<Complaint> {
    route::find(router).is_none().then(|| route::unknown(router).into())
}

fn service(spec: &CanarySpec) -> Option<Complaint> {
    let kind = spec.target_ref.kind;
    (spec.service.is_none() && kind != TargetKind::Service)
        .then(|| complaint(&sentences::CAN046, &[("kind", kind.as_str())]))
}

fn apex(spec: &CanarySpec, router: &str) -> Option<Complaint> {
    let name = spec.apex();
    let length = format!("{name}-primary").len();
    (length > 63 && router != Provider::Knative.as_str())
        .then(|| complaint(&sentences::CAN020, &[("name", name), ("length", &length.to_string())]))
}

/// Flagger goes by spec.provider here, not by the operator's default.
fn knative(spec: &CanarySpec) -> Vec<Complaint> {
    let target = &spec.target_ref;
    let mut found = Vec::new();
    if target.is_knative() != (spec.provider == Some(Provider::Knative)) {
        let named = spec.provider.map_or("not set", |provider| provider.as_str());
        let values = [("provider", named), ("kind", target.kind.as_str()), ("apiVersion", &target.api_version)];
        found.push(complaint(&sentences::CAN047, &values));
    }
    if target.is_knative() && spec.autoscaler_ref.is_some() {
        found.push(complaint(&sentences::CAN048, &[]));
    }
    found
}

fn references(spec: &CanarySpec, router: &str) -> Option<Complaint> {
    if spec.brings_routes() {
        return None;
    }
    let service = spec.service.as_ref();
    let (present, field, what) = match router {
        "gatewayapi:v1" | "gatewayapi:v1beta1" => {
            let present =
                service.and_then(|service| service.gateway_refs.as_ref()).is_some_and(|refs| !refs.is_empty());
            (present, "spec.service.gatewayRefs", "the name of the Gateway")
        }
        "nginx" | "skipper" => {
            (spec.ingress_ref.is_some(), "spec.ingressRef", "the name of the Ingress that leads to the target")
        }
        "apisix" => (spec.route_ref.is_some(), "spec.routeRef", "the name of the ApisixRoute that leads to the target"),
        "appmesh" => {
            let present = service.and_then(|service| service.mesh_name.as_ref()).is_some_and(|name| !name.is_empty());
            (present, "spec.service.meshName", "the name of the mesh")
        }
        _ => return None,
    };
    (!present).then(|| complaint(&sentences::CAN026, &[("provider", router), ("field", field), ("what", what)]))
}

fn delegation(spec: &CanarySpec, router: &str) -> Option<Complaint> {
    let service = spec.service.as_ref().filter(|service| service.delegation == Some(true))?;
    let set = |list: &Option<Vec<String>>| list.as_ref().is_some_and(|entries| !entries.is_empty());
    let fields = match (set(&service.hosts), set(&service.gateways)) {
        (true, _) => "hosts",
        (false, true) => "gateways",
        (false, false) => return None,
    };
    (router == Provider::Istio.as_str()).then(|| complaint(&sentences::CAN027, &[("fields", fields)]))
}

/// A Service has no number and no name twice, and a condition on a port is one too many where each port has a rule.
fn ports(spec: &CanarySpec) -> Option<Complaint> {
    let service = spec.service.as_ref().filter(|service| !service.further_ports().is_empty())?;
    let main = (service.port, service.port_name.as_deref().unwrap_or("http"));
    let further = service.further_ports().iter().map(|port| (port.port, port.name.as_str()));
    let (numbers, names): (BTreeSet<_>, BTreeSet<_>) = further.chain([main]).unzip();
    if numbers.len().min(names.len()) <= service.further_ports().len() {
        return Some(complaint(&sentences::CAN110, &[]));
    }
    service.matches_its_ports().then(|| complaint(&sentences::CAN111, &[]))
}

/// What is asked of a router that cannot do it would never come true. Blue/green goes on without copies, as in Flagger, and where
/// there is no route at all nothing of it is asked.
fn abilities(spec: &CanarySpec, name: &str) -> Vec<Complaint> {
    let (Some(router), Some(service)) = (route::of(spec, name), &spec.service) else { return Vec::new() };
    let can = router.capabilities(service);
    let name = if spec.brings_routes() { "routeRefs" } else { name };
    // What is said of a release in place is said by itself.
    if spec.skip_analysis == Some(true) || !can.weights || spec.target_ref.layout() == Layout::InPlace {
        return Vec::new();
    }
    let analysis = &spec.analysis;
    let (in_weights, matches) = (analysis.iterations.is_none(), matches(spec));
    let weights = analysis.step_weights.iter().flatten();
    let mut weights =
        weights.chain(&analysis.step_weight).chain(&analysis.max_weight).chain(&analysis.step_weight_promotion);
    let asked = [
        (analysis.mirror == Some(true) && in_weights, MIRROR),
        (matches, MATCHES),
        (matches && in_weights && can.matches, MATCH_SHARES),
        (!service.further_ports().is_empty(), PORTS),
        (analysis.preview.is_some(), PREVIEW),
        (analysis.session_affinity.is_some(), AFFINITY),
        (in_weights && !weights.all(|weight| weight.is_whole()), FINE),
    ];
    let lacking = asked.into_iter().filter(|(asked, ability)| *asked && !(ability.of)(&can));
    lacking.map(|(_, ability)| unable(spec, ability, name)).collect()
}

/// Whether only some requests are meant for the canary.
pub(super) fn matches(spec: &CanarySpec) -> bool {
    spec.analysis.match_.as_ref().is_some_and(|conditions| !conditions.is_empty())
}

/// Says which routers can do it for this service.
fn unable(spec: &CanarySpec, ability: Ability, provider: &str) -> Complaint {
    let can = |router: &&dyn Router| spec.service.as_ref().is_some_and(|s| (ability.of)(&router.capabilities(s)));
    let routers: Vec<_> =
        route::ALL.iter().copied().filter(can).filter_map(|router| router.providers().first().copied()).collect();
    let able = match routers.as_slice() {
        [] => "another appProtocol".to_owned(),
        routers if can(&route::OWN) && !spec.brings_routes() => {
            format!("routes of your own (spec.routeRefs), or one of: {}", routers.join(", "))
        }
        routers => routers.join(", "),
    };
    let values = [("field", ability.field), ("provider", provider), ("what", ability.what), ("able", &able)];
    complaint(&sentences::CAN071, &values)
}

fn durations(spec: &CanarySpec) -> impl Iterator<Item = Complaint> {
    let (analysis, rollback) = (&spec.analysis, &spec.rollback);
    let metrics = analysis.metrics.iter().flatten().filter_map(|metric| metric.interval.as_ref());
    let holds = analysis.metrics.iter().flatten().filter_map(|metric| metric.max_hold.as_ref());
    let hooks = || analysis.webhooks.iter().flatten();
    let timeouts = hooks().filter_map(|hook| hook.timeout.as_ref());
    let deadlines = hooks().filter_map(|hook| hook.deadline.as_ref());
    std::iter::once(("spec.analysis.interval", &analysis.interval))
        .chain(metrics.map(|interval| ("spec.analysis.metrics[].interval", interval)))
        .chain(holds.map(|hold| ("spec.analysis.metrics[].maxHold", hold)))
        .chain(analysis.max_hold.iter().map(|hold| ("spec.analysis.maxHold", hold)))
        .chain(analysis.bake.iter().map(|bake| ("spec.analysis.bake", bake)))
        .chain(rollback.iter().filter_map(|r| r.keep_warm.as_ref()).map(|warm| ("spec.rollback.keepWarm", warm)))
        .chain(analysis.warmup.iter().map(|warmup| ("spec.analysis.warmup", warmup)))
        .chain(timeouts.map(|timeout| ("spec.analysis.webhooks[].timeout", timeout)))
        .chain(deadlines.map(|deadline| ("spec.analysis.webhooks[].deadline", deadline)))
        .filter(|(_, text)| duration::parse(text).is_none())
        .map(|(field, text)| {
            let value = if text.is_empty() { "empty" } else { text };
            complaint(&sentences::CAN010, &[("field", field), ("value", value)])
        })
}

fn cookies(spec: &CanarySpec) -> Option<Complaint> {
    let affinity = spec.analysis.session_affinity.as_ref()?;
    (affinity.primary_cookie_name.as_ref() == Some(&affinity.cookie_name))
        .then(|| complaint(&sentences::CAN017, &[("value", &affinity.cookie_name)]))
}

fn metrics(spec: &CanarySpec) -> Vec<Complaint> {
    let mut found = Vec::new();
    for metric in spec.analysis.metrics.iter().flatten() {
        let written = metric.query.as_ref().is_some_and(|query| !query.is_empty()) || metric.template_ref.is_some();
        if !written && Builtin::parse(&metric.name).is_none() {
            found.push(complaint(&sentences::CAN038, &[("name", &metric.name)]));
        }
        let range = metric.threshold_range.unwrap_or_default();
        found.extend(comparison(metric, range));
        if let (Some(min), Some(max)) = (range.min, range.max)
            && min > max
        {
            found.push(complaint(&sentences::CAN039, &[("min", &min.to_string()), ("max", &max.to_string())]));
        }
    }
    found
}

/// A comparison that has nothing to count, or does not know what is good.
fn comparison(metric: &Metric, range: ThresholdRange) -> Option<Complaint> {
    let type_ = metric.comparison?.type_;
    let (word, counts) = match type_ {
        None => return None,
        Some(ComparisonType::Quantile) => return no_durations(metric),
        Some(ComparisonType::RateRatio) => ("rateRatio", true),
        Some(ComparisonType::Slo) => ("slo", true),
        Some(ComparisonType::Sign) => ("sign", false),
        Some(ComparisonType::Difference) => ("difference", false),
    };
    let named = ("metric", metric.name.as_str());
    let lacks = |end, example| complaint(&sentences::CAN083, &[named, ("end", end), ("example", example)]);
    match Builtin::parse(&metric.name).filter(|_| counts) {
        Some(Builtin::Duration) => (range.max.or(metric.threshold).is_none())
            .then(|| lacks("max", "500, in milliseconds, or drop comparison.type, so that quantiles are compared")),
        Some(Builtin::SuccessRate) if word == "slo" => {
            (range.min.or(metric.threshold).is_none()).then(|| lacks("min", "99, in percent"))
        }
        Some(Builtin::SuccessRate) => None,
        None => counts.then(|| complaint(&sentences::CAN082, &[named, ("type", word)])),
    }
}

/// Quantiles of what takes no time.
fn no_durations(metric: &Metric) -> Option<Complaint> {
    (Builtin::parse(&metric.name) == Some(Builtin::SuccessRate))
        .then(|| complaint(&sentences::CAN086, &[("metric", &metric.name)]))
}
