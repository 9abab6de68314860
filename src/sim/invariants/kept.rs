//! S11: a canary that has ready pods keeps the share that it has and is meant to have, whoever begins to lead in the meantime.

use crate::model::{Effect, Facts, Layout, Percent, Plan};

/// What is taken from it.
pub(super) fn taken(facts: &Facts, plan: &Plan) -> Option<String> {
    // In place, its share is what its pods make of it.
    if facts.endpoints.canary == 0 || facts.canary.layout == Layout::InPlace {
        return None;
    }
    let has = facts.route.routing().map_or(Percent::ZERO, |routing| routing.canary);
    let kept = has.min(plan.journal.weight);
    plan.effects.iter().find_map(|effect| match effect {
        Effect::Route(asked) if asked.canary < kept => Some(format!("{} of {kept}, which it has", asked.canary)),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{at, facts};
    use super::*;
    use crate::model::{Endpoints, RouteSeen, Routing, Shape};

    #[test]
    fn a_share_that_is_taken_from_a_canary_in_the_middle_of_its_step_is_seen() {
        let mut facts = facts(at(20));
        facts.endpoints = Endpoints { primary: 2, canary: 1, ..Endpoints::default() };
        facts.route = RouteSeen::Seen { routing: Routing::split(Percent::clamped(20)), shape: Shape::AsWanted };
        let seen = |weight, share| {
            let effects = vec![Effect::Route(Routing::split(Percent::clamped(share)))];
            taken(&facts, &Plan { journal: at(weight), effects, notices: vec![], wake: None }).is_some()
        };
        assert_eq!(
            [seen(20, 0), seen(20, 20), seen(0, 0), seen(10, 10), seen(30, 30)],
            [true, false, false, false, false]
        );
    }
}
