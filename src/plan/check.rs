//! A check: when it is due, and what hooks and KPIs come to.

use super::draft::Draft;
use super::hooks::{Consent, Way, consent};
use super::moves::Move;
use super::progressing::{carry_out, roll_back};
use super::{looks, moves, size, traffic};
use crate::judge::{self, Bearing};
use crate::model::{Answer, Facts, Moment, Notice, Phase, Reading, Settings, Strategy, TargetSeen, Time};

/// Whether a check is due, and what it would judge is there.
pub(super) fn due(facts: &Facts, settings: &Settings, target: &TargetSeen, now: Time) -> bool {
    let journal = &facts.journal;
    let elapsed = journal.step.is_some_and(|s| s.waiting_since.is_none() && now >= s.next_check_at);
    elapsed && disputed_until(facts, settings, now).is_none() && can_judge(facts, settings, target)
}

/// Until when no check is made, because another hand had set the weights again and again: what was measured meanwhile was of another
/// share.
pub(super) fn disputed_until(facts: &Facts, settings: &Settings, now: Time) -> Option<Time> {
    let contest = facts.journal.contest.as_ref().filter(|contest| contest.is_open())?;
    Some(contest.last.after(settings.interval)).filter(|until| now < *until)
}

/// Whether what a check would judge is there: this revision, ready, with the share that was decided.
pub(super) fn can_judge(facts: &Facts, settings: &Settings, target: &TargetSeen) -> bool {
    let journal = &facts.journal;
    matches!(journal.phase, Phase::Progressing | Phase::WaitingPromotion)
        && settings.strategy != Strategy::Skip
        && journal.step.is_some_and(|step| step.course == settings.strategy.course())
        && journal.last_applied.as_ref() == Some(&target.revision)
        && journal.failed_checks < settings.threshold
        && ready(facts, settings, target)
        && traffic::carries(facts, settings)
}

/// Whether the canary can serve.
pub(super) fn ready(facts: &Facts, settings: &Settings, target: &TargetSeen) -> bool {
    size::ready(facts, settings, target).is_ok()
}

/// Judges the answers of a check that was due: the next move, a halt, or the end of the release.
pub(super) fn check(draft: &mut Draft<'_>, settings: &Settings, target: &TargetSeen) {
    let answers = draft.answers;
    match consent(settings, answers, Moment::Rollout) {
        Consent::Given => {}
        Consent::Pending => return draft.await_replies(settings),
        Consent::Refused(hook, why) => {
            return fail(draft, settings, vec![Notice::HookFailed(hook.moment, hook.name.clone(), why.to_owned())]);
        }
    }
    let judged = judged(draft.facts, settings, answers, draft.now);
    if let Some(worst) = judged.iter().map(|(bearing, _)| *bearing).max().filter(|worst| *worst != Bearing::Pass) {
        draft.journal.readings = judged.iter().map(|(_, reading)| reading.clone()).collect();
        let halting = judged.into_iter().filter(|(bearing, _)| *bearing == worst).map(|(_, reading)| reading);
        return match worst {
            Bearing::Harm => give_up(draft, halting),
            Bearing::Hold => hold(draft, settings, halting.map(Notice::Halted).collect()),
            Bearing::Pass | Bearing::Fail => fail(draft, settings, halting.map(Notice::Halted).collect()),
        };
    }
    let next = moves::next(&settings.strategy, &draft.journal, &draft.facts.route);
    let gate = moves::gate(next, &settings.strategy, &draft.journal);
    let held = draft.is_held(settings);
    let asked = !held && gate.is_some_and(|gate| consent(settings, answers, gate) == Consent::Pending);
    if asked || draft.may_be_called_off(settings) {
        // The check is not over: its readings are taken anew when the reply is there.
        return draft.await_replies(settings);
    }
    draft.journal.readings = readings(draft.facts, settings, answers, draft.now);
    if held {
        return draft.hold_step(settings);
    }
    match draft.agreed(settings, gate) {
        Way::Free => carry_out(draft, settings, target, next),
        Way::Held => {}
        Way::Over => roll_back(draft),
    }
}

/// A check that counts as nothing: it is made again until its KPIs have values, or it was held too long.
fn hold(draft: &mut Draft<'_>, settings: &Settings, notices: Vec<Notice>) {
    for notice in notices {
        draft.tell(notice);
    }
    draft.hold_check(settings);
}

/// Harm is certain: more checks would only show it to more users.
pub(super) fn give_up(draft: &mut Draft<'_>, found: impl IntoIterator<Item = Reading>) {
    for reading in found {
        draft.tell(Notice::HarmFound(reading.explanation));
    }
    roll_back(draft);
}

/// A failed check: the step is checked again, or it was one too many.
pub(super) fn fail(draft: &mut Draft<'_>, settings: &Settings, notices: Vec<Notice>) {
    draft.journal.failed_checks += 1;
    for notice in notices {
        draft.tell(notice);
    }
    if has_failed(draft, settings) {
        roll_back(draft);
    } else {
        draft.check_again(settings, draft.journal.phase);
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

/// Whether nothing stands against the next step.
pub(super) fn passes(facts: &Facts, settings: &Settings, answers: &[Answer], now: Time) -> bool {
    judged(facts, settings, answers, now).iter().all(|(bearing, _)| *bearing == Bearing::Pass)
}

/// Each reading and what it means for the check.
fn judged(facts: &Facts, settings: &Settings, answers: &[Answer], now: Time) -> Vec<(Bearing, Reading)> {
    let held = facts.journal.held_for(now);
    let last = moves::next(&settings.strategy, &facts.journal, &facts.route) == Move::Promote;
    let readings = readings(facts, settings, answers, now).into_iter();
    readings.zip(&settings.kpis).map(|(reading, kpi)| (judge::bearing(kpi, &reading, held, last), reading)).collect()
}

/// One reading for each KPI. One that was asked but not answered is an error of the provider, never a pass.
fn readings(facts: &Facts, settings: &Settings, answers: &[Answer], now: Time) -> Vec<Reading> {
    let mut measured = looks::measurements(answers);
    let kpis = settings.kpis.iter().enumerate();
    kpis.map(|(at, kpi)| looks::read(facts, settings, at, kpi, measured.next(), now)).collect()
}
