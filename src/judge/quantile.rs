//! How many times as often the canary's requests are slow, at the bounds that hold some of the primary's quantiles.
//!
//! Never one curve over the whole release: two distributions that are summed over changing weights differ by any incident of both
//! sides. Ratios of the same interval do not, so a few of them, at bounds that were fixed before, stand for the distribution.

use serde::{Deserialize, Serialize};

use super::ratio::Odds;
use super::special::ln_mean_exp;
use super::{Counts, Evidence, Finding, Interval, Limits, Opinion, RateRatio, Risk, dispersion};
use crate::model::Buckets;

/// The quantiles of the primary that are looked at.
const QUANTILES: [f64; 4] = [0.5, 0.9, 0.99, 0.999];

/// The test's state.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
#[serde(rename_all = "camelCase")]
pub struct Quantile {
    limits: Limits,
    /// Empty until requests of the primary told where its quantiles are.
    marks: Vec<Mark>,
    peak: Evidence,
}

/// A bound, and how much more often the canary's requests are slower.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
#[serde(rename_all = "camelCase")]
pub struct Mark {
    /// In the unit of the buckets.
    pub bound: f64,
    /// The largest quantile of the primary that lies below it, between 0 and 1.
    pub quantile: f64,
    /// Of the requests above it.
    test: RateRatio,
}

impl Mark {
    /// Shares of the requests of the canary and of the primary that were slower.
    pub fn rates(&self) -> [Option<f64>; 2] {
        self.test.counts().map(Counts::rate)
    }

    /// The requests above it, in words; `unit` is written behind the bound.
    pub fn measure(&self, unit: &str) -> String {
        // Without the crumbs of binary fractions.
        let shown = |number: f64| (number * 1e6).round() / 1e6;
        let (bound, percent) = (shown(self.bound), shown(self.quantile * 100.0));
        format!("requests above {bound}{unit} ({percent} % of the primary's were faster)")
    }
}

/// Why no bound can be chosen.
#[derive(Clone, Copy, PartialEq, Debug, thiserror::Error)]
pub enum Blind {
    /// The buckets have other bounds on either side.
    #[error("the buckets of canary and primary have no bound in common, so nothing tells which is slower")]
    Apart,
    /// The buckets end too early.
    #[error(
        "most requests of the primary lie above {0}, the last bound of its buckets, so nothing tells which are slow; add buckets"
    )]
    Beyond(f64),
}

impl Quantile {
    /// No request yet.
    pub fn new(limits: Limits) -> Self {
        Self { limits, marks: Vec::new(), peak: Evidence::default() }
    }

    /// Takes what one interval counted. `past` are intervals of the primary before the release; without any the first interval with
    /// requests of the primary tells where its quantiles are, and is not evidence.
    ///
    /// # Errors
    /// Why there is no bound to look at. What cannot be counts is left out.
    pub fn update(&mut self, canary: &Buckets, primary: &Buckets, past: &[Buckets]) -> Result<(), Blind> {
        if !is_countable(canary) || !is_countable(primary) {
            return Ok(());
        }
        if self.marks.is_empty() {
            let past: Vec<&Buckets> = past.iter().filter(|past| is_countable(past) && past.total > 0.0).collect();
            let alone = [primary];
            let known = if past.is_empty() { &alone[..] } else { &past };
            let mark = |(bound, quantile): (f64, f64)| {
                let test = RateRatio::new(self.limits, dispersion(&all_above(&past, bound)));
                Mark { bound, quantile, test }
            };
            self.marks = marks(canary, primary, known)?.into_iter().map(mark).collect();
            if past.is_empty() {
                return Ok(());
            }
        }
        let odds = Odds::new(self.limits, canary.total, primary.total);
        for mark in &mut self.marks {
            // A side that has no such bucket any more says nothing about it.
            if let (Some(canary), Some(primary)) = (above(canary, mark.bound), above(primary, mark.bound)) {
                mark.test.weigh(Interval { canary, primary }, &odds);
            }
        }
        self.peak = self.peak.peak(self.evidence());
        Ok(())
    }

    /// ln E of both sides now: for harm the mean of the bounds, for safety the least, since every bound must be safe.
    pub fn evidence(&self) -> Evidence {
        let each: Vec<Evidence> = self.marks.iter().map(|mark| mark.test.evidence()).collect();
        if each.is_empty() {
            return Evidence::default();
        }
        let harm = ln_mean_exp(each.iter().map(|one| one.harm));
        Evidence { harm, safe: each.iter().map(|one| one.safe).fold(f64::INFINITY, f64::min) }
    }

