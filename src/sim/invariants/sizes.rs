//! S8: where the spec makes the size of the canary ours, no share rises above what its pods can carry, and no pods go that it needs;
//! judged apart from the room that decides.

use crate::model::{Audience, CanarySize, Effect, Facts, Percent, Plan, Settings};

/// What is too much for the canary's pods.
pub(super) fn overloaded(settings: &Settings, facts: &Facts, plan: &Plan) -> Option<String> {
    let (Some(primary), Some(target)) = (facts.primary.found(), facts.target.found()) else { return None };
    let everyone = settings.strategy.audience() == Audience::Everyone;
    let ours = settings.canary_size == CanarySize::Weight || everyone && settings.canary_size != CanarySize::AsPrimary;
    // Where the primary is down, few pods are better than none.
    if !ours || facts.endpoints.primary == 0 {
        return None;
    }
    // Each pod has as many requests as one of the primary's.
    if settings.canary_size == CanarySize::Split {
        return None;
    }
    let routed = facts.route.routing().map_or(Percent::ZERO, |routing| routing.canary);
    let pods = |share: Percent| (u64::from(primary.replicas) * u64::from(share.as_hundredths())).div_ceil(10_000);
    let have = u64::from(target.rollout.available);
    plan.effects.iter().find_map(|effect| match effect {
        Effect::Route(routing) if routing.canary > routed => {
            let needs =
                (pods(routing.canary) * u64::from(settings.canary_ready.as_hundredths())).div_ceil(10_000).max(1);
            (have < needs).then(|| format!("{} for {have} pods, which needs {needs}", routing.canary))
        }
        Effect::ScaleTarget(asked @ 1..) if u64::from(*asked) < pods(routed.max(plan.journal.weight)) => {
            Some(format!("{asked} pods are asked for, {routed:?} is routed to them"))
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{at, facts, settings};
    use super::*;
    use crate::model::{Endpoints, PrimaryMatch, PrimarySeen, Rollout, RouteSeen, Routing, Seen, Shape};

    #[test]
    fn a_share_above_what_the_pods_can_carry_and_pods_that_go_too_soon_are_seen() {
        let settings = Settings { canary_size: CanarySize::Weight, ..settings() };
        let mut facts = facts(at(20));
        let primary = PrimarySeen { runs: PrimaryMatch::Unknown, replicas: 10, rollout: Rollout::default() };
        facts.primary = Seen::Found(primary);
        facts.endpoints = Endpoints { primary: 10, canary: 2, ..Endpoints::default() };
        facts.route = RouteSeen::Seen { routing: Routing::split(Percent::clamped(20)), shape: Shape::AsWanted };
        if let Seen::Found(target) = &mut facts.target {
            target.rollout.available = 3;
        }
        let seen = |effect: Effect| {
            let plan = Plan { journal: at(20), effects: vec![effect], notices: vec![], wake: None };
            overloaded(&settings, &facts, &plan).is_some()
        };
        let route = |weight| Effect::Route(Routing::split(Percent::clamped(weight)));
        assert_eq!([seen(route(30)), seen(route(31)), seen(route(10))], [false, true, false]);
        assert_eq!([2, 1, 0].map(|pods| seen(Effect::ScaleTarget(pods))), [false, true, false]);
    }
}
