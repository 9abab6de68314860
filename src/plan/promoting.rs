//! Promotion: the primary rolls over to the analysed revision while the canary keeps its share, then traffic goes back.

use super::capacity;
use super::draft::Draft;
use super::in_place;
use super::progressing;
use super::settled::begin;
use super::size;
use crate::model::{
    Audience, Effect, Facts, Notice, Percent, Phase, Replacement, RouteSeen, Settings, TargetSeen, Unready,
};

pub(super) fn decide(draft: &mut Draft<'_>, settings: &Settings, target: &TargetSeen) {
    draft.sides();
    draft.apex();
    if in_place::is_so(draft.facts) {
        return in_place::decide(draft, settings, target);
    }
    let Some(revision) = draft.journal.last_applied.clone() else {
        return begin(draft, settings, target, Percent::ZERO);
    };
    let analysed = target.revision == revision;
    if !analysed && draft.facts.endpoints.primary > 0 {
        // The target rolls over to something that nobody judged: it loses its traffic at once.
        draft.journal.weight = Percent::ZERO;
    }
    let mut copied = None;
    if draft.primary_revision() != Some(&revision) {
        let alone = serves_alone(draft.facts, settings, target);
        match draft.source(&revision, target) {
            Some(_) if alone && analysed && !has_everything(draft, settings, target) => return,
            Some(source) if analysed || !alone => copied = Some(source),
            Some(_) | None if draft.journal.last_promoted.as_ref() == Some(&target.revision) => {
                return progressing::newer(draft, settings, target);
            }
            // What was analysed is gone before the primary had it: analyse what is there now.
            Some(_) | None => {
                begin(draft, settings, target, draft.journal.weight);
                draft.route();
                return draft.tell(Notice::Restarted);
            }
        }
    }
    match draft.primary_ready(settings, Some(&revision)).and_then(|()| capacity::suffices(draft)) {
        Ok(()) => hand_back(draft, settings, target),
        Err(why) => match draft.patience(settings, why, Notice::PrimaryNotReady) {
            // Where the time is up, as after a long outage of ours, it keeps what it runs.
            Ok(()) => {
                if let Some(source) = copied {
                    draft.act(Effect::Primary(source));
                }
                draft.route();
            }
            Err(Unready::TooFew { .. }) => {
                capacity::make_do(draft);
                hand_back(draft, settings, target);
            }
            Err(why) => fail(draft, settings, target, why),
        },
    }
}

/// Whether the canary has to serve everybody while the primary's pods give way to new ones, because they all go at once.
pub(super) fn serves_alone(facts: &Facts, settings: &Settings, target: &TargetSeen) -> bool {
    target.replacement == Replacement::AllAtOnce
        && settings.strategy.audience() == Audience::Everyone
        && facts.route != RouteSeen::Unrouted
        && facts.endpoints.primary > 0
}

/// Gives the canary all traffic before the primary's pods go. Whether it has it, and the last requests there are done.
fn has_everything(draft: &mut Draft<'_>, settings: &Settings, target: &TargetSeen) -> bool {
    draft.journal.weight = Percent::FULL;
    draft.resize(target);
    if let Err(why) = draft.canary_ready(settings, target) {
        progressing::unready(draft, settings, why);
        return false;
    }
    let routed = draft.route();
    let pause = draft.journal.step.map(|step| step.next_check_at).filter(|end| draft.now < *end);
    if let Some(end) = pause {
        draft.wake_at(end);
    }
    routed && pause.is_none()
}

/// The primary serves the new revision: traffic returns at once, or in steps of `stepWeightPromotion`.
fn hand_back(draft: &mut Draft<'_>, settings: &Settings, target: &TargetSeen) {
    let step = draft.journal.step.filter(|s| s.waiting_since.is_none());
    let ready =
        draft.canary_ready(settings, target).is_ok() && draft.journal.last_applied.as_ref() == Some(&target.revision);
    let weight = draft.journal.weight;
    match (settings.promotion_step, step) {
        (Some(by), _) if !ready || weight <= by => finalise(draft),
        (None, _) => finalise(draft),
        (Some(_), Some(step)) if draft.now < step.next_check_at => {
            draft.route();
            draft.wake_at(step.next_check_at);
        }
        (Some(by), _) => {
            let left = weight.less(by);
            draft.enter(Phase::Promoting, left, settings.interval);
            draft.route();
            draft.tell(Notice::PrimaryAdvanced(left.rest()));
        }
    }
}

pub(super) fn finalise(draft: &mut Draft<'_>) {
    draft.enter(Phase::Finalising, Percent::ZERO, draft.drain());
    draft.vacate();
    draft.route();
    draft.tell(Notice::RoutingToPrimary);
}

/// The new primary is stuck. Traffic goes, or stays, where it is healthy; the next revision heals. A canary that cannot serve
/// everybody hands back, and the primary runs again what it ran before.
pub(super) fn fail(draft: &mut Draft<'_>, settings: &Settings, target: &TargetSeen, why: Unready) {
    if in_place::is_so(draft.facts) {
        return in_place::fail(draft, why);
    }
    let analysed = draft.journal.last_applied.as_ref() == Some(&target.revision);
    let everybody = settings.strategy.audience() == Audience::Everyone && draft.facts.route != RouteSeen::Unrouted;
    let able = draft.canary_ready(settings, target).is_ok() && size::carries(draft.facts, Percent::FULL);
    let healthy = analysed && everybody && able;
    draft.enter(Phase::Failed, if healthy { Percent::FULL } else { Percent::ZERO }, draft.drain());
    draft.journal.failed_checks = 0;
    draft.journal.iterations = 0;
    draft.journal.bake = None;
    if !healthy {
        draft.restore_primary();
    }
    draft.route();
    draft.tell(Notice::PromotionFailed(why));
}
