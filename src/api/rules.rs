//! What the apiserver refuses: CEL rules, each with its sentence.
//!
//! A rule refuses only what could never work under Flagger either, so that no manifest of a Flagger user is lost; what
//! is merely unwise is for lint. `settings` makes the same complaints about objects that were stored before the rules.

use kube::core::Rule;

use super::sentences::{self, Sentence, literal};

/// Nothing advances when analysis is skipped, so nothing can hang either.
const SKIPPED: &str = "(has(self.skipAnalysis) && self.skipAnalysis)";

const BROUGHT: &str = "(has(self.routeRefs) && self.routeRefs.size() > 0)";

/// Flagger's pattern has no end anchor, so it admits 1m30s and 500ms, which work, and 1minute, which does not.
const DURATION: &str = "^([0-9]+(h|m|s|ms))+$";

pub(super) fn rule(holds: impl Into<String>, sentence: &Sentence, values: &[(&str, &str)]) -> Rule {
    Rule { message: Some(sentence.cel(values)), ..Rule::new(holds) }
}

/// `field` is the path for the sentence; the apiserver adds the index in lists.
pub(super) fn duration(field: &str) -> Rule {
    rule(
        format!("self.matches('{DURATION}')"),
        &sentences::CAN010,
        &[("field", &literal(field)), ("value", "(self == '' ? 'empty' : self)")],
    )
}

/// A window begins at these times of a day.
pub(super) const FROM: &str = "^([01][0-9]|2[0-3]):[0-5][0-9]$";
/// A window ends at these times of a day.
pub(super) const TO: &str = "^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$";

/// `last` is the last time that `pattern` admits.
pub(super) fn clock(field: &str, last: &str, pattern: &str) -> Rule {
    rule(
        format!("self.matches('{pattern}')"),
        &sentences::CAN090,
        &[("field", &literal(field)), ("value", "self"), ("last", &literal(last))],
    )
}

/// What a DNS label looks like.
pub(super) fn group_name() -> Rule {
    rule(
        "self.matches('^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$')",
        &sentences::CAN160,
        &[("value", "(self == '' ? 'empty' : self)")],
    )
}

pub(super) fn window_opens() -> Rule {
    rule("self.from != self.to", &sentences::CAN091, &[("value", "self.from")])
}

/// The months' lengths are for `settings`.
pub(super) fn date(field: &str) -> Rule {
    let pattern =
        "^[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\\\\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2}))?$";
    rule(
        format!("self.matches('{pattern}')"),
        &sentences::CAN092,
        &[("field", &literal(field)), ("value", "(self == '' ? 'empty' : self)")],
    )
}

/// What is written in two forms, or with two offsets, is compared by `settings`.
pub(super) fn freeze_in_order() -> Rule {
    rule(
        "size(self.from) > 10 || size(self.to) > 10 || self.from <= self.to",
        &sentences::CAN093,
        &[("from", "self.from"), ("to", "self.to")],
    )
}

/// Of the forms of a condition at most one is set.
pub(super) fn at_most_one<const N: usize>(forms: [&str; N]) -> Rule {
    let holds =
        format!("[{}].filter(form, form).size() <= 1", forms.map(|form| format!("has(self.{form})")).join(", "));
    rule(holds, &sentences::CAN049, &[("forms", &literal(&forms.join(", ")))])
}

/// Of the forms of a condition exactly one is set.
pub(super) fn exactly_one<const N: usize>(forms: [&str; N]) -> Rule {
    let holds =
        format!("[{}].filter(form, form).size() == 1", forms.map(|form| format!("has(self.{form})")).join(", "));
    rule(holds, &sentences::CAN050, &[("forms", &literal(&forms.join(", ")))])
}

pub(super) fn some_step_form() -> Rule {
    rule("has(self.iterations) || has(self.stepWeight) || has(self.stepWeights)", &sentences::CAN004, &[])
}

