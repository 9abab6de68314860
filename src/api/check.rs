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

    /// What a check comes to while the canary has fewer requests than minRequests, or a comparison is not certain before the
    /// promotion. Default: that of the analysis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_inconclusive: Option<Recourse>,

    /// Requests that the canary must have had within the interval for the value to count; for a comparison since it began. Default:
    /// that of the analysis.
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

    /// Judge the KPI against the primary of the same time, instead of by thresholdRange. {} is enough: requests of the builtin
    /// KPIs are counted, the values of any other are compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Comparison>,

    /// Values for the template's {{ variables.<name> }}.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template_variables: Option<BTreeMap<String, String>>,
}

/// A sequential test of the canary against the primary. It may be looked at any time, and rolls back as soon as harm is certain.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    /// The test. Default: rateRatio for a builtin KPI, but quantile for request-duration without a limit in thresholdRange; sign for
    /// any other.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_: Option<ComparisonType>,

    /// By how much the canary may be worse: 0.25 is a quarter more than the primary; for difference in the KPI's own unit.
    /// Default 0.25. Not read by slo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub margin: Option<f64>,

    /// Probability that this KPI rolls back a canary within the margin, over the whole release. Default: 0.01, shared by all
    /// KPIs that are compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.000_001, max = 0.5))]
    pub alpha: Option<f64>,
}

/// A sequential test.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "camelCase")]
pub enum ComparisonType {
    /// How many times as often the canary's requests fail (or are slower than thresholdRange.max) as the primary's. Builtin KPIs
    /// only.
    RateRatio,
    /// How many times as often the canary's requests are slower than the bucket bounds that held the primary's 50th, 90th, 99th and
    /// 99.9th percentile before the release. For request-duration, and for a query of histogram_quantile.
    Quantile,
    /// How often the canary's requests fail against thresholdRange.min, or are slower than thresholdRange.max. Builtin KPIs only.
    Slo,
    /// In how many intervals the canary's value is worse than the primary's.
    Sign,
    /// The mean difference of both values over the intervals.
    Difference,
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

/// What follows where the canary gets another share of the requests than its weight says.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "lowercase")]
pub enum VerifyTraffic {
    /// It is shown as the metric traffic-share.
    Report,
    /// It is shown, and checks are held until the share is right, for maxHold at most; then they fail.
    Hold,
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
