//! The bake: for a while after its promotion the new primary is watched, and it goes back to the revision before if its KPIs fail.
//!
//! All traffic stays on the primary meanwhile, and the canary has no pods. Never without a revision to go back to; a newer revision
//! than the one that is watched ends the bake, and so does a request.

use super::alone::{self, Outcome};
use super::draft::Draft;
use super::finalising::succeed;
use super::inquiry::Inquiry;
use crate::model::{Effect, Notice, Percent, Phase, Question, Settings, TargetSeen, Time};

/// Whether what was promoted is to be watched.
pub(super) fn is_due(draft: &Draft<'_>, settings: &Settings, target: &TargetSeen) -> bool {
    let current = draft.journal.last_applied.as_ref() == Some(&target.revision);
    !settings.bake_left().is_zero() && current && can_go_back(draft)
}

/// Whether the revision before is another one, and can be made to run again.
pub(super) fn can_go_back(draft: &Draft<'_>) -> bool {
    let before =
        draft.journal.last_promoted.as_ref().filter(|_| draft.journal.last_promoted != draft.journal.last_applied);
    before.is_some_and(|before| draft.keeps(before))
}

/// The canary has finished its requests, and all others went to the new primary: from now on it is watched. Its first check looks
/// back at nothing else.
pub(super) fn begin(draft: &mut Draft<'_>, settings: &Settings, target: &TargetSeen) {
    let until = draft.now.after(settings.bake_left());
    let first = settings.interval.max(settings.warmup + settings.window() + super::CLOCKS);
    draft.enter(Phase::Finalising, Percent::ZERO, first);
    draft.journal.bake = Some(until);
    draft.journal.failed_checks = 0;
    draft.journal.readings.clear();
    draft.tell(Notice::Baking(until));
    park(draft, target);
}

/// Watches the primary, whose bake lasts until then at least.
pub(super) fn go_on(draft: &mut Draft<'_>, settings: &Settings, target: &TargetSeen, until: Time) {
    if draft.journal.last_promoted.as_ref() == Some(&target.revision) && can_go_back(draft) {
        draft.tell(Notice::Withdrawn);
        return go_back(draft);
    }
    if draft.journal.last_applied.as_ref() != Some(&target.revision) || !can_go_back(draft) {
        return succeed(draft, settings, target);
    }
    if draft.is_called_off(settings) {
        return go_back(draft);
    }
    park(draft, target);
    draft.hear_rollbacks(settings);
    let Some(step) = draft.journal.step.filter(|step| step.waiting_since.is_none()) else {
        // The route was not there for a while: what is measured from now on counts.
        return draft.enter(Phase::Finalising, Percent::ZERO, settings.interval.max(settings.window()));
    };
    if draft.now < step.next_check_at {
        draft.wake_at(step.next_check_at);
    } else {
        check(draft, settings, target, until);
    }
}

fn check(draft: &mut Draft<'_>, settings: &Settings, target: &TargetSeen, until: Time) {
    if draft.may_be_called_off(settings) {
        return;
    }
    match alone::judge(draft, settings) {
        Outcome::Passed if draft.now >= until => succeed(draft, settings, target),
        Outcome::Passed => draft.look_again(Phase::Finalising, until.since(draft.now).min(settings.interval)),
        Outcome::Held => draft.hold_check(settings),
        Outcome::Failed => {
            draft.journal.failed_checks += 1;
            if draft.journal.failed_checks < settings.threshold {
                return draft.check_again(settings, Phase::Finalising);
            }
            draft.tell(Notice::BakeFailed(draft.journal.failed_checks));
            go_back(draft);
        }
    }
}

/// The primary runs the revision before again. That the release failed in its bake stays in the journal.
pub(super) fn go_back(draft: &mut Draft<'_>) {
    draft.enter(Phase::Failed, Percent::ZERO, draft.drain());
    draft.journal.failed_checks = 0;
    draft.journal.iterations = 0;
    draft.restore_primary();
    draft.tell(Notice::Returning);
}

fn park(draft: &mut Draft<'_>, target: &TargetSeen) {
    if target.replicas > 0 {
        draft.act(Effect::ScaleTarget(0));
    }
}

/// What the bake has to ask.
pub(super) fn questions(inquiry: &Inquiry<'_>) -> Vec<Question> {
    let journal = &inquiry.facts.journal;
    if !journal.bakes() || journal.last_applied.as_ref() != Some(&inquiry.target.revision) {
        return Vec::new();
    }
    let mut asked = inquiry.rollbacks();
    if journal.step.is_some_and(|step| step.waiting_since.is_none() && inquiry.now >= step.next_check_at) {
        asked.extend(alone::questions(inquiry.settings, inquiry.answers, Question::Watch));
    }
    asked
}
