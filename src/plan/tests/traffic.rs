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

/// The primary has no pod that serves.
fn without_primary(facts: &mut Facts) {
    facts.endpoints.primary = 0;
    let rollout = Rollout { available: 0, ..pods(2) };
    facts.primary = Seen::Found(PrimarySeen { runs: PrimaryMatch::Revision(rev("a")), replicas: 2, rollout });
}

#[test]
fn a_canary_that_is_ready_serves_everybody_while_the_primary_is_down() {
    let mut facts = analysing(20);
    without_primary(&mut facts);
    let plan = decide(&facts, &[], t(30));
    assert_eq!((plan.effects, plan.notices), (vec![route(100)], vec![Notice::PrimaryDown]));
    assert_eq!(plan.journal.weight, Percent::clamped(20), "its step is what it was");
    facts.journal = plan.journal;
    facts.route = RouteSeen::Seen { routing: Routing::split(Percent::FULL), shape: Shape::AsWanted };
    assert_eq!(questions(&facts, &[], t(60)).len(), 1, "and it is judged on that");
    (facts.endpoints.primary, facts.primary) = (2, settled().primary);
    let plan = decide(&facts, &[], t(40));
    assert_eq!((plan.effects, plan.notices), (vec![route(20)], vec![]));
}

#[test]
fn endpoints_alone_do_not_prove_that_the_primary_is_down() {
    let mut facts = analysing(20);
    facts.endpoints.primary = 0;
    assert_eq!(decide(&facts, &[], t(30)).effects, []);
}

#[test]
fn without_a_route_nobody_stands_in_for_a_primary_that_is_down() {
    let mut facts = analysing(100);
    facts.route = RouteSeen::Unrouted;
    facts.journal.weight = Percent::ZERO;
    without_primary(&mut facts);
    assert!(decide(&facts, &[], t(30)).notices.is_empty(), "without a route there is nothing to give it");
}

/// Revision `b` has passed at 60 %, and its Deployment replaces all pods at once.
fn recreated() -> Facts {
    let mut facts = analysing(60);
    target(&mut facts).replacement = Replacement::AllAtOnce;
    facts
}

#[test]
fn a_primary_whose_pods_go_all_at_once_gives_its_traffic_away_before_they_do() {
    let mut facts = recreated();
    let plan = decide(&facts, &success(100.0), t(60));
    assert_eq!((plan.journal.phase, plan.journal.weight), (Phase::Promoting, Percent::FULL));
    assert_eq!(plan.effects, [Effect::Snapshot(rev("b")), route(100)]);
    facts.journal = plan.journal;
    assert_eq!(decide(&facts, &[], t(75)).effects, [route(100)], "it is not taken over yet");
    facts.route = RouteSeen::Seen { routing: Routing::split(Percent::FULL), shape: Shape::AsWanted };
    assert_eq!(decide(&facts, &[], t(65)).wake, Some(t(70)), "its last requests end first");
    let copied = Effect::Primary(PrimarySource::Target(rev("b")));
    assert_eq!(decide(&facts, &[], t(70)).effects, [copied]);
}

#[test]
fn a_canary_that_dies_before_it_can_stand_in_takes_no_primary_along() {
    let mut facts = recreated();
    facts.journal = decide(&facts, &success(100.0), t(60)).journal;
    facts.endpoints.canary = 0;
    target(&mut facts).rollout.available = 0;
    let plan = decide(&facts, &[], t(70));
    assert_eq!((plan.journal.phase, plan.effects), (Phase::Promoting, vec![route(0)]));
    let plan = decide(&facts, &[], t(660));
    assert_eq!((plan.journal.phase, plan.effects), (Phase::Failed, vec![route(0)]), "the primary was never touched");
}

#[test]
fn a_canary_that_runs_something_newer_does_not_stand_in() {
    let mut facts = recreated();
    facts.journal = decide(&facts, &success(100.0), t(60)).journal;
    facts.snapshots.push(rev("b"));
    target(&mut facts).revision = rev("c");
    let plan = decide(&facts, &[], t(70));
    assert_eq!((plan.journal.phase, plan.effects), (Phase::Progressing, vec![route(0)]));
    assert_eq!(plan.notices, [Notice::Restarted]);
}

#[test]
fn a_target_that_goes_back_before_the_primarys_pods_went_is_withdrawn() {
    let mut facts = recreated();
    facts.journal = decide(&facts, &success(100.0), t(60)).journal;
    facts.snapshots.push(rev("b"));
    target(&mut facts).revision = rev("a");
    let plan = decide(&facts, &[], t(70));
    assert_eq!((plan.journal.phase, plan.effects), (Phase::Finalising, vec![route(0)]));
    assert_eq!(plan.notices, [Notice::Withdrawn]);
}
