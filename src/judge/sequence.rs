//! The difference of two values that are measured together, one pair an interval: a confidence sequence of its mean.
//!
//! It holds for many intervals (asymptotically), so it says nothing before the tenth, nor while nothing ever varied.

use serde::{Deserialize, Serialize};

use super::finding::enough;
use super::{Estimate, Evidence, Finding, Limits, Opinion, Risk};

/// Pairs before which the normal limit means nothing; the interval is tightest there too.
const FEWEST: f64 = 10.0;

/// The test's state. The limits are differences, in the unit of the values.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    limits: Limits,
    /// Variance of the mixture over differences, in variances of one difference.
    spread: f64,
    pairs: f64,
    mean: f64,
    /// Sum of the squared distances to the mean.
    squares: f64,
    peak: Evidence,
}

impl Difference {
    /// No pair yet. `risk` says where the interval is tightest, so it is fixed with the first pair.
    pub fn new(limits: Limits, risk: Risk) -> Self {
        let spread = spread(FEWEST, risk.harm);
        Self { limits, spread, pairs: 0.0, mean: 0.0, squares: 0.0, peak: Evidence::default() }
    }

    /// Takes the values of one interval; larger is worse. What is no number is left out.
    pub fn update(&mut self, canary: f64, primary: f64) {
        let difference = canary - primary;
        if !difference.is_finite() {
            return;
        }
        self.pairs += 1.0;
        let off = difference - self.mean;
        self.mean += off / self.pairs;
        self.squares += off * (difference - self.mean);
        self.peak = self.peak.peak(self.evidence());
    }

    /// ln E of both sides now, with the variance as estimated.
    pub fn evidence(&self) -> Evidence {
        let Some(variance) = self.variance() else { return Evidence::default() };
        // Evidence on the wrong side of a limit is for the opposite: there it counts as if the mean were at the limit.
        let above = |distance: f64| ln_mixture(self.pairs, distance.max(0.0), variance, self.spread * variance);
        Evidence { harm: above(self.mean - self.limits.tolerated), safe: above(self.limits.unacceptable - self.mean) }
    }

    /// What is certain by now.
    pub fn finding(&self, risk: Risk) -> Finding {
        self.peak.finding(risk)
    }

    /// All that can be said. The estimate is the mean difference; `needs` counts intervals.
    pub fn opinion(&self, risk: Risk) -> Opinion {
        let evidence = self.evidence();
        let estimate = self.variance().map(|variance| {
            let radius = variance.sqrt() * radius(self.pairs, self.spread, risk.harm);
            Estimate { value: self.mean, low: Some(self.mean - radius), high: Some(self.mean + radius) }
        });
        Opinion::new(self.finding(risk), evidence, estimate, evidence.needs(risk, self.pairs))
    }

    fn variance(&self) -> Option<f64> {
        let variance = self.squares / self.pairs;
        (self.pairs >= FEWEST && variance > 0.0).then_some(variance)
    }
}

/// ρ² that makes the interval tightest after `pairs`.
fn spread(pairs: f64, risk: f64) -> f64 {
    let twice = 2.0 * enough(risk);
    (twice + twice.ln_1p()) / pairs
}

/// Half the width of the interval after `pairs`, in standard deviations of one difference.
fn radius(pairs: f64, spread: f64, risk: f64) -> f64 {
    let scaled = pairs * spread + 1.0;
    (2.0 * scaled / (pairs * pairs * spread) * (0.5 * scaled.ln() + enough(risk))).sqrt()
}

/// ln of Robbins' normal mixture: how much better a normal distribution of means around 0, of variance `mixed`, explains
/// `mean` after `n` observations of variance `variance` than a mean of 0 does.
fn ln_mixture(n: f64, mean: f64, variance: f64, mixed: f64) -> f64 {
    let total = variance + n * mixed;
    0.5 * (variance / total).ln() + n * n * mixed * mean * mean / (2.0 * variance * total)
}

#[cfg(test)]
mod tests;
