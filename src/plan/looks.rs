//! Comparisons: what is asked for them at a check, and looks at them between two checks, because certain harm does not wait.
//!
//! A look asks the comparisons alone, moves nothing, and counts as no check: it ends the release or only remembers what it saw.

use std::time::Duration;

use super::check::{self, give_up};
use super::draft::Draft;
use super::traffic;
use crate::judge::{self, Bearing};
use crate::model::{
    Answer, Compared, Facts, Kpi, Measurement, Mode, Question, Reading, Settings, Span, TargetSeen, Time,
};

/// Between two looks. A Prometheus has little that is new much sooner.
pub(super) const LOOK: Duration = Duration::from_secs(15);

/// Whether a look is due: not shortly before a check, and only where a check could judge.
pub(super) fn due(facts: &Facts, settings: &Settings, target: &TargetSeen, now: Time) -> bool {
    next(facts, settings).is_some_and(|at| now >= at) && check::can_judge(facts, settings, target)
}

/// When the next look is due; `None` where the next check is as near.
pub(super) fn next(facts: &Facts, settings: &Settings) -> Option<Time> {
    let step = facts.journal.step.filter(|step| step.waiting_since.is_none())?;
    asked(settings).next()?;
    let looked = facts.journal.readings.iter().filter(|reading| reading.compared.is_some());
    let last = looked.filter_map(|reading| reading.measured_at).max().max(Some(began(facts, settings)))?;
    let at = last.after(LOOK);
    (at.after(LOOK / 2) <= step.next_check_at).then_some(at)
}

/// The comparisons that can end a release.
fn asked(settings: &Settings) -> impl Iterator<Item = (usize, &Kpi)> {
    settings.kpis.iter().enumerate().filter(|(_, kpi)| kpi.comparison.is_some() && kpi.rules.mode == Mode::Gate)
}

/// What a look asks.
pub(super) fn questions(facts: &Facts, settings: &Settings, now: Time) -> Vec<Question> {
    asked(settings).map(|(at, kpi)| question(facts, settings, at, kpi, now)).collect()
}

/// What a check asks for the KPI at this place of the spec.
pub(super) fn question(facts: &Facts, settings: &Settings, at: usize, kpi: &Kpi, now: Time) -> Question {
    match kpi.comparison {
        Some(_) => Question::Compare(kpi.clone(), span(facts, settings, compared(facts, settings, at, kpi), now)),
        None => Question::Measure(kpi.clone()),
    }
}

/// What the answers of a look come to.
pub(super) fn look(draft: &mut Draft<'_>, settings: &Settings) {
    let (facts, now) = (draft.facts, draft.now);
    let mut measured = measurements(draft.answers);
    let mut harm = Vec::new();
    let mut seen = Vec::new();
    for (at, kpi) in settings.kpis.iter().enumerate() {
        if asked(settings).any(|(asked, _)| asked == at) {
            let reading = read(facts, settings, at, kpi, measured.next(), now);
            if judge::bearing(kpi, &reading, Duration::ZERO, false) == Bearing::Harm {
                harm.push(reading.clone());
            }
            seen.push(reading);
        } else {
            seen.extend(facts.journal.readings.iter().find(|reading| reading.name == kpi.name).cloned());
        }
    }
    draft.journal.readings = seen;
    if !harm.is_empty() {
        give_up(draft, harm);
    }
}

/// Answers about KPIs, in the order of the questions.
pub(super) fn measurements(answers: &[Answer]) -> impl Iterator<Item = &Measurement> {
    answers.iter().filter_map(|answer| match answer {
        Answer::Measured(_, measured) => Some(measured),
        Answer::Hook(..) | Answer::Turn(_) => None,
    })
}

/// What `measured` makes of the KPI at this place of the spec.
pub(super) fn read(
    facts: &Facts,
    settings: &Settings,
    at: usize,
    kpi: &Kpi,
    measured: Option<&Measurement>,
    now: Time,
) -> Reading {
    let reading = match &kpi.comparison {
        Some(comparison) => {
            let compared = compared(facts, settings, at, kpi);
            // What is routed: in the place of a primary that is down the canary has more than its weight.
            judge::compare(kpi, comparison, compared, measured, traffic::routed(facts), now)
        }
        None => judge::reading(kpi, measured),
    };
    Reading { measured_at: Some(now), ..reading }
}

/// What the comparison of this KPI has come to in this release. Two may have one name: a builtin and a template beside it.
fn compared<'a>(facts: &'a Facts, settings: &Settings, at: usize, kpi: &Kpi) -> Option<&'a Compared> {
    let same = |other: &&Kpi| other.name == kpi.name && other.comparison.is_some();
    let rank = settings.kpis.iter().take(at).filter(same).count();
    let readings = facts.journal.readings.iter().filter(|reading| reading.name == kpi.name);
    readings.filter_map(|reading| reading.compared.as_ref()).nth(rank)
}

/// From where the last span ended, or else from the beginning of this step: only what ran at the same time is compared, and with
/// one weight.
fn span(facts: &Facts, settings: &Settings, compared: Option<&Compared>, now: Time) -> Span {
    let from = compared.map_or_else(|| began(facts, settings), |compared| compared.until);
    Span { from: from.min(now), to: now, first: compared.is_none() }
}

/// A weight takes a moment to be everywhere, and the provider's clock may be another.
const SETTLES: Duration = Duration::from_secs(5);

/// When the canary had its first requests of this step that count.
fn began(facts: &Facts, settings: &Settings) -> Time {
    let journal = &facts.journal;
    let began = journal.step.map(|step| step.started_at).max(journal.vacant_since);
    began.map_or(Time::from_millis(0), |began| began.after(SETTLES).after(settings.warmup))
}
