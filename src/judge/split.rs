//! Whether requests are shared as the weights say: a Dirichlet mixture against the expected shares.

use serde::{Deserialize, Serialize};

use super::finding::{Estimate, Evidence, Finding, Opinion, Risk, enough};
use super::special::ln_gamma;

/// The test's state for one release, over all its weights.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
#[serde(rename_all = "camelCase")]
pub struct Split {
    /// Prior requests of each side, in the expected shares.
    prior: [f64; 2],
    seen: [f64; 2],
    /// ln of the odds from the weights before this one.
    before: f64,
    peak: f64,
}

/// Prior requests: how near the mixture keeps to the expected shares.
const CONCENTRATION: f64 = 100.0;

impl Split {
    /// Nothing sent yet, `canary` being the canary's share, above 0 and below 1.
    pub fn new(canary: f64) -> Self {
        Self { prior: prior(canary), seen: [0.0; 2], before: 0.0, peak: 0.0 }
    }

    /// From now on the canary's share is to be `canary`.
    pub fn expect(&mut self, canary: f64) {
        if self.prior == prior(canary) {
            return;
        }
        self.before = self.ln_odds();
        self.prior = prior(canary);
        self.seen = [0.0; 2];
    }

    /// Takes the requests of one interval. What is no number is left out.
    pub fn update(&mut self, canary: f64, primary: f64) {
        if canary.is_finite() && primary.is_finite() && canary >= 0.0 && primary >= 0.0 {
            let [mine, other] = self.seen;
            self.seen = [mine + canary, other + primary];
            self.peak = self.peak.max(self.ln_odds());
        }
    }

    /// Requests of the canary and of the primary since the canary's share was to be what it is to be now.
    pub const fn seen(&self) -> [f64; 2] {
        self.seen
    }

    /// ln of the odds that the shares are others than expected.
    pub fn ln_odds(&self) -> f64 {
        let total = |of: [f64; 2]| of.iter().sum::<f64>();
        let all = total(self.prior);
        let gammas =
            |(prior, seen): (&f64, &f64)| ln_gamma(prior + seen) - ln_gamma(*prior) - seen * (prior / all).ln();
        let sides: f64 = self.prior.iter().zip(&self.seen).map(gammas).sum();
        self.before + ln_gamma(all) - ln_gamma(all + total(self.seen)) + sides
    }

    /// Whether the shares are certainly others than expected.
    pub fn is_off(&self, risk: f64) -> bool {
        self.peak >= enough(risk)
    }

    /// The canary's share, and whether it is certainly another than expected: harm. It is never proven to be just that.
    pub fn opinion(&self, risk: Risk) -> Opinion {
        let [canary, primary] = self.seen;
        let value = canary / (canary + primary);
        let estimate = value.is_finite().then_some(Estimate { value, low: None, high: None });
        let finding = if self.is_off(risk.harm) { Finding::Harm } else { Finding::Open };
        Opinion::new(finding, Evidence { harm: self.peak, safe: 0.0 }, estimate, None)
    }
}

fn prior(canary: f64) -> [f64; 2] {
    let canary = canary.clamp(1e-6, 1.0 - 1e-6);
    [CONCENTRATION * canary, CONCENTRATION * (1.0 - canary)]
}

#[cfg(test)]
mod tests;
