//! What there is to see of an interval, whether it is failures or durations that are told of each request.

use crate::judge::{Counts, Histogram, Interval, above};
use crate::model::Buckets;

/// Both sides in the same interval.
#[derive(Clone, PartialEq, Debug)]
pub struct Seen {
    /// Of the canary.
    pub canary: Side,
    /// Of the primary.
    pub primary: Side,
}

/// Requests of one side.
#[derive(Clone, PartialEq, Debug)]
pub enum Side {
    /// Those that failed among all.
    Failures(Counts),
    /// By how long they took, in milliseconds.
    Durations(Buckets),
}

impl Seen {
    /// What is bad on either side, where a duration above `limit` is.
    pub(super) fn counts(&self, limit: f64) -> Interval {
        Interval { canary: self.canary.counts(limit), primary: self.primary.counts(limit) }
    }

    /// One number of the canary and one of the primary; no number without a request.
    pub(super) fn values(&self) -> [f64; 2] {
        [&self.canary, &self.primary].map(|side| side.value().unwrap_or(f64::NAN))
    }
}

impl From<Interval> for Seen {
    fn from(Interval { canary, primary }: Interval) -> Self {
        Self { canary: Side::Failures(canary), primary: Side::Failures(primary) }
    }
}

impl Side {
    /// These requests and `other`.
    pub(super) fn and(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Failures(one), Self::Failures(other)) => Self::Failures(one.and(*other)),
            (Self::Durations(one), Self::Durations(other)) => Self::Durations(one.and(other)),
            // A release tells one of the two throughout.
            (one, _) => one.clone(),
        }
    }

    /// The number that a dashboard shows: the share that failed, or the 99th percentile in milliseconds. `None` without a request.
    pub(super) fn value(&self) -> Option<f64> {
        match self {
            Self::Failures(counts) => counts.rate(),
            Self::Durations(buckets) => percentile(buckets),
        }
    }

    /// Those that failed, or took longer than the bucket that holds `limit` tells; above every bound none is known to have.
    pub(super) fn counts(&self, limit: f64) -> Counts {
        match self {
            Self::Failures(counts) => *counts,
            Self::Durations(buckets) => {
                let bound = buckets.within.iter().map(|(bound, _)| *bound).find(|bound| *bound >= limit);
                let slow = bound.and_then(|bound| above(buckets, bound));
                slow.or_else(|| Counts::new(0.0, buckets.total)).unwrap_or_default()
            }
        }
    }

    /// All of them.
    pub(super) const fn total(&self) -> f64 {
        match self {
            Self::Failures(counts) => counts.total(),
            Self::Durations(buckets) => buckets.total,
        }
    }

    /// The buckets; `None` of failures.
    pub(super) fn durations(self) -> Option<Buckets> {
        match self {
            Self::Failures(_) => None,
            Self::Durations(buckets) => Some(buckets),
        }
    }

    /// The whole distribution. Of failures it has one bound: a request either lies within it or is a bad one.
    pub(super) fn histogram(&self) -> Histogram {
        match self {
            Self::Failures(counts) => Histogram { within: vec![counts.total() - counts.bad()], total: counts.total() },
            Self::Durations(Buckets { within, total }) => {
                Histogram { within: within.iter().map(|(_, count)| *count).collect(), total: *total }
            }
        }
    }
}

/// As Prometheus tells it from buckets: evenly within the bucket that holds it, and the last bound above every bound.
fn percentile(Buckets { within, total }: &Buckets) -> Option<f64> {
    let rank = 0.99 * total;
    let (mut bound, mut faster) = (0.0, 0.0);
    for (end, count) in within {
        if *count >= rank && *count > faster {
            return Some(bound + (end - bound) * (rank - faster) / (count - faster));
        }
        (bound, faster) = (*end, *count);
    }
    (*total > 0.0).then_some(bound)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn took(counts: [f64; 3], total: f64) -> Side {
        Side::Durations(Buckets { within: [100.0, 500.0, 1000.0].into_iter().zip(counts).collect(), total })
    }

    #[test]
    fn the_99th_percentile_is_the_one_that_prometheus_tells() {
        // histogram_quantile(0.99, ...) of these buckets.
        let rows = [
            (took([100.0, 100.0, 100.0], 100.0), Some(99.0)),
            (took([980.0, 1000.0, 1000.0], 1000.0), Some(300.0)),
            (took([0.0, 0.0, 50.0], 100.0), Some(1000.0)),
            (took([0.0; 3], 0.0), None),
        ];
        for (side, expected) in rows {
            assert_eq!(side.value(), expected, "{side:?}");
        }
    }

    #[test]
    fn requests_within_the_bucket_of_the_limit_are_not_slow() {
        let side = took([90.0, 96.0, 99.0], 100.0);
        let slow = |limit| side.counts(limit).bad();
        assert_eq!([50.0, 100.0, 101.0, 500.0, 1000.0, 1000.1].map(slow), [10.0, 10.0, 4.0, 4.0, 1.0, 0.0]);
        assert_eq!(side.counts(f64::INFINITY).total(), 100.0);
    }
}
