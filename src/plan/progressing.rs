//! The analysis: wait for the canary, raise its weight step by step, judge it at each step.

use std::iter;

use super::draft::Draft;
use super::settled::begin;
use crate::judge;
use crate::model::{
    Answer, Effect, Facts, Notice, Percent, Phase, Question, Reading, Routing, Settings, Step, Strategy, TargetSeen,
    Time, Unready, Verdict,
};

/// A check asks for every KPI at once, when it is due and what it would judge is really routed.
pub(super) fn questions(facts: &Facts, settings: &Settings, target: &TargetSeen, now: Time) -> Vec<Question> {
    if due(facts, settings, target, now) {
        settings.kpis.iter().cloned().map(Question::Measure).collect()
    } else {
        Vec::new()
    }
}

fn due(facts: &Facts, settings: &Settings, target: &TargetSeen, now: Time) -> bool {
    let journal = &facts.journal;
    let ready = target.rollout.readiness(settings.canary_ready).is_ok() && facts.endpoints.canary > 0;
    let elapsed = journal.step.is_some_and(|s| s.waiting_since.is_none() && now >= s.next_check_at);
    matches!(journal.phase, Phase::Progressing | Phase::Waiting | Phase::WaitingPromotion)
        && matches!(settings.strategy, Strategy::Progressive(_))
        && journal.last_applied.as_ref() == Some(&target.revision)
        && !journal.weight.is_zero()
        && elapsed
        && ready
        && carries(facts, journal.weight)
}

/// Whether the canary has its share. Where the primary is down it may hold more, which nobody can take back: it is judged on that.
fn carries(facts: &Facts, weight: Percent) -> bool {
    let holds = facts.route.routing().map_or(Percent::ZERO, |r| r.canary);
    facts.route.is(&Routing::split(weight))
        || facts.endpoints.primary == 0 && facts.route.is(&Routing::split(holds.max(weight)))
}

pub(super) fn decide(draft: &mut Draft<'_>, settings: &Settings, target: &TargetSeen, answers: &[Answer]) {
    draft.sides();
    draft.keep_primary(target);
    draft.apex();
    if draft.journal.last_applied.as_ref() != Some(&target.revision) {
        return newer(draft, settings, target);
    }
    draft.scale_up(target);
    if let Err(why) = draft.canary_ready(settings, target) {
        return unready(draft, settings, why);
    }
    let Some(step) = draft.journal.step else {
        // Taken over in the middle of a release: the step begins anew.
        return draft.enter(Phase::Progressing, draft.journal.weight, settings.interval);
    };
    match &settings.strategy {
        Strategy::Skip => promote(draft, settings, target),
        Strategy::Progressive(steps) if draft.journal.weight.is_zero() => {
            draft.tell(Notice::Started);
            advance(draft, settings, steps.after(Percent::ZERO).unwrap_or(steps.last()));
            judge_alone(draft, settings, step);
        }
        Strategy::Progressive(_) if step.waiting_since.is_some() => {
            resume(draft, settings);
            judge_alone(draft, settings, step);
        }
        Strategy::Progressive(_) if !draft.route() && !carries(draft.facts, draft.journal.weight) => {
            draft.wake_at(step.next_check_at);
        }
        Strategy::Progressive(steps) if due(draft.facts, settings, target, draft.now) => {
            check(draft, settings, target, steps.after(draft.journal.weight), answers);
        }
        Strategy::Progressive(_) => draft.wake_at(step.next_check_at),
    }
}

/// The first check comes no sooner than the longest window after the release began: what the revision before it did in the
/// canary's place is not held against this one.
fn judge_alone(draft: &mut Draft<'_>, settings: &Settings, began: Step) {
    let window = settings.kpis.iter().map(|kpi| kpi.window).max().unwrap_or_default();
    // Where the canary had traffic until now (the primary was down), its pods may have been of another revision until now.
    let since = if is_routed(draft.facts) { draft.now } else { began.started_at };
    draft.check_not_before(since.after(window));
}

/// Whether any request reaches the canary.
fn is_routed(facts: &Facts) -> bool {
    facts.route.routing().is_some_and(|r| !r.canary.is_zero())
}

/// The target was changed in the middle of the release.
fn newer(draft: &mut Draft<'_>, settings: &Settings, target: &TargetSeen) {
    if draft.journal.last_promoted.as_ref() == Some(&target.revision) {
        draft.enter(Phase::Finalising, Percent::ZERO, draft.drain());
        draft.journal.last_applied = Some(target.revision.clone());
        draft.tell(Notice::Withdrawn);
    } else {
        begin(draft, settings, target, Percent::ZERO);
        draft.scale_up(target);
        draft.tell(Notice::Restarted);
    }
    draft.route();
}

fn unready(draft: &mut Draft<'_>, settings: &Settings, why: Unready) {
    match draft.patience(settings, why, Notice::CanaryNotReady) {
        Ok(()) => {
            draft.route_no_more();
            if draft.journal.weight.is_zero() && is_routed(draft.facts) && draft.facts.endpoints.primary > 0 {
                // The route is taken away only now: the last round could not, or somebody gave it.
                draft.restart_step();
            }
        }
        Err(why) => {
            draft.tell(Notice::DeadlineExceeded(why));
            roll_back(draft);
        }
    }
}

/// The canary is back: its weight too, and the check is judged on what comes from now on.
fn resume(draft: &mut Draft<'_>, settings: &Settings) {
    draft.enter(Phase::Progressing, draft.journal.weight, settings.interval);
    draft.route();
}

fn advance(draft: &mut Draft<'_>, settings: &Settings, weight: Percent) {
    draft.enter(Phase::Progressing, weight, settings.interval);
    draft.route();
    draft.tell(Notice::Advanced(weight));
}

fn check(draft: &mut Draft<'_>, settings: &Settings, target: &TargetSeen, next: Option<Percent>, answers: &[Answer]) {
    draft.journal.readings = readings(settings, answers);
    let failed: Vec<_> = draft.journal.readings.iter().filter(|r| r.verdict != Verdict::Pass).cloned().collect();
    if failed.is_empty() {
        return match next {
            Some(weight) => advance(draft, settings, weight),
            None => promote(draft, settings, target),
        };
    }
    draft.journal.failed_checks += 1;
    let count = draft.journal.failed_checks;
    for reading in failed {
        draft.tell(Notice::Halted(reading));
    }
    if count >= settings.threshold {
        draft.tell(Notice::ThresholdReached(count));
        roll_back(draft);
    } else if let Some(Step { started_at, .. }) = draft.journal.step {
        draft.enter(Phase::Progressing, draft.journal.weight, settings.interval);
        draft.journal.step = draft.journal.step.map(|step| Step { started_at, ..step });
    }
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

/// The analysis passed, or none was asked for: the primary takes exactly this revision.
fn promote(draft: &mut Draft<'_>, settings: &Settings, target: &TargetSeen) {
    draft.enter(Phase::Promoting, draft.journal.weight, settings.interval);
    draft.wait();
    draft.snapshot(&target.revision);
    if let Some(source) = draft.source(&target.revision, target) {
        draft.act(Effect::Primary(source));
    }
    draft.tell(Notice::Copying);
}

/// All traffic back to the primary, which still runs the last promoted revision. The canary drains before it is scaled down.
fn roll_back(draft: &mut Draft<'_>) {
    draft.enter(Phase::Failed, Percent::ZERO, draft.drain());
    draft.journal.failed_checks = 0;
    draft.journal.iterations = 0;
    draft.route();
    draft.tell(Notice::RolledBack);
}
