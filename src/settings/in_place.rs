//! What stands against a release in place.

use crate::api::in_place::{
    AFFINITY, BAKE, FIRST, FREEZE, ITERATIONS, KEEP_WARM, MATCH, MIRROR, Meaningless, POD_ROUTING, PREVIEW, RETURN,
    ROUTES, SCALER, WINDOW,
};
use crate::api::{CanarySpec, OnFailure, Provider, TargetKind, TargetRef, sentences};
use crate::model::{Complaint, Layout};

use super::complaints::{complaint, matches};

/// Every complaint about a spec whose target is released in place.
pub(super) fn all(spec: &CanarySpec, router: &str) -> Vec<Complaint> {
    let kind = ("kind", spec.target_ref.kind.as_str());
    if spec.target_ref.layout() != Layout::InPlace {
        return choice(&spec.target_ref).into_iter().collect();
    }
    let unrouted = router != Provider::Kubernetes.as_str();
    let unrouted = unrouted.then(|| complaint(&sentences::CAN130, &[("provider", router), kind]));
    let meaningless =
        set(spec).into_iter().filter(|(set, _)| *set).map(|(_, Meaningless { field, why, instead, .. })| {
            complaint(&sentences::CAN131, &[("field", field), kind, ("why", why), ("instead", instead)])
        });
    choice(&spec.target_ref).into_iter().chain(unrouted).chain(meaningless).collect()
}

/// A kind of which only one is known.
fn choice(target: &TargetRef) -> Option<Complaint> {
    let asked = target.in_place.filter(|_| target.kind != TargetKind::DaemonSet)?;
    let always = target.layout() == Layout::InPlace;
    let values = [
        ("value", if asked { "true" } else { "false" }),
        ("kind", target.kind.as_str()),
        ("how", if always { "always" } else { "never" }),
    ];
    (asked != always).then(|| complaint(&sentences::CAN134, &values))
}

/// The fields that mean nothing in place, and whether they are set.
fn set(spec: &CanarySpec) -> [(bool, Meaningless); 14] {
    let (analysis, rollback) = (&spec.analysis, spec.rollback.clone().unwrap_or_default());
    [
        (spec.brings_routes(), ROUTES),
        (matches(spec), MATCH),
        (analysis.preview.is_some(), PREVIEW),
        (analysis.mirror == Some(true), MIRROR),
        (analysis.session_affinity.is_some(), AFFINITY),
        (spec.autoscaler_ref.is_some(), SCALER),
        (analysis.iterations.is_some(), ITERATIONS),
        (rollback.on_failure == Some(OnFailure::Freeze), FREEZE),
        (rollback.window.is_some(), WINDOW),
        (analysis.step_weight_promotion.is_some(), RETURN),
        (analysis.bake.is_some(), BAKE),
        (rollback.keep_warm.is_some(), KEEP_WARM),
        (analysis.on_initialize == Some(true), FIRST),
        (spec.service.as_ref().is_some_and(|service| service.pod_routing.is_some()), POD_ROUTING),
    ]
}
