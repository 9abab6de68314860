//! Traffic that nobody may lose: routes that are not there yet, and sides that are down.

use super::*;

/// The data plane has refused the route, or has not taken it over: either way it is not what was asked for.
fn not_taken_over(weight: i64) -> RouteSeen {
    RouteSeen::Seen { routing: Routing::split(Percent::clamped(weight)), shape: Shape::Differs }
}

#[test]
fn a_route_that_is_not_taken_over_holds_the_check() {
    let mut facts = analysing(40);
    facts.route = not_taken_over(40);
    assert_eq!(questions(&facts, &[], t(60)), []);
    let plan = decide(&facts, &success(100.0), t(60));
    assert_eq!((plan.journal.weight, plan.journal.failed_checks), (Percent::clamped(40), 0));
}

#[test]
fn a_route_that_is_not_taken_over_holds_the_canary_of_an_ended_release() {
    let mut facts = analysing(0);
    for (phase, next_check_at) in [(Phase::Failed, t(10)), (Phase::Finalising, t(10)), (Phase::Waiting, t(9999))] {
        facts.journal.phase = phase;
        facts.journal.step = facts.journal.step.map(|s| Step { next_check_at, ..s });
        facts.route = not_taken_over(0);
        let plan = decide(&facts, &[], t(9000));
        assert!(!plan.effects.contains(&Effect::ScaleTarget(0)), "{phase}: {:?}", plan.effects);
        facts.route = settled().route;
        let plan = decide(&Facts { journal: plan.journal, ..facts.clone() }, &[], t(9000));
        let drained = decide(&Facts { journal: plan.journal, ..facts.clone() }, &[], t(9010));
        let effects = [plan.effects, drained.effects].concat();
        assert!(effects.contains(&Effect::ScaleTarget(0)), "{phase}: {effects:?}");
    }
}

#[test]
fn a_canary_drains_from_the_moment_at_which_the_data_plane_took_its_traffic_away() {
    let mut facts = analysing(0);
    facts.journal.phase = Phase::Finalising;
    facts.route = not_taken_over(0);
    facts.journal = decide(&facts, &[], t(60)).journal;
    let plan = decide(&facts, &[], t(90));
    assert_eq!((&plan.journal, plan.wake), (&facts.journal, Some(t(100))), "no write while it waits");
    facts.route = settled().route;
    facts.journal = decide(&facts, &[], t(100)).journal;
    assert_eq!(decide(&facts, &[], t(109)).effects, []);
    assert_eq!(decide(&facts, &[], t(110)).effects, [Effect::ScaleTarget(0)]);
}
