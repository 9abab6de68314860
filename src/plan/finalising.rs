//! After the traffic went back: let the canary finish its requests, then scale it down.

use super::draft::Draft;
use crate::model::{Effect, Notice, Percent, Phase, Settings, Strategy, TargetSeen};

pub(super) fn decide(draft: &mut Draft<'_>, settings: &Settings, target: &TargetSeen) {
    draft.sides();
    draft.keep_primary(target);
    draft.journal.weight = Percent::ZERO;
    let there = draft.apex() & draft.route();
    let Some(step) = draft.journal.step else {
        return draft.enter(Phase::Finalising, Percent::ZERO, draft.drain());
    };
    if draft.now < step.next_check_at {
        return draft.wake_at(step.next_check_at);
    }
    // A primary that died cannot take its traffic back; whoever pushes a fix must not wait for it.
    let newer = draft.journal.last_applied.as_ref() != Some(&target.revision);
    if there || newer && draft.facts.endpoints.primary == 0 {
        succeed(draft, settings, target);
    }
}

fn succeed(draft: &mut Draft<'_>, settings: &Settings, target: &TargetSeen) {
    draft.journal.phase = Phase::Succeeded;
    draft.journal.step = None;
    draft.journal.failed_checks = 0;
    draft.journal.iterations = 0;
    let withdrawn = draft.journal.last_promoted == draft.journal.last_applied;
    draft.journal.last_promoted = draft.journal.last_applied.clone();
    let promoted = draft.journal.last_promoted.as_ref() == Some(&target.revision);
    // A newer revision is already there: its release begins at once and needs the pods.
    if promoted && target.replicas > 0 {
        draft.act(Effect::ScaleTarget(0));
    }
    draft.forget();
    match settings.strategy {
        // The release was withdrawn: what serves was promoted long ago, and that was told.
        _ if withdrawn => {}
        Strategy::Progressive(_) => draft.tell(Notice::Promoted),
        Strategy::Skip => draft.tell(Notice::PromotedUnanalysed),
    }
}
