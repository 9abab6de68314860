//! The sequential test of one KPI in one release: it begins with the first span, takes one after the other, and its state
//! is kept in status in between.

use serde::{Deserialize, Serialize};

use super::{
    Blind, Counts, Difference, Interval, Limits, Mark, Opinion, Quantile, RateRatio, Risk, Sign, Slo, Split, Unit,
    dispersion,
};
use crate::model::{Builtin, Comparison, Kpi, KpiSource, Percent, Range, Sample, Tally, Test};

/// How far a difference is unacceptable, in margins: between one and this many nothing has to be found out.
const UNACCEPTABLE: f64 = 4.0;
/// The same of a share of failures, where there is no primary to be a share of.
const UNACCEPTABLE_SHARE: f64 = 1.5;

/// A test and its state.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
#[serde(rename_all = "camelCase")]
enum Running {
    Ratio(RateRatio),
    Quantile(Quantile),
    Slo(Slo),
    Sign(Sign),
    Difference(Difference),
    Split(Split),
}

/// What was settled when the release began, and the test that runs on it.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
#[serde(rename_all = "camelCase")]
pub(super) struct Trial {
    limits: Limits,
    running: Running,
    canary: Counts,
    primary: Counts,
}

impl Trial {
    /// The one that was kept, where it is of the limits that the spec has now; else one that begins with `sample`.
    pub(super) fn go_on(kpi: &Kpi, comparison: &Comparison, kept: Option<&str>, sample: &Sample) -> Self {
        let limits = limits(kpi, comparison);
        let kept: Option<Self> = kept.and_then(|state| serde_json::from_str(state).ok());
        // Requests that went astray once may be on their way again.
        let astray = |trial: &Self| matches!(&trial.running, Running::Split(test) if test.is_off(comparison.alpha));
        kept.filter(|trial| trial.limits == limits && trial.is(comparison.test) && !astray(trial))
            .unwrap_or_else(|| Self::begin(comparison, limits, sample))
    }

    fn begin(comparison: &Comparison, limits: Limits, sample: &Sample) -> Self {
        let spread = match sample {
            Sample::Counted { before, .. } => dispersion(&before.iter().filter_map(counts).collect::<Vec<_>>()),
            Sample::Bucketed { .. } | Sample::Valued { .. } => 1.0,
        };
        let running = match comparison.test {
            Test::RateRatio => Running::Ratio(RateRatio::new(limits, spread)),
            Test::Quantile => Running::Quantile(Quantile::new(limits)),
            Test::Slo => Running::Slo(Slo::new(limits, spread)),
            Test::Sign => Running::Sign(Sign::new(limits)),
            Test::Difference => Running::Difference(Difference::new(limits, risk(comparison))),
            Test::Split => Running::Split(Split::new(0.5)),
        };
        Self { limits, running, canary: Counts::default(), primary: Counts::default() }
    }

    const fn is(&self, test: Test) -> bool {
        matches!(
            (&self.running, test),
            (Running::Ratio(_), Test::RateRatio)
                | (Running::Quantile(_), Test::Quantile)
                | (Running::Slo(_), Test::Slo)
                | (Running::Sign(_), Test::Sign)
                | (Running::Difference(_), Test::Difference)
                | (Running::Split(_), Test::Split)
        )
    }

    /// Takes one span, in which the canary had this weight. What cannot be counted, or is of another kind than the test, is left
    /// out.
    pub(super) fn take(&mut self, sample: &Sample, weight: Percent, range: Range) -> Result<(), Blind> {
        match sample {
            Sample::Counted { canary, primary, .. } => {
                if let (Some(canary), Some(primary)) = (counts(canary), counts(primary)) {
                    self.count(Interval { canary, primary }, weight);
                }
            }
            Sample::Bucketed { canary, primary, before } => {
                if let Running::Quantile(test) = &mut self.running {
                    test.update(canary, primary, before)?;
                    self.had(canary.total, primary.total);
                }
            }
            Sample::Valued { canary, primary, requests } => {
                self.had(requests.unwrap_or(0.0), 0.0);
                // The tests take the larger value for the worse one.
                let (mine, other) = if less_is_worse(range) { (*primary, *canary) } else { (*canary, *primary) };
                match &mut self.running {
                    Running::Sign(test) => test.update(mine, other),
                    Running::Difference(test) => test.update(mine, other),
                    Running::Ratio(_) | Running::Quantile(_) | Running::Slo(_) | Running::Split(_) => {}
                }
            }
        }
        Ok(())
    }

