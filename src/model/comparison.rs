//! A KPI that is judged against the primary of the same time: what is asked for, what was measured, what is known.

use super::Time;

/// How the canary is compared with the primary.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Comparison {
    /// The test.
    pub test: Test,
    /// By how much the canary may be worse: a share of the primary's value, or a difference in the KPI's own unit.
    pub margin: f64,
    /// Probability that the KPI ends the release of a canary within the margin; between 0 and 1.
    pub alpha: f64,
}

/// A sequential test.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Test {
    /// How many times as often the canary's requests fail, or are slow, as the primary's.
    RateRatio,
    /// How many times as often they are slower than the bounds that hold the primary's quantiles: no limit is needed.
    Quantile,
    /// How often they fail, or are slow, against the limit of the range: no primary is needed.
    Slo,
    /// In how many intervals the canary is worse.
    Sign,
    /// The mean difference of the values of an interval.
    Difference,
    /// What share of the requests reaches the canary, against its weight: nothing of the canary's own doing.
    Split,
}

impl Test {
    /// The word in `comparison.type`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RateRatio => "rateRatio",
            Self::Quantile => "quantile",
            Self::Slo => "slo",
            Self::Sign => "sign",
            Self::Difference => "difference",
            Self::Split => "split",
        }
    }

    /// Whether it counts requests; another one compares a value of each side.
    pub const fn counts(self) -> bool {
        matches!(self, Self::RateRatio | Self::Quantile | Self::Slo | Self::Split)
    }
}

/// The time that a comparison is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span {
    /// Its beginning.
    pub from: Time,
    /// Its end.
    pub to: Time,
    /// Nothing was compared in this release before, so it has to be told how the primary's requests spread before it.
    pub first: bool,
}

/// Requests of one side in one span.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Tally {
    /// Those that failed, or were slow.
    pub bad: f64,
    /// All of them.
    pub total: f64,
}

/// Requests of one side in one span, by how long they took.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Buckets {
    /// Bounds in the unit of the KPI, rising, each with the requests that took at most as long; without the infinite one.
    pub within: Vec<(f64, f64)>,
    /// All of them.
    pub total: f64,
}

impl Buckets {
    /// These and `other` together, at the bounds of both.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let both = |(bound, count): &(f64, f64)| {
            let (_, more) = other.within.iter().find(|(same, _)| same.total_cmp(bound).is_eq())?;
            Some((*bound, count + more))
        };
        Self { within: self.within.iter().filter_map(both).collect(), total: self.total + other.total }
    }
}

/// What both sides had in one span.
#[derive(Clone, PartialEq, Debug)]
pub enum Sample {
    /// Their requests.
    Counted {
        /// Of the canary.
        canary: Tally,
        /// Of the primary.
        primary: Tally,
        /// Of the primary, in intervals of equal length before the release; empty but for the first span.
        before: Vec<Tally>,
    },
    /// Their requests, by how long they took.
    Bucketed {
        /// Of the canary.
        canary: Buckets,
        /// Of the primary.
        primary: Buckets,
        /// Of the primary, in intervals of equal length before the release; empty but for the first span.
        before: Vec<Buckets>,
    },
    /// The value of the KPI for each.
    Valued {
        /// Of the canary.
        canary: f64,
        /// Of the primary.
        primary: f64,
        /// Requests that the canary had meanwhile; `None` where nobody wants to know.
        requests: Option<f64>,
    },
}

impl Sample {
    /// Requests that the canary had in the span; `None` where nobody wants to know.
    pub const fn requests(&self) -> Option<f64> {
        match self {
            Self::Counted { canary, .. } => Some(canary.total),
            Self::Bucketed { canary, .. } => Some(canary.total),
            Self::Valued { requests, .. } => *requests,
        }
    }
}

/// What a comparison has come to.
#[derive(Clone, PartialEq, Debug)]
pub struct Compared {
    /// Requests to the canary that it rests on; `None` where none were counted.
    pub requests: Option<f64>,
    /// The canary's part in it: the share of its requests, or its value.
    pub canary: Option<f64>,
    /// The primary's.
    pub primary: Option<f64>,
    /// Lower end of the interval that holds the true value.
    pub low: Option<f64>,
    /// Upper end of it.
    pub high: Option<f64>,
    /// Evidence against the canary: so much is reached by chance in at most one of as many releases.
    pub e_value: Option<f64>,
    /// End of the last span that counts.
    pub until: Time,
    /// The state of the test, which only `judge` reads.
    pub state: String,
}
