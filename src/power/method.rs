//! Every way of judging that is compared here, behind one look at an interval.

use super::rival::{Checks, Range, RankSum};
use super::{Seen, Side};
use crate::judge::{Difference, Distribution, Finding, Limits, Opinion, Quantile, RateRatio, Risk, Sign, Slo, Unit};
use crate::model::Buckets;

/// A way of judging a canary.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Method {
    /// Flagger's thresholdRange.
    Range,
    /// Kayenta's ranks.
    Ranks,
    /// The ratio of the rates.
    Ratio,
    /// The ratios above the bounds that hold the primary's quantiles.
    Quantile,
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
    /// Those of failures.
    pub const FAILURES: [Self; 7] =
        [Self::Range, Self::Ranks, Self::Ratio, Self::Slo, Self::Sign, Self::Difference, Self::Band];
    /// Those of durations: of their 99th percentile, of the requests above a limit of it, or of the buckets. A share that may lie
    /// above the limit, for an SLO or a band, is given by no file.
    pub const DURATIONS: [Self; 6] =
        [Self::Range, Self::Ranks, Self::Ratio, Self::Quantile, Self::Sign, Self::Difference];

    /// The word in tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Range => "range",
            Self::Ranks => "ranks",
            Self::Ratio => "ratio",
            Self::Quantile => "quantile",
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
            Self::Quantile => "rate ratios above the primary's own quantiles, sequential",
            Self::Slo => "share of failures against the limit of the range, sequential",
            Self::Sign => "intervals in which the canary was worse, sequential",
            Self::Difference => "mean difference to the primary, sequential, asymptotic",
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
    /// The share of the primary's requests that is known to fail, or their 99th percentile in milliseconds: limits in absolute terms
    /// follow from it.
    pub base: f64,
    /// What a fixed range allows.
    pub range: Range,
    /// As estimated before the release.
    pub dispersion: f64,
}

/// One method on one release.
pub(super) enum Judge<'a> {
    Range(Checks),
    Ranks(RankSum),
    Ratio(RateRatio),
    /// With the primary's requests before the release.
    Quantile(Quantile, &'a [Buckets]),
    Slo(Slo),
    Sign(Sign),
    Difference(Difference),
    Band(Distribution),
}

impl<'a> Judge<'a> {
    /// `past` are the primary's requests before the release, where durations are told.
    pub(super) fn new(method: Method, aim: &Aim, past: &'a [Buckets]) -> Self {
        let Aim { risk, limits, base, range, dispersion } = *aim;
        let absolute = |ratio: f64| base * (ratio - 1.0);
        let differences = Limits { tolerated: absolute(limits.tolerated), unacceptable: absolute(limits.unacceptable) };
        let shares = Limits { tolerated: range.limit, unacceptable: (range.limit * 1.5).min(0.999) };
        match method {
            Method::Range => Self::Range(Checks::new(range)),
            Method::Ranks => Self::Ranks(RankSum::default()),
            Method::Ratio => Self::Ratio(RateRatio::new(limits, dispersion)),
            Method::Quantile => Self::Quantile(Quantile::new(limits), past),
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
            Self::Quantile(test, _) => Some((Unit::Ratio, test.opinion(risk))),
            Self::Slo(test) => Some((Unit::Share, test.opinion(risk))),
            Self::Sign(test) => Some((Unit::Intervals, test.opinion(risk))),
            Self::Difference(test) => Some((Unit::Difference, test.opinion(risk))),
            Self::Band(test) => Some((Unit::More, test.opinion())),
        }
    }

    /// What is known after one more interval.
    pub(super) fn look(&mut self, seen: &Seen, aim: &Aim) -> Finding {
        let Aim { risk, range: Range { limit, .. }, .. } = *aim;
        match self {
            Self::Range(checks) => checks.look(&seen.canary),
            Self::Ranks(ranks) => ranks.look(seen),
            Self::Ratio(test) => {
                test.update(seen.counts(limit));
                test.finding(risk)
            }
            Self::Quantile(test, past) => {
                if let Seen { canary: Side::Durations(canary), primary: Side::Durations(primary) } = seen {
                    // Where no bound can be chosen there is nothing to see, in this interval.
                    let _ = test.update(canary, primary, past);
                }
                test.finding(risk)
            }
            Self::Slo(test) => {
                test.update(seen.canary.counts(limit));
                test.finding(risk)
            }
            Self::Sign(test) => {
                let [canary, primary] = seen.values();
                test.update(canary, primary);
                test.finding(risk)
            }
            Self::Difference(test) => {
                let [canary, primary] = seen.values();
                test.update(canary, primary);
                test.finding(risk)
            }
            Self::Band(test) => {
                test.update(&seen.canary.histogram(), &seen.primary.histogram());
                test.finding()
            }
        }
    }
}