    fn count(&mut self, interval: Interval, weight: Percent) {
        let Interval { canary, primary } = interval;
        self.canary = self.canary.and(canary);
        self.primary = self.primary.and(primary);
        match &mut self.running {
            Running::Ratio(test) => test.update(interval),
            Running::Slo(test) => test.update(canary),
            Running::Split(test) => {
                test.expect(weight.as_f64() / 100.0);
                test.update(canary.total(), primary.total());
            }
            Running::Quantile(_) | Running::Sign(_) | Running::Difference(_) => {}
        }
    }

    /// So many requests of either side, of which none is known to be bad.
    fn had(&mut self, canary: f64, primary: f64) {
        self.canary = self.canary.and(Counts::new(0.0, canary).unwrap_or_default());
        self.primary = self.primary.and(Counts::new(0.0, primary).unwrap_or_default());
    }

    /// What is known now, and in what unit.
    pub(super) fn opinion(&self, comparison: &Comparison) -> (Unit, Opinion) {
        let risk = risk(comparison);
        match &self.running {
            Running::Ratio(test) => (Unit::Ratio, test.opinion(risk)),
            Running::Quantile(test) => (Unit::Ratio, test.opinion(risk)),
            Running::Slo(test) => (Unit::Share, test.opinion(risk)),
            Running::Sign(test) => (Unit::Intervals, test.opinion(risk)),
            Running::Difference(test) => (Unit::Difference, test.opinion(risk)),
            Running::Split(test) => (Unit::Traffic, test.opinion(risk)),
        }
    }

    /// The bound that the opinion is about, where the test has bounds.
    pub(super) fn mark(&self) -> Option<&Mark> {
        match &self.running {
            Running::Quantile(test) => test.told(),
            _ => None,
        }
    }

    /// Shares of bad requests of the canary and of the primary in the whole release.
    pub(super) fn rates(&self) -> [Option<f64>; 2] {
        match &self.running {
            Running::Quantile(_) => self.mark().map_or([None, None], Mark::rates),
            _ => [self.canary.rate(), self.primary.rate()],
        }
    }

    /// Requests to the canary in the whole release.
    pub(super) const fn requests(&self) -> f64 {
        self.canary.total()
    }

    /// The text from which it goes on after a restart, to the last bit.
    pub(super) fn state(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// What the user may choose is how seldom a healthy canary is rolled back.
fn risk(comparison: &Comparison) -> Risk {
    Risk { harm: comparison.alpha, safe: Risk::default().safe }
}

/// Between what is tolerated of a KPI and what is unacceptable, in the unit of the test.
pub fn limits(kpi: &Kpi, comparison: &Comparison) -> Limits {
    let Comparison { test, margin, .. } = *comparison;
    match test {
        Test::RateRatio | Test::Quantile | Test::Sign => {
            Limits { tolerated: 1.0 + margin, unacceptable: 1.0 + UNACCEPTABLE * margin }
        }
        Test::Split => Limits { tolerated: 0.0, unacceptable: 0.0 },
        Test::Difference => Limits { tolerated: margin, unacceptable: UNACCEPTABLE * margin },
        Test::Slo => {
            let tolerated = match kpi.source {
                // The limit of a 99th percentile is one that 1 % may pass.
                KpiSource::Builtin(Builtin::Duration) => 0.01,
                _ => (1.0 - kpi.range.min.unwrap_or(100.0) / 100.0).clamp(1e-6, 0.5),
            };
            Limits { tolerated, unacceptable: tolerated * UNACCEPTABLE_SHARE }
        }
    }
}

/// A range with nothing but a least value is about something that shall be large.
fn less_is_worse(range: Range) -> bool {
    range.min.is_some() && range.max.is_none()
}

fn counts(tally: &Tally) -> Option<Counts> {
    Counts::new(tally.bad.min(tally.total), tally.total)
}
