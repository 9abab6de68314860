//! Every way of judging that is compared here, behind one look at an interval.

use super::rival::{Checks, Range, RankSum};
use crate::judge::{
    Difference, Distribution, Finding, Histogram, Interval, Limits, Opinion, RateRatio, Risk, Sign, Slo, Unit,
};

/// A way of judging a canary.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Method {
    /// Flagger's thresholdRange.
    Range,
    /// Kayenta's ranks.
    Ranks,
    /// The ratio of the rates.
    Ratio,
    /// The SLO.
    Slo,
    /// Who was worse more often.
    Sign,
    /// The mean difference of the rates.
    Difference,
    /// The band around a distribution.
    Band,
}

impl Method {
    /// Every method.
    pub const ALL: [Self; 7] =
        [Self::Range, Self::Ranks, Self::Ratio, Self::Slo, Self::Sign, Self::Difference, Self::Band];

    /// The word in tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Range => "range",
            Self::Ranks => "ranks",
            Self::Ratio => "ratio",
            Self::Slo => "slo",
            Self::Sign => "sign",
            Self::Difference => "difference",
            Self::Band => "band",
        }
    }

    /// Whether its false rollbacks are promised to stay below the risk.
    pub const fn is_sound(self) -> bool {
        !matches!(self, Self::Range | Self::Ranks)
    }

    /// One line about it.
    pub const fn about(self) -> &'static str {
        match self {
            Self::Range => "Flagger's thresholdRange: so many failed checks",
            Self::Ranks => "a judge like Kayenta's: Mann-Whitney over one point an interval, looked at each tenth",
            Self::Ratio => "rate ratio to the concurrent primary, sequential",
            Self::Slo => "share of failures against the limit of the range, sequential",
            Self::Sign => "intervals in which the canary was worse, sequential",
            Self::Difference => "mean difference of the rates, sequential, asymptotic",
            Self::Band => "bands around both distributions, sequential",
        }
    }
}

/// What all the methods need to know before a release.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Aim {
    /// Of the sequential tests.
    pub risk: Risk,
    /// Ratios to the primary.
    pub limits: Limits,
    /// What the primary's requests are known to fail by: limits in absolute terms follow from it.
    pub base: f64,
    /// What a fixed range allows.
    pub range: Range,
    /// As estimated before the release.
    pub dispersion: f64,
}

/// One method on one release.
pub(super) enum Judge {
    Range(Checks),
    Ranks(RankSum),
    Ratio(RateRatio),
    Slo(Slo),
    Sign(Sign),
    Difference(Difference),
    Band(Distribution),
}

impl Judge {
    pub(super) fn new(method: Method, aim: &Aim) -> Self {
        let Aim { risk, limits, base, range, dispersion } = *aim;
        let absolute = |ratio: f64| base * (ratio - 1.0);
        let differences = Limits { tolerated: absolute(limits.tolerated), unacceptable: absolute(limits.unacceptable) };
        let shares = Limits { tolerated: range.limit, unacceptable: (range.limit * 1.5).min(0.999) };
        match method {
            Method::Range => Self::Range(Checks::new(range)),
            Method::Ranks => Self::Ranks(RankSum::default()),
            Method::Ratio => Self::Ratio(RateRatio::new(limits, dispersion)),
            Method::Slo => Self::Slo(Slo::new(shares, dispersion)),
            Method::Sign => Self::Sign(Sign::new(limits)),
            Method::Difference => Self::Difference(Difference::new(differences, risk)),
            Method::Band => Self::Band(Distribution::new(differences, risk)),
        }
    }

    /// All that is known now, and what its numbers mean; `None` of a judge that knows of no more than harm.
    pub(super) fn opinion(&self, risk: Risk) -> Option<(Unit, Opinion)> {
        match self {
            Self::Range(_) | Self::Ranks(_) => None,
            Self::Ratio(test) => Some((Unit::Ratio, test.opinion(risk))),
            Self::Slo(test) => Some((Unit::Share, test.opinion(risk))),
            Self::Sign(test) => Some((Unit::Intervals, test.opinion(risk))),
            Self::Difference(test) => Some((Unit::Difference, test.opinion(risk))),
            Self::Band(test) => Some((Unit::More, test.opinion())),
        }
    }

    /// What is known after one more interval.
    pub(super) fn look(&mut self, interval: Interval, risk: Risk) -> Finding {
        let Interval { canary, primary } = interval;
        match self {
            Self::Range(checks) => checks.look(canary),
            Self::Ranks(ranks) => ranks.look(interval),
            Self::Ratio(test) => {
                test.update(interval);
                test.finding(risk)
            }
            Self::Slo(test) => {
                test.update(canary);
                test.finding(risk)
            }
            Self::Sign(test) => {
                let [mine, other] = [canary, primary].map(|side| side.rate().unwrap_or(f64::NAN));
                test.update(mine, other);
                test.finding(risk)
            }
            Self::Difference(test) => {
                let [mine, other] = [canary, primary].map(|side| side.rate().unwrap_or(f64::NAN));
                test.update(mine, other);
                test.finding(risk)
            }
            Self::Band(test) => {
                // One bound: a request either lies within it or is a bad one.
                let [mine, other] = [canary, primary]
                    .map(|side| Histogram { within: vec![side.total() - side.bad()], total: side.total() });
                test.update(&mine, &other);
                test.finding()
            }
        }
    }
}
