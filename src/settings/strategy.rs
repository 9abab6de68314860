//! How a new revision reaches its users.

use crate::api::CanarySpec;
use crate::model::{Percent, Steps, Strategy};

use super::percent;

/// `None` where the steps cannot work; `complaints` says why.
pub(super) fn resolve(spec: &CanarySpec) -> Option<Strategy> {
    if spec.skip_analysis == Some(true) {
        return Some(Strategy::Skip);
    }
    let analysis = &spec.analysis;
    let steps = match (&analysis.step_weights, analysis.step_weight) {
        (Some(weights), None) => listed(weights),
        (None, Some(step)) => Steps::linear(percent(step), limit(analysis.max_weight)),
        (Some(_), Some(_)) | (None, None) => None,
    };
    steps.map(Strategy::Progressive)
}

/// What lies above 100 is cut to 100, and the list ends there.
fn listed(weights: &[i32]) -> Option<Steps> {
    let mut weights: Vec<_> = weights.iter().copied().map(percent).collect();
    if let Some(full) = weights.iter().position(|weight| *weight == Percent::FULL) {
        weights.truncate(full + 1);
    }
    Steps::new(weights)
}

/// Zero and less mean "not set".
fn limit(max_weight: Option<i32>) -> Percent {
    max_weight.filter(|max| *max > 0).map_or(Percent::FULL, percent)
}
