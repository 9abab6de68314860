//! After the traffic went back: let the canary finish its requests, then scale it down, and watch the new primary where that is asked for.

use super::bake;
use super::draft::Draft;
use super::promoting;
use crate::model::{Effect, Notice, Percent, Phase, Settings, Strategy, TargetSeen, Unready};

pub(super) fn decide(draft: &mut Draft<'_>, settings: &Settings, target: &TargetSeen) {
    draft.sides();
    draft.keep_primary(target, draft.journal.last_applied.clone());
    draft.journal.weight = Percent::ZERO;
    let there = draft.apex() & draft.route();
    let newer = draft.journal.last_applied.as_ref() != Some(&target.revision);
    if !there {
        return match draft.primary_ready(settings, None) {
            // A primary that died cannot take its traffic back; whoever pushes a fix must not wait for it.
            Err(_) if newer && draft.facts.endpoints.primary == 0 => succeed(draft, settings, target),
            Err(why) if draft.facts.endpoints.primary == 0 => stuck(draft, settings, target, why),
            Ok(()) | Err(_) => await_route(draft),
        };
    }
    if let Some(until) = draft.journal.bake {
        return bake::go_on(draft, settings, target, until);
    }
    match draft.journal.step.filter(|step| step.waiting_since.is_none()) {
        // The canary drains from the moment at which it lost its traffic.
        None => draft.enter(Phase::Finalising, Percent::ZERO, draft.drain()),
        Some(step) if draft.now < step.next_check_at => draft.wake_at(step.next_check_at),
        Some(_) if bake::is_due(draft, settings, target) => bake::begin(draft, settings, target),
        Some(_) => succeed(draft, settings, target),
    }
}

/// The data plane has not taken the traffic back yet.
fn await_route(draft: &mut Draft<'_>) {
    if draft.journal.step.is_none() {
        draft.enter(Phase::Finalising, Percent::ZERO, draft.drain());
    }
    draft.wait();
    draft.wake_at(draft.now.after(draft.drain()));
}

/// The primary died when it was to take its traffic back: it has until the deadline to come back.
fn stuck(draft: &mut Draft<'_>, settings: &Settings, target: &TargetSeen, why: Unready) {
    if let Err(why) = draft.patience(settings, why, Notice::PrimaryNotReady) {
        promoting::fail(draft, settings, target, why);
    }
}

/// The release is over, and the primary keeps its revision.
pub(super) fn succeed(draft: &mut Draft<'_>, settings: &Settings, target: &TargetSeen) {
    draft.journal.phase = Phase::Succeeded;
    draft.journal.step = None;
    draft.journal.bake = None;
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
    match &settings.strategy {
        // The release was withdrawn: what serves was promoted long ago, and that was told.
        _ if withdrawn => {}
        Strategy::Skip => draft.tell(Notice::PromotedUnanalysed),
        Strategy::Progressive { .. } | Strategy::AbTest { .. } | Strategy::BlueGreen { .. } => {
            draft.tell(Notice::Promoted);
        }
    }
}
