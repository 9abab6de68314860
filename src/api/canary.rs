//! The kind Canary: one workload and how its new revisions reach the users.

#![expect(clippy::duplicated_attributes, reason = "the columns of a table have types and priorities in common")]

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::{
    AutoscalerRef, CanaryAnalysis, CanaryReplicas, CanaryService, CanaryStatus, IngressRef, NamespacedRef, OwnRoute,
    Provider, ReleaseSchedule, RollbackPolicy, RouteRef, TargetRef, UpstreamRef, in_place, number, rules,
};

/// What is released, how its traffic is shifted, and what a new revision must prove before everybody gets it.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[kube(
    group = "flagger.app",
    version = "v1beta1",
    kind = "Canary",
    namespaced,
    category = "all",
    status = "CanaryStatus",
    derive = "PartialEq",
    doc = "A progressive release: new revisions of one workload reach the users in steps and only while they prove healthy.",
    annotation("helm.sh/resource-policy", "keep"),
    printcolumn(name = "Status", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Weight", type_ = "string", json_path = ".status.canaryWeight"),
    printcolumn(name = "Suspended", type_ = "boolean", json_path = ".spec.suspend", priority = 1),
    printcolumn(name = "FailedChecks", type_ = "string", json_path = ".status.failedChecks", priority = 1),
    printcolumn(name = "Interval", type_ = "string", json_path = ".spec.analysis.interval", priority = 1),
    printcolumn(name = "Mirror", type_ = "boolean", json_path = ".spec.analysis.mirror", priority = 1),
    printcolumn(name = "StepWeight", type_ = "string", json_path = ".spec.analysis.stepWeight", priority = 1),
    printcolumn(name = "StepWeights", type_ = "string", json_path = ".spec.analysis.stepWeights", priority = 1),
    printcolumn(name = "MaxWeight", type_ = "string", json_path = ".spec.analysis.maxWeight", priority = 1),
    printcolumn(name = "LastTransitionTime", type_ = "string", json_path = ".status.lastTransitionTime")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = rules::service_is_there(),
    validation = rules::short_apex(),
    validation = rules::step_weight(),
    validation = rules::max_weight(),
    validation = rules::first_step(),
    validation = rules::rising_steps(),
    validation = rules::iterations(),
    validation = rules::promotion_weight(),
    validation = rules::mirror_weight(),
    validation = rules::primary_ready(),
    validation = rules::canary_ready(),
    validation = rules::provider_mirrors(),
    validation = rules::gateway_refs_are_there(),
    validation = rules::ingress_ref_is_there(),
    validation = rules::route_ref_is_there(),
    validation = rules::mesh_name_is_there(),
    validation = rules::delegate_is_bare(),
    validation = rules::ports_differ(),
    validation = rules::knative_goes_with_knative(),
    validation = rules::knative_scales_itself(),
    validation = rules::one_canary_size(),
    validation = rules::canary_is_counted(),
    validation = rules::one_hand_counts_the_canary(),
    validation = in_place::is_not_routed(),
    validation = in_place::means_something(),
    validation = in_place::is_a_choice()
)]
pub struct CanarySpec {
    /// The router that shifts the traffic. Default: the operator's flag --mesh-provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<Provider>,

    /// Base URL of the Prometheus that answers the builtin metrics and the inline queries of this canary.
    /// Default: the operator's flag --metrics-server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics_server: Option<String>,

    /// How long, in seconds, a workload may stay unavailable before the release fails. Default 600.
    #[serde(default, deserialize_with = "number::option", skip_serializing_if = "Option::is_none")]
    pub progress_deadline_seconds: Option<i32>,

    /// The workload, in the canary's own namespace.
    pub target_ref: TargetRef,

    /// The autoscaler of the target; a copy for the primary is made and kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub autoscaler_ref: Option<AutoscalerRef>,

    /// How many pods the canary has while a release runs. Default: as many as the primary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary_replicas: Option<CanaryReplicas>,

    /// The Ingress that leads to the target. The providers nginx and skipper need it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ingress_ref: Option<IngressRef>,

    /// The ApisixRoute that leads to the target. The provider apisix needs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route_ref: Option<RouteRef>,

    /// Routes of your own that lead to the apex Service: only weights are written in them, and a backend for the canary is added
    /// while a release runs, or a rule before yours for the requests of `analysis.match`; an Ingress is never written and gets a twin
    /// `<name>-canary`. No route is made then. `provider` still says whose counters the builtin metrics ask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    pub route_refs: Option<Vec<OwnRoute>>,

    /// The Upstream whose connection settings are copied. Only the provider gloo reads it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream_ref: Option<UpstreamRef>,

    /// The Services and the route that are made for the target. Needed for every target that is no Service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<CanaryService>,

    /// How a new revision is judged, and in which steps it gets traffic.
    pub analysis: CanaryAnalysis,

    /// When releases may start and advance. Default: always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<ReleaseSchedule>,

    /// The Canaries that come first: a new revision waits until none of them is in a release or has failed. A circle is told in the condition Stalled.
    /// Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    pub depends_on: Option<Vec<NamespacedRef>>,

    /// Canaries of one namespace with the same group are promoted together or not at all: each waits before its promotion until all of
    /// them that have a release are ready, and if one fails before that, all of them roll back. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    #[x_kube(validation = rules::group_name())]
    pub group: Option<String>,

    /// What follows a release that failed, and what a way back needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback: Option<RollbackPolicy>,

    /// Promote new revisions at once, without steps and checks, as soon as their pods are ready. Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skip_analysis: Option<bool>,

    /// Give the target its replicas and its traffic back when this object is deleted. Default false; true in place, where
    /// the update strategy that is left behind would hold up every later revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revert_on_deletion: Option<bool>,

    /// Stop all work on this canary; the weights stay as they are. Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspend: Option<bool>,
}

impl CanarySpec {
    /// Whether the user's own routes are shared, and none is made.
    pub fn brings_routes(&self) -> bool {
        self.route_refs.as_ref().is_some_and(|routes| !routes.is_empty())
    }

    /// Whether the canary's share of the requests is its part of the pods.
    pub fn shares_by_pods(&self) -> bool {
        let routing = self.service.as_ref().and_then(|service| service.pod_routing.as_ref());
        let weights = self.analysis.step_weight.is_some() || self.analysis.step_weights.is_some();
        weights && routing.is_some_and(|routing| routing.shared_label.is_some())
    }

    /// Name of the apex Service; those of the sides are `<apex>-primary` and `<apex>-canary`.
    pub fn apex(&self) -> &str {
        let given = self.service.as_ref().and_then(|service| service.name.as_deref());
        given.filter(|name| !name.is_empty()).unwrap_or(&self.target_ref.name)
    }
}
