//! Each strategy, decision by decision. Numbers are those of the cases in Flagger's own tests.

use std::num::NonZeroU32;

use super::*;

fn iterations(count: u32) -> NonZeroU32 {
    NonZeroU32::new(count).expect("it is not zero")
}

fn blue_green(count: u32, mirror: Mirror) -> Strategy {
    Strategy::BlueGreen { iterations: iterations(count), mirror }
}

/// Revision `b`, ready and not begun, under `strategy`.
fn ready_for(strategy: Strategy) -> Facts {
    let mut facts = analysing(0);
    facts.settings = Some(Settings { strategy, ..settings() });
    facts.journal.step = facts.journal.step.map(|s| Step { waiting_since: Some(t(0)), ..s });
    facts
}

/// What was decided is there.
fn carried_out(facts: &mut Facts, plan: &Plan) {
    facts.journal = plan.journal.clone();
    for effect in &plan.effects {
        if let Effect::Route(routing) = effect {
            facts.route = RouteSeen::Seen { routing: routing.clone(), shape: Shape::AsWanted };
        }
    }
}

/// Phase, weight and iterations after each passed check, up to the promotion, and the routes that were written.
fn release(facts: &mut Facts) -> (Vec<(Phase, u16, i32)>, Vec<Routing>) {
    let (mut seen, mut routes) = (Vec::new(), Vec::new());
    for round in 1..20 {
        let plan = decide(facts, &success(100.0), t(round * 60));
        let journal = &plan.journal;
        seen.push((journal.phase, journal.weight.whole(), journal.iterations));
        routes.extend(plan.effects.iter().filter_map(|effect| match effect {
            Effect::Route(routing) => Some(routing.clone()),
            _ => None,
        }));
        if journal.phase != Phase::Progressing {
            return (seen, routes);
        }
        carried_out(facts, &plan);
    }
    panic!("it is never promoted: {seen:?}")
}

fn weights_until_promotion(strategy: Strategy) -> Vec<u16> {
    let (seen, _) = release(&mut ready_for(strategy));
    assert_eq!(seen.last().map(|(phase, ..)| *phase), Some(Phase::Promoting));
    seen.iter().filter(|(phase, ..)| *phase == Phase::Progressing).map(|(_, weight, _)| *weight).collect()
}

fn listed(weights: &[i64], mirror: Mirror) -> Strategy {
    let steps = Steps::new(weights.iter().map(|w| Percent::clamped(*w)).collect()).expect("they rise");
    Strategy::Progressive { steps, mirror, audience: Audience::Everyone }
}

#[test]
fn steps_of_ten_begin_at_ten_once_the_canary_is_ready() {
    let plan = decide(&ready_for(weights(10, 100)), &[], t(1));
    assert_eq!(plan.effects, [route(10)]);
}

#[test]
fn the_primary_has_100_80_60_40_under_steps_of_20_up_to_50() {
    assert_eq!(weights_until_promotion(weights(20, 50)), [20, 40, 60]);
}

#[test]
fn the_primary_has_100_50_0_under_steps_of_50() {
    assert_eq!(weights_until_promotion(weights(50, 100)), [50, 100]);
}

#[test]
fn listed_weights_are_taken_as_they_are() {
    assert_eq!(weights_until_promotion(listed(&[1, 2, 10, 80], Mirror::Off)), [1, 2, 10, 80]);
}

#[test]
fn one_step_of_100_returns_in_halves_where_the_spec_says_so() {
    let mut facts = ready_for(weights(100, 100));
    facts.settings = facts.settings.map(|s| Settings { promotion_step: Percent::new(50), ..s });
    let (seen, _) = release(&mut facts);
    assert_eq!(seen, [(Phase::Progressing, 100, 0), (Phase::Promoting, 100, 0)]);
    facts.journal = decide(&facts, &success(100.0), t(120)).journal;
    facts.primary = Seen::Found(PrimarySeen { runs: PrimaryMatch::Revision(rev("b")), replicas: 2, rollout: pods(2) });
    let mut told = Vec::new();
    for round in 3..6 {
        let plan = decide(&facts, &[], t(round * 60));
        told.push((plan.journal.phase, plan.journal.weight.whole()));
        carried_out(&mut facts, &plan);
    }
    assert_eq!(told, [(Phase::Promoting, 50), (Phase::Finalising, 0), (Phase::Succeeded, 0)]);
}

