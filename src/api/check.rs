//! `analysis.metrics[]`: a KPI and its limits.

use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{NamespacedRef, number, rules};

/// A KPI that a check asks for: builtin by its name, from a template, or as an inline query.
#[derive(Serialize, Deserialize, KubeSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = rules::metric_source())]
pub struct Metric {
    /// Name of the KPI. request-success-rate (percent) and request-duration (99th percentile, milliseconds) are builtin.
    #[schemars(length(max = 253))]
    pub name: String,

    /// Window of time that the KPI looks back, as a number with h, m or s. Default 1m.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = rules::duration("spec.analysis.metrics[].interval"))]
    #[schemars(length(max = 32))]
    pub interval: Option<String>,

    /// The older form of thresholdRange: the least value of request-success-rate, the greatest of any other KPI.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,

    /// The values that pass. For request-duration in milliseconds, for request-success-rate in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold_range: Option<ThresholdRange>,

    /// An inline PromQL query; the older form of templateRef.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 65536))]
    pub query: Option<String>,

    /// The MetricTemplate that asks for the KPI.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template_ref: Option<NamespacedRef>,

    /// What a check without an answer of the provider comes to. Default: that of the analysis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_error: Option<Recourse>,

    /// What a check whose query finds nothing comes to. Default: that of the analysis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_no_data: Option<Recourse>,

    /// What a check comes to while the canary has fewer requests than minRequests. Default: that of the analysis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_inconclusive: Option<Recourse>,

    /// Requests that the canary must have had within the interval for the value to count. Default: that of the analysis.
    #[serde(default, deserialize_with = "number::option", skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub min_requests: Option<i32>,

    /// How long hold may last before the check fails, as a number with h, m or s. Default: that of the analysis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = rules::duration("spec.analysis.metrics[].maxHold"))]
    #[schemars(length(max = 32))]
    pub max_hold: Option<String>,

    /// Whether the KPI decides. Default gate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<MetricMode>,

    /// Values for the template's {{ variables.<name> }}.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template_variables: Option<BTreeMap<String, String>>,
}

/// What a check comes to that has no value to judge.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "lowercase")]
pub enum Recourse {
    /// It counts as failed.
    Fail,
    /// It counts as nothing and is made again, for maxHold at most; then it fails.
    Hold,
    /// It counts as passed.
    Pass,
}

/// What a KPI is for.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "lowercase")]
pub enum MetricMode {
    /// It decides about the release.
    Gate,
    /// It is measured and shown, and decides nothing.
    Advisory,
}

/// The values that pass, both ends included. Without an end there is no limit on that side.
#[derive(Serialize, Deserialize, KubeSchema, Clone, Copy, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = rules::range_in_order())]
pub struct ThresholdRange {
    /// The least value that passes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,

    /// The greatest value that passes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
}
