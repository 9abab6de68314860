//! `spec.service`: the three Services and the route that are made for the target.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    CorsPolicy, Headers, HttpMatch, Mirror, ParentRef, Retries, Rewrite, TargetPort, TrafficPolicy, number, schema,
};

/// The Services `<name>`, `<name>-primary` and `<name>-canary`, and the route between them.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct CanaryService {
    /// Name of the apex Service and of the routing objects. Default: the target's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,

    /// Port of the three Services.
    #[serde(deserialize_with = "number::whole")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: i32,

    /// Name of that port. Default http.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port_name: Option<String>,

    /// Port of the pods, as a number or a name. Default: the same as port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_port: Option<TargetPort>,

    /// Application protocol of the port; tcp makes the Istio router write TCP routes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_protocol: Option<String>,

    /// Further ports of the three Services, each with a rule of its own in the route. Istio writes them; SMI, Linkerd, OSM, own routes
    /// (routeRefs) and the Ingress routers move every port that their objects name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub ports: Option<Vec<ServicePort>>,

    /// Let the selector of the apex Service carry the traffic of a release. Provider kubernetes only, whose users meet a new revision by its
    /// promotion alone otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_routing: Option<PodRouting>,

    /// Where the three Services prefer to send traffic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traffic_distribution: Option<TrafficDistribution>,

    /// Add every other container port of the target to the Services. Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port_discovery: Option<bool>,

    /// Create the three Services without a cluster IP. Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headless: Option<bool>,

    /// Longest time a request may take, for example 15s. Read by Istio, Contour, App Mesh v1beta2 and Gateway API v1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<String>,

    /// Longest time one try at a backend may take, for example 5s. Read by Gateway API v1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend_timeout: Option<String>,

    /// Name of the App Mesh mesh. The provider appmesh needs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mesh_name: Option<String>,

    /// App Mesh backends of the virtual nodes; entries that start with arn:aws are ARNs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backends: Option<Vec<String>>,

    /// Host names of the route. Istio adds the apex unless it or * is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hosts: Option<Vec<String>>,

    /// Istio gateways of the route. Default: mesh.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateways: Option<Vec<String>>,

    /// Parents of the HTTPRoute. The Gateway API providers need at least one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub gateway_refs: Option<Vec<ParentRef>>,

    /// Write a delegate VirtualService, which has neither hosts nor gateways. Default false. Istio only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delegation: Option<bool>,

    /// Only requests that match one of these conditions take the route.
    #[serde(default, rename = "match", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub match_: Option<Vec<HttpMatch>>,

    /// How the request is changed on its way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rewrite: Option<Rewrite>,

    /// How failed requests are tried again. Read by Istio, Contour and App Mesh.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retries: Option<Retries>,

    /// Header changes on requests and responses. Read by Istio and Gateway API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headers: Option<Headers>,

    /// Backends that get a copy of every request, always. Gateway API only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub mirror: Option<Vec<Mirror>>,

    /// Which other origins a browser may call from. Read by Istio and Gateway API v1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cors_policy: Option<CorsPolicy>,

    /// Traffic policy of the two DestinationRules. Istio only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traffic_policy: Option<TrafficPolicy>,

    /// Labels and annotations of the apex Service and of the routing objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apex: Option<Metadata>,

    /// Labels and annotations of the primary Service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary: Option<Metadata>,

    /// Labels and annotations of the canary Service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<Metadata>,

    /// Labels and annotations of the Services that somebody else writes; they are left alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unmanaged_metadata: Option<UnmanagedMetadata>,
}

impl CanaryService {
    /// The ports beside `port`.
    pub fn further_ports(&self) -> &[ServicePort] {
        self.ports.as_deref().unwrap_or_default()
    }

    /// Whether a condition names a port although each port has a rule of its own: it would take requests from another port's rule.
    pub fn matches_its_ports(&self) -> bool {
        !self.further_ports().is_empty() && self.match_.iter().flatten().any(|condition| condition.port.is_some())
    }
}

/// The selector of the apex Service as the route: blue/green, and shares by pods.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct PodRouting {
    /// Label on the pods of the target, besides the one that tells the sides apart, with a value that no other pods have. With stepWeight or
    /// stepWeights the apex Service selects the pods of both sides by it, and the canary gets the pods that its weight is beside the
    /// primary's: approximately, by whole pods. Default: none, for iterations only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 317))]
    pub shared_label: Option<String>,
}

/// A port of the three Services beside `service.port`.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ServicePort {
    /// Its name; no two ports have the same.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,

    /// Its number; no two ports have the same.
    #[serde(deserialize_with = "number::whole")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: i32,

    /// Port of the pods, as a number or a name. Default: the same as port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_port: Option<TargetPort>,

    /// Application protocol; tcp makes the Istio router write a TCP rule for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_protocol: Option<String>,
}

/// Which endpoints a Service prefers.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
#[schemars(transform = schema::unnamed)]
pub enum TrafficDistribution {
    /// Endpoints in the client's zone; the older name of PreferSameZone.
    PreferClose,
    /// Endpoints in the client's zone.
    PreferSameZone,
    /// Endpoints on the client's node.
    PreferSameNode,
}

/// Labels and annotations of a generated object.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// Labels to write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<BTreeMap<String, String>>,

    /// Annotations to write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<BTreeMap<String, String>>,
}

/// Exact keys that are left alone on generated Services.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct UnmanagedMetadata {
    /// Annotation keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<Vec<String>>,

    /// Label keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<Vec<String>>,
}