#[test]
fn a_release_with_mirroring_is_mirrored_for_one_check_and_then_shared() {
    let (seen, routes) = release(&mut ready_for(listed(&[10], Mirror::All)));
    assert_eq!(seen, [(Phase::Progressing, 0, 0), (Phase::Progressing, 10, 0), (Phase::Promoting, 10, 0)]);
    assert_eq!(routes, [Routing { mirror: Mirror::All, ..Routing::PRIMARY }, Routing::split(Percent::clamped(10))]);
}

#[test]
fn blue_green_of_one_iteration_is_progressing_three_times_and_then_promoting() {
    let (seen, routes) = release(&mut ready_for(blue_green(1, Mirror::Off)));
    let phases: Vec<_> = seen.iter().map(|(phase, weight, _)| (*phase, *weight)).collect();
    assert_eq!(phases, [(Phase::Progressing, 0), (Phase::Progressing, 100), (Phase::Promoting, 100)]);
    assert_eq!(routes, [Routing::split(Percent::FULL)], "detected, checked, taken over");
}

#[test]
fn blue_green_mirrors_through_all_iterations_and_stops_when_the_canary_takes_over() {
    let (seen, routes) = release(&mut ready_for(blue_green(3, Mirror::Share(Percent::clamped(30)))));
    assert_eq!(seen.iter().map(|(.., count)| *count).collect::<Vec<_>>(), [1, 2, 3, 4, 4]);
    let mirrored = Routing { mirror: Mirror::Share(Percent::clamped(30)), ..Routing::PRIMARY };
    assert_eq!(routes, [mirrored, Routing::split(Percent::FULL)]);
}

#[test]
fn an_ab_test_has_all_matching_requests_at_once_and_promotes_after_its_iterations() {
    let (seen, routes) = release(&mut ready_for(Strategy::AbTest { iterations: iterations(10) }));
    assert_eq!(seen.len(), 11);
    assert_eq!((seen.first(), seen.last()), (Some(&(Phase::Progressing, 100, 1)), Some(&(Phase::Promoting, 100, 10))));
    assert_eq!(routes, [Routing::split(Percent::FULL)]);
}

#[test]
fn without_a_route_nothing_is_routed_and_the_release_runs_all_the_same() {
    let mut facts = ready_for(blue_green(2, Mirror::Off));
    facts.route = RouteSeen::Unrouted;
    let (seen, routes) = release(&mut facts);
    assert_eq!((seen.len(), routes), (3, vec![]));
    assert!(seen.iter().all(|(_, weight, _)| *weight == 0), "the status claims no traffic: {seen:?}");
}

#[test]
fn a_failed_check_counts_no_iteration() {
    let mut facts = ready_for(blue_green(3, Mirror::Off));
    let plan = decide(&facts, &[], t(1));
    carried_out(&mut facts, &plan);
    let plan = decide(&facts, &success(0.0), t(61));
    assert_eq!((plan.journal.iterations, plan.journal.failed_checks), (1, 1));
}

#[test]
fn users_keep_their_side_by_two_cookies_while_the_canary_has_a_share() {
    let mut facts = ready_for(weights(50, 100));
    let names = CookieNames { canary: "side".into(), primary: "side-primary".into() };
    facts.settings = facts.settings.map(|s| Settings { cookies: Some(names.clone()), ..s });
    let (_, routes) = release(&mut facts);
    let cookies = facts.journal.cookies.clone();
    let canary = cookies.canary.clone().expect("it was given");
    let both = Affinity::Sticky { canary: canary.clone(), primary: cookies.primary };
    let one = Affinity::Sticky { canary: canary.clone(), primary: None };
    let affinities: Vec<_> = routes.into_iter().map(|r| (r.canary.whole(), r.affinity)).collect();
    assert_eq!(affinities, [(50, both), (100, one)], "nobody is held on a primary that gets nothing");
    facts.journal.failed_checks = 9;
    let plan = decide(&facts, &[], t(999));
    assert_eq!(plan.effects, [Effect::Route(Routing { affinity: Affinity::Expire(canary), ..Routing::PRIMARY })]);
    assert_eq!((plan.journal.cookies.canary, plan.journal.cookies.primary), (None, None));
}

