//! `spec.analysis`: the steps of a release and what it must prove at each of them.

use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::weight::Weight;
use super::{
    Metric, NamespacedRef, Recourse, SessionAffinity, StringMatch, VerifyTraffic, Webhook, number, rules, schema,
};

/// The steps of a release and its checks. Exactly one of iterations, stepWeight and stepWeights says how it advances.
#[derive(Serialize, Deserialize, KubeSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = rules::some_step_form(), validation = rules::one_step_form())]
pub struct CanaryAnalysis {
    /// Time between two checks, as a number with h, m or s, for example 30s. At least 10s; less counts as 10s.
    #[x_kube(validation = rules::duration("spec.analysis.interval"))]
    #[schemars(length(max = 32))]
    pub interval: String,

    /// Failed checks after which the release is rolled back. Below 1 counts as 1.
    #[serde(deserialize_with = "number::whole")]
    pub threshold: i32,

    /// Number of checks of a blue/green release, or of an A/B test when match is set.
    #[serde(default, deserialize_with = "number::option", skip_serializing_if = "Option::is_none")]
    pub iterations: Option<i32>,

    /// Weight of the canary, in percent, at which it is promoted. Default 100. Without effect beside stepWeights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_weight: Option<Weight>,

    /// Weight, in percent, that the canary gains with each passed check. Down to 0.01 where the router can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_weight: Option<Weight>,

    /// Weights of the canary, in percent, one after the other. Each is above the one before; promotion follows the last.
    /// Down to 0.01 where the router can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 100))]
    pub step_weights: Option<Vec<Weight>>,

    /// Weight, in percent, that moves back to the primary at each interval of a promotion. Default 0: all at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_weight_promotion: Option<Weight>,

    /// Send the canary a copy of the requests before it answers any: for one check, or for all of a blue/green release.
    /// Default false. Contour, Gateway API and Istio can mirror.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mirror: Option<bool>,

    /// Share of the requests that is mirrored, in percent. Default: all. Istio only.
    #[serde(default, deserialize_with = "number::option", skip_serializing_if = "Option::is_none")]
    pub mirror_weight: Option<i32>,

    /// Share of the primary's pods, in percent, that must be available. Default 100.
    #[serde(default, deserialize_with = "number::option", skip_serializing_if = "Option::is_none")]
    pub primary_ready_threshold: Option<i32>,

    /// Share of the canary's pods, in percent, that must be available. Default 100.
    #[serde(default, deserialize_with = "number::option", skip_serializing_if = "Option::is_none")]
    pub canary_ready_threshold: Option<i32>,

    /// Requests that may reach the canary. With iterations they all do; with weights they are shared by weight and
    /// everybody else stays on the primary.
    #[serde(default, rename = "match", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub match_: Option<Vec<MatchCondition>>,

    /// Requests that always see the canary while a release runs, whatever weight everybody else has. Contour, Gateway API, Gloo, Istio,
    /// nginx and routes of your own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preview: Option<Preview>,

    /// KPIs that every check asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub metrics: Option<Vec<Metric>>,

    /// What a check comes to when a provider does not answer. Default fail, as in Flagger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_error: Option<Recourse>,

    /// What a check comes to when a query finds nothing. Default fail, as in Flagger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_no_data: Option<Recourse>,

    /// What a check comes to while the canary has fewer requests than minRequests. Default hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_inconclusive: Option<Recourse>,

    /// Whether the share of the requests that the canary really gets, by the router's own counters, is held against its weight.
    /// Default: it is not looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify_traffic: Option<VerifyTraffic>,

    /// Requests that the canary must have had within a KPI's interval for its value to count, by the success rate that the
    /// router brings along; for a comparison since it began, and by its own counters. Default 0: any number will do, as in Flagger.
    #[serde(default, deserialize_with = "number::option", skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub min_requests: Option<i32>,

    /// How long hold may last before the check fails, as a number with h, m or s. Default 1h.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = rules::duration("spec.analysis.maxHold"))]
    #[schemars(length(max = 32))]
    pub max_hold: Option<String>,

    /// Time after the canary's first requests that no KPI looks back to, as a number with h, m or s. Default 0s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = rules::duration("spec.analysis.warmup"))]
    #[schemars(length(max = 32))]
    pub warmup: Option<String>,

    /// How long the KPIs are still asked for once the primary runs the new revision and has all traffic, as a number with h, m or s.
    /// If threshold checks fail meanwhile, the primary goes back to the revision before. Only KPIs with a limit count, since nothing
    /// runs beside the primary. rollback.keepWarm counts towards it. Default 0s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = rules::duration("spec.analysis.bake"))]
    #[schemars(length(max = 32))]
    pub bake: Option<String>,

    /// Judge the first deployment too: its pre-rollout and rollout webhooks and its KPIs must pass one check before the primary takes
    /// over from it. Until then nothing of its traffic moves. Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_initialize: Option<bool>,

    /// Who is told about the release. Without an entry the operator's own notifier is used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub alerts: Option<Vec<AlertRef>>,

    /// HTTP calls that test, gate or follow the release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub webhooks: Option<Vec<Webhook>>,

    /// Keep a client that met the canary on it, by a cookie. Read by Gateway API, Gloo and Istio.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_affinity: Option<SessionAffinity>,
}

/// Who sees the canary before everybody else does.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Preview {
    /// The requests: those that meet one of the conditions.
    #[serde(rename = "match")]
    #[schemars(length(min = 1, max = 64))]
    pub match_: Vec<MatchCondition>,
}

/// A condition on the requests that may reach the canary. All the fields that are set must hold.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct MatchCondition {
    /// Headers by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headers: Option<BTreeMap<String, HeaderMatch>>,

    /// Query parameters by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query_params: Option<BTreeMap<String, StringMatch>>,

    /// Labels of the pods that send the request. Istio only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_labels: Option<BTreeMap<String, String>>,
}

/// A condition on a header: exactly one of the forms.
#[derive(Serialize, Deserialize, KubeSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = rules::exactly_one(["exact", "prefix", "suffix", "regex"]))]
pub struct HeaderMatch {
    /// The whole value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exact: Option<String>,

    /// The beginning of the value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,

    /// The end of the value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suffix: Option<String>,

    /// An RE2 expression for the whole value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regex: Option<String>,
}

/// Somebody who is told about the release.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct AlertRef {
    /// A name for this entry.
    pub name: String,

    /// The least severity that is told: info, warn or error. Default info.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,

    /// The AlertProvider that carries the message.
    pub provider_ref: NamespacedRef,
}

/// How much an alert matters.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "lowercase")]
#[schemars(transform = schema::unnamed)]
pub enum Severity {
    /// Not given.
    #[serde(rename = "")]
    Unset,
    /// Everything.
    Info,
    /// What waits for a person, and errors.
    Warn,
    /// Only what failed.
    Error,
}
