//! Ranges that good releases keep to: the tightest ones that roll back no more of them than was asked for.

use super::panel::{Gate, Look};
use crate::judge::Counts;
use crate::model::{Builtin, Kpi, KpiSource, Recourse};

/// A limit for one KPI.
#[derive(Clone, PartialEq, Debug)]
pub struct Proposal {
    /// Name of the KPI.
    pub kpi: String,
    /// Which end of its range.
    pub bound: Bound,
    /// What the file says; `None` where it sets no such limit.
    pub now: Option<f64>,
    /// The tightest limit, rounded away from the values; `None` where no limit will do, since too many checks have no value at all.
    pub limit: Option<f64>,
}

/// An end of a range.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Bound {
    /// The smallest accepted value.
    Min,
    /// The largest accepted value.
    Max,
}

impl Bound {
    /// The field of `thresholdRange`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Min => "min",
            Self::Max => "max",
        }
    }
}

/// A share of failures, in percent, below which no success rate is tightened: 0 in every drawn release does not make it 0.
const FINEST: f64 = 0.01;

fn is_success_rate(kpi: &Kpi) -> bool {
    kpi.source == KpiSource::Builtin(Builtin::SuccessRate)
}

/// Which end of the range is about bad values.
fn bound(kpi: &Kpi) -> Bound {
    let less_is_worse = kpi.range.min.is_some() && kpi.range.max.is_none();
    if is_success_rate(kpi) || less_is_worse { Bound::Min } else { Bound::Max }
}

/// How bad a KPI was at a check, larger being worse: percent of failures for a success rate, else the value or its negative.
/// `None` where there was no value.
fn badness(gate: &Gate, looks: &[Look], at: usize) -> Option<f64> {
    let window = || looks.iter().take(at + 1).skip((at + 1).saturating_sub(gate.window));
    let value = looks.get(at).map(|look| look.value).filter(|value| value.is_finite());
    if is_success_rate(&gate.kpi) {
        let counts =
            window().filter_map(|look| look.interval).fold(Counts::default(), |sum, look| sum.and(look.canary));
        let is_counted = window().any(|look| look.interval.is_some());
        return if is_counted { counts.rate().map(|share| 100.0 * share) } else { value.map(|value| 100.0 - value) };
    }
    value.map(|value| if bound(&gate.kpi) == Bound::Min { -value } else { value })
}

/// As bad as this, so many checks of a good release were: any tighter limit would have rolled it back. Infinite where no limit
/// would have kept it.
pub(super) fn critical(gate: &Gate, looks: &[Look], threshold: usize) -> Option<f64> {
    let without = if gate.kpi.rules.on_no_data == Recourse::Fail { f64::INFINITY } else { f64::NEG_INFINITY };
    let mut values: Vec<f64> = (0..looks.len()).map(|at| badness(gate, looks, at).unwrap_or(without)).collect();
    values.sort_unstable_by(|a, b| b.total_cmp(a));
    values.get(threshold - 1).copied()
}

/// The limit beyond which at most `risk` of the releases of either kind go, from what would have been critical for each of them.
pub(super) fn propose(kpi: &Kpi, kinds: impl Iterator<Item = Vec<f64>>, risk: f64) -> Option<Proposal> {
    let worst = kinds.filter_map(|mut critical| {
        critical.sort_unstable_by(|a, b| b.total_cmp(a));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and a length")]
        let beyond = (critical.len() as f64 * risk).floor() as usize;
        critical.get(beyond).copied()
    });
    let worst = worst.max_by(f64::total_cmp)?;
    let bound = bound(kpi);
    let limit = match bound {
        Bound::Min if is_success_rate(kpi) => tidy(100.0 - above(worst).max(FINEST)),
        Bound::Min => tidy(-above(worst)),
        Bound::Max => tidy(above(worst)),
    };
    let now = if bound == Bound::Min { kpi.range.min } else { kpi.range.max };
    Some(Proposal { kpi: kpi.name.clone(), bound, now, limit: Some(limit).filter(|limit| limit.is_finite()) })
}

/// The next number upwards that has two digits.
fn above(value: f64) -> f64 {
    if value.total_cmp(&0.0).is_eq() || !value.is_finite() {
        return value;
    }
    let digit = 10_f64.powf(value.abs().log10().floor() - 1.0);
    (value / digit).ceil() * digit
}

/// Without the crumbs of binary fractions.
fn tidy(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}
