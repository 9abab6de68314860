//! How often the canary's requests fail against a fixed limit, an SLO: no primary is needed.

use serde::{Deserialize, Serialize};

use super::finding::enough;
use super::special::{ln_beta, ln_beta_below};
use super::{Counts, Estimate, Evidence, Finding, Limits, Opinion, Risk};

/// Jeffreys' prior, on both parameters.
const PRIOR: f64 = 0.5;

/// Halvings of an interval until nothing is left of it in a double.
const HALVINGS: u32 = 60;

/// Bad ones among all, divided by their dispersion.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Debug, Default)]
pub struct Proportion {
    bad: f64,
    good: f64,
}

impl Proportion {
    /// So many bad ones among `total`.
    pub fn counted(bad: f64, total: f64) -> Self {
        Self { bad, good: total - bad }
    }

    fn ln_likelihood(self, p: f64) -> f64 {
        self.bad * p.ln() + self.good * (-p).ln_1p()
    }

    /// ln E against a share of exactly `p`.
    pub fn ln_e(self, p: f64) -> f64 {
        ln_beta(PRIOR + self.bad, PRIOR + self.good) - ln_beta(PRIOR, PRIOR) - self.ln_likelihood(p)
    }

    /// ln E against a share of at most `p`.
    pub fn ln_e_above(self, p: f64) -> f64 {
        Self { bad: self.good, good: self.bad }.ln_e_below(1.0 - p)
    }

    /// ln E against a share of at least `p`: the prior is cut off at `p`.
    pub fn ln_e_below(self, p: f64) -> f64 {
        let inside = |a: f64, b: f64| ln_beta_below(p, PRIOR + a, PRIOR + b);
        self.ln_e(p) + inside(self.bad, self.good) - inside(0.0, 0.0)
    }

    /// The shares that are not refuted at this risk, at whatever moment one looks; `None` for a bound at 0 or 1.
    pub fn bounds(self, risk: f64) -> (Option<f64>, Option<f64>) {
        (self.bound(risk, 0.0), self.bound(risk, 1.0))
    }

    /// The refuted share that is next to the ones which hold, between `end` and what was seen.
    fn bound(self, risk: f64, end: f64) -> Option<f64> {
        let seen = self.bad / (self.bad + self.good);
        let (mut refuted, mut holds) = (end, seen);
        for _ in 0..HALVINGS {
            let middle = f64::midpoint(refuted, holds);
            if self.ln_e(middle) >= enough(risk) {
                refuted = middle;
            } else {
                holds = middle;
            }
        }
        (seen.is_finite() && (refuted - end).abs() > f64::EPSILON).then_some(refuted)
    }
}

/// The state of a test of an SLO.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
#[serde(rename_all = "camelCase")]
pub struct Slo {
    /// Shares of bad requests, between 0 and 1.
    limits: Limits,
    dispersion: f64,
    seen: Proportion,
    peak: Evidence,
}

impl Slo {
    /// Nothing counted yet. `dispersion` must have been estimated before the release.
    pub fn new(limits: Limits, dispersion: f64) -> Self {
        Self { limits, dispersion: dispersion.max(1.0), seen: Proportion::default(), peak: Evidence::default() }
    }

    /// Takes what the canary counted in one interval.
    pub fn update(&mut self, canary: Counts) {
        self.seen.bad += canary.bad() / self.dispersion;
        self.seen.good += (canary.total() - canary.bad()) / self.dispersion;
        self.peak = self.peak.peak(self.evidence());
    }

    /// ln E of both sides now.
    pub fn evidence(&self) -> Evidence {
        Evidence {
            harm: self.seen.ln_e_above(self.limits.tolerated),
            safe: self.seen.ln_e_below(self.limits.unacceptable),
        }
    }

    /// What is certain by now.
    pub fn finding(&self, risk: Risk) -> Finding {
        self.peak.finding(risk)
    }

    /// All that can be said. The estimate is the share of bad requests; `needs` counts requests to the canary.
    pub fn opinion(&self, risk: Risk) -> Opinion {
        let (evidence, total) = (self.evidence(), self.seen.bad + self.seen.good);
        let estimate = (total > 0.0).then(|| {
            let (low, high) = self.seen.bounds(risk.harm);
            Estimate { value: self.seen.bad / total, low, high }
        });
        Opinion::new(self.finding(risk), evidence, estimate, evidence.needs(risk, total * self.dispersion))
    }
}
