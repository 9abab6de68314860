//! Whether a measurement passes its KPI's limits, with a sentence that gives the value and the limit; and sequential tests
//! of a canary against its primary, which may be looked at any time.
//!
//! Knows words of the model only. Never a default of its own: limits come resolved, and whatever is not a number is never a pass.

mod band;
mod budget;
mod comparison;
mod counts;
mod dispersion;
mod explain;
mod finding;
mod proportion;
mod quantile;
mod ratio;
mod sequence;
mod sign;
mod special;
mod split;
mod threshold;
mod trial;

#[cfg(test)]
mod laws;
#[cfg(test)]
mod vectors;

pub use band::{Distribution, Histogram};
pub use comparison::compare;
pub use counts::{Counts, Growth, Interval, growth};
pub use dispersion::dispersion;
pub use explain::{Unit, explain};
pub use finding::{Estimate, Evidence, Finding, Limits, Opinion, Risk};
pub use proportion::{Proportion, Slo};
pub use quantile::{Blind, Mark, Quantile, above, bounds};
pub use ratio::RateRatio;
pub use sequence::Difference;
pub use sign::Sign;
pub(crate) use special::ln_gamma;
pub use split::Split;
pub use trial::limits;

use std::time::Duration;

use crate::model::{Kpi, Measurement, Mode, Reading, Recourse, Verdict};

/// What `measured` means for `kpi`. A question that was not answered at all is an error of the provider.
pub fn reading(kpi: &Kpi, measured: Option<&Measurement>) -> Reading {
    let (value, verdict, explanation) = match measured {
        Some(Measurement::Few { value, requests }) => (*value, Verdict::Inconclusive, few(kpi, *requests)),
        Some(Measurement::Value(value)) if value.is_finite() => threshold::judge(kpi, *value),
        Some(Measurement::Both(_)) => {
            (None, Verdict::Error, format!("{} was measured on both sides and nothing compares them", kpi.name))
        }
        Some(Measurement::Value(value)) => {
            (None, Verdict::NoData, format!("{} is {value}, which is no number", kpi.name))
        }
        Some(Measurement::NoData(why)) => (None, Verdict::NoData, why.clone()),
        Some(Measurement::Error(why)) => (None, Verdict::Error, why.clone()),
        None => (None, Verdict::Error, format!("Metric query failed for {}: it was not answered", kpi.name)),
    };
    let needs = match measured {
        Some(Measurement::Few { requests, .. }) => Some(missing(kpi, *requests)),
        _ => None,
    };
    let (name, interval) = (kpi.name.clone(), kpi.interval.clone());
    Reading { name, value, verdict, explanation, interval, measured_at: None, needs, compared: None }
}

fn few(kpi: &Kpi, requests: f64) -> String {
    let Kpi { name, interval, rules, .. } = kpi;
    let least = rules.min_requests;
    format!(
        "{name} is inconclusive: {requests:.0} requests within {interval}, and minRequests is {least}; wait for more, or widen the metric's interval"
    )
}

/// Whole requests up to the least number; at least one, since there are too few.
fn missing(kpi: &Kpi, requests: f64) -> u32 {
    let least = kpi.rules.min_requests;
    let missing = (f64::from(least) - requests).ceil().clamp(1.0, f64::from(least.max(1)));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and a u32")]
    let missing = missing as u32;
    missing
}

/// Whether a comparison rests on fewer requests to the canary than the user wants.
fn is_of_few(kpi: &Kpi, requests: Option<f64>) -> bool {
    let least = kpi.rules.min_requests;
    least > 0 && requests.unwrap_or(0.0) < f64::from(least)
}

/// What a reading means for the check.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Bearing {
    /// Nothing stands against the next step.
    Pass,
    /// The check counts as nothing and is made again.
    Hold,
    /// The check failed.
    Fail,
    /// The release failed: one check more would not change that.
    Harm,
}

/// What `reading` means for the check, which is held for `held` already. Before the `last` move of a release a comparison that
/// knows nothing for certain is inconclusive; before any other it is not asked for more than that there is no harm, found in as many
/// requests as the user wants.
pub fn bearing(kpi: &Kpi, reading: &Reading, held: Duration, last: bool) -> Bearing {
    let traffic = kpi.verifies_traffic();
    let few = reading.compared.as_ref().is_some_and(|compared| is_of_few(kpi, compared.requests));
    match (kpi.rules.mode, kpi.comparison, reading.verdict) {
        (Mode::Gate, Some(_), Verdict::Fail) if !traffic => return Bearing::Harm,
        (Mode::Gate, Some(_), Verdict::Inconclusive) if !last && !few => return Bearing::Pass,
        _ => {}
    }
    let recourse = match (kpi.rules.mode, reading.verdict) {
        (Mode::Advisory, _) | (Mode::Gate, Verdict::Pass) => Recourse::Pass,
        // Where requests go astray is not the canary's fault, and what was measured of it is of little worth.
        (Mode::Gate, Verdict::Fail) if traffic => kpi.rules.on_inconclusive,
        (Mode::Gate, Verdict::Fail) => Recourse::Fail,
        (Mode::Gate, Verdict::Inconclusive) if few => kpi.rules.on_few,
        (Mode::Gate, Verdict::Inconclusive) => kpi.rules.on_inconclusive,
        (Mode::Gate, Verdict::NoData) => kpi.rules.on_no_data,
        (Mode::Gate, Verdict::Error) => kpi.rules.on_error,
    };
    match recourse {
        Recourse::Pass => Bearing::Pass,
        Recourse::Hold(longest) if held < longest => Bearing::Hold,
        Recourse::Hold(_) | Recourse::Fail => Bearing::Fail,
    }
}

#[cfg(test)]
mod tests;
