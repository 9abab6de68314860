//! The simulated KPI provider: it measures what the simulated requests met, or fails.

use super::cluster::Cluster;
use super::fixture::POLICY;
use super::hooks::Hooks;
use super::traffic::Window;
use crate::model::{
    Answer, Builtin, Kpi, KpiSource, Limit, Measurement, Question, Range, Sample, Span, Tally, Test, Time, Turn,
};

/// How the provider is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Health {
    /// It answers.
    #[default]
    Well,
    /// It does not answer until then.
    Down(Time),
    /// It answers with no series until then.
    Empty(Time),
}

/// Everybody whom the operator asks.
#[derive(Clone, Debug, Default)]
pub(super) struct Others {
    pub(super) health: Health,
    pub(super) hooks: Hooks,
    /// Whether others have releases, which fill every limit now and then.
    pub(super) busy: bool,
}

impl Others {
    /// Answers questions in their order.
    pub(super) fn answers(&self, cluster: &Cluster, questions: &[Question]) -> Vec<Answer> {
        let answer = |question: &Question| match question {
            Question::Measure(kpi) => Answer::Measured(kpi.name.clone(), measure(cluster, self.health, kpi, true)),
            Question::Watch(kpi) => Answer::Measured(kpi.name.clone(), measure(cluster, self.health, kpi, false)),
            Question::Compare(kpi, span) => {
                Answer::Measured(kpi.name.clone(), compare(cluster, self.health, kpi, *span))
            }
            Question::Hook(call) => Answer::Hook(call.clone(), self.hooks.reply(call.hook.moment, cluster.now)),
            Question::Turn => Answer::Turn(self.turn(cluster.now)),
        };
        questions.iter().map(answer).collect()
    }
}

impl Others {
    /// Four of ten minutes are others' turn, and the queue moves each minute.
    fn turn(&self, now: Time) -> Turn {
        let minute = now.as_millis().div_euclid(60_000).rem_euclid(10);
        match u32::try_from(4 - minute) {
            Ok(position @ 1..) if self.busy => {
                Turn::After { limit: Limit { policy: POLICY.to_owned(), most: 1 }, position }
            }
            _ => Turn::Given,
        }
    }
}

/// What is answered in place of a value.
fn ailing(health: Health, now: Time) -> Option<Measurement> {
    match health {
        Health::Down(until) if now < until => Some(Measurement::Error("the provider does not answer".to_owned())),
        Health::Empty(until) if now < until => Some(Measurement::NoData("no series".to_owned())),
        Health::Well | Health::Down(_) | Health::Empty(_) => None,
    }
}

/// Requests of both sides, by duration where that is asked for, or their rates of errors where a value is compared.
fn compare(cluster: &Cluster, health: Health, kpi: &Kpi, span: Span) -> Measurement {
    if let Some(nothing) = ailing(health, cluster.now) {
        return nothing;
    }
    let Some(canary) = cluster.history.side(true, span.from, span.to) else {
        return Measurement::NoData("no requests to the canary".to_owned());
    };
    if kpi.comparison.is_some_and(|comparison| comparison.test == Test::Quantile) {
        let [canary, primary] = cluster.history.buckets(span.from, span.to);
        return Measurement::Both(Sample::Bucketed { canary, primary, before: Vec::new() });
    }
    let primary = cluster.history.side(false, span.from, span.to).unwrap_or_default();
    if kpi.comparison.is_none_or(|comparison| comparison.test.counts()) {
        let tally = |window: Window| Tally { bad: window.failed.round(), total: window.requests.round() };
        return Measurement::Both(Sample::Counted {
            canary: tally(canary),
            primary: tally(primary),
            before: Vec::new(),
        });
    }
    let rate = |window: Window| 100.0 * window.failed / window.requests;
    Measurement::Both(Sample::Valued { canary: rate(canary), primary: rate(primary), requests: Some(canary.requests) })
}

/// What the pods of a side answered, as the KPI has it.
fn measure(cluster: &Cluster, health: Health, kpi: &Kpi, canary: bool) -> Measurement {
    let now = cluster.now;
    if let Some(nothing) = ailing(health, now) {
        return nothing;
    }
    let back = i64::try_from(kpi.window.as_millis()).unwrap_or(0);
    let from = Time::from_millis(now.as_millis() - back);
    let Some(seen) = cluster.history.side(canary, from, now) else {
        return Measurement::NoData("no requests".to_owned());
    };
    let errors = 100.0 * seen.failed / seen.requests;
    match kpi.source {
        KpiSource::Builtin(Builtin::SuccessRate) => Measurement::Value(100.0 - errors),
        KpiSource::Builtin(Builtin::Duration) => Measurement::Value(seen.latency),
        KpiSource::Inline(_) | KpiSource::Template { .. } => {
            let app = cluster.history.latest(canary, from, now).and_then(|image| cluster.apps.get(image));
            let told = app.and_then(|app| app.kpis.get(&kpi.name)).copied();
            Measurement::Value(told.unwrap_or_else(|| guess(kpi.range, errors)))
        }
    }
}

/// Percent of failing requests up to which a query about which the story says nothing is taken to find all well.
pub(super) const WELL: f64 = 1.0;

/// A value of a query that only the user understands: in its range or not, as the requests go.
fn guess(range: Range, errors: f64) -> f64 {
    let width = |bound: f64| if bound == 0.0 { 1.0 } else { bound.abs() / 2.0 };
    match (errors <= WELL, range.min, range.max) {
        (_, None, None) => errors,
        (true, Some(min), Some(max)) => f64::midpoint(min, max),
        (true, Some(min), None) => min,
        (true, None, Some(max)) => max - width(max),
        (false, _, Some(max)) => max + width(max),
        (false, Some(min), None) => min - width(min),
    }
}
