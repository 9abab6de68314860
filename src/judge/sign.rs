//! In how many intervals the canary was worse: a test for values of which nothing is known but which is larger.

use serde::{Deserialize, Serialize};

use super::special::{ln_beta, ln_beta_below};
use super::{Estimate, Evidence, Finding, Limits, Opinion, Proportion, Risk};

/// The test's state. The limits are factors on the primary's value.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
#[serde(rename_all = "camelCase")]
pub struct Sign {
    limits: Limits,
    tolerated: Tally,
    unacceptable: Tally,
    peak: Evidence,
}

/// Intervals by which side of a limit the canary was on. Those on the limit are not counted.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Debug, Default)]
struct Tally {
    above: f64,
    below: f64,
}

impl Tally {
    fn count(&mut self, canary: f64, limit: f64) {
        if canary > limit {
            self.above += 1.0;
        } else if canary < limit {
            self.below += 1.0;
        }
    }
}

/// ln E against "`for_it` is as likely as not, at most", with every probability above one half equally likely beforehand.
fn ln_e(for_it: f64, against: f64) -> f64 {
    let (a, b) = (for_it + 1.0, against + 1.0);
    (a + b - 1.0) * std::f64::consts::LN_2 + ln_beta(a, b) + ln_beta_below(0.5, b, a)
}

impl Sign {
    /// No interval yet.
    pub fn new(limits: Limits) -> Self {
        Self { limits, tolerated: Tally::default(), unacceptable: Tally::default(), peak: Evidence::default() }
    }

    /// Takes the values of one interval; larger is worse. What is no number is left out.
    pub fn update(&mut self, canary: f64, primary: f64) {
        if !canary.is_finite() || !primary.is_finite() {
            return;
        }
        self.tolerated.count(canary, primary * self.limits.tolerated);
        self.unacceptable.count(canary, primary * self.limits.unacceptable);
        self.peak = self.peak.peak(self.evidence());
    }

    /// ln E of both sides now.
    pub fn evidence(&self) -> Evidence {
        let Tally { above, below } = self.tolerated;
        let safe = ln_e(self.unacceptable.below, self.unacceptable.above);
        Evidence { harm: ln_e(above, below), safe }
    }

    /// What is certain by now.
    pub fn finding(&self, risk: Risk) -> Finding {
        self.peak.finding(risk)
    }

    /// All that can be said. The estimate is the share of intervals in which the canary was worse than tolerated;
    /// `needs` counts intervals.
    pub fn opinion(&self, risk: Risk) -> Opinion {
        let Tally { above, below } = self.tolerated;
        let (evidence, seen) = (self.evidence(), above + below);
        let worse = Proportion::counted(above, seen);
        let estimate = (seen > 0.0).then(|| {
            let (low, high) = worse.bounds(risk.harm);
            Estimate { value: above / seen, low, high }
        });
        Opinion::new(self.finding(risk), evidence, estimate, evidence.needs(risk, seen))
    }
}