#[test]
fn no_cookie_leads_to_a_canary_without_endpoints() {
    let mut facts = ready_for(weights(50, 100));
    let names = CookieNames { canary: "side".into(), primary: "side-primary".into() };
    facts.settings = facts.settings.map(|s| Settings { cookies: Some(names.clone()), ..s });
    let plan = decide(&facts, &[], t(1));
    carried_out(&mut facts, &plan);
    facts.endpoints.canary = 0;
    target(&mut facts).rollout.available = 0;
    let plan = decide(&facts, &[], t(2));
    assert_eq!(plan.effects, [Effect::Route(Routing::PRIMARY)]);
    assert_eq!(plan.journal.cookies, facts.journal.cookies, "whoever has one comes back to the canary later");
}

#[test]
fn a_blue_green_canary_that_is_not_ready_passes_no_check() {
    let mut facts = ready_for(blue_green(3, Mirror::Off));
    let plan = decide(&facts, &[], t(1));
    carried_out(&mut facts, &plan);
    target(&mut facts).rollout.available = 1;
    assert_eq!(questions(&facts, &[], t(61)), []);
    let plan = decide(&facts, &success(100.0), t(61));
    assert_eq!((plan.journal.iterations, plan.journal.phase), (1, Phase::Progressing));
}

#[test]
fn what_is_told_of_a_release_comes_in_the_order_in_which_it_happens() {
    let mut facts = ready_for(weights(100, 100));
    facts.settings = facts.settings.map(|s| Settings { promotion_step: Percent::new(50), ..s });
    facts.journal = settled().journal;
    let mut told = Vec::new();
    for round in 0..9 {
        let plan = decide(&facts, &success(100.0), t(round * 60));
        told.extend(plan.notices.iter().cloned());
        carried_out(&mut facts, &plan);
        if plan.effects.contains(&Effect::Primary(PrimarySource::Target(rev("b")))) {
            facts.primary =
                Seen::Found(PrimarySeen { runs: PrimaryMatch::Revision(rev("b")), replicas: 2, rollout: pods(2) });
        }
    }
    let expected = [
        Notice::NewRevision,
        Notice::Started,
        Notice::Advanced(Percent::FULL),
        Notice::Copying,
        Notice::PrimaryAdvanced(Percent::clamped(50)),
        Notice::RoutingToPrimary,
        Notice::Promoted,
    ];
    assert_eq!(told, expected);
}

fn previewed(mut facts: Facts) -> Facts {
    facts.settings = facts.settings.map(|settings| Settings { preview: true, ..settings });
    facts
}

#[test]
fn testers_see_the_canary_until_its_release_ends() {
    let mut facts = previewed(ready_for(listed(&[5, 50], Mirror::Off)));
    let (_, routes) = release(&mut facts);
    assert_eq!(routes, [5, 50].map(|weight| Routing { preview: true, ..Routing::split(Percent::clamped(weight)) }));
    facts.journal.failed_checks = 9;
    let plan = decide(&facts, &[], t(999));
    assert_eq!(plan.effects, [Effect::Route(Routing::PRIMARY)], "what failed is shown to nobody");
}

#[test]
fn testers_see_a_blue_green_canary_that_nobody_else_meets() {
    let mut facts = previewed(ready_for(blue_green(2, Mirror::Off)));
    let (_, routes) = release(&mut facts);
    let [shown, whole] = [0, 100].map(|weight| Routing { preview: true, ..Routing::split(Percent::clamped(weight)) });
    assert_eq!(routes, [shown, whole]);
}

#[test]
fn a_canary_without_endpoints_is_shown_to_nobody() {
    let mut facts = previewed(ready_for(listed(&[5, 50], Mirror::Off)));
    let plan = decide(&facts, &[], t(1));
    carried_out(&mut facts, &plan);
    facts.endpoints.canary = 0;
    let plan = decide(&facts, &[], t(2));
    assert_eq!(plan.effects, [Effect::Route(Routing::PRIMARY)]);
}
