//! How others judge the same requests: by a fixed range, and by ranks of one point an interval.

use std::collections::VecDeque;

use super::{Seen, Side};
use crate::judge::Finding;

/// So many checks at which the canary's value is above a fixed limit are harm. A check without a request counts as one.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Range {
    /// The largest share of the canary's requests that may fail, or the most milliseconds that its 99th percentile may take.
    pub limit: f64,
    /// Failed checks that end a release.
    pub threshold: u32,
    /// Intervals that each check looks back over; at least 1.
    pub window: usize,
}

/// The checks of one release.
#[derive(Clone, Debug)]
pub(super) struct Checks {
    range: Range,
    window: VecDeque<Side>,
    failed: u32,
}

impl Checks {
    pub(super) const fn new(range: Range) -> Self {
        Self { range, window: VecDeque::new(), failed: 0 }
    }

    pub(super) fn look(&mut self, canary: &Side) -> Finding {
        self.window.push_back(canary.clone());
        if self.window.len() > self.range.window.max(1) {
            self.window.pop_front();
        }
        let seen = self.window.iter().cloned().reduce(|sum, one| sum.and(&one));
        let value = seen.and_then(|seen| seen.value());
        self.failed += u32::from(value.is_none_or(|value| value > self.range.limit));
        if self.failed >= self.range.threshold { Finding::Harm } else { Finding::Open }
    }
}

/// Mann-Whitney's test of the values of all intervals so far, with the confidence and the tolerance that Kayenta's
/// default judge has. Asked each tenth interval.
#[derive(Clone, Debug, Default)]
pub(super) struct RankSum {
    canary: Vec<f64>,
    primary: Vec<f64>,
}

/// Of a two-sided confidence of 98 %.
const Z: f64 = 2.326_347_874_040_841;
/// Of the estimated shift: smaller ones are nothing.
const TOLERANCE: f64 = 0.25;

impl RankSum {
    pub(super) fn look(&mut self, Seen { canary, primary }: &Seen) -> Finding {
        self.canary.extend(canary.value());
        self.primary.extend(primary.value());
        if self.canary.len().is_multiple_of(10) && self.is_high() { Finding::Harm } else { Finding::Open }
    }

    /// The order statistics of all differences that bound the shift, against the tolerance around 0.
    fn is_high(&self) -> bool {
        let all = self.canary.iter().flat_map(|canary| self.primary.iter().map(move |primary| canary - primary));
        let mut differences: Vec<f64> = all.collect();
        let (m, n) = (self.canary.len() as f64, self.primary.len() as f64);
        let below = (m * n / 2.0 - Z * (m * n * (m + n + 1.0) / 12.0).sqrt()).max(0.0);
        differences.sort_unstable_by(f64::total_cmp);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank is whole and not negative")]
        let at = |rank: f64| differences.get(rank as usize).copied();
        match (at(below), at(m * n / 2.0)) {
            (Some(low), Some(shift)) => low > TOLERANCE * shift.abs(),
            _ => false,
        }
    }
}
