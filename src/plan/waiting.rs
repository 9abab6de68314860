//! A new revision that waits for approval or for its time: what serves is kept, and the newest revision is the one that is asked about.

use super::draft::Draft;
use super::hooks::Way;
use super::{progressing, settled};
use crate::model::{Effect, Journal, Moment, Notice, Phase, Settings, TargetSeen, Time};

pub(super) fn decide(draft: &mut Draft<'_>, settings: &Settings, target: &TargetSeen) {
    let serves = draft.journal.weight.is_zero();
    draft.sides();
    if serves {
        draft.keep_primary(target, draft.journal.last_promoted.clone());
    }
    let there = draft.apex() & draft.route();
    if serves && draft.journal.last_promoted.as_ref() == Some(&target.revision) {
        return withdraw(draft);
    }
    if draft.is_called_off(settings) {
        draft.journal.last_applied = Some(target.revision.clone());
        return progressing::roll_back(draft);
    }
    if is_due(&draft.journal, draft.now) && approve(draft, settings, target) {
        return;
    }
    park(draft, target, serves && there);
}

/// Whether it is asked again. What waits for no hook is looked at each time: the spec may have been edited.
pub(super) fn is_due(journal: &Journal, now: Time) -> bool {
    journal.waits.is_some() || journal.step.is_none_or(|step| now >= step.next_check_at)
}

/// Asks whether the release of the target's revision may begin. Whether something came of it: it begins, or it is refused for good.
pub(super) fn approve(draft: &mut Draft<'_>, settings: &Settings, target: &TargetSeen) -> bool {
    if draft.may_be_called_off(settings) {
        draft.await_replies(settings);
        return false;
    }
    if draft.waits_to_begin(settings) {
        return false;
    }
    match draft.gate(settings, Moment::ConfirmRollout, Phase::Waiting) {
        Way::Free => settled::start(draft, settings, target),
        Way::Held => return false,
        Way::Over => {
            draft.journal.last_applied = Some(target.revision.clone());
            progressing::roll_back(draft);
        }
    }
    true
}

/// Git went back to what serves: nothing waits any more.
fn withdraw(draft: &mut Draft<'_>) {
    let succeeded = draft.journal.last_applied == draft.journal.last_promoted;
    draft.journal.phase = if succeeded { Phase::Succeeded } else { Phase::Failed };
    draft.journal.step = None;
    draft.journal.awaits = None;
    draft.journal.opened = None;
    draft.journal.waits = None;
    draft.tell(Notice::Withdrawn);
}

/// No pods run for a revision that may never be released.
fn park(draft: &mut Draft<'_>, target: &TargetSeen, safe: bool) {
    let Some(step) = draft.journal.step else { return };
    draft.wake_at(step.next_check_at);
    let drained = step.started_at.after(draft.drain());
    if target.replicas == 0 || !safe {
        return;
    }
    if draft.now < drained {
        draft.wake_at(drained);
    } else {
        draft.act(Effect::ScaleTarget(0));
    }
}