pub(super) fn one_step_form() -> Rule {
    let forms = "!has(self.stepWeights) ? 'iterations and stepWeight' : !has(self.stepWeight) ? 'iterations and stepWeights' \
                 : !has(self.iterations) ? 'stepWeight and stepWeights' : 'iterations, stepWeight and stepWeights'";
    let holds = "[has(self.iterations), has(self.stepWeight), has(self.stepWeights)].filter(form, form).size() <= 1";
    rule(holds, &sentences::CAN003, &[("forms", forms)])
}

pub(super) fn rising_steps() -> Rule {
    rule(
        format!(
            "{SKIPPED} || !has(self.analysis.stepWeights) || (self.analysis.stepWeights.size() > 0 && \
             self.analysis.stepWeights.isSorted() && \
             self.analysis.stepWeights.all(weight, self.analysis.stepWeights.exists_one(other, other == weight)))"
        ),
        &sentences::CAN006,
        &[("value", "self.analysis.stepWeights")],
    )
    .field_path(".analysis.stepWeights")
}

/// `fails` is a condition on the field at which no release can pass.
fn weight(guard: &str, field: &str, fails: &str, range: &str) -> Rule {
    rule(
        format!("{guard}!has(self.analysis.{field}) || !(self.analysis.{field} {fails})"),
        &sentences::CAN005,
        &[("field", &literal(field)), ("value", &format!("self.analysis.{field}")), ("range", &literal(range))],
    )
    .field_path(format!(".analysis.{field}"))
}

/// A weight above 100 is cut to 100, so only the lower end can hang.
pub(super) fn step_weight() -> Rule {
    weight(&format!("{SKIPPED} || "), "stepWeight", "< 0.01", "0.01 to 100")
}

/// Only linear steps go by maxWeight; 0 and less mean 100.
pub(super) fn max_weight() -> Rule {
    weight(&format!("{SKIPPED} || !has(self.analysis.stepWeight) || "), "maxWeight", "> 100.0", "0.01 to 100")
}

pub(super) fn promotion_weight() -> Rule {
    weight("", "stepWeightPromotion", "< 0.0", "0 to 100")
}

pub(super) fn mirror_weight() -> Rule {
    weight("", "mirrorWeight", "> 100", "1 to 100")
}

pub(super) fn primary_ready() -> Rule {
    weight("", "primaryReadyThreshold", "> 100", "1 to 100")
}

pub(super) fn canary_ready() -> Rule {
    weight("", "canaryReadyThreshold", "> 100", "1 to 100")
}

pub(super) fn first_step() -> Rule {
    rule(
        format!(
            "{SKIPPED} || !has(self.analysis.stepWeights) || self.analysis.stepWeights.all(weight, weight >= 0.01)"
        ),
        &sentences::CAN005,
        &[
            ("field", &literal("stepWeights")),
            ("value", "self.analysis.stepWeights"),
            ("range", &literal("weights of 0.01 to 100")),
        ],
    )
    .field_path(".analysis.stepWeights")
}

/// Without a mesh serin counts to 10 by itself, as Flagger does.
pub(super) fn iterations() -> Rule {
    rule(
        format!(
            "{SKIPPED} || (has(self.provider) && self.provider == 'kubernetes') || !has(self.analysis.iterations) || \
             self.analysis.iterations >= 1"
        ),
        &sentences::CAN045,
        &[("value", "self.analysis.iterations")],
    )
    .field_path(".analysis.iterations")
}

/// Blue/green goes on without copies, so only a release in weights hangs.
pub(super) fn provider_mirrors() -> Rule {
    rule(
        format!(
            "{SKIPPED} || !has(self.analysis.mirror) || !self.analysis.mirror || has(self.analysis.iterations) || \
             !has(self.provider) || self.provider in ['apisix', 'contour', 'gatewayapi:v1', 'gatewayapi:v1beta1', 'gloo', 'istio', 'kubernetes', 'traefik']"
        ),
        &sentences::CAN015,
        &[("provider", "self.provider")],
    )
    .field_path(".analysis.mirror")
}

