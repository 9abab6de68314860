//! The routers by the names that a Canary may give them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::schema;

/// A router that can shift traffic.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[schemars(transform = schema::unnamed)]
pub enum Provider {
    /// Apache APISIX.
    #[serde(rename = "apisix")]
    Apisix,
    /// AWS App Mesh, its first API.
    #[serde(rename = "appmesh")]
    AppMesh,
    /// AWS App Mesh, its second API.
    #[serde(rename = "appmesh:v1beta2")]
    AppMeshV1Beta2,
    /// Contour.
    #[serde(rename = "contour")]
    Contour,
    /// Gateway API v1.
    #[serde(rename = "gatewayapi:v1")]
    GatewayApiV1,
    /// Gateway API v1beta1.
    #[serde(rename = "gatewayapi:v1beta1")]
    GatewayApiV1Beta1,
    /// Gloo Edge.
    #[serde(rename = "gloo")]
    Gloo,
    /// Istio.
    #[serde(rename = "istio")]
    Istio,
    /// Knative Serving.
    #[serde(rename = "knative")]
    Knative,
    /// Plain Kubernetes Services: blue/green only.
    #[serde(rename = "kubernetes")]
    Kubernetes,
    /// Kuma.
    #[serde(rename = "kuma")]
    Kuma,
    /// Linkerd with SMI traffic splits.
    #[serde(rename = "linkerd")]
    Linkerd,
    /// The annotations of ingress-nginx.
    #[serde(rename = "nginx")]
    Nginx,
    /// Open Service Mesh.
    #[serde(rename = "osm")]
    Osm,
    /// Skipper.
    #[serde(rename = "skipper")]
    Skipper,
    /// SMI TrafficSplit v1alpha1.
    #[serde(rename = "smi:v1alpha1")]
    SmiV1Alpha1,
    /// SMI TrafficSplit v1alpha2.
    #[serde(rename = "smi:v1alpha2")]
    SmiV1Alpha2,
    /// SMI TrafficSplit v1alpha3.
    #[serde(rename = "smi:v1alpha3")]
    SmiV1Alpha3,
    /// Traefik.
    #[serde(rename = "traefik")]
    Traefik,
}

impl Provider {
    /// The value of `spec.provider`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Apisix => "apisix",
            Self::AppMesh => "appmesh",
            Self::AppMeshV1Beta2 => "appmesh:v1beta2",
            Self::Contour => "contour",
            Self::GatewayApiV1 => "gatewayapi:v1",
            Self::GatewayApiV1Beta1 => "gatewayapi:v1beta1",
            Self::Gloo => "gloo",
            Self::Istio => "istio",
            Self::Knative => "knative",
            Self::Kubernetes => "kubernetes",
            Self::Kuma => "kuma",
            Self::Linkerd => "linkerd",
            Self::Nginx => "nginx",
            Self::Osm => "osm",
            Self::Skipper => "skipper",
            Self::SmiV1Alpha1 => "smi:v1alpha1",
            Self::SmiV1Alpha2 => "smi:v1alpha2",
            Self::SmiV1Alpha3 => "smi:v1alpha3",
            Self::Traefik => "traefik",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Provider;

    #[test]
    fn a_provider_has_the_same_name_on_the_wire_and_in_sentences() {
        let schema = serde_json::to_value(schemars::schema_for!(Provider)).unwrap();
        let variants = schema["oneOf"].as_array().unwrap();
        assert_eq!(variants.len(), 19);
        for variant in variants {
            let provider: Provider = serde_json::from_value(variant["const"].clone()).unwrap();
            assert_eq!(variant["const"], provider.as_str());
        }
    }
}
