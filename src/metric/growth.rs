//! What the counters of both sides grew by in a span of time: the builtin queries of a router, asked for counts in place of rates.
//!
//! Both ends of the span are absolute, so spans neither overlap nor leave a gap, and nothing is extrapolated: a count that was made up
//! would be evidence that was made up. A scraped instance whose counters were reset is left out of the span.

use std::collections::BTreeMap;
use std::time::Duration;

use super::prometheus::{self, Line, Series, moment};
use super::{Ask, HttpResponse};
use crate::model::{Measurement, Sample, Span, Tally, Time};

/// Tells the parts of an answer apart.
const PART: &str = "serin_part";
/// How old the last sample before a span may be: a pod that was not scraped for a while is no new one.
const LOOKBACK: Duration = Duration::from_secs(3600);
/// How far before a span a counter may have been reset without its last sample showing it.
const MARGIN: Duration = Duration::from_secs(60);
/// What the primary is watched for before a release: at least so long, and in at least so many intervals.
const BEFORE: (Duration, u32) = (Duration::from_secs(3600), 60);

/// The questions of a span.
#[derive(Clone, Debug)]
pub struct Growth {
    /// What both sides counted in it.
    pub grown: Ask,
    /// What the primary counted before it, interval by interval; only for the first span of a release.
    pub before: Option<Ask>,
    counts: Counts,
}

/// Requests of the canary and of the primary; `None` of a side that has no series.
pub type Sides = [Option<Tally>; 2];

/// What a builtin query counts.
#[derive(Clone, PartialEq, Debug)]
enum Counts {
    /// Selectors of the good requests and of all.
    Shares { good: String, all: String },
    /// Selector of the buckets, the bound above which a request is slow, and the limit in the unit of the bounds.
    Buckets { selector: String, limit: f64 },
}

impl Growth {
    /// The questions, from the queries of the KPI for either side; `limit` is the longest duration of a good request, in the KPI's
    /// unit. `None` where the query is none of counters.
    pub fn new(canary: &Ask, primary: &Ask, limit: Option<f64>, span: Span) -> Option<Self> {
        let counts = Counts::of(canary, limit)?;
        let of_primary = Counts::of(primary, limit)?;
        let before = span.first.then(|| {
            let query = of_primary.before(span.from, canary.window);
            Ask { query, scale: 1.0, window: span.to.since(span.from), ..canary.clone() }
        });
        Some(Self { grown: grown_ask(canary, [&counts, &of_primary], &Ends::of(span)), before, counts })
    }

    /// The same for many spans of one length, each of which ends where the other begins: a question about a stretch of time, whose
    /// answer is for [`Growth::tallies`].
    pub fn every(canary: &Ask, primary: &Ask, limit: Option<f64>, step: Duration) -> Option<Self> {
        let counts = Counts::of(canary, limit)?;
        let grown = grown_ask(canary, [&counts, &Counts::of(primary, limit)?], &Ends::every(step));
        Some(Self { grown, before: None, counts })
    }

    /// What the canary and the primary had in the span that ends at each moment.
    ///
    /// # Errors
    /// Why the answer holds no series; a part of a sentence.
    pub fn tallies(&self, answer: &HttpResponse) -> Result<Vec<(Time, Sides)>, String> {
        let moments = by_moment(prometheus::lines(answer)?);
        let sides = |series: &[Series]| ["canary", "primary"].map(|side| self.side(series, side));
        Ok(moments.into_iter().map(|(at, series)| (at, sides(&series))).collect())
    }

    fn side(&self, series: &[Series], name: &str) -> Option<Tally> {
        self.counts.tally(series.iter().filter(|one| one.labels.get(PART).is_some_and(|part| part.starts_with(name))))
    }

    /// What the answers say. `before` is the answer to the second question, where there was one.
    pub fn sample(&self, grown: &HttpResponse, before: Option<&HttpResponse>) -> Measurement {
        let past = before.map_or(Ok(Vec::new()), |answer| self.past(answer));
        match (prometheus::series(grown), past) {
            (Ok(series), Ok(before)) => self.counted(&series, before),
            (Err(why), _) | (_, Err(why)) => Measurement::Error(why),
        }
    }

    fn counted(&self, series: &[Series], before: Vec<Tally>) -> Measurement {
        let side = |name: &str| self.side(series, name);
        let (Some(canary), Some(primary)) = (side("canary"), side("primary")) else {
            let missing = if side("canary").is_none() { "canary" } else { "primary" };
            return Measurement::NoData(format!(
                "nothing was counted for the {missing}; the first selector is {}",
                super::selector::first(&self.grown.query)
            ));
        };
        Measurement::Both(Sample::Counted { canary, primary, before })
    }

    fn past(&self, answer: &HttpResponse) -> Result<Vec<Tally>, String> {
        let moments = by_moment(prometheus::lines(answer)?);
        Ok(moments.values().filter_map(|series| self.counts.tally(series.iter())).collect())
    }
}

/// The series at each moment.
fn by_moment(lines: Vec<Line>) -> BTreeMap<Time, Vec<Series>> {
    let mut moments: BTreeMap<Time, Vec<Series>> = BTreeMap::new();
    for Line { labels, samples } in lines {
        for (at, value) in samples {
            moments.entry(at).or_default().push(Series { labels: labels.clone(), value });
        }
    }
    moments
}