/// Routes of the user's own need no other reference.
fn reference_is_there(providers: &str, present: &str, field: &str, what: &str) -> Rule {
    rule(
        format!("!has(self.provider) || !(self.provider in {providers}) || {BROUGHT} || {present}"),
        &sentences::CAN026,
        &[("provider", "self.provider"), ("field", &literal(field)), ("what", &literal(what))],
    )
    .field_path(field.trim_start_matches("spec"))
}

pub(super) fn gateway_refs_are_there() -> Rule {
    reference_is_there(
        "['gatewayapi:v1', 'gatewayapi:v1beta1']",
        "(has(self.service) && has(self.service.gatewayRefs) && self.service.gatewayRefs.size() > 0)",
        "spec.service.gatewayRefs",
        "the name of the Gateway",
    )
}

pub(super) fn ingress_ref_is_there() -> Rule {
    let what = "the name of the Ingress that leads to the target";
    reference_is_there("['nginx', 'skipper']", "has(self.ingressRef)", "spec.ingressRef", what)
}

pub(super) fn route_ref_is_there() -> Rule {
    let what = "the name of the ApisixRoute that leads to the target";
    reference_is_there("['apisix']", "has(self.routeRef)", "spec.routeRef", what)
}

pub(super) fn mesh_name_is_there() -> Rule {
    let present = "(has(self.service) && has(self.service.meshName) && self.service.meshName != '')";
    reference_is_there("['appmesh']", present, "spec.service.meshName", "the name of the mesh")
}

/// Only Istio has delegates; to the other routers the three fields mean nothing together.
pub(super) fn delegate_is_bare() -> Rule {
    let hosts = "(has(self.service.hosts) && self.service.hosts.size() > 0)";
    let gateways = "(has(self.service.gateways) && self.service.gateways.size() > 0)";
    rule(
        format!(
            "(has(self.provider) && self.provider != 'istio') || !has(self.service) || !has(self.service.delegation) || \
             !self.service.delegation || !({hosts} || {gateways})"
        ),
        &sentences::CAN027,
        &[("fields", &format!("({hosts} ? 'hosts' : 'gateways')"))],
    )
    .field_path(".service.delegation")
}

pub(super) fn service_is_there() -> Rule {
    let holds = "has(self.service) || self.targetRef.kind == 'Service'";
    rule(holds, &sentences::CAN046, &[("kind", "self.targetRef.kind")]).field_path(".service")
}

/// Knative names its revisions itself; everything else gets Services `<apex>-primary` and `<apex>-canary`.
pub(super) fn short_apex() -> Rule {
    let apex = "(has(self.service) && has(self.service.name) && self.service.name != '' ? self.service.name : \
                self.targetRef.name)";
    rule(
        format!("(has(self.provider) && self.provider == 'knative') || size({apex}) <= 55"),
        &sentences::CAN020,
        &[("name", apex), ("length", &format!("size({apex}) + 8"))],
    )
}

/// No Service has a number or a name twice.
pub(super) fn ports_differ() -> Rule {
    let name = "(has(self.service.portName) ? self.service.portName : 'http')";
    let ports = "self.service.ports";
    rule(
        format!(
            "!has(self.service) || !has({ports}) || {ports}.all(port, port.port != self.service.port && port.name != {name} && \
             {ports}.exists_one(other, other.port == port.port) && {ports}.exists_one(other, other.name == port.name))"
        ),
        &sentences::CAN110,
        &[],
    )
    .field_path(".service.ports")
}

const KNATIVE_TARGET: &str =
    "(self.targetRef.kind == 'Service' && self.targetRef.apiVersion == 'serving.knative.dev/v1')";

pub(super) fn knative_goes_with_knative() -> Rule {
    rule(
        format!("(has(self.provider) && self.provider == 'knative') == {KNATIVE_TARGET}"),
        &sentences::CAN047,
        &[
            ("provider", "(has(self.provider) ? self.provider : 'not set')"),
            ("kind", "self.targetRef.kind"),
            ("apiVersion", "self.targetRef.apiVersion"),
        ],
    )
    .field_path(".provider")
}

