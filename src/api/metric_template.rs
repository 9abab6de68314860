//! The kind MetricTemplate: a query that many canaries use.

use std::collections::BTreeMap;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{SecretRef, rules};

/// A query with placeholders and the provider that answers it.
#[derive(CustomResource, Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq)]
#[kube(
    group = "flagger.app",
    version = "v1beta1",
    kind = "MetricTemplate",
    namespaced,
    category = "all",
    derive = "PartialEq",
    doc = "A KPI as a query with placeholders, and the metrics provider that answers it.",
    annotation("helm.sh/resource-policy", "keep"),
    printcolumn(name = "Provider", type_ = "string", json_path = ".spec.provider.type")
)]
#[serde(rename_all = "camelCase")]
pub struct MetricTemplateSpec {
    /// Who answers the query.
    pub provider: MetricProvider,

    /// The query. Placeholders: {{ name }}, {{ namespace }}, {{ target }}, {{ service }}, {{ ingress }}, {{ route }},
    /// {{ interval }} and {{ variables.<name> }}.
    #[schemars(length(max = 65536))]
    pub query: String,
}

/// A metrics provider and how to reach it.
#[derive(Serialize, Deserialize, KubeSchema, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = rules::provider_address(), validation = rules::provider_region())]
pub struct MetricProvider {
    /// The kind of provider.
    #[serde(rename = "type")]
    pub type_: MetricProviderType,

    /// Base URL of the provider. Those with a public address of their own (datadog, newrelic) have a default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 8192))]
    pub address: Option<String>,

    /// Headers of every request, each with one or more values. Read by prometheus and web.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headers: Option<BTreeMap<String, Vec<String>>>,

    /// The Secret with the credentials, in the template's namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretRef>,

    /// Region of the provider. cloudwatch needs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,

    /// Do not verify the provider's certificate. Default false. Read by prometheus, graphite, influxdb,
    /// skywalking, web and externalmetrics.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub insecure_skip_verify: Option<bool>,
}

/// A kind of metrics provider.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "lowercase")]
pub enum MetricProviderType {
    /// Prometheus or anything with its query API.
    Prometheus,
    /// InfluxDB.
    InfluxDb,
    /// Datadog.
    Datadog,
    /// The external metrics API of Kubernetes.
    ExternalMetrics,
    /// Google Cloud Monitoring.
    Stackdriver,
    /// Amazon CloudWatch.
    CloudWatch,
    /// New Relic.
    NewRelic,
    /// Graphite.
    Graphite,
    /// Dynatrace.
    Dynatrace,
    /// Keptn.
    Keptn,
    /// Splunk Observability.
    Splunk,
    /// Azure Monitor.
    AzureMonitor,
    /// SkyWalking.
    SkyWalking,
    /// Any server that answers with JSON.
    Web,
}