impl Counts {
    fn of(ask: &Ask, limit: Option<f64>) -> Option<Self> {
        if let Some((good, all)) = ask.query.strip_suffix(" * 100").and_then(|query| query.split_once(" / ")) {
            let selector = |rate: &str| selector(rate.strip_prefix("sum(rate(")?.strip_suffix("))")?);
            return Some(Self::Shares { good: selector(good)?, all: selector(all)? });
        }
        let (query, factor) = match ask.query.split_once(" by (le)) * ") {
            Some((query, factor)) => (query, factor.parse().ok()?),
            None => (ask.query.strip_suffix(" by (le))")?, 1.0),
        };
        let rate = query.strip_prefix("histogram_quantile(0.99, sum(rate(")?.strip_suffix("))")?;
        Some(Self::Buckets { selector: selector(rate)?, limit: limit? / ask.scale / factor })
    }

    /// The parts of the question for one side.
    fn grown(&self, side: &str, ends: &Ends) -> Vec<String> {
        let part = |name: &str, sum: &str, selector: &str, all: &str| {
            let grown = grown(selector, all, ends);
            format!("label_replace({sum} ({grown}), \"{PART}\", \"{side}-{name}\", \"\", \"\")")
        };
        match self {
            Self::Shares { good, all } => vec![part("good", "sum", good, all), part("all", "sum", all, all)],
            Self::Buckets { selector, .. } => vec![part("all", "sum by (le)", selector, selector)],
        }
    }

    /// What was counted in each of many intervals that end with `end`.
    fn before(&self, end: Time, interval: Duration) -> String {
        let step = interval.max(Duration::from_secs(10));
        let (longest, intervals) = BEFORE;
        let whole = longest.max(step * intervals);
        let part = |name: &str, sum: &str, selector: &str| {
            let grown = format!("({selector} - {selector} offset {}) >= 0", span(step));
            format!("label_replace({sum} ({grown}), \"{PART}\", \"primary-{name}\", \"\", \"\")")
        };
        let parts = match self {
            Self::Shares { good, all } => vec![part("good", "sum", good), part("all", "sum", all)],
            Self::Buckets { selector, .. } => vec![part("all", "sum by (le)", selector)],
        };
        format!("({})[{}:{}] @ {}", parts.join(" or "), span(whole), span(step), moment(end))
    }

    /// Requests of one side; `None` where none of its series is there.
    fn tally<'a>(&self, series: impl Iterator<Item = &'a Series>) -> Option<Tally> {
        let (mut good, mut all, mut bound) = (0.0, None, f64::INFINITY);
        for one in series {
            match (self, one.labels.get("le").and_then(|le| le.parse::<f64>().ok())) {
                (Self::Shares { .. }, _) if one.labels.get(PART).is_some_and(|part| part.ends_with("good")) => {
                    good = one.value;
                }
                (Self::Shares { .. }, _) => all = Some(one.value),
                (Self::Buckets { .. }, Some(le)) if le.is_infinite() => all = Some(one.value),
                // The limit lies within a bucket, whose other requests are given the benefit of the doubt.
                (Self::Buckets { limit, .. }, Some(le)) if le >= *limit && le < bound => {
                    (bound, good) = (le, one.value);
                }
                (Self::Buckets { .. }, _) => {}
            }
        }
        // Above every bound nothing is known to be slow.
        let all = all.filter(|all| all.is_finite())?;
        let good = if matches!(self, Self::Buckets { .. }) && bound.is_infinite() { all } else { good };
        Some(Tally { bad: (all - good).max(0.0), total: all })
    }
}

/// A span's length, and how a selector is written at either end of it.
struct Ends {
    length: Duration,
    from: String,
    to: String,
}

impl Ends {
    fn of(span: Span) -> Self {
        let at = |time: Time| format!(" @ {}", moment(time));
        Self { length: span.to.since(span.from), from: at(span.from), to: at(span.to) }
    }

    /// Of the span that ends at whatever moment is asked about.
    fn every(step: Duration) -> Self {
        Self { length: step, from: format!(" offset {}", self::span(step)), to: String::new() }
    }
}

fn grown_ask(canary: &Ask, [of_canary, of_primary]: [&Counts; 2], ends: &Ends) -> Ask {
    let parts = of_canary.grown("canary", ends).into_iter().chain(of_primary.grown("primary", ends));
    let query = parts.collect::<Vec<_>>().join(" or ");
    Ask { query, scale: 1.0, window: ends.length, ..canary.clone() }
}

/// A series that is new counts from 0. `all` are the counters by which a reset is seen.
fn grown(selector: &str, all: &str, Ends { length, from, to }: &Ends) -> String {
    let now = format!("last_over_time({selector}[{}]{to})", span(*length + LOOKBACK));
    let then = format!("last_over_time({selector}[{}]{from})", span(LOOKBACK));
    let reset = format!("sum by (job, instance) (resets({all}[{}]{to}))", span(*length + MARGIN));
    format!("(({now} - ({then} or {now} * 0)) >= 0) unless on (job, instance) ({reset} > 0)")
}

/// What is rated: `selector[window]` without the window.
fn selector(rated: &str) -> Option<String> {
    Some(rated.strip_suffix(']')?.rsplit_once('[')?.0.to_owned())
}

fn span(length: Duration) -> String {
    format!("{}ms", length.as_millis().max(1))
}

#[cfg(test)]
mod tests;
