//! What is counted in one interval, and how counters become it.
//!
//! Never a negative count: a counter that was reset says nothing about the interval in which it was.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Requests of one side in one interval, or the counters behind them. Never negative, never more bad ones than all.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Debug, Default)]
pub struct Counts {
    bad: f64,
    total: f64,
}

impl Counts {
    /// `None` for what cannot be counted: no number, below 0, or more bad requests than requests.
    pub fn new(bad: f64, total: f64) -> Option<Self> {
        (bad >= 0.0 && bad <= total && total.is_finite()).then_some(Self { bad, total })
    }

    /// Requests that failed, or whatever else is counted against a side.
    pub const fn bad(self) -> f64 {
        self.bad
    }

    /// All requests.
    pub const fn total(self) -> f64 {
        self.total
    }

    /// Share of the bad ones; `None` without a request.
    pub fn rate(self) -> Option<f64> {
        (self.total > 0.0).then(|| self.bad / self.total)
    }

    /// These and `other` together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { bad: self.bad + other.bad, total: self.total + other.total }
    }
}

/// Both sides in the same interval: only what ran at the same time is ever compared.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Interval {
    /// Of the canary.
    pub canary: Counts,
    /// Of the primary.
    pub primary: Counts,
}

/// What the counters of one side grew by.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Growth {
    /// Of all series that can be told.
    pub counts: Counts,
    /// Series left out: without them rates still hold, and shares of the traffic do not.
    pub left_out: usize,
}

/// What the counters of one side, by series, grew by. A series that is new, or that fell because its pod started again,
/// leaves this interval out.
pub fn growth<K: Ord>(before: &BTreeMap<K, Counts>, now: &BTreeMap<K, Counts>) -> Growth {
    let mut growth = Growth::default();
    for (series, now) in now {
        let grown = before.get(series).and_then(|before| Counts::new(now.bad - before.bad, now.total - before.total));
        match grown {
            Some(grown) => growth.counts = growth.counts.and(grown),
            None => growth.left_out += 1,
        }
    }
    growth
}
