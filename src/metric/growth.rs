//! What the counters of both sides grew by in a span of time: the builtin queries of a router, and anybody's query of a histogram, asked
//! for counts in place of rates.
//!
//! Both ends of the span are absolute, so spans neither overlap nor leave a gap, and nothing is extrapolated: a count that was made up
//! would be evidence that was made up. A scraped instance whose counters were reset is left out of the span.

mod counts;

use std::collections::BTreeMap;
use std::time::Duration;

use super::prometheus::{self, Line, Series, moment};
use super::{Ask, HttpResponse};
use crate::model::{Buckets, Measurement, Sample, Span, Tally, Time};
use counts::Counts;

/// Tells the parts of an answer apart.
const PART: &str = "serin_part";
/// How old the last sample before a span may be: a pod that was not scraped for a while is no new one.
const LOOKBACK: Duration = Duration::from_secs(3600);
/// How far before a span a counter may have been reset without its last sample showing it.
const MARGIN: Duration = Duration::from_secs(60);

/// The questions of a span.
#[derive(Clone, Debug)]
pub struct Growth {
    /// What both sides counted in it.
    pub grown: Ask,
    /// What the primary counted before it, interval by interval; only for the first span of a release.
    pub before: Option<Ask>,
    counts: Counts,
}

/// What was counted of the canary and of the primary; `None` of a side that has no series.
pub type Sides<T> = [Option<T>; 2];

impl Growth {
    /// The questions, from the queries of the KPI for either side; `limit` is the longest duration of a good request, in the KPI's
    /// unit. `None` where the query is none of counters.
    pub fn new(canary: &Ask, primary: &Ask, limit: Option<f64>, span: Span) -> Option<Self> {
        Some(Self::over(canary, [Counts::of(canary, limit)?, Counts::of(primary, limit)?], span))
    }

    /// The same for how long requests took, by bucket. `None` where the query is none of a histogram.
    pub fn by_bucket(canary: &Ask, primary: &Ask, span: Span) -> Option<Self> {
        Some(Self::over(canary, [Counts::by_bucket(canary)?, Counts::by_bucket(primary)?], span))
    }

    fn over(canary: &Ask, [counts, of_primary]: [Counts; 2], span: Span) -> Self {
        let before = span.first.then(|| {
            let query = of_primary.before(span.from, canary.window);
            Ask { query, scale: 1.0, window: span.to.since(span.from), ..canary.clone() }
        });
        Self { grown: grown_ask(canary, [&counts, &of_primary], &Ends::of(span)), before, counts }
    }

    /// The same for many spans of one length, each of which ends where the other begins: a question about a stretch of time, whose
    /// answer is for [`Growth::tallies`].
    pub fn every(canary: &Ask, primary: &Ask, limit: Option<f64>, step: Duration) -> Option<Self> {
        Some(Self::each(canary, [Counts::of(canary, limit)?, Counts::of(primary, limit)?], step))
    }

    /// The same by bucket, for [`Growth::histograms`].
    pub fn every_by_bucket(canary: &Ask, primary: &Ask, step: Duration) -> Option<Self> {
        Some(Self::each(canary, [Counts::by_bucket(canary)?, Counts::by_bucket(primary)?], step))
    }

    fn each(canary: &Ask, [counts, of_primary]: [Counts; 2], step: Duration) -> Self {
        Self { grown: grown_ask(canary, [&counts, &of_primary], &Ends::every(step)), before: None, counts }
    }

    /// What the canary and the primary had in the span that ends at each moment.
    ///
    /// # Errors
    /// Why the answer holds no series; a part of a sentence.
    pub fn tallies(&self, answer: &HttpResponse) -> Result<Vec<(Time, Sides<Tally>)>, String> {
        self.every_moment(answer, |series| self.counts.tally(series))
    }

    /// The same by bucket.
    ///
    /// # Errors
    /// Why the answer holds no series; a part of a sentence.
    pub fn histograms(&self, answer: &HttpResponse) -> Result<Vec<(Time, Sides<Buckets>)>, String> {
        self.every_moment(answer, |series| self.counts.buckets(series))
    }

    fn every_moment<T>(
        &self,
        answer: &HttpResponse,
        read: impl Fn(&[&Series]) -> Option<T>,
    ) -> Result<Vec<(Time, Sides<T>)>, String> {
        let moments = by_moment(prometheus::lines(answer)?);
        Ok(moments.into_iter().map(|(at, series)| (at, SIDES.map(|side| read(&of_side(&series, side))))).collect())
    }

    /// What the answers say. `before` is the answer to the second question, where there was one.
    pub fn sample(&self, grown: &HttpResponse, before: Option<&HttpResponse>) -> Measurement {
        let sample = if self.counts.are_by_bucket() {
            let read = |series: &[&Series]| self.counts.buckets(series);
            self.both(grown, before, read).map(|([canary, primary], before)| Sample::Bucketed {
                canary,
                primary,
                before,
            })
        } else {
            let read = |series: &[&Series]| self.counts.tally(series);
            self.both(grown, before, read).map(|([canary, primary], before)| Sample::Counted {
                canary,
                primary,
                before,
            })
        };
        sample.map_or_else(|instead| instead, Measurement::Both)
    }

    /// What both sides counted, and what the primary did before; or what is measured instead.
    fn both<T>(
        &self,
        grown: &HttpResponse,
        before: Option<&HttpResponse>,
        read: impl Fn(&[&Series]) -> Option<T>,
    ) -> Result<([T; 2], Vec<T>), Measurement> {
        let series = prometheus::series(grown).map_err(Measurement::Error)?;
        let past = before.map_or(Ok(Vec::new()), prometheus::lines).map_err(Measurement::Error)?;
        let side = |name: &str| {
            read(&of_side(&series, name)).ok_or_else(|| {
                let selector = super::selector::first(&self.grown.query);
                Measurement::NoData(format!("nothing was counted for the {name}; the first selector is {selector}"))
            })
        };
        let [canary, primary] = SIDES;
        let sides = [side(canary)?, side(primary)?];
        Ok((sides, by_moment(past).values().filter_map(|series| read(&of_side(series, primary))).collect()))
    }
}

/// The sides as they are called in the answers.
const SIDES: [&str; 2] = ["canary", "primary"];

fn of_side<'a>(series: &'a [Series], side: &str) -> Vec<&'a Series> {
    series.iter().filter(|one| one.labels.get(PART).is_some_and(|part| part.starts_with(side))).collect()
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

fn span(length: Duration) -> String {
    format!("{}ms", length.as_millis().max(1))
}

#[cfg(test)]
mod tests;
