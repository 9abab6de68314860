//! What stands against the weights and steps of a spec.

use crate::api::{CanarySpec, Provider, sentences};
use crate::model::Complaint;

use super::complaints::complaint;

/// Complaints about weights. Where analysis is skipped nothing advances, so no step can hang.
pub(super) fn all(spec: &CanarySpec, router: &str) -> Vec<Complaint> {
    let mut found: Vec<_> = bounds(spec).collect();
    found.extend(forms(spec));
    if spec.skip_analysis != Some(true) {
        found.extend(iterations(spec, router));
        found.extend(linear(spec));
        found.extend(listed(spec));
    }
    found
}

fn bounds(spec: &CanarySpec) -> impl Iterator<Item = Complaint> {
    let analysis = &spec.analysis;
    let above = |field, value: Option<i32>| {
        value.filter(|value| *value > 100).map(|value| (field, value.to_string(), "1 to 100"))
    };
    let negative = analysis.step_weight_promotion.filter(|value| *value < 0);
    [
        negative.map(|value| ("stepWeightPromotion", value.to_string(), "0 to 100")),
        above("mirrorWeight", analysis.mirror_weight),
        above("primaryReadyThreshold", analysis.primary_ready_threshold),
        above("canaryReadyThreshold", analysis.canary_ready_threshold),
    ]
    .into_iter()
    .flatten()
    .map(|(field, value, range)| weight(field, &value, range))
}

fn forms(spec: &CanarySpec) -> Option<Complaint> {
    let analysis = &spec.analysis;
    let forms = [
        ("iterations", analysis.iterations.is_some()),
        ("stepWeight", analysis.step_weight.is_some()),
        ("stepWeights", analysis.step_weights.is_some()),
    ];
    let set: Vec<_> = forms.into_iter().filter_map(|(form, set)| set.then_some(form)).collect();
    match set.as_slice() {
        [] => Some(complaint(&sentences::CAN004, &[])),
        [_] => None,
        [others @ .., last] => {
            Some(complaint(&sentences::CAN003, &[("forms", &format!("{} and {last}", others.join(", ")))]))
        }
    }
}

/// Without a mesh there is a number of checks by default.
fn iterations(spec: &CanarySpec, router: &str) -> Option<Complaint> {
    let count = spec.analysis.iterations.filter(|count| *count < 1)?;
    (router != Provider::Kubernetes.as_str()).then(|| complaint(&sentences::CAN045, &[("value", &count.to_string())]))
}

fn linear(spec: &CanarySpec) -> impl Iterator<Item = Complaint> {
    let step = spec.analysis.step_weight;
    let max = step.and(spec.analysis.max_weight);
    [("stepWeight", step.filter(|step| !step.is_positive())), ("maxWeight", max.filter(|max| *max > 100))]
        .into_iter()
        .filter_map(|(field, value)| value.map(|value| weight(field, &value.to_string(), "0.01 to 100")))
}

fn listed(spec: &CanarySpec) -> Vec<Complaint> {
    let Some(weights) = &spec.analysis.step_weights else { return Vec::new() };
    let list = format!("{weights:?}");
    let mut found = Vec::new();
    if !weights.iter().all(|weight| weight.is_positive()) {
        found.push(weight("stepWeights", &list, "weights of 0.01 to 100"));
    }
    if weights.is_empty() || !weights.iter().is_sorted_by(|before, after| before < after) {
        found.push(complaint(&sentences::CAN006, &[("value", &list)]));
    }
    found
}

fn weight(field: &str, value: &str, range: &str) -> Complaint {
    complaint(&sentences::CAN005, &[("field", field), ("value", value), ("range", range)])
}
