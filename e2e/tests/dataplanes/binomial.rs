//! What chance makes of a weight.

use serin::model::Percent;

/// How often a count may lie outside an interval by chance alone, on each side.
const TAIL: f64 = 0.0005;

/// Between these, both included, lie 99.9 % of all counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Interval {
    low: u32,
    high: u32,
}

impl Interval {
    /// Of the requests that reach the canary when each of `requests` does with this probability.
    pub(super) fn of(requests: u32, weight: Percent) -> Self {
        let share = weight.as_f64() / 100.0;
        if weight.is_zero() || weight == Percent::FULL {
            let sure = if weight.is_zero() { 0 } else { requests };
            return Self { low: sure, high: sure };
        }
        let odds = (share / (1.0 - share)).ln();
        // The logarithm of P(count = 0), and from each count to the next.
        let mut log = f64::from(requests) * (1.0 - share).ln();
        let mut below = 0.0;
        let mut found = Self { low: requests, high: requests };
        for count in 0..=requests {
            let here = log.exp();
            if below + here > TAIL {
                found.low = found.low.min(count);
            }
            below += here;
            if below >= 1.0 - TAIL {
                found.high = count;
                break;
            }
            log += (f64::from(requests - count) / f64::from(count + 1)).ln() + odds;
        }
        found
    }

    pub(super) fn contains(self, count: u32) -> bool {
        (self.low..=self.high).contains(&count)
    }
}

#[test]
fn an_interval_has_the_width_that_chance_has() {
    let percent = |weight| Percent::clamped(weight);
    assert_eq!(Interval::of(2000, percent(0)), Interval { low: 0, high: 0 });
    assert_eq!(Interval::of(2000, percent(100)), Interval { low: 2000, high: 2000 });
    // By an independent computation of the binomial quantiles.
    assert_eq!(Interval::of(2000, percent(1)), Interval { low: 7, high: 36 });
    assert_eq!(Interval::of(2000, percent(50)), Interval { low: 926, high: 1074 });
    assert_eq!(Interval::of(2000, percent(10)), Interval { low: 157, high: 245 });
}
