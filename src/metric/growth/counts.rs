//! Which counters are behind a query, and what their growth says.

use std::time::Duration;

use super::super::prometheus::{Series, moment};
use super::super::selector;
use super::{Ends, PART, grown, span};
use crate::metric::Ask;
use crate::model::{Buckets, Tally, Time};

/// What the primary is watched for before a release: at least so long, and in at least so many intervals.
const BEFORE: (Duration, u32) = (Duration::from_secs(3600), 60);

/// What a query counts.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Counts {
    /// Selectors of the good requests and of all.
    Shares { good: String, all: String },
    /// Selector of the buckets, and the bound above which a request is slow, in the unit of the bounds.
    Slow { selector: String, limit: f64 },
    /// Selector of the buckets, and what their bounds are multiplied with to get the KPI's unit.
    Buckets { selector: String, unit: f64 },
}

impl Counts {
    /// Of a query that a router brings along.
    pub(super) fn of(ask: &Ask, limit: Option<f64>) -> Option<Self> {
        if let Some((good, all)) = ask.query.strip_suffix(" * 100").and_then(|query| query.split_once(" / ")) {
            let selector = |rate: &str| rated(rate.strip_prefix("sum(rate(")?.strip_suffix("))")?);
            return Some(Self::Shares { good: selector(good)?, all: selector(all)? });
        }
        match Self::by_bucket(ask)? {
            Self::Buckets { selector, unit } => Some(Self::Slow { selector, limit: limit? / unit }),
            other => Some(other),
        }
    }

    /// Of a query of a histogram, whoever wrote it.
    pub(super) fn by_bucket(ask: &Ask) -> Option<Self> {
        let (selector, factor) = histogram(&ask.query)?;
        Some(Self::Buckets { selector, unit: ask.scale * factor })
    }

    pub(super) const fn are_by_bucket(&self) -> bool {
        matches!(self, Self::Buckets { .. })
    }

    /// The parts of the question for one side.
    pub(super) fn grown(&self, side: &str, ends: &Ends) -> Vec<String> {
        let part = |name: &str, sum: &str, selector: &str, all: &str| {
            let grown = grown(selector, all, ends);
            format!("label_replace({sum} ({grown}), \"{PART}\", \"{side}-{name}\", \"\", \"\")")
        };
        match self {
            Self::Shares { good, all } => vec![part("good", "sum", good, all), part("all", "sum", all, all)],
            Self::Slow { selector, .. } | Self::Buckets { selector, .. } => {
                vec![part("all", "sum by (le)", selector, selector)]
            }
        }
    }

    /// What was counted in each of many intervals that end with `end`.
    pub(super) fn before(&self, end: Time, interval: Duration) -> String {
        let step = interval.max(Duration::from_secs(10));
        let (longest, intervals) = BEFORE;
        let whole = longest.max(step * intervals);
        let part = |name: &str, sum: &str, selector: &str| {
            let grown = format!("({selector} - {selector} offset {}) >= 0", span(step));
            format!("label_replace({sum} ({grown}), \"{PART}\", \"primary-{name}\", \"\", \"\")")
        };
        let parts = match self {
            Self::Shares { good, all } => vec![part("good", "sum", good), part("all", "sum", all)],
            Self::Slow { selector, .. } | Self::Buckets { selector, .. } => vec![part("all", "sum by (le)", selector)],
        };
        format!("({})[{}:{}] @ {}", parts.join(" or "), span(whole), span(step), moment(end))
    }

    /// Requests of one side; `None` where none of its series is there.
    pub(super) fn tally(&self, series: &[&Series]) -> Option<Tally> {
        let (good, all) = match self {
            Self::Shares { .. } => {
                let is_good = |one: &&&Series| one.labels.get(PART).is_some_and(|part| part.ends_with("good"));
                let good = series.iter().find(is_good).map_or(0.0, |one| one.value);
                (good, series.iter().find(|one| !is_good(one))?.value)
            }
            Self::Slow { limit, .. } => {
                let Buckets { within, total } = buckets(series, 1.0)?;
                // The limit lies within a bucket, whose other requests are given the benefit of the doubt; above every bound nothing
                // is known to be slow.
                (within.iter().find(|(bound, _)| bound >= limit).map_or(total, |(_, within)| *within), total)
            }
            Self::Buckets { .. } => return None,
        };
        all.is_finite().then(|| Tally { bad: (all - good).max(0.0), total: all })
    }

    /// The same by bucket, with bounds in the KPI's unit.
    pub(super) fn buckets(&self, series: &[&Series]) -> Option<Buckets> {
        match self {
            Self::Buckets { unit, .. } => buckets(series, *unit),
            Self::Shares { .. } | Self::Slow { .. } => None,
        }
    }
}

/// `None` without the bucket that has no end: it holds all requests.
fn buckets(series: &[&Series], unit: f64) -> Option<Buckets> {
    let bound = |one: &&Series| Some((one.labels.get("le")?.parse::<f64>().ok()?, one.value));
    let bounds = series.iter().filter_map(bound).filter(|(le, _)| !le.is_nan());
    let (all, mut within): (Vec<_>, Vec<_>) = bounds.partition(|(le, _)| le.is_infinite());
    within.sort_unstable_by(|(a, _), (b, _)| a.total_cmp(b));
    within.iter_mut().for_each(|(le, _)| *le *= unit);
    let (_, total) = *all.first()?;
    Some(Buckets { within, total })
}

/// Functions that make a rate, or as much of it as one window has, of a counter.
const RATES: &[&str] = &["rate(", "increase(", "irate("];

/// Selector and factor of `histogram_quantile(0.99, sum(rate(SELECTOR[1m])) by (le)) * 1000`, however it is laid out.
fn histogram(query: &str) -> Option<(String, f64)> {
    let (start, end) = selector::only(query)?;
    let bare = |text: &str| text.split_whitespace().collect::<String>();
    let (head, tail) = (bare(query.get(..start)?), bare(query.get(end..)?));
    let (quantile, sum) = head.strip_prefix("histogram_quantile(")?.split_once(',')?;
    quantile.parse::<f64>().ok()?;
    let (rate, closed) = match sum.strip_prefix("sumby(le)(") {
        Some(rate) => (rate, ")))"),
        None => (sum.strip_prefix("sum(")?, "))by(le))"),
    };
    let (_, rest) = tail.strip_prefix('[')?.split_once(']')?;
    let factor = match rest.strip_prefix(closed)? {
        "" => 1.0,
        factor => factor.strip_prefix('*')?.parse().ok()?,
    };
    RATES.contains(&rate).then(|| Some((query.get(start..end)?.to_owned(), factor)))?
}

/// What is rated: `selector[window]` without the window.
fn rated(rated: &str) -> Option<String> {
    Some(rated.strip_suffix(']')?.rsplit_once('[')?.0.to_owned())
}
