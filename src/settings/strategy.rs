//! How a new revision reaches its users.

use std::num::NonZeroU32;

use crate::api::{CanaryAnalysis, CanarySpec, Weight};
use crate::model::{Audience, CookieNames, Mirror, Percent, Steps, Strategy};
use crate::route::Capabilities;

use super::{percent, share};

/// Checks of a release where the provider shares no traffic and the spec gives no number; as in Flagger.
const CHECKS: NonZeroU32 = match NonZeroU32::new(10) {
    Some(checks) => checks,
    None => NonZeroU32::MIN,
};

/// What is added to the cookie's name for the primary's cookie where the spec names none.
const PRIMARY: &str = "-primary";

/// `None` where the steps cannot work; `complaints` says why.
pub(super) fn resolve(spec: &CanarySpec, router: Capabilities) -> Option<Strategy> {
    if spec.skip_analysis == Some(true) {
        return Some(Strategy::Skip);
    }
    let analysis = &spec.analysis;
    let given = analysis.iterations.and_then(|count| u32::try_from(count).ok()).and_then(NonZeroU32::new);
    if !router.weights {
        return Some(Strategy::BlueGreen { iterations: given.unwrap_or(CHECKS), mirror: Mirror::Off });
    }
    let mirror = mirror(analysis).filter(|_| router.mirror).unwrap_or_default();
    match (given, audience(analysis)) {
        (Some(iterations), Audience::Matching) => Some(Strategy::AbTest { iterations }),
        (Some(iterations), Audience::Everyone) => Some(Strategy::BlueGreen { iterations, mirror }),
        (None, audience) => steps(analysis).map(|steps| Strategy::Progressive { steps, mirror, audience }),
    }
}

/// The primary has a cookie too where the spec names none: see `model::Cookies`.
pub(super) fn cookies(analysis: &CanaryAnalysis, router: Capabilities) -> Option<CookieNames> {
    let affinity = analysis.session_affinity.as_ref().filter(|_| router.affinity)?;
    let canary = affinity.cookie_name.clone();
    let named = affinity.primary_cookie_name.clone().filter(|name| !name.is_empty());
    Some(CookieNames { primary: named.unwrap_or_else(|| format!("{canary}{PRIMARY}")), canary })
}

fn audience(analysis: &CanaryAnalysis) -> Audience {
    let matches = analysis.match_.as_ref().is_some_and(|conditions| !conditions.is_empty());
    if matches { Audience::Matching } else { Audience::Everyone }
}

/// Zero and less mean "all requests", as 100 does.
fn mirror(analysis: &CanaryAnalysis) -> Option<Mirror> {
    let share = analysis.mirror_weight.filter(|share| (1..100).contains(share)).map(percent);
    (analysis.mirror == Some(true)).then_some(share.map_or(Mirror::All, Mirror::Share))
}

fn steps(analysis: &CanaryAnalysis) -> Option<Steps> {
    match (&analysis.step_weights, analysis.step_weight) {
        (Some(weights), None) => listed(weights),
        (None, Some(step)) => Steps::linear(share(step), limit(analysis.max_weight)),
        (Some(_), Some(_)) | (None, None) => None,
    }
}

/// What lies above 100 is cut to 100, and the list ends there.
fn listed(weights: &[Weight]) -> Option<Steps> {
    let mut weights: Vec<_> = weights.iter().copied().map(share).collect();
    if let Some(full) = weights.iter().position(|weight| *weight == Percent::FULL) {
        weights.truncate(full + 1);
    }
    Steps::new(weights)
}

/// Zero and less mean "not set".
fn limit(max_weight: Option<Weight>) -> Percent {
    max_weight.filter(|max| max.is_positive()).map_or(Percent::FULL, share)
}
