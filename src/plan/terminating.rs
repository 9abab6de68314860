//! Deletion with `revertOnDeletion`: the target serves again, the user's objects are given back, then ours go.

use std::time::Duration;

use super::CLOCKS;
use super::draft::Draft;
use super::in_place;
use crate::model::{Effect, Notice, Percent, Phase, SPREAD, Seen, Step};

/// How long the target may take to serve again where the spec does not say (or can no longer be read).
const DEADLINE: Duration = Duration::from_secs(600);

/// How long the target must have been missing: a watch may lag, and a deleted workload may be made anew. Meanwhile the primary serves.
const ABSENCE: Duration = Duration::from_secs(30);

pub(super) fn decide(draft: &mut Draft<'_>) {
    let facts = draft.facts;
    let deadline = facts.settings.as_ref().map_or(DEADLINE, |s| s.deadline);
    if draft.journal.phase != Phase::Terminating {
        draft.enter(Phase::Terminating, draft.journal.weight, deadline);
        draft.wait();
        draft.tell(Notice::Terminating);
    }
    let Some(step) = draft.journal.step else {
        return draft.enter(Phase::Terminating, draft.journal.weight, deadline);
    };
    let Seen::Found(target) = &facts.target else {
        return without_target(draft, step);
    };
    if step.waiting_since.is_none() {
        // Given back in each round anew, since the last one may have died before it came to it; then the primary finishes its requests.
        release(draft);
        if !facts.released {
            return until_released(draft, step, deadline);
        }
        if draft.now < step.next_check_at {
            return draft.wake_at(step.next_check_at);
        }
        draft.act(Effect::Discard);
        return finish(draft);
    }
    draft.scale_up(target);
    let grows = draft.grow(target);
    let serves = !grows && facts.endpoints.canary > 0 && target.rollout.readiness(Percent::FULL).is_ok();
    if serves || in_place::is_so(facts) {
        draft.enter(Phase::Terminating, Percent::ZERO, draft.drain());
        release(draft);
    } else if draft.now >= step.started_at.after(deadline) {
        // The target cannot serve. The primary goes on serving; deletion does not wait for ever.
        finish(draft);
    } else {
        draft.wake_at(step.started_at.after(deadline));
    }
}

/// The workload is gone as well: nothing can serve, nothing is to be kept.
fn without_target(draft: &mut Draft<'_>, step: Step) {
    let gone = step.started_at.after(ABSENCE);
    if draft.now < gone {
        return draft.wake_at(gone);
    }
    draft.act(Effect::Discard);
    finish(draft);
}

fn release(draft: &mut Draft<'_>) {
    // Order: the apex serves from the target before the route leads to it. One that led nowhere is not known everywhere at once.
    draft.act(Effect::ReleaseApex);
    let known = draft.journal.step.map_or(draft.now, |step| step.started_at.after(SPREAD + CLOCKS));
    if draft.facts.endpoints.primary > 0 || draft.now >= known {
        draft.act(Effect::ReleaseRoute);
    } else {
        draft.wake_at(known);
    }
}

/// The primary's last requests are counted from the moment at which nothing leads to it. Where that does not come, it stays.
fn until_released(draft: &mut Draft<'_>, step: Step, deadline: Duration) {
    let until = step.started_at.after(deadline);
    if draft.now >= until {
        return finish(draft);
    }
    let drained = draft.now.after(draft.drain());
    draft.journal.step = Some(Step { next_check_at: drained, ..step });
    draft.wake_at(drained.min(until));
}

fn finish(draft: &mut Draft<'_>) {
    draft.act(Effect::RemoveFinalizer);
    draft.tell(Notice::Terminated);
}
