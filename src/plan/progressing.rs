//! The analysis: wait for the canary, move as its strategy says, judge it at each step.
//!
//! `moves` says what comes next, `check` when it may; what must hold before a move is asked in `start` (before the first one)
//! and in `carry_out` (before each).

use std::time::Duration;

use super::CLOCKS;
use super::check;
use super::draft::Draft;
use super::group;
use super::hooks::{self, Consent, Way, consent};
use super::in_place;
use super::looks;
use super::moves::{self, Move};
use super::promoting;
use super::renewal;
use super::settled::begin;
use super::traffic::{carries, reaches_canary, routed};
use crate::model::{
    Effect, Journal, Mirror, Moment, Notice, Percent, Phase, Settings, Step, Strategy, TargetSeen, Time, Unready,
};

pub(super) fn decide(draft: &mut Draft<'_>, settings: &Settings, target: &TargetSeen) {
    draft.sides();
    draft.keep_primary(target, draft.journal.last_promoted.clone());
    draft.apex();
    if group::has_voted(&draft.journal) {
        return group::decide(draft, settings, target);
    }
    if draft.journal.last_applied.as_ref() != Some(&target.revision) {
        return newer(draft, settings, target);
    }
    if in_place::is_everywhere(draft, target) {
        return promoting::finalise(draft);
    }
    if changes_course(draft, settings, target) {
        return;
    }
    yield_to_primary(draft, settings);
    if renewal::comes_first(draft, target) {
        return;
    }
    draft.scale_up(target);
    if draft.journal.paused.is_some() {
        return rest(draft, settings, target);
    }
    if check::has_failed(draft, settings) || draft.is_called_off(settings) {
        return roll_back(draft);
    }
    if let Err(why) = draft.canary_ready(settings, target) {
        return unready(draft, settings, why);
    }
    let Some(step) = draft.journal.step else { return take_over(draft, settings) };
    if settings.strategy == Strategy::Skip && draft.is_held(settings) {
        return draft.stand_by(settings);
    }
    if settings.strategy == Strategy::Skip {
        return carry_out(draft, settings, target, Move::Promote);
    }
    if !draft.journal.has_begun() && renewal::is_due(draft, target) {
        return await_primary(draft, settings);
    }
    if !draft.journal.has_begun() {
        return start(draft, settings, target, step);
    }
    if step.waiting_since.is_some() {
        let withheld = in_place::is_withheld(draft.facts, draft.journal.weight);
        return if withheld { unready(draft, settings, Unready::NotObserved) } else { resume(draft, settings) };
    }
    if !draft.route() && !carries(draft.facts, settings) {
        return draft.wake_at(step.next_check_at);
    }
    if check::due(draft.facts, settings, target, draft.now) {
        return check::check(draft, settings, target);
    }
    if looks::due(draft.facts, settings, target, draft.now) {
        looks::look(draft, settings);
        if draft.journal.phase == Phase::Failed {
            return;
        }
        draft.wake_at(draft.now.after(looks::LOOK));
    } else if let Some(at) = looks::next(draft.facts, settings) {
        draft.wake_at(at);
    }
    let due = hasten(draft, settings, step);
    draft.wake_at(check::disputed_until(draft.facts, settings, draft.now).unwrap_or(due));
}

/// Held by a request: what serves goes on, and nothing is asked, judged or moved.
fn rest(draft: &mut Draft<'_>, settings: &Settings, target: &TargetSeen) {
    if let Err(why) = draft.canary_ready(settings, target) {
        return unready(draft, settings, why);
    }
    draft.route();
}

/// After a failed promotion the target serves everything, and so does a fix that nobody has judged yet: only until the primary,
/// which runs the last promoted revision again, can.
fn yield_to_primary(draft: &mut Draft<'_>, settings: &Settings) {
    let unjudged = !draft.journal.has_begun() && !draft.journal.weight.is_zero();
    if unjudged && draft.primary_ready(settings, draft.journal.last_promoted.as_ref()).is_ok() {
        draft.journal.weight = Percent::ZERO;
    }
}

/// The pods read something older and cannot go, since they serve in the place of a primary that is still coming back: until it
/// is there nothing is judged, and what nobody has judged is not promoted.
fn await_primary(draft: &mut Draft<'_>, settings: &Settings) {
    let promoted = draft.journal.last_promoted.clone();
    draft.route();
    if let Err(why) = draft.primary_ready(settings, promoted.as_ref())
        && let Err(why) = draft.patience(settings, why, Notice::PrimaryNotReady)
    {
        draft.tell(Notice::PromotionFailed(why));
        roll_back(draft);
    }
}

