//! What happens in the middle of a release: edits of the spec, newer revisions, other hands, outages.

use std::num::NonZeroU32;

use super::*;

fn with(facts: &Facts, change: impl FnOnce(&mut Settings)) -> Facts {
    let mut facts = facts.clone();
    facts.canary.generation += 1;
    change(facts.settings.as_mut().expect("they were read"));
    facts
}

#[test]
fn another_strategy_starts_the_release_again_with_no_traffic() {
    let iterations = NonZeroU32::new(3).expect("it is not zero");
    let facts = with(&analysing(40), |s| s.strategy = Strategy::AbTest { iterations });
    assert_eq!(questions(&facts, &[], t(60)), []);
    let plan = decide(&facts, &[], t(60));
    assert_eq!((plan.effects, plan.notices), (vec![route(0)], vec![Notice::CourseChanged(Course::AbTest)]));
    assert_eq!(plan.journal.last_applied, facts.journal.last_applied);
}

#[test]
fn a_match_taken_away_does_not_give_everybody_what_the_matching_requests_had() {
    let matching = |strategy| match strategy {
        Strategy::Progressive { steps, mirror, .. } => {
            Strategy::Progressive { steps, mirror, audience: Audience::Matching }
        }
        other => other,
    };
    let mut facts = analysing(60);
    facts.journal.step = facts.journal.step.map(|s| Step { course: Some(Course::MatchedWeights), ..s });
    assert_eq!(decide(&facts, &[], t(30)).effects, [route(0)]);
    let facts = with(&facts, |s| s.strategy = matching(s.strategy.clone()));
    assert_eq!(decide(&facts, &[], t(30)).effects, []);
}

#[test]
fn edited_weights_go_on_from_the_weight_that_is_routed() {
    let facts = with(&analysing(20), |s| s.strategy = weights(50, 100));
    assert_eq!(decide(&facts, &success(100.0), t(60)).effects, [route(50)]);
    let facts = with(&analysing(60), |s| s.strategy = weights(10, 30));
    assert_eq!(decide(&facts, &success(100.0), t(60)).journal.phase, Phase::Promoting);
}

#[test]
fn a_shorter_interval_counts_from_the_moment_it_is_seen() {
    let mut facts = analysing(20);
    facts.settings.as_mut().expect("they were read").interval = Duration::from_secs(600);
    facts.journal.step = facts.journal.step.map(|s| Step { next_check_at: t(600), ..s });
    facts.journal.observed_generation = facts.canary.generation;
    let edited = with(&facts, |s| s.interval = Duration::from_secs(10));
    let plan = decide(&edited, &[], t(30));
    assert_eq!((plan.wake, plan.journal.step.map(|s| s.next_check_at)), (Some(t(40)), Some(t(40))));
    let longer = with(&facts, |s| s.interval = Duration::from_secs(6000));
    assert_eq!(decide(&longer, &[], t(30)).wake, Some(t(600)), "what was promised is kept");
}

#[test]
fn a_threshold_lowered_below_the_failed_checks_ends_the_release_at_once() {
    let mut facts = with(&analysing(20), |s| s.threshold = 1);
    facts.journal.failed_checks = 1;
    let plan = decide(&facts, &[], t(5));
    assert_eq!(plan.notices, [Notice::ThresholdReached(1), Notice::RolledBack]);
    assert_eq!(plan.effects, [route(0)]);
}

#[test]
fn a_passed_check_does_not_forgive_the_failed_ones() {
    let mut facts = analysing(20);
    facts.journal.failed_checks = 1;
    assert_eq!(decide(&facts, &success(100.0), t(60)).journal.failed_checks, 1);
}

#[test]
fn revisions_that_go_back_and_forth_each_begin_from_nothing() {
    let mut facts = analysing(40);
    for name in ["c", "b", "c"] {
        target(&mut facts).revision = rev(name);
        facts.journal.failed_checks = 1;
        let plan = decide(&facts, &[], t(60));
        assert_eq!((plan.effects, plan.journal.failed_checks), (vec![route(0)], 0), "{name}");
        assert_eq!(plan.journal.last_applied, Some(rev(name)));
    }
}

#[test]
fn traffic_returns_in_steps_to_a_primary_that_was_scaled_down_meanwhile() {
    let mut facts = with(&analysing(60), |s| s.promotion_step = Percent::new(25));
    target(&mut facts).revision = rev("c");
    target(&mut facts).replicas = 6;
    let mut told = Vec::new();
    for round in 1..=3 {
        let plan = decide(&facts, &[], t(60 * round));
        told.push((plan.journal.weight, plan.notices));
        facts.journal = plan.journal;
        facts.route = RouteSeen::Seen { routing: Routing::split(facts.journal.weight), shape: Shape::AsWanted };
    }
    let advanced = |weight| vec![Notice::PrimaryAdvanced(Percent::clamped(weight))];
    let at = Percent::clamped;
    assert_eq!(told, [(at(35), advanced(65)), (at(10), advanced(90)), (at(0), vec![Notice::Restarted])]);
    assert_eq!(facts.journal.last_applied, Some(rev("c")));
}

