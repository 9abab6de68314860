//! `verifyTraffic`: one KPI more, which holds what the router does against what it was asked for.

use crate::api::{CanaryAnalysis, CanarySpec, VerifyTraffic, sentences};
use crate::model::{Builtin, Comparison, Complaint, Kpi, KpiSource, Mode, Range, Recourse, Rules, Test};

use super::complaints::complaint as of;
use super::duration;
use super::kpi::{LONGEST_HOLD, WINDOW};

/// Name of the KPI.
pub(super) const NAME: &str = "traffic-share";

/// Probability that requests which are shared as asked are said to go astray in a release.
const RISK: f64 = 0.001;

/// The KPI, where it is asked for.
pub(super) fn share(analysis: &CanaryAnalysis) -> Option<Kpi> {
    let longest = analysis.max_hold.as_deref().and_then(duration).unwrap_or(LONGEST_HOLD);
    let mode = match analysis.verify_traffic? {
        VerifyTraffic::Report => Mode::Advisory,
        VerifyTraffic::Hold => Mode::Gate,
    };
    Some(Kpi {
        name: NAME.to_owned(),
        source: KpiSource::Builtin(Builtin::SuccessRate),
        range: Range { min: None, max: None },
        window: duration(WINDOW).unwrap_or_default(),
        interval: WINDOW.to_owned(),
        comparison: Some(Comparison { test: Test::Split, margin: 0.0, alpha: RISK }),
        rules: Rules {
            // What cannot be counted says nothing against the route.
            on_error: Recourse::Pass,
            on_no_data: Recourse::Pass,
            on_inconclusive: Recourse::Hold(longest),
            on_few: Recourse::Pass,
            min_requests: 0,
            mode,
        },
    })
}

/// Where the weight does not say what share the canary is to get.
pub(super) fn complaint(spec: &CanarySpec) -> Option<Complaint> {
    let analysis = &spec.analysis;
    analysis.verify_traffic?;
    let what = if analysis.iterations.is_some_and(|count| count > 0) {
        "spec.analysis.iterations"
    } else if super::complaints::matches(spec) {
        "spec.analysis.match"
    } else if analysis.preview.is_some() {
        "spec.analysis.preview"
    } else if analysis.session_affinity.is_some() {
        "spec.analysis.sessionAffinity"
    } else {
        return None;
    };
    Some(of(&sentences::CAN084, &[("what", what)]))
}