/// The canary is ready for the first time: the analysis begins with the first move of its strategy.
fn start(draft: &mut Draft<'_>, settings: &Settings, target: &TargetSeen, step: Step) {
    // What a failed promotion left with all traffic is judged whatever the time.
    if draft.journal.weight.is_zero() && draft.is_held(settings) {
        return draft.stand_by(settings);
    }
    // A gate or a hook that held it was asked: it is asked again in its time.
    if step.waiting_since.is_some() && hooks::precede(settings) {
        // Whoever is asked has all the time: the canary is not what is waited for any more.
        return draft.enter(Phase::Progressing, draft.journal.weight, Duration::ZERO);
    }
    let due = step.waiting_since.is_some() || draft.now >= step.next_check_at;
    if !due || !prepare(draft, settings) || draft.may_be_called_off(settings) {
        draft.route();
        return draft.wait_for_check(settings);
    }
    if draft.journal.weight.is_zero() {
        let first = moves::next(&settings.strategy, &draft.journal, &draft.facts.route);
        match draft.agreed(settings, moves::gate(first, &settings.strategy, &draft.journal)) {
            Way::Free => carry_out(draft, settings, target, first),
            Way::Held => {
                draft.route();
                return;
            }
            Way::Over => return roll_back(draft),
        }
    } else {
        // After a failed promotion the canary serves everything already, and is judged on that.
        draft.enter(Phase::Progressing, draft.journal.weight, settings.interval);
        draft.route();
    }
    if reaches_canary(draft.facts) {
        // The primary was down: the canary had traffic until now, and its pods may have been of another revision.
        draft.vacate();
    }
    draft.tell_first(Notice::Started);
    draft.set_course(settings);
    judge_alone(draft, settings);
}

/// The pre-rollout hooks, once for a revision. Whether they have passed; a no is a failed check.
fn prepare(draft: &mut Draft<'_>, settings: &Settings) -> bool {
    if draft.journal.prepared == draft.journal.last_applied {
        return true;
    }
    let answers = draft.answers;
    match consent(settings, answers, Moment::PreRollout) {
        Consent::Given => {
            draft.passed(settings, Moment::PreRollout);
            draft.journal.prepared = draft.journal.last_applied.clone();
            true
        }
        Consent::Pending => false,
        Consent::Refused(hook, why) => {
            let failed = Notice::HookFailed(hook.moment, hook.name.clone(), why.to_owned());
            check::fail(draft, settings, vec![failed]);
            false
        }
    }
}

/// Makes a move: the only place where a release gets further.
pub(super) fn carry_out(draft: &mut Draft<'_>, settings: &Settings, target: &TargetSeen, next: Move) {
    match next {
        Move::Mirror => {
            advance(draft, settings, Percent::ZERO);
            draft.tell(Notice::Mirroring);
        }
        Move::Shift(asked) => {
            let weight = if in_place::is_so(draft.facts) { in_place::share(draft.facts, asked) } else { asked };
            advance(draft, settings, weight);
            draft.tell(Notice::Advanced(weight));
        }
        Move::Iterate { count, of, weight } => {
            draft.journal.iterations = i32::try_from(count).unwrap_or(i32::MAX);
            advance(draft, settings, weight);
            draft.tell(Notice::Iterated(count, of));
        }
        Move::TakeOver => {
            draft.journal.iterations = draft.journal.iterations.saturating_add(1);
            let copied = if draft.journal.weight.is_zero() { settings.strategy.mirror() } else { Mirror::Off };
            advance(draft, settings, Percent::FULL);
            draft.tell(Notice::RoutingToCanary(copied));
        }
        Move::Promote if settings.group.is_some() => group::vote(draft, settings, target),
        Move::Promote => promote(draft, settings, target),
    }
}

fn advance(draft: &mut Draft<'_>, settings: &Settings, weight: Percent) {
    draft.enter(Phase::Progressing, weight, settings.interval);
    draft.set_course(settings);
    // Also where somebody asks for a weight before the first check.
    judge_alone(draft, settings);
    draft.route();
}

/// The first check comes no sooner than the longest window after another revision had the canary's place: what that one did is
/// not held against this one.
fn judge_alone(draft: &mut Draft<'_>, settings: &Settings) {
    if let Some(earliest) = alone(&draft.journal, settings) {
        draft.check_not_before(earliest);
    }
}

/// When no window reaches back to another revision any more.
pub(super) fn alone(journal: &Journal, settings: &Settings) -> Option<Time> {
    journal.vacant_since.map(|since| since.after(settings.warmup).after(settings.window()).after(CLOCKS))
}

/// When the next check is due. A spec with a shorter interval brings it forward, from the moment it is seen.
fn hasten(draft: &mut Draft<'_>, settings: &Settings, step: Step) -> Time {
    let due = step.next_check_at;
    if draft.facts.canary.generation == draft.facts.journal.observed_generation {
        return due;
    }
    let soonest = draft.now.after(settings.interval);
    let due = due.min(alone(&draft.journal, settings).map_or(soonest, |alone| soonest.max(alone)));
    draft.journal.step = Some(Step { next_check_at: due, ..step });
    due
}

