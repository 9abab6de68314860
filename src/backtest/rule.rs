//! The rules that are compared: that of the file, and the same file with a comparison in place of its ranges.

use std::time::Duration;

use super::History;
use crate::model::{Builtin, Comparison, Kpi, KpiSource, Mode, Recourse, Settings, Strategy, Test};

/// Which rule.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Name {
    /// That of the file.
    File,
    /// The file's with this test for each KPI that counts requests, and without its other KPIs.
    With(Test),
}

impl Name {
    /// A word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::With(test) => test.as_str(),
        }
    }
}

/// The tests that a file is replayed with besides its own rule.
const ALTERNATIVES: [Test; 3] = [Test::RateRatio, Test::Slo, Test::Sign];
/// The margin of `comparison: {}`. A sign needs none: it does not ask how much worse.
const MARGIN: f64 = 0.25;

/// What decides about a release.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Rule {
    pub(super) name: Name,
    /// KPIs, each with the number of its track.
    pub(super) kpis: Vec<(usize, Kpi)>,
    /// Failed checks that end a release.
    pub(super) threshold: u32,
    /// Passed checks that promote it.
    pub(super) checks: u32,
    /// Between two checks.
    pub(super) interval: Duration,
    /// No comparison looks back to so long after the beginning.
    pub(super) warmup: Duration,
}

impl Rule {
    /// The file's first.
    pub(super) fn all(settings: &Settings, history: &History, risk: f64) -> Vec<Self> {
        let file = Self {
            name: Name::File,
            kpis: settings.kpis.iter().cloned().enumerate().filter(|(_, kpi)| !kpi.verifies_traffic()).collect(),
            threshold: settings.threshold,
            checks: checks(&settings.strategy),
            interval: settings.interval,
            warmup: settings.warmup,
        };
        let others: Vec<_> = ALTERNATIVES.iter().filter_map(|test| file.with(*test, history, risk)).collect();
        std::iter::once(file).chain(others).collect()
    }

    /// `None` where no KPI that decides counts requests.
    fn with(&self, test: Test, history: &History, risk: f64) -> Option<Self> {
        let counts = |at: usize| history.tracks.get(at).is_some_and(|track| !track.counts.is_empty());
        let gates = self.kpis.iter().filter(|(at, kpi)| kpi.rules.mode == Mode::Gate && counts(*at));
        let mut kpis: Vec<_> =
            gates.filter(|(_, kpi)| test != Test::Slo || tolerated(kpi).is_some()).cloned().collect();
        let shared = f64::from(u32::try_from(kpis.len()).unwrap_or(u32::MAX).max(1));
        let margin = if test == Test::Sign { 0.0 } else { MARGIN };
        for (_, kpi) in &mut kpis {
            kpi.comparison = Some(Comparison { test, margin, alpha: risk / shared });
            kpi.rules.on_inconclusive = Recourse::Pass;
        }
        (!kpis.is_empty()).then(|| Self { name: Name::With(test), kpis, ..self.clone() })
    }
}

/// The share of bad requests that a range allows; `None` where it is about something else, or allows everything.
pub(super) fn tolerated(kpi: &Kpi) -> Option<f64> {
    match kpi.source {
        KpiSource::Builtin(Builtin::SuccessRate) => kpi.range.min.map(|min| 1.0 - min / 100.0),
        // The limit of a 99th percentile is one that 1 % may pass.
        KpiSource::Builtin(Builtin::Duration) => kpi.range.max.map(|_| 0.01),
        KpiSource::Inline(_) | KpiSource::Template { .. } => None,
    }
}

/// Checks that a release passes before it is promoted. The one of mirrored requests comes before the canary's first share.
fn checks(strategy: &Strategy) -> u32 {
    match strategy {
        Strategy::Skip => 0,
        Strategy::Progressive { steps, .. } => u32::try_from(steps.weights().len()).unwrap_or(u32::MAX),
        Strategy::AbTest { iterations } => iterations.get(),
        // The last one with all traffic on the canary.
        Strategy::BlueGreen { iterations, .. } => iterations.get().saturating_add(1),
    }
}
