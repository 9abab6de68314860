//! The sequential test of one KPI in one release: it begins with the first span, takes one after the other, and its state
//! is kept in status in between.

use serde::{Deserialize, Serialize};

use super::{Counts, Difference, Interval, Limits, Opinion, RateRatio, Risk, Sign, Slo, Split, Unit, dispersion};
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
            Sample::Valued { .. } => 1.0,
        };
        let running = match comparison.test {
            Test::RateRatio => Running::Ratio(RateRatio::new(limits, spread)),
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
                | (Running::Slo(_), Test::Slo)
                | (Running::Sign(_), Test::Sign)
                | (Running::Difference(_), Test::Difference)
                | (Running::Split(_), Test::Split)
        )
    }

    /// Takes one span, in which the canary had this weight. What cannot be counted, or is of another kind than the test, is left
    /// out.
    pub(super) fn take(&mut self, sample: &Sample, weight: Percent, range: Range) {
        match (sample, &mut self.running) {
            (Sample::Counted { canary, primary, .. }, running) => {
                let (Some(canary), Some(primary)) = (counts(canary), counts(primary)) else { return };
                self.canary = self.canary.and(canary);
                self.primary = self.primary.and(primary);
                match running {
                    Running::Ratio(test) => test.update(Interval { canary, primary }),
                    Running::Slo(test) => test.update(canary),
                    Running::Split(test) => {
                        test.expect(f64::from(weight.get()) / 100.0);
                        test.update(canary.total(), primary.total());
                    }
                    Running::Sign(_) | Running::Difference(_) => {}
                }
            }
            (Sample::Valued { canary, primary }, running) => {
                // The tests take the larger value for the worse one.
                let (mine, other) = if less_is_worse(range) { (*primary, *canary) } else { (*canary, *primary) };
                match running {
                    Running::Sign(test) => test.update(mine, other),
                    Running::Difference(test) => test.update(mine, other),
                    Running::Ratio(_) | Running::Slo(_) | Running::Split(_) => {}
                }
            }
        }
    }

    /// What is known now, and in what unit.
    pub(super) fn opinion(&self, comparison: &Comparison) -> (Unit, Opinion) {
        let risk = risk(comparison);
        match &self.running {
            Running::Ratio(test) => (Unit::Ratio, test.opinion(risk)),
            Running::Slo(test) => (Unit::Share, test.opinion(risk)),
            Running::Sign(test) => (Unit::Intervals, test.opinion(risk)),
            Running::Difference(test) => (Unit::Difference, test.opinion(risk)),
            Running::Split(test) => (Unit::Traffic, test.opinion(risk)),
        }
    }

    /// Shares of bad requests of the canary and of the primary in the whole release.
    pub(super) fn rates(&self) -> [Option<f64>; 2] {
        [self.canary.rate(), self.primary.rate()]
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

fn limits(kpi: &Kpi, comparison: &Comparison) -> Limits {
    let Comparison { test, margin, .. } = *comparison;
    match test {
        Test::RateRatio | Test::Sign => Limits { tolerated: 1.0 + margin, unacceptable: 1.0 + UNACCEPTABLE * margin },
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
