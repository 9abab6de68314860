//! Kinds of objects and the key of one object.

use std::fmt;

use serde_json::Value;

/// A kind of object, with what is needed to address it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Kind {
    /// API group; empty for the core group.
    pub group: &'static str,
    /// API version.
    pub version: &'static str,
    /// Kind, as in a manifest.
    pub kind: &'static str,
    /// Resource name, as in a URL and in RBAC rules.
    pub plural: &'static str,
}

impl Kind {
    /// `group/version`, or the version alone for the core group.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_owned() } else { format!("{}/{}", self.group, self.version) }
    }

    /// Whether its objects are in no namespace. What we read of them makes releases wait and is needed for nothing else.
    pub fn is_of_cluster(self) -> bool {
        [kinds::DELIVERY_POLICY, kinds::NAMESPACE].contains(&self)
    }

    /// The key of an object of this kind.
    pub fn named(self, namespace: impl Into<String>, name: impl Into<String>) -> ObjectKey {
        ObjectKey { kind: self, namespace: namespace.into(), name: name.into() }
    }
}

/// Kind, namespace and name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ObjectKey {
    /// Its kind.
    pub kind: Kind,
    /// Its namespace; empty for a kind that belongs to the whole cluster.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl ObjectKey {
    /// The key of a manifest of this kind; `None` if it has no name.
    pub fn of(kind: Kind, object: &Value) -> Option<Self> {
        let meta = object.get("metadata")?;
        let name = meta.get("name")?.as_str()?;
        let namespace = meta.get("namespace").and_then(Value::as_str).unwrap_or_default();
        Some(kind.named(namespace, name))
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind.kind, self.name)?;
        if self.namespace.is_empty() { Ok(()) } else { write!(f, ".{}", self.namespace) }
    }
}

/// The kinds that every canary needs. A router names its own beside its routing.
pub mod kinds {
    use super::Kind;

    const FLAGGER: &str = "flagger.app";

    /// Our own resource.
    pub const CANARY: Kind = Kind { group: FLAGGER, version: "v1beta1", kind: "Canary", plural: "canaries" };
    /// A KPI query that canaries share.
    pub const METRIC_TEMPLATE: Kind =
        Kind { group: FLAGGER, version: "v1beta1", kind: "MetricTemplate", plural: "metrictemplates" };
    /// Where alerts go.
    pub const ALERT_PROVIDER: Kind =
        Kind { group: FLAGGER, version: "v1beta1", kind: "AlertProvider", plural: "alertproviders" };
    /// What holds for the canaries of whole namespaces.
    pub const DELIVERY_POLICY: Kind =
        Kind { group: FLAGGER, version: "v1beta1", kind: "DeliveryPolicy", plural: "deliverypolicies" };
    /// Whose labels a DeliveryPolicy selects.
    pub const NAMESPACE: Kind = Kind { group: "", version: "v1", kind: "Namespace", plural: "namespaces" };
    /// The target and its primary.
    pub const DEPLOYMENT: Kind = Kind { group: "apps", version: "v1", kind: "Deployment", plural: "deployments" };
    /// The same with a pod on every node.
    pub const DAEMON_SET: Kind = Kind { group: "apps", version: "v1", kind: "DaemonSet", plural: "daemonsets" };
    /// Pods with names and volumes of their own.
    pub const STATEFUL_SET: Kind = Kind { group: "apps", version: "v1", kind: "StatefulSet", plural: "statefulsets" };
    /// What a workload makes.
    pub const POD: Kind = Kind { group: "", version: "v1", kind: "Pod", plural: "pods" };
    /// Templates of promoted revisions.
    pub const CONTROLLER_REVISION: Kind =
        Kind { group: "apps", version: "v1", kind: "ControllerRevision", plural: "controllerrevisions" };
    /// Apex, primary and canary.
    pub const SERVICE: Kind = Kind { group: "", version: "v1", kind: "Service", plural: "services" };
    /// A Knative Service.
    pub const KNATIVE_SERVICE: Kind =
        Kind { group: "serving.knative.dev", version: "v1", kind: "Service", plural: "services" };
    /// What a Knative Service makes of each of its templates.
    pub const KNATIVE_REVISION: Kind =
        Kind { group: "serving.knative.dev", version: "v1", kind: "Revision", plural: "revisions" };
    /// What a pod reads its configuration from.
    pub const CONFIG_MAP: Kind = Kind { group: "", version: "v1", kind: "ConfigMap", plural: "configmaps" };
    /// What a pod reads its credentials from.
    pub const SECRET: Kind = Kind { group: "", version: "v1", kind: "Secret", plural: "secrets" };
    /// Kubernetes' own autoscaler.
    pub const HPA: Kind = Kind {
        group: "autoscaling",
        version: "v2",
        kind: "HorizontalPodAutoscaler",
        plural: "horizontalpodautoscalers",
    };
    /// KEDA's autoscaler.
    pub const SCALED_OBJECT: Kind =
        Kind { group: "keda.sh", version: "v1alpha1", kind: "ScaledObject", plural: "scaledobjects" };
    /// How many pods may be taken away at once.
    pub const BUDGET: Kind =
        Kind { group: "policy", version: "v1", kind: "PodDisruptionBudget", plural: "poddisruptionbudgets" };
    /// Whether a Service has ready pods.
    pub const ENDPOINT_SLICE: Kind =
        Kind { group: "discovery.k8s.io", version: "v1", kind: "EndpointSlice", plural: "endpointslices" };
}
