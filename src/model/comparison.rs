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
            Self::Slo => "slo",
            Self::Sign => "sign",
            Self::Difference => "difference",
            Self::Split => "split",
        }
    }

    /// Whether it counts requests; another one compares a value of each side.
    pub const fn counts(self) -> bool {
        matches!(self, Self::RateRatio | Self::Slo | Self::Split)
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
    /// The value of the KPI for each.
    Valued {
        /// Of the canary.
        canary: f64,
        /// Of the primary.
        primary: f64,
    },
}

/// What a comparison has come to.
#[derive(Clone, PartialEq, Debug)]
pub struct Compared {
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
