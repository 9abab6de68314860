//! A release in the place of what serves: its share is one of pods, and a promotion gives it the rest of them.
//!
//! Every pod that answers gets its part of the requests, so no share is moved because a side is down. A pod that was given away was
//! another revision's a moment before: what its name did then is not held against the new one.

use super::draft::Draft;
use super::traffic::routed;
use super::{progressing, promoting};
use crate::model::{
    Effect, Facts, Layout, Notice, Percent, Phase, PrimarySource, Replacement, Settings, TargetSeen, Unready,
};

/// Whether the release runs in place.
pub(super) fn is_so(facts: &Facts) -> bool {
    facts.canary.layout == Layout::InPlace
}

/// Whether some of the pods are given to a newer revision, but not all.
pub(super) fn is_shared(facts: &Facts) -> bool {
    is_so(facts) && !routed(facts).is_zero() && routed(facts) != Percent::FULL
}

/// What `asked` comes to in whole pods, rounded up, as far as they may be given before the promotion.
pub(super) fn share(facts: &Facts, asked: Percent) -> Percent {
    let (pods, kept) = facts.target.found().map_or((0, 1), |target| (target.replicas, target.kept_back()));
    asked.in_pods(pods, kept)
}

/// The share that the pods shall have in this phase where the release has `weight`.
pub(super) fn wanted(facts: &Facts, phase: Phase, weight: Percent) -> Percent {
    match phase {
        Phase::Promoting => safe(facts, Percent::FULL),
        _ => share(facts, weight),
    }
}

/// Pods are given only to a revision that is known: the controller has seen the newest template.
pub(super) fn safe(facts: &Facts, wanted: Percent) -> Percent {
    let now = routed(facts);
    let known = facts.target.found().is_some_and(|target| target.rollout.observed);
    if known { wanted } else { wanted.min(now) }
}

/// Whether the release may not have its share yet, though the pods that it has are ready.
pub(super) fn is_withheld(facts: &Facts, weight: Percent) -> bool {
    is_so(facts) && safe(facts, weight) < weight
}

/// Whether every pod is of the target's revision, whoever brought that about: there is no other one to go back to.
pub(super) fn is_everywhere(draft: &Draft<'_>, target: &TargetSeen) -> bool {
    is_so(draft.facts)
        && draft.primary_revision() == Some(&target.revision)
        && draft.journal.last_applied.as_ref() == Some(&target.revision)
        && draft.journal.last_promoted.as_ref() != Some(&target.revision)
}

/// The analysis passed: the remaining pods follow.
pub(super) fn promote(draft: &mut Draft<'_>, settings: &Settings) {
    draft.enter(Phase::Promoting, draft.journal.weight, settings.interval);
    draft.wait();
    draft.route();
    draft.tell(Notice::Copying);
}

pub(super) fn decide(draft: &mut Draft<'_>, settings: &Settings, target: &TargetSeen) {
    if draft.journal.last_applied.as_ref() != Some(&target.revision) {
        // The pods would go to something that nobody judged.
        return progressing::newer(draft, settings, target);
    }
    if draft.primary_revision() == Some(&target.revision) {
        return promoting::finalise(draft);
    }
    let has = Percent::share(target.rollout.updated, target.replicas);
    if has > draft.journal.weight {
        // Each pod has the whole deadline.
        draft.enter(Phase::Promoting, has, settings.interval);
    }
    let ready = target.rollout.readiness(Percent::FULL);
    if target.replacement == Replacement::OnDelete && has == Percent::FULL && ready.is_ok() {
        // Its controller knows no revision that all pods have: it is noted for it.
        draft.act(Effect::Primary(PrimarySource::Target(target.revision.clone())));
    }
    let why = ready.err().unwrap_or(Unready::NotObserved);
    match draft.patience(settings, why, Notice::PrimaryNotReady) {
        Ok(()) => {
            draft.route();
        }
        Err(why) => fail(draft, why),
    }
}

/// The promotion is stuck: all pods are again what they were.
pub(super) fn fail(draft: &mut Draft<'_>, why: Unready) {
    draft.tell(Notice::PromotionFailed(why));
    progressing::roll_back(draft);
}
