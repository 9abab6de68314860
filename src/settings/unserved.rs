//! Fields that are on the wire but not in the decisions yet. Each line goes when its feature comes.
//!
//! To pass over a gate or a test in silence would release what its owner wanted held, so these block.

use crate::api::sentences::CAN052;
use crate::api::{CanarySpec, TargetKind};
use crate::model::Complaint;

use super::complaints::complaint;

/// The field, what it asks for, and what to write instead.
type Missing = (&'static str, &'static str, &'static str);

pub(super) fn all(spec: &CanarySpec) -> impl Iterator<Item = Complaint> {
    missing(spec)
        .into_iter()
        .flatten()
        .map(|(field, what, instead)| complaint(&CAN052, &[("field", field), ("what", what), ("instead", instead)]))
}

fn missing(spec: &CanarySpec) -> [Option<Missing>; 1] {
    [(spec.target_ref.kind == TargetKind::Service).then_some((
        "spec.targetRef.kind",
        "releases of a Service",
        "write kind: Deployment or DaemonSet",
    ))]
}