pub(super) fn knative_scales_itself() -> Rule {
    rule(format!("!{KNATIVE_TARGET} || !has(self.autoscalerRef)"), &sentences::CAN048, &[]).field_path(".autoscalerRef")
}

pub(super) fn distinct_cookies() -> Rule {
    let holds = "!has(self.primaryCookieName) || self.primaryCookieName != self.cookieName";
    rule(holds, &sentences::CAN017, &[("value", "self.cookieName")])
}

pub(super) fn metric_source() -> Rule {
    let holds = "self.name in ['request-success-rate', 'request-duration'] || has(self.templateRef) || \
                 (has(self.query) && self.query != '')";
    rule(holds, &sentences::CAN038, &[("name", "self.name")])
}

pub(super) fn range_in_order() -> Rule {
    let holds = "!has(self.min) || !has(self.max) || self.min <= self.max";
    rule(holds, &sentences::CAN039, &[("min", "self.min"), ("max", "self.max")])
}

pub(super) fn backend_port() -> Rule {
    let holds = "self.group != '' || self.kind != 'Service' || has(self.port)";
    rule(holds, &sentences::CAN051, &[("name", "self.name")])
}

pub(super) fn provider_address() -> Rule {
    let holds = "!(self.type in ['prometheus', 'influxdb', 'graphite', 'dynatrace', 'splunk', 'skywalking', 'web']) || \
                 (has(self.address) && self.address != '')";
    rule(holds, &sentences::MET009, &[("type", "self.type")])
}

pub(super) fn provider_region() -> Rule {
    rule("self.type != 'cloudwatch' || (has(self.region) && self.region != '')", &sentences::MET010, &[])
}

pub(super) fn some_alert_address() -> Rule {
    rule("(has(self.address) && self.address != '') || has(self.secretRef)", &sentences::ALT006, &[])
}

/// Only a gate can wait for a person.
pub(super) fn hook_url_is_there() -> Rule {
    let holds = "has(self.url) || (has(self.type) && self.type.startsWith('confirm-'))";
    let type_ = "(has(self.type) && self.type != '' ? self.type : 'rollout')";
    rule(holds, &sentences::CAN120, &[("name", "self.name"), ("type", type_)]).field_path(".url")
}

pub(super) fn person_needs_no_keys() -> Rule {
    let holds = "has(self.url) || !(has(self.secretRef) || has(self.caRef))";
    let field = "(has(self.secretRef) ? 'secretRef' : 'caRef')";
    rule(holds, &sentences::CAN121, &[("name", "self.name"), ("field", field)])
}

/// An authority that nobody asks would be taken for a protection.
pub(super) fn authority_is_asked() -> Rule {
    let verified = "!(has(self.disableTLS) && self.disableTLS)";
    let holds = format!("!has(self.caRef) || !has(self.url) || (self.url.startsWith('https:') && {verified})");
    let what = format!("({verified} ? 'a url that does not begin with https:' : 'disableTLS: true')");
    rule(holds, &sentences::CAN122, &[("name", "self.name"), ("what", &what)]).field_path(".caRef")
}

pub(super) fn one_canary_size() -> Rule {
    let forms =
        "[has(self.canaryReplicas.count), has(self.canaryReplicas.percent), has(self.canaryReplicas.followWeight)]";
    rule(format!("!has(self.canaryReplicas) || {forms}.filter(form, form).size() == 1"), &sentences::CAN123, &[])
        .field_path(".canaryReplicas")
}

pub(super) fn canary_is_counted() -> Rule {
    let holds = "!has(self.canaryReplicas) || self.targetRef.kind == 'Deployment'";
    rule(holds, &sentences::CAN124, &[("kind", "self.targetRef.kind")]).field_path(".canaryReplicas")
}

/// What one of the two writes the other would undo.
pub(super) fn one_hand_counts_the_canary() -> Rule {
    rule(
        "!has(self.canaryReplicas) || !has(self.autoscalerRef)",
        &sentences::CAN125,
        &[("name", "self.autoscalerRef.name")],
    )
    .field_path(".canaryReplicas")
}
