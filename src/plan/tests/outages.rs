//! Outages and dead ends that the simulator found, each as the single decision that it came from.

use super::*;

#[test]
fn a_process_that_died_before_it_gave_the_route_back_does_so_before_the_primary_goes() {
    let mut facts = settled();
    facts.deleting = true;
    facts.finalizer = true;
    facts.journal.phase = Phase::Terminating;
    let (weight, started_at, next_check_at) = (Percent::ZERO, t(0), t(10));
    let step = Step { weight, started_at, next_check_at, waiting_since: None, held_since: None, course: None };
    facts.journal.step = Some(step);
    assert_eq!(decide(&facts, &[], t(5)).effects, [Effect::ReleaseApex, Effect::ReleaseRoute]);
}

#[test]
fn a_fix_for_a_first_revision_that_never_got_ready_is_taken_over() {
    let mut facts = settled();
    facts.journal = Journal::default();
    facts.endpoints.primary = 0;
    facts.target = Seen::Found(TargetSeen {
        revision: rev("b"),
        replicas: 2,
        rollout: pods(2),
        grace: Duration::from_secs(10),
        replacement: Replacement::Rolling,
    });
    let effects = decide(&facts, &[], t(0)).effects;
    assert!(effects.contains(&Effect::Primary(PrimarySource::Target(rev("b")))), "{effects:?}");
}

#[test]
fn a_fix_is_not_held_up_by_a_primary_that_died_while_it_took_its_traffic_back() {
    let mut facts = analysing(40);
    facts.journal.phase = Phase::Finalising;
    facts.endpoints.primary = 0;
    assert_eq!(decide(&facts, &[], t(60)).journal.phase, Phase::Finalising);
    target(&mut facts).revision = rev("c");
    facts.journal = decide(&facts, &[], t(60)).journal;
    assert_eq!(facts.journal.phase, Phase::Succeeded);
    assert_eq!(decide(&facts, &[], t(61)).journal.last_applied, Some(rev("c")));
}

#[test]
fn a_primary_that_was_stuck_before_the_canary_came_takes_what_git_asks_for() {
    let mut facts = settled();
    facts.journal = Journal::default();
    let stuck = Rollout { deadline_exceeded: true, ..pods(2) };
    facts.primary = Seen::Found(PrimarySeen { runs: PrimaryMatch::Revision(rev("a")), replicas: 2, rollout: stuck });
    facts.target = Seen::Found(TargetSeen {
        revision: rev("b"),
        replicas: 2,
        rollout: pods(2),
        grace: Duration::from_secs(10),
        replacement: Replacement::Rolling,
    });
    assert_eq!(decide(&facts, &[], t(0)).effects, [Effect::Primary(PrimarySource::Target(rev("b")))]);
}

#[test]
fn a_canary_that_holds_more_than_its_share_because_the_primary_is_down_is_judged_all_the_same() {
    let mut facts = analysing(20);
    facts.endpoints.primary = 0;
    facts.route = RouteSeen::Seen { routing: Routing::split(Percent::clamped(70)), shape: Shape::AsWanted };
    assert_eq!(questions(&facts, &[], t(60)).len(), 1);
    let plan = decide(&facts, &success(100.0), t(60));
    assert_eq!(plan.journal.weight, Percent::clamped(40));
}

#[test]
fn a_newer_revision_is_not_judged_on_what_the_one_before_it_did() {
    let mut facts = analysing(20);
    facts.settings.as_mut().unwrap().kpis[0].window = Duration::from_secs(300);
    target(&mut facts).revision = rev("c");
    facts.journal = decide(&facts, &[], t(60)).journal;
    facts.route = RouteSeen::Seen { routing: Routing::PRIMARY, shape: Shape::AsWanted };
    let step = decide(&facts, &[], t(70)).journal.step.unwrap();
    assert_eq!((step.weight, step.next_check_at), (Percent::clamped(20), t(363)));
}

