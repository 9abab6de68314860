//! References from a canary to objects of other people.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::Layout;

/// The workload that is released.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct TargetRef {
    /// API version of the workload, for example apps/v1; serving.knative.dev/v1 with kind Service is a Knative Service.
    pub api_version: String,

    /// Kind of the workload: Deployment, DaemonSet, StatefulSet or Service. A StatefulSet is released in place: no copy is made,
    /// and a weight is a share of its pods.
    pub kind: TargetKind,

    /// Name of the workload.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,

    /// DaemonSet only: release it in place, as a StatefulSet always is. Default false: a copy of it runs beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_place: Option<bool>,
}

/// A kind of workload that can be released.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum TargetKind {
    /// A pod on every node.
    DaemonSet,
    /// A number of equal pods.
    #[default]
    Deployment,
    /// A Knative Service, or a core Service that somebody else fills.
    Service,
    /// Pods with names and volumes of their own, replaced one by one.
    StatefulSet,
}

impl TargetRef {
    /// Whether the target is a Knative Service; any other Service is a core one.
    pub fn is_knative(&self) -> bool {
        self.kind == TargetKind::Service && self.api_version == "serving.knative.dev/v1"
    }

    /// Where the pods of its releases run.
    pub fn layout(&self) -> Layout {
        match self.kind {
            TargetKind::StatefulSet => Layout::InPlace,
            TargetKind::DaemonSet if self.in_place == Some(true) => Layout::InPlace,
            TargetKind::DaemonSet | TargetKind::Deployment | TargetKind::Service => Layout::Beside,
        }
    }
}

impl TargetKind {
    /// The value of `kind`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DaemonSet => "DaemonSet",
            Self::Deployment => "Deployment",
            Self::Service => "Service",
            Self::StatefulSet => "StatefulSet",
        }
    }
}

/// The autoscaler of the target.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct AutoscalerRef {
    /// API version of the autoscaler.
    pub api_version: String,

    /// Kind of the autoscaler: HorizontalPodAutoscaler or ScaledObject.
    pub kind: AutoscalerKind,

    /// Name of the autoscaler.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,

    /// ScaledObject only: the query of each trigger of the primary's copy, by the trigger's name. When set, no trigger
    /// is rewritten automatically.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub primary_scaler_queries: BTreeMap<String, String>,

    /// Replica bounds of the primary's copy. Default: those of the target's autoscaler.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary_scaler_replicas: Option<ScalerReplicas>,
}

/// A kind of autoscaler that can be copied for the primary.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AutoscalerKind {
    /// Kubernetes' own autoscaler.
    HorizontalPodAutoscaler,
    /// KEDA's autoscaler.
    ScaledObject,
}

/// Replica bounds of the primary's autoscaler.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ScalerReplicas {
    /// Fewest pods of the primary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub min_replicas: Option<i32>,

    /// Most pods of the primary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub max_replicas: Option<i32>,
}

/// The Ingress that leads to the target.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct IngressRef {
    /// API version of the Ingress.
    pub api_version: String,

    /// Always Ingress.
    pub kind: IngressKind,

    /// Name of the Ingress.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// The one kind an Ingress reference may name.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
pub enum IngressKind {
    /// networking.k8s.io/v1 Ingress.
    Ingress,
}

/// The ApisixRoute that leads to the target.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct RouteRef {
    /// API version of the route.
    pub api_version: String,

    /// Always ApisixRoute.
    pub kind: RouteKind,

    /// Name of the route.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// A route of the user's own, in the canary's namespace.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct OwnRoute {
    /// API version of the route, for example gateway.networking.k8s.io/v1.
    #[schemars(length(min = 1, max = 253))]
    pub api_version: String,

    /// HTTPRoute, GRPCRoute, TLSRoute, TCPRoute, VirtualService or Ingress.
    #[schemars(length(min = 1, max = 63))]
    pub kind: String,

    /// Name of the route.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// The one kind a route reference may name.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteKind {
    /// apisix.apache.org ApisixRoute.
    ApisixRoute,
}

/// The Gloo Upstream whose connection settings are copied.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct UpstreamRef {
    /// API version of the Upstream.
    pub api_version: String,

    /// Always Upstream.
    pub kind: UpstreamKind,

    /// Name of the Upstream.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,

    /// Namespace of the Upstream. Default: the canary's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

/// The one kind an upstream reference may name.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpstreamKind {
    /// gloo.solo.io Upstream.
    Upstream,
}

/// A Canary, a MetricTemplate or an AlertProvider, by name.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "camelCase")]
pub struct NamespacedRef {
    /// Name of the object.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,

    /// Namespace of the object. Default: the canary's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

/// A Secret in the namespace of the object that names it.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct SecretRef {
    /// Name of the Secret.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}
