//! From a Deployment that serves by itself to a primary that serves in its place, without a lost request.
//!
//! Order: Services of both sides, primary ready and listed, apex and route on the primary, a pause for requests on their way, and only
//! then the target is scaled down. A primary that never gets ready changes nothing for users: the target goes on serving.

use std::time::Duration;

use super::draft::Draft;
use super::{first, in_place};
use crate::model::{Effect, Notice, Percent, Phase, PrimarySource, RouteSeen, Settings, Shape, TargetSeen, Unready};

pub(super) fn decide(draft: &mut Draft<'_>, settings: &Settings, target: &TargetSeen) {
    if draft.journal.step.is_none() || draft.journal.phase != Phase::Initializing {
        draft.enter(Phase::Initializing, Percent::ZERO, settings.interval);
    }
    draft.sides();
    let on_trial = first::is_on_trial(draft.facts, settings);
    // What is judged is what takes over.
    let ready = draft.primary_ready(settings, Some(&target.revision).filter(|_| on_trial));
    // Whoever pushes a fix for a revision that never got ready in the primary has it taken over.
    let lost = draft.facts.endpoints.primary == 0 || ready == Err(Unready::DeadlineExceeded);
    // In place, a pod of neither revision that answers nobody holds up the rollout which is awaited.
    let stuck = lost || in_place::is_so(draft.facts) && ready.is_err();
    if (stuck || on_trial) && draft.primary_revision() != Some(&target.revision) {
        draft.act(Effect::Primary(PrimarySource::Target(target.revision.clone())));
    }
    if let Err(why) = ready {
        if in_place::is_shared(draft.facts) {
            // No rollout ends at a partition that somebody left: all pods are of one revision first.
            draft.route();
        }
        // No deadline: there is nothing to take back, the target serves.
        return draft.remind(settings, Notice::PrimaryNotReady(why));
    }
    if on_trial && !first::passes(draft, settings, target) {
        return;
    }
    let apex = draft.apex();
    let routed = draft.route();
    let waited = draft.journal.step.is_some_and(|s| s.waiting_since.is_some());
    if waited || !(apex && routed) {
        // The pause begins when the last write was decided, not when the wait for the primary began.
        if waited || draft.journal.step.is_none_or(|s| draft.now >= s.next_check_at) {
            draft.enter(Phase::Initializing, Percent::ZERO, drain(draft));
        }
        return;
    }
    match draft.journal.step {
        Some(step) if target.replicas > 0 && draft.now < step.next_check_at => draft.wake_at(step.next_check_at),
        Some(_) | None => initialized(draft, target),
    }
}

/// How long the target may still finish requests. Where neither a Service nor a route led to it, it has none.
fn drain(draft: &Draft<'_>) -> Duration {
    let unreachable = draft.facts.apex == Shape::Missing && draft.facts.route == RouteSeen::Missing;
    if unreachable { Duration::ZERO } else { draft.drain() }
}

fn initialized(draft: &mut Draft<'_>, target: &TargetSeen) {
    let serves = draft.primary_revision().cloned();
    let current = serves.as_ref() == Some(&target.revision);
    draft.journal.phase = Phase::Initialized;
    draft.journal.weight = Percent::ZERO;
    draft.journal.step = None;
    // Until now the target served everybody.
    draft.journal.vacant_since = Some(draft.now);
    draft.journal.failed_checks = 0;
    draft.journal.iterations = 0;
    draft.journal.last_promoted = serves;
    // A primary that was there before and runs something else: the target's revision is a release to come.
    draft.journal.last_applied = draft.journal.last_promoted.clone();
    if current {
        draft.snapshot(&target.revision);
    }
    // Also where its revision is one to come: whoever is judged starts with its release, and reads what it reads then.
    if target.replicas > 0 {
        draft.act(Effect::ScaleTarget(0));
    }
    draft.tell(Notice::Initialized);
}

#[cfg(test)]
mod tests {
    use super::super::decide;
    use super::super::tests::{settled, t, target};
    use super::*;
    use crate::model::{Facts, Step};

    /// The primary is ready; neither the apex Service nor the route leads to it yet.
    fn adopting() -> Facts {
        let mut facts = settled();
        target(&mut facts).replicas = 2;
        facts.journal.phase = Phase::Initializing;
        let (weight, waiting_since) = (Percent::ZERO, Some(t(0)));
        facts.journal.step = Some(Step {
            weight,
            started_at: t(0),
            next_check_at: t(10),
            waiting_since,
            held_since: None,
            course: None,
        });
        facts.apex = Shape::Missing;
        facts.route = RouteSeen::Missing;
        facts
    }

    /// What is decided once the writes of the round at second 20 are there.
    fn next_round(facts: &Facts, second: i64) -> crate::model::Plan {
        let journal = decide(facts, &[], t(20)).journal;
        decide(&Facts { journal, apex: Shape::AsWanted, route: settled().route, ..facts.clone() }, &[], t(second))
    }

    #[test]
    fn a_target_that_nothing_led_to_is_scaled_down_at_once() {
        let plan = next_round(&adopting(), 20);
        assert_eq!(plan.effects, [Effect::ScaleTarget(0)]);
        assert_eq!(plan.journal.phase, Phase::Initialized);
    }

    #[test]
    fn a_target_that_a_service_led_to_finishes_its_requests_first() {
        let facts = Facts { apex: Shape::Differs, ..adopting() };
        let plan = next_round(&facts, 20);
        assert_eq!((plan.effects, plan.wake), (vec![], Some(t(30))));
        assert_eq!(next_round(&facts, 30).effects, [Effect::ScaleTarget(0)]);
    }
}