#[test]
fn a_canary_whose_pods_are_not_ready_gets_no_traffic_back_on_the_word_of_its_endpoints() {
    let mut facts = analysing(20);
    target(&mut facts).rollout.available = 0;
    facts.route = RouteSeen::Seen { routing: Routing::PRIMARY, shape: Shape::AsWanted };
    assert_eq!(decide(&facts, &[], t(30)).effects, []);
}

#[test]
fn no_round_asks_to_be_woken_in_the_past() {
    let mut facts = analysing(20);
    facts.route = RouteSeen::Seen { routing: Routing::split(Percent::clamped(70)), shape: Shape::AsWanted };
    assert!(decide(&facts, &[], t(90)).wake.is_none_or(|at| at > t(90)));
}

#[test]
fn a_route_that_leads_to_missing_pods_does_not_wait_for_the_finalizer() {
    let mut facts = settled();
    facts.journal = Journal::default();
    facts.settings.as_mut().unwrap().revert_on_deletion = true;
    facts.endpoints.canary = 0;
    facts.route = RouteSeen::Seen { routing: Routing::split(Percent::clamped(42)), shape: Shape::AsWanted };
    // Its journal differs in each round until the route is there, and a finalizer is refused after each such journal.
    let effects = decide(&facts, &[], t(0)).effects;
    assert_eq!(effects, [Effect::Route(Routing::PRIMARY), Effect::AddFinalizer]);
}

#[test]
fn a_canary_gets_its_first_request_once_every_proxy_can_know_of_its_pods() {
    let mut facts = analysing(0);
    facts.journal.step = facts.journal.step.map(|step| Step { waiting_since: Some(t(0)), ..step });
    facts.endpoints.canary_since = Some(t(10));
    let soon = decide(&facts, &[], t(11));
    assert_eq!((soon.effects, soon.journal.weight, soon.wake), (vec![], Percent::ZERO, Some(t(12))));
    assert_eq!(decide(&facts, &[], t(12)).effects, [Effect::Route(Routing::split(Percent::clamped(20)))]);
}

#[test]
fn traffic_returns_to_a_primary_that_was_down_once_every_proxy_can_know_of_it() {
    let mut facts = analysing(20);
    facts.route = RouteSeen::Seen { routing: Routing::split(Percent::FULL), shape: Shape::AsWanted };
    facts.endpoints.primary_since = Some(t(10));
    let soon = decide(&facts, &[], t(11));
    assert_eq!((soon.effects, soon.wake), (vec![], Some(t(12))));
    assert_eq!(decide(&facts, &[], t(12)).effects, [Effect::Route(Routing::split(Percent::clamped(20)))]);
}

#[test]
fn a_canary_keeps_its_share_where_a_restarted_controller_sees_that_its_slice_has_just_changed() {
    let mut facts = analysing(20);
    facts.endpoints.canary_since = Some(t(10));
    assert_eq!(decide(&facts, &[], t(11)).effects, vec![]);
}

#[test]
fn testers_meet_a_canary_of_which_only_copies_are_known_once_every_proxy_can_know_of_it() {
    let mut facts = analysing(0);
    let settings = facts.settings.as_mut().unwrap();
    settings.preview = true;
    let Strategy::Progressive { mirror, .. } = &mut settings.strategy else { panic!("{:?}", settings.strategy) };
    *mirror = Mirror::All;
    facts.journal.prepared = facts.journal.last_applied.clone();
    facts.journal.step = facts.journal.step.map(|step| Step { course: Some(Course::Weights), ..step });
    let copies = Routing { mirror: Mirror::All, ..Routing::PRIMARY };
    facts.route = RouteSeen::Seen { routing: copies.clone(), shape: Shape::AsWanted };
    facts.endpoints.canary_since = Some(t(10));
    assert_eq!(decide(&facts, &[], t(11)).effects, []);
    assert_eq!(decide(&facts, &[], t(12)).effects, [Effect::Route(Routing { preview: true, ..copies })]);
}