    /// What is certain by now.
    pub fn finding(&self, risk: Risk) -> Finding {
        self.peak.finding(risk)
    }

    /// All that can be said. The estimate is of the bound that stands most against the canary; `needs` counts requests to it.
    pub fn opinion(&self, risk: Risk) -> Opinion {
        // Each bound may be the one that is told of.
        let share = Risk { harm: risk.harm / QUANTILES.len() as f64, ..risk };
        let told = self.told().map(|mark| mark.test.opinion(share));
        let (estimate, needs) = told.map_or((None, None), |told| (told.estimate, told.needs));
        Opinion::new(self.finding(risk), self.evidence(), estimate, needs)
    }

    /// The bound that stands most against the canary: with the most evidence of harm, or else with the least of safety.
    pub fn told(&self) -> Option<&Mark> {
        let harm = |mark: &&Mark| mark.test.evidence().harm;
        let worst = self.marks.iter().max_by(|a, b| harm(a).total_cmp(&harm(b)))?;
        let safe = |mark: &&Mark| mark.test.evidence().safe;
        let least = || self.marks.iter().min_by(|a, b| safe(a).total_cmp(&safe(b)));
        if harm(&worst) > 0.0 { Some(worst) } else { least() }
    }
}

/// Which of the bounds that `canary` and `primary` have in common hold the quantiles of `past`, each with the largest quantile that
/// lies below it; none where `past` has no request.
///
/// # Errors
/// Why none of them tells anything.
fn marks(canary: &Buckets, primary: &Buckets, past: &[&Buckets]) -> Result<Vec<(f64, f64)>, Blind> {
    let is_common = |bound: &f64| above(canary, *bound).is_some() && above(primary, *bound).is_some();
    let bounds: Vec<f64> = primary.within.iter().map(|(bound, _)| *bound).filter(is_common).collect();
    let last = *bounds.last().ok_or(Blind::Apart)?;
    let slower = |bound: f64| all_above(past, bound).into_iter().fold(Counts::default(), Counts::and).rate();
    let mut marks: Vec<(f64, f64)> = Vec::new();
    for quantile in QUANTILES {
        let holds = |bound: &f64| slower(*bound).is_some_and(|share| share <= 1.0 - quantile + f64::EPSILON);
        let below = marks.last().map(|(_, below)| *below);
        let (bound, quantile) = match (bounds.iter().copied().find(holds), below) {
            (Some(bound), _) => (bound, quantile),
            // The last bound tells of a longer tail, although this quantile lies beyond it.
            (None, Some(below)) => (last, below),
            (None, None) if slower(last).is_some() => return Err(Blind::Beyond(last)),
            (None, None) => return Ok(marks),
        };
        match marks.last_mut().filter(|(same, _)| is_same(*same, bound)) {
            Some((_, below)) => *below = quantile,
            None => marks.push((bound, quantile)),
        }
    }
    Ok(marks)
}

/// The bounds that a comparison of quantiles looks at where the primary had these requests, in the unit of the buckets.
pub fn bounds(past: &[&Buckets]) -> Vec<f64> {
    let marks = past.first().and_then(|any| marks(any, any, past).ok());
    marks.into_iter().flatten().map(|(bound, _)| bound).collect()
}

fn all_above(past: &[&Buckets], bound: f64) -> Vec<Counts> {
    past.iter().filter_map(|past| above(past, bound)).collect()
}

/// Requests above a bound; `None` where there is no bucket that ends there.
pub fn above(buckets: &Buckets, bound: f64) -> Option<Counts> {
    let (_, within) = buckets.within.iter().find(|(end, _)| is_same(*end, bound))?;
    Counts::new(buckets.total - within, buckets.total)
}

/// Bounds are compared as they were written.
fn is_same(a: f64, b: f64) -> bool {
    a.total_cmp(&b).is_eq()
}

/// Whether these can be the counts of requests: none below 0, and no more of the faster ones than of all.
fn is_countable(buckets: &Buckets) -> bool {
    let counts = || buckets.within.iter().map(|(_, count)| *count).chain([buckets.total]);
    let rises = counts().zip(counts().skip(1)).all(|(less, more)| less <= more);
    rises && counts().all(|count| count >= 0.0 && count.is_finite())
}

#[cfg(test)]
mod tests;
