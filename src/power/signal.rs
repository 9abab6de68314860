//! What is told of each request: whether it failed, or how long it took.

use super::Method;

/// What a release is judged by.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Signal {
    /// Whether each request failed.
    Failures {
        /// Share of the primary's requests that fail, between 0 and 1.
        base: f64,
        /// How many times as often the canary's fail.
        ratio: f64,
    },
    /// How long each request took.
    Durations {
        /// On the primary.
        usual: Latency,
        /// On the canary.
        canary: Lag,
    },
}

impl Signal {
    /// The ways of judging it, in the order of tables.
    pub const fn methods(&self) -> &'static [Method] {
        match self {
            Self::Failures { .. } => &Method::FAILURES,
            Self::Durations { .. } => &Method::DURATIONS,
        }
    }

    /// The one whose promises are counted in full.
    pub const fn promised(&self) -> Method {
        match self {
            Self::Failures { .. } => Method::Ratio,
            Self::Durations { .. } => Method::Quantile,
        }
    }

    /// The same with a canary that fails so many times as often, or each of whose requests takes so many times as long.
    #[must_use]
    pub const fn worse(self, times: f64) -> Self {
        match self {
            Self::Failures { base, .. } => Self::Failures { base, ratio: times },
            Self::Durations { usual, .. } => Self::Durations { usual, canary: Lag::Longer { share: 1.0, times } },
        }
    }
}

/// How long the requests of a service take: a log-logistic distribution, whose tail falls with a power only.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Latency {
    /// Milliseconds that half of the requests take at most.
    pub median: f64,
    /// The power with which the tail falls: above twice a long duration lie so many halvings fewer.
    pub power: f64,
}

impl Latency {
    /// A service of one kind of request: its 99th percentile is six times its median.
    pub const fn usual(median: f64) -> Self {
        Self { median, power: 2.5 }
    }

    /// Milliseconds that 99 % of the requests take at most.
    pub fn percentile(self) -> f64 {
        self.median * 99_f64.powf(1.0 / self.power)
    }

    /// Where every request takes so many times as long.
    pub(super) fn times(self, times: f64) -> Self {
        Self { median: self.median * times, ..self }
    }

    /// Share of the requests that take longer than `bound`.
    pub(super) fn slower(self, bound: f64) -> f64 {
        1.0 / (1.0 + (bound / self.median).powf(self.power))
    }
}

/// What is wrong with the canary's durations.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Lag {
    /// So many times as many requests lie above any bound.
    More(f64),
    /// Some requests take longer, and the others as long as the primary's.
    Longer {
        /// Share of the requests.
        share: f64,
        /// So many times as long.
        times: f64,
    },
}

impl Lag {
    /// Nothing is.
    pub const NONE: Self = Self::More(1.0);

    /// Share of the requests that take longer than `bound`, where others take as long as `usual`.
    pub(super) fn slower(self, usual: Latency, bound: f64) -> f64 {
        match self {
            Self::More(times) => (times * usual.slower(bound)).min(1.0),
            Self::Longer { share, times } => {
                (1.0 - share) * usual.slower(bound) + share * usual.times(times).slower(bound)
            }
        }
    }
}
