//! `service.trafficPolicy`: what Istio's two DestinationRules say about connections to the pods.

use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{number, rules, schema};

/// Connection policy of the primary and the canary. Istio only.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct TrafficPolicy {
    /// Bounds on connections and requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection_pool: Option<ConnectionPool>,

    /// How a pod is chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load_balancer: Option<LoadBalancer>,

    /// When a failing pod is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outlier_detection: Option<OutlierDetection>,

    /// TLS towards the pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsSettings>,
}

/// Bounds on connections and requests.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionPool {
    /// Bounds on HTTP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpPool>,
}

/// Bounds on HTTP connections and requests.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct HttpPool {
    /// Whether HTTP/1.1 connections are upgraded to HTTP/2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub h2_upgrade_policy: Option<H2UpgradePolicy>,

    /// Most requests that wait for a connection.
    #[serde(default, deserialize_with = "number::option", skip_serializing_if = "Option::is_none")]
    pub http1_max_pending_requests: Option<i32>,

    /// Most requests at once.
    #[serde(default, deserialize_with = "number::option", skip_serializing_if = "Option::is_none")]
    pub http2_max_requests: Option<i32>,

    /// How long a connection may be idle, for example 1h.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_timeout: Option<String>,

    /// Most requests on one connection.
    #[serde(default, deserialize_with = "number::option", skip_serializing_if = "Option::is_none")]
    pub max_requests_per_connection: Option<i32>,

    /// Most retries at once.
    #[serde(default, deserialize_with = "number::option", skip_serializing_if = "Option::is_none")]
    pub max_retries: Option<i32>,
}

/// Whether HTTP/1.1 connections are upgraded to HTTP/2.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schemars(transform = schema::unnamed)]
pub enum H2UpgradePolicy {
    /// As the mesh says.
    Default,
    /// Never.
    DoNotUpgrade,
    /// Always.
    Upgrade,
}

/// How a pod is chosen: by a simple rule or by a hash.
#[derive(Serialize, Deserialize, KubeSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = rules::at_most_one(["simple", "consistentHash"]))]
pub struct LoadBalancer {
    /// A simple rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub simple: Option<SimpleLoadBalancer>,

    /// The same client goes to the same pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consistent_hash: Option<ConsistentHash>,

    /// Preference for pods that are near.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locality_lb_setting: Option<LocalityLoadBalancing>,

    /// How long a new pod gets less than its share, for example 30s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warmup_duration_secs: Option<String>,
}

/// A simple rule to choose a pod.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schemars(transform = schema::unnamed)]
pub enum SimpleLoadBalancer {
    /// One after the other.
    RoundRobin,
    /// The older name of LEAST_REQUEST.
    LeastConn,
    /// Any.
    Random,
    /// The address that the client asked for.
    Passthrough,
    /// The one with the fewest open requests.
    LeastRequest,
}

/// What the hash is made of: at most one of header, cookie, source address and query parameter.
#[derive(Serialize, Deserialize, KubeSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = rules::at_most_one(["httpHeaderName", "httpCookie", "useSourceIp", "httpQueryParameterName"]))]
pub struct ConsistentHash {
    /// The header to hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_header_name: Option<String>,

    /// The cookie to hash; it is made when it is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_cookie: Option<HttpCookie>,

    /// Hash the client's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub use_source_ip: Option<bool>,

    /// The query parameter to hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_query_parameter_name: Option<String>,

    /// Fewest virtual nodes of the ring. Default 1024.
    #[serde(default, deserialize_with = "number::option", skip_serializing_if = "Option::is_none")]
    pub minimum_ring_size: Option<i32>,
}

/// A cookie that keeps a client on its pod.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct HttpCookie {
    /// Name of the cookie.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,

    /// Path of the cookie.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,

    /// How long the cookie lives, for example 10m; 0s makes it end with the session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<String>,
}

/// Preference for pods that are near.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct LocalityLoadBalancing {
    /// Shares of traffic from one place to others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distribute: Option<Vec<LocalityDistribution>>,

    /// Whether the preference is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,

    /// Which region takes over for another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failover: Option<Vec<LocalityFailover>>,
}

/// Shares of traffic from one place.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct LocalityDistribution {
    /// Where the traffic comes from, as region/zone/subzone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,

    /// Share of each place in percent; they sum to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<BTreeMap<String, i32>>,
}

/// Which region takes over for another.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct LocalityFailover {
    /// The region that fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,

    /// The region that takes over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// When a failing pod is left out.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct OutlierDetection {
    /// Shortest time a pod is left out, for example 30s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_ejection_time: Option<String>,

    /// 5xx answers in a row until a pod is left out.
    #[serde(
        default,
        rename = "consecutive5xxErrors",
        deserialize_with = "number::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub consecutive_5xx_errors: Option<i32>,

    /// Errors in a row until a pod is left out; the older form.
    #[serde(default, deserialize_with = "number::option", skip_serializing_if = "Option::is_none")]
    pub consecutive_errors: Option<i32>,

    /// Gateway errors in a row until a pod is left out.
    #[serde(default, deserialize_with = "number::option", skip_serializing_if = "Option::is_none")]
    pub consecutive_gateway_errors: Option<i32>,

    /// Errors on the caller's side in a row until a pod is left out.
    #[serde(default, deserialize_with = "number::option", skip_serializing_if = "Option::is_none")]
    pub consecutive_local_origin_failures: Option<i32>,

    /// Time between two looks at the pods, for example 10s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<String>,

    /// Most pods that may be left out, in percent.
    #[serde(default, deserialize_with = "number::option", skip_serializing_if = "Option::is_none")]
    pub max_ejection_percent: Option<i32>,

    /// Share of healthy pods, in percent, below which no pod is left out.
    #[serde(default, deserialize_with = "number::option", skip_serializing_if = "Option::is_none")]
    pub min_health_percent: Option<i32>,

    /// Count the caller's errors apart from the pods'.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split_external_local_origin_errors: Option<bool>,
}

/// TLS towards the pods.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct TlsSettings {
    /// Which certificates are shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<TlsMode>,

    /// File with the authorities that sign the pods' certificates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_certificates: Option<String>,

    /// File with the client's certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_certificate: Option<String>,

    /// File with the client's private key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_key: Option<String>,

    /// Server name that is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sni: Option<String>,

    /// Names of which the pods' certificate must hold one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject_alt_names: Option<Vec<String>>,
}

/// Which certificates are shown.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schemars(transform = schema::unnamed)]
pub enum TlsMode {
    /// No TLS.
    Disable,
    /// TLS without a client certificate.
    Simple,
    /// TLS with the certificates given here.
    Mutual,
    /// TLS with the mesh's own certificates.
    IstioMutual,
}
