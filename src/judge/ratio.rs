//! How many times as often the canary's requests fail as the primary's: an e-process on counts of the same intervals.
//!
//! Given all bad requests of an interval, the canary's share of them depends on the ratio of the rates alone. So neither
//! the base rate, nor an incident of both sides, nor a change of the weights can pass for harm.

use serde::{Deserialize, Serialize};

use super::finding::enough;
use super::special::ln_mean_exp;
use super::{Counts, Estimate, Evidence, Finding, Interval, Limits, Opinion, Risk};

/// The test's state: all of it goes into status, and a restart goes on from there.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
#[serde(rename_all = "camelCase")]
pub struct RateRatio {
    limits: Limits,
    /// By how much the counts spread more than independent requests would; at least 1.
    dispersion: f64,
    canary: Counts,
    primary: Counts,
    /// Numerator and denominator of the Mantel-Haenszel ratio, which compares within intervals only.
    weighed: (f64, f64),
    /// Log-likelihoods, against ratio 1, of the tolerated ratio and the worse ones.
    worse: Vec<f64>,
    /// Log-likelihoods, against ratio 1, of the unacceptable ratio and the better ones.
    better: Vec<f64>,
    peak: Evidence,
}

/// Ratios beside a limit, as factors: close ones for much data, far ones for little.
fn steps() -> impl Iterator<Item = f64> + Clone {
    let even = (1..=24).map(|k| f64::from(k) / 24.0 * f64::ln(16.0));
    [0.0, f64::ln(1.05), f64::ln(1.1)].into_iter().chain(even)
}

/// Those of both sides of a test, in logarithms: from the tolerated ratio upwards, then from the unacceptable one downwards.
fn ln_ratios(limits: Limits) -> impl Iterator<Item = f64> {
    let (tolerated, unacceptable) = (limits.tolerated.ln(), limits.unacceptable.ln());
    steps().map(move |step| tolerated + step).chain(steps().map(move |step| unacceptable - step))
}

/// How the requests of one interval are shared, at each ratio: whatever is counted of them.
pub(super) struct Odds(Vec<(f64, f64)>);

impl Odds {
    /// So many requests to either side.
    pub(super) fn new(limits: Limits, canary: f64, primary: f64) -> Self {
        let share = canary / (canary + primary);
        Self(ln_ratios(limits).map(|ln_ratio| (ln_ratio, (ln_ratio.exp_m1() * share).ln_1p())).collect())
    }
}

impl RateRatio {
    /// Nothing counted yet. `dispersion` must have been estimated before the release.
    pub fn new(limits: Limits, dispersion: f64) -> Self {
        let zero: Vec<f64> = steps().map(|_| 0.0).collect();
        let (worse, better) = (zero.clone(), zero);
        let (canary, primary) = (Counts::default(), Counts::default());
        let (weighed, peak) = ((0.0, 0.0), Evidence::default());
        Self { limits, dispersion: dispersion.max(1.0), canary, primary, weighed, worse, better, peak }
    }

    /// Takes what one interval counted.
    pub fn update(&mut self, interval: Interval) {
        let Interval { canary, primary } = interval;
        self.weigh(interval, &Odds::new(self.limits, canary.total(), primary.total()));
    }

    /// The same with the odds of its requests, which several tests of the same requests share.
    pub(super) fn weigh(&mut self, Interval { canary, primary }: Interval, odds: &Odds) {
        self.canary = self.canary.and(canary);
        self.primary = self.primary.and(primary);
        let (all, bad) = (canary.total() + primary.total(), canary.bad() + primary.bad());
        // Nothing bad says nothing about a ratio, and neither does a side alone.
        if bad <= 0.0 || canary.total() <= 0.0 || primary.total() <= 0.0 {
            return;
        }
        self.weighed.0 += canary.bad() * primary.total() / all;
        self.weighed.1 += primary.bad() * canary.total() / all;
        for (likelihood, (ln_ratio, ln_all)) in self.worse.iter_mut().chain(&mut self.better).zip(&odds.0) {
            *likelihood += (canary.bad() * ln_ratio - bad * ln_all) / self.dispersion;
        }
        self.peak = self.peak.peak(self.evidence());
    }

    /// Everything that was counted of the canary and of the primary.
    pub const fn counts(&self) -> [Counts; 2] {
        [self.canary, self.primary]
    }

    /// ln E of both sides now.
    pub fn evidence(&self) -> Evidence {
        let against = |likelihoods: &[f64]| match likelihoods {
            [limit, others @ ..] => ln_mean_exp(others.iter().map(|other| other - limit)),
            [] => 0.0,
        };
        Evidence { harm: against(&self.worse), safe: against(&self.better) }
    }

    /// What is certain by now.
    pub fn finding(&self, risk: Risk) -> Finding {
        self.peak.finding(risk)
    }

    /// All that can be said. `needs` counts requests to the canary.
    pub fn opinion(&self, risk: Risk) -> Opinion {
        Opinion::new(self.finding(risk), self.evidence(), self.estimate(risk), self.needs(risk))
    }

    fn estimate(&self, risk: Risk) -> Option<Estimate> {
        let value = self.weighed.0 / self.weighed.1;
        let mut points: Vec<(f64, f64)> =
            ln_ratios(self.limits).zip(self.worse.iter().chain(&self.better).copied()).collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mixed = ln_mean_exp(points.iter().map(|(_, likelihood)| *likelihood));
        // The likelihood has one hill, so what is refuted lies on both ends.
        let refuted = |(_, likelihood): &&(f64, f64)| mixed - likelihood >= enough(risk.harm);
        let low = points.iter().take_while(refuted).last();
        let high = points.iter().rev().take_while(refuted).last();
        let bound = |point: Option<&(f64, f64)>| point.map(|(ln_ratio, _)| ln_ratio.exp());
        // Where the primary has none that are bad, the ratio has a lower end only.
        (!value.is_nan()).then(|| Estimate {
            value,
            low: bound(low).filter(|low| *low <= value),
            high: bound(high).filter(|high| *high >= value),
        })
    }

    /// By the alternative that gets there first at its speed so far.
    fn needs(&self, risk: Risk) -> Option<f64> {
        let side = |likelihoods: &[f64], risk: f64| match likelihoods {
            [limit, others @ ..] => {
                let best = others.iter().map(|other| other - limit).fold(0.0, f64::max);
                let target = enough(risk) + f64::from(u32::try_from(others.len()).unwrap_or(1)).ln();
                (target - best) / best
            }
            [] => f64::INFINITY,
        };
        let more = side(&self.worse, risk.harm).min(side(&self.better, risk.safe)) * self.canary.total();
        more.is_finite().then_some(more)
    }
}