/// The target was changed in the middle of the release.
pub(super) fn newer(draft: &mut Draft<'_>, settings: &Settings, target: &TargetSeen) {
    if draft.journal.has_begun() {
        draft.vacate();
    }
    if draft.journal.last_promoted.as_ref() == Some(&target.revision) {
        draft.enter(Phase::Finalising, Percent::ZERO, draft.drain());
        draft.journal.last_applied = Some(target.revision.clone());
        draft.journal.awaits = None;
        draft.tell(Notice::Withdrawn);
    } else if let Some(by) = ramp(draft, settings, target) {
        ramp_down(draft, settings, by);
    } else {
        begin(draft, settings, target, Percent::ZERO);
        draft.scale_up(target);
        draft.tell(Notice::Restarted);
    }
    draft.route();
}

/// By how much the canary's share falls at once where all of it would be too much for a primary that was scaled down meanwhile.
fn ramp(draft: &Draft<'_>, settings: &Settings, target: &TargetSeen) -> Option<Percent> {
    let shrunk = draft.facts.primary.found().is_some_and(|primary| primary.replicas < target.replicas);
    let both = draft.facts.endpoints.primary > 0 && draft.facts.endpoints.canary > 0;
    settings.promotion_step.filter(|by| shrunk && both && draft.journal.weight > *by)
}

/// The canary's share falls as it does in a promotion; only then the analysis of the newer revision begins.
fn ramp_down(draft: &mut Draft<'_>, settings: &Settings, by: Percent) {
    if let Some(step) = draft.journal.step.filter(|s| s.waiting_since.is_some() && draft.now < s.next_check_at) {
        return draft.wake_at(step.next_check_at);
    }
    let left = draft.journal.weight.less(by);
    draft.enter(Phase::Progressing, left, settings.interval);
    draft.wait();
    draft.tell(Notice::PrimaryAdvanced(left.rest()));
}

/// Whether the spec asks for another strategy than the one that the analysis began with. Then it starts again.
fn changes_course(draft: &mut Draft<'_>, settings: &Settings, target: &TargetSeen) -> bool {
    let began = draft.journal.step.and_then(|step| step.course);
    let (Some(began), Some(asked)) = (began, settings.strategy.course()) else { return false };
    if began == asked {
        return false;
    }
    begin(draft, settings, target, Percent::ZERO);
    draft.scale_up(target);
    draft.route();
    draft.tell(Notice::CourseChanged(asked));
    true
}

/// Taken over from another operator in the middle of a release, which goes on from what is routed; the step begins anew.
fn take_over(draft: &mut Draft<'_>, settings: &Settings) {
    let begun = reaches_canary(draft.facts) || draft.journal.iterations > 0;
    draft.enter(Phase::Progressing, routed(draft.facts), settings.interval);
    if begun {
        draft.set_course(settings);
    }
}

pub(super) fn unready(draft: &mut Draft<'_>, settings: &Settings, why: Unready) {
    match draft.patience(settings, why, Notice::CanaryNotReady) {
        Ok(()) => {
            draft.route_no_more();
        }
        Err(why) => {
            draft.tell(Notice::DeadlineExceeded(why));
            roll_back(draft);
        }
    }
}

/// The canary is back: its weight too, and the check is judged on what comes from now on.
fn resume(draft: &mut Draft<'_>, settings: &Settings) {
    draft.enter(draft.journal.phase, draft.journal.weight, settings.interval);
    draft.route();
    if in_place::is_so(draft.facts) {
        // Until now some of its pods were another revision's.
        draft.vacate();
    }
    judge_alone(draft, settings);
}

/// The analysis passed, or none was asked for: the primary takes exactly this revision.
pub(super) fn promote(draft: &mut Draft<'_>, settings: &Settings, target: &TargetSeen) {
    if in_place::is_so(draft.facts) {
        return in_place::promote(draft, settings);
    }
    let alone = promoting::serves_alone(draft.facts, settings, target);
    let (weight, pause) =
        if alone { (Percent::FULL, draft.drain()) } else { (draft.journal.weight, settings.interval) };
    draft.enter(Phase::Promoting, weight, pause);
    draft.wait();
    draft.snapshot(&target.revision);
    if alone {
        draft.route();
    } else if let Some(source) = draft.source(&target.revision, target) {
        draft.act(Effect::Primary(source));
    }
    draft.tell(Notice::Copying);
}

/// All traffic back to the primary, which still runs the last promoted revision. The canary drains before it is scaled down.
pub(super) fn roll_back(draft: &mut Draft<'_>) {
    draft.enter(Phase::Failed, Percent::ZERO, draft.drain());
    draft.journal.failed_checks = 0;
    draft.journal.iterations = 0;
    draft.journal.bake = None;
    draft.vacate();
    draft.route();
    let freeze = draft.facts.settings.as_ref().is_some_and(|settings| settings.rollback.freeze);
    draft.tell(if freeze { Notice::Frozen } else { Notice::RolledBack });
}
