//! Between releases: keep what serves, wait for a new revision, and park the target at zero.

use super::draft::Draft;
use super::{group, in_place, promoting, waiting};
use crate::model::{
    ConditionKind, Effect, Journal, Notice, Percent, Phase, Revision, Seen, Settings, Step, TargetSeen,
};

pub(super) fn decide(draft: &mut Draft<'_>, settings: &Settings, target: &TargetSeen) {
    draft.sides();
    let parked = draft.journal.phase == Phase::Failed && draft.journal.weight == Percent::FULL;
    if !parked || draft.facts.primary == Seen::Missing {
        draft.keep_primary(target, draft.journal.last_promoted.clone());
    }
    let apex = draft.apex();
    draft.hear_out(settings);
    if in_place::is_everywhere(draft, target) {
        return promoting::finalise(draft);
    }
    let new = is_new(&draft.journal, &target.revision) || group::comes_again(draft.facts, target);
    if new && waiting::approve(draft, settings, target) {
        return;
    }
    let routed = draft.route();
    if parked {
        // The promotion failed because the primary did not get ready. If it does after all, the promotion goes on.
        if draft.primary_ready(settings, draft.journal.last_applied.as_ref()).is_ok() {
            draft.enter(Phase::Promoting, Percent::FULL, settings.interval);
        }
        return;
    }
    let frozen = settings.rollback.freeze && draft.journal.phase == Phase::Failed;
    if target.replicas > 0 && apex && routed && !frozen {
        park(draft);
    }
}

/// Scales the target to zero once its last requests are done.
fn park(draft: &mut Draft<'_>) {
    match draft.journal.step {
        Some(step) if draft.now < step.next_check_at => draft.wake_at(step.next_check_at),
        Some(_) | None => {
            draft.journal.step = None;
            draft.act(Effect::ScaleTarget(0));
        }
    }
}

/// Whether `revision` is one that was neither promoted nor tried last.
pub(super) fn is_new(journal: &Journal, revision: &Revision) -> bool {
    let known = [&journal.last_applied, &journal.last_promoted];
    !known.into_iter().flatten().any(|r| r == revision)
}

pub(super) fn start(draft: &mut Draft<'_>, settings: &Settings, target: &TargetSeen) {
    // After a failed promotion the target serves everything and goes on doing so; else it begins at nothing.
    let weight = draft.journal.weight;
    if !weight.is_zero() {
        // If this one fails too, there must be somewhere to go back to.
        draft.restore_primary();
    }
    begin(draft, settings, target, weight);
    draft.scale_up(target);
    draft.route();
    draft.tell(Notice::NewRevision);
}

/// Opens the journal of a release of the target's revision.
pub(super) fn begin(draft: &mut Draft<'_>, settings: &Settings, target: &TargetSeen, weight: Percent) {
    let ended = draft.facts.journal.condition(ConditionKind::Promoted).map_or(draft.now, |c| c.since);
    draft.journal.vacant_since.get_or_insert(ended);
    draft.enter(Phase::Progressing, weight, settings.interval);
    draft.wait();
    draft.journal.step = draft.journal.step.map(|step| Step { course: None, ..step });
    if draft.journal.last_applied.as_ref() != Some(&target.revision) {
        draft.journal.prepared = None;
    }
    draft.journal.awaits = None;
    draft.journal.opened = None;
    draft.journal.waits = None;
    draft.journal.last_applied = Some(target.revision.clone());
    draft.journal.failed_checks = 0;
    draft.journal.iterations = 0;
    draft.journal.readings.clear();
    draft.journal.paused = None;
}
