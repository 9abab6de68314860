//! A check: which KPIs are asked for, when, and what their values come to.

use std::iter;

use super::draft::Draft;
use super::progressing::{carry_out, roll_back};
use super::{moves, traffic};
use crate::judge;
use crate::model::{
    Answer, Facts, Notice, Phase, Question, Reading, Settings, Step, Strategy, TargetSeen, Time, Verdict,
};

/// A check asks for every KPI at once, when it is due and what it would judge is really routed.
pub(super) fn questions(facts: &Facts, settings: &Settings, target: &TargetSeen, now: Time) -> Vec<Question> {
    if due(facts, settings, target, now) {
        settings.kpis.iter().cloned().map(Question::Measure).collect()
    } else {
        Vec::new()
    }
}

/// Whether a check is due, and what it would judge is there: this revision, ready, with the share that was decided.
pub(super) fn due(facts: &Facts, settings: &Settings, target: &TargetSeen, now: Time) -> bool {
    let journal = &facts.journal;
    let ready = target.rollout.readiness(settings.canary_ready).is_ok() && facts.endpoints.canary > 0;
    let elapsed = journal.step.is_some_and(|s| s.waiting_since.is_none() && now >= s.next_check_at);
    matches!(journal.phase, Phase::Progressing | Phase::Waiting | Phase::WaitingPromotion)
        && settings.strategy != Strategy::Skip
        && journal.step.is_some_and(|step| step.course == settings.strategy.course())
        && journal.last_applied.as_ref() == Some(&target.revision)
        && journal.failed_checks < settings.threshold
        && elapsed
        && ready
        && traffic::carries(facts, settings)
}

/// Judges the answers of a check that was due: the next move, a halt, or the end of the release.
pub(super) fn check(draft: &mut Draft<'_>, settings: &Settings, target: &TargetSeen, answers: &[Answer]) {
    draft.journal.readings = readings(settings, answers);
    let failed: Vec<_> = draft.journal.readings.iter().filter(|r| r.verdict != Verdict::Pass).cloned().collect();
    if failed.is_empty() {
        let next = moves::next(&settings.strategy, &draft.journal, &draft.facts.route);
        return carry_out(draft, settings, target, next);
    }
    draft.journal.failed_checks += 1;
    for reading in failed {
        draft.tell(Notice::Halted(reading));
    }
    if has_failed(draft, settings) {
        roll_back(draft);
    } else if let Some(Step { started_at, .. }) = draft.journal.step {
        draft.enter(Phase::Progressing, draft.journal.weight, settings.interval);
        draft.journal.step = draft.journal.step.map(|step| Step { started_at, ..step });
    }
}

/// Whether as many checks failed as the spec allows now: it may have been edited. Tells so.
pub(super) fn has_failed(draft: &mut Draft<'_>, settings: &Settings) -> bool {
    let count = draft.journal.failed_checks;
    let failed = count >= settings.threshold;
    if failed {
        draft.tell(Notice::ThresholdReached(count));
    }
    failed
}

/// One reading for each KPI, by position, since two may have one name: a builtin and a template beside it. One that was asked but
/// not answered is an error of the provider, never a pass.
fn readings(settings: &Settings, answers: &[Answer]) -> Vec<Reading> {
    let measured = answers.iter().filter_map(|answer| match answer {
        Answer::Measured(_, measured) => Some(Some(measured)),
        Answer::Hook(..) => None,
    });
    let measured = measured.chain(iter::repeat(None));
    settings.kpis.iter().zip(measured).map(|(kpi, measured)| judge::reading(kpi, measured)).collect()
}
