//! Two whole distributions, from the buckets of a histogram: how many more of the canary's requests are slow.
//!
//! Bands around both distributions hold at every bound and at every moment. They are honest and wide: for a tail, count
//! the requests above one bound and compare those. They assume that each side's distribution stays as it is.

use serde::{Deserialize, Serialize};

use super::{Estimate, Evidence, Finding, Limits, Opinion, Risk};

/// Requests of each side before which a band says nothing.
const FEWEST: f64 = 100.0;
/// Of the band's width, from the proof.
const A: f64 = 0.85;

/// The test's state. The limits are shares: how many more of the canary's requests may lie above any bound.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
#[serde(rename_all = "camelCase")]
pub struct Distribution {
    limits: Limits,
    /// The band's constant for half the risk of harm, and for half the risk of safety.
    harm: f64,
    safe: f64,
    canary: Histogram,
    primary: Histogram,
    found: Finding,
}

/// Requests by bucket.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug, Default)]
pub struct Histogram {
    /// How many took at most each bound, in the order of the bounds.
    pub within: Vec<f64>,
    /// All of them.
    pub total: f64,
}

impl Histogram {
    fn add(&mut self, more: &Self) {
        self.within.resize(self.within.len().max(more.within.len()), 0.0);
        for (mine, more) in self.within.iter_mut().zip(&more.within) {
            *mine += more;
        }
        self.total += more.total;
    }

    fn is_countable(&self, buckets: usize) -> bool {
        let rises = self.within.iter().zip(self.within.iter().skip(1)).all(|(a, b)| a <= b);
        let inside = self.within.iter().all(|count| (0.0..=self.total).contains(count));
        self.total.is_finite() && rises && inside && (buckets == 0 || buckets == self.within.len())
    }
}

impl Distribution {
    /// No request yet.
    pub fn new(limits: Limits, risk: Risk) -> Self {
        let (canary, primary) = (Histogram::default(), Histogram::default());
        let (harm, safe) = (constant(risk.harm / 2.0), constant(risk.safe / 2.0));
        Self { limits, harm, safe, canary, primary, found: Finding::Open }
    }

    /// Takes the buckets of one interval. Those that cannot be counts, or have other bounds, are left out.
    pub fn update(&mut self, canary: &Histogram, primary: &Histogram) {
        let buckets = self.canary.within.len();
        if !canary.is_countable(buckets)
            || !primary.is_countable(buckets)
            || canary.within.len() != primary.within.len()
        {
            return;
        }
        self.canary.add(canary);
        self.primary.add(primary);
        let (more, harm, safe) = (self.more(), self.width(self.harm), self.width(self.safe));
        if more - harm > self.limits.tolerated {
            self.found = Finding::Harm;
        } else if self.found == Finding::Open && more + safe < self.limits.unacceptable {
            self.found = Finding::Safe;
        }
    }

    /// What is certain by now.
    pub const fn finding(&self) -> Finding {
        self.found
    }

    /// All that can be said. The estimate is by how much the share above any one bound grew at most; there is no ln E.
    pub fn opinion(&self) -> Opinion {
        let (more, width) = (self.more(), self.width(self.harm));
        let estimate =
            (width < 1.0).then_some(Estimate { value: more, low: Some(more - width), high: Some(more + width) });
        // Widths shrink with the root of the requests.
        let gap = (more - self.limits.tolerated).max(self.limits.unacceptable - more);
        let seen = self.canary.total;
        let needs = (gap > 0.0 && width < 1.0).then(|| seen * ((width / gap).powi(2) - 1.0));
        Opinion::new(self.found, Evidence::default(), estimate, needs)
    }

    /// By how much the share above a bound is larger for the canary, at the bound where that is most.
    fn more(&self) -> f64 {
        let shares = self.canary.within.iter().zip(&self.primary.within);
        let grown = shares.map(|(canary, primary)| primary / self.primary.total - canary / self.canary.total);
        grown.filter(|grown| grown.is_finite()).fold(0.0, f64::max)
    }

    fn width(&self, constant: f64) -> f64 {
        band(self.canary.total, constant) + band(self.primary.total, constant)
    }
}

/// Half the height of the band around a distribution after `n` requests.
fn band(n: f64, constant: f64) -> f64 {
    if n < FEWEST { 1.0 } else { A * (((n / FEWEST).ln().ln_1p() + constant) / n).sqrt() }
}

/// The constant of a band that fails with probability `risk` at most.
fn constant(risk: f64) -> f64 {
    let (mut low, mut high) = (1.0, 100.0);
    for _ in 0..40 {
        let middle = f64::midpoint(low, high);
        if failure(middle) > risk {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

/// How likely a band with this constant fails: the least over η of the proof's bound, by golden section.
fn failure(constant: f64) -> f64 {
    let of = |eta: f64| {
        let root = A - (2.0 * (eta - 1.0) / constant).sqrt();
        let square = 2.0 / eta * root * root;
        if root <= 0.0 || square <= 1.0 {
            return f64::INFINITY;
        }
        4.0 * (-square * constant).exp() * (1.0 + 1.0 / ((square - 1.0) * eta.ln()))
    };
    let golden = (f64::sqrt(5.0) - 1.0) / 2.0;
    // Beyond the first of them the square is below 1 for every constant.
    let (mut low, mut high) = (1.0 + 1e-12, 1.0 + constant * (A - f64::sqrt(0.5)).powi(2) / 2.0);
    for _ in 0..40 {
        let (left, right) = (high - golden * (high - low), low + golden * (high - low));
        if of(left) <= of(right) {
            high = right;
        } else {
            low = left;
        }
    }
    of(f64::midpoint(low, high))
}

#[cfg(test)]
mod tests;