#[test]
fn a_primary_of_full_size_takes_its_traffic_back_at_once() {
    let mut facts = with(&analysing(60), |s| s.promotion_step = Percent::new(25));
    target(&mut facts).revision = rev("c");
    assert_eq!(decide(&facts, &[], t(60)).effects, [route(0)]);
}

#[test]
fn an_edited_route_gets_mirror_and_weight_back_and_the_step_runs_on() {
    let mut facts = analysing(0);
    let strategy = |s: &mut Settings| {
        s.strategy = Strategy::BlueGreen { iterations: NonZeroU32::MIN, mirror: Mirror::All };
    };
    facts.journal.iterations = 1;
    facts.journal.step = facts.journal.step.map(|s| Step { course: Some(Course::BlueGreen), ..s });
    let facts = with(&facts, strategy);
    assert_eq!(questions(&facts, &[], t(60)), [], "what is not mirrored is not judged");
    let plan = decide(&facts, &[], t(60));
    assert_eq!(plan.effects, [Effect::Route(Routing { mirror: Mirror::All, ..Routing::PRIMARY })]);
    assert_eq!(plan.journal.step, facts.journal.step);
}

#[test]
fn a_route_whose_rules_were_edited_is_restored_with_the_weight_of_the_release() {
    let mut facts = analysing(40);
    facts.route = RouteSeen::Seen { routing: Routing::split(Percent::clamped(40)), shape: Shape::Differs };
    assert_eq!(decide(&facts, &[], t(30)).effects, [route(40)]);
}

#[test]
fn a_suspended_release_keeps_its_weight_and_goes_on_where_it_was() {
    let facts = analysing(40);
    let suspended = with(&facts, |s| s.suspend = true);
    let plan = decide(&suspended, &success(100.0), t(60));
    assert_eq!((plan.effects, plan.journal.weight), (vec![], Percent::clamped(40)));
    let resumed = Facts { journal: plan.journal, ..with(&facts, |s| s.suspend = false) };
    assert_eq!(decide(&resumed, &success(100.0), t(6000)).effects, [route(60)]);
}

#[test]
fn a_restart_goes_on_at_the_routed_weight_and_hastens_nothing() {
    let plan = decide(&analysing(40), &[], t(59));
    assert_eq!((plan.effects, plan.wake), (vec![], Some(t(60))));
}

#[test]
fn a_primary_that_died_in_the_middle_is_not_what_the_release_is_rolled_back_to() {
    let mut facts = analysing(40);
    facts.endpoints.primary = 0;
    facts.primary = Seen::Found(PrimarySeen {
        runs: PrimaryMatch::Revision(rev("a")),
        replicas: 2,
        rollout: Rollout { available: 0, ..pods(2) },
    });
    let plan = decide(&facts, &success(100.0), t(6000));
    assert_eq!((plan.journal.phase, plan.journal.weight), (Phase::Progressing, Percent::clamped(60)));
}

#[test]
fn the_first_check_of_an_ordinary_release_comes_after_one_interval() {
    let mut facts = analysing(0);
    facts.settings.as_mut().expect("they were read").kpis[0].window = Duration::from_secs(300);
    facts.journal.step = facts.journal.step.map(|s| Step { waiting_since: Some(t(990)), ..s });
    facts.journal.vacant_since = Some(t(0));
    let first_check = |facts: &Facts| decide(facts, &[], t(1000)).journal.step.map(|s| s.next_check_at);
    assert_eq!(first_check(&facts), Some(t(1060)));
    facts.journal.vacant_since = Some(t(900));
    assert_eq!(first_check(&facts), Some(t(1203)), "another revision had traffic at 900");
}

#[test]
fn a_release_says_what_it_waits_for_and_when_it_is_judged_next() {
    let said = |facts: &Facts, now: Time| {
        let journal = decide(facts, &success(100.0), now).journal;
        journal.condition(ConditionKind::Reconciling).map(|condition| condition.message.clone()).unwrap_or_default()
    };
    let mut facts = analysing(0);
    facts.settings.as_mut().expect("they were read").kpis[0].window = Duration::from_secs(300);
    facts.journal.step = facts.journal.step.map(|s| Step { waiting_since: Some(t(990)), ..s });
    facts.journal.vacant_since = Some(t(900));
    let deferred = "A release is under way: its next check is due at 1970-01-01T00:20:03Z, \
                    when no KPI looks back to another revision any more.";
    assert_eq!(said(&facts, t(1000)), deferred);
    facts.journal.vacant_since = Some(t(0));
    assert_eq!(said(&facts, t(1000)), "A release is under way: its next check is due at 1970-01-01T00:17:40Z.");
    for (weight, waits) in [
        (0, "A release is under way: its analysis begins when the canary is ready."),
        (20, "A release is under way: it waits until both sides are ready."),
    ] {
        let mut facts = analysing(weight);
        target(&mut facts).rollout.available = 0;
        facts.endpoints.canary = 0;
        assert_eq!(said(&facts, t(60)), waits, "{weight} %");
    }
}
