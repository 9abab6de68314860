//! How many pods the canary has: ahead of its weight, never below it.

use std::num::NonZeroU32;

use proptest::prelude::{prop_assert, proptest};

use super::*;

/// Revision `b` at `weight` of steps of 20 %, with so many pods, beside a primary of ten.
fn sized(size: CanarySize, weight: i64, pods_there: u32) -> Facts {
    let mut facts = analysing(weight);
    facts.settings.as_mut().unwrap().canary_size = size;
    facts.journal.full = Some(10);
    let runs = PrimaryMatch::Revision(rev("a"));
    facts.primary = Seen::Found(PrimarySeen { runs, replicas: 10, rollout: pods(10) });
    facts.endpoints = Endpoints { primary: 10, canary: pods_there, ..Endpoints::default() };
    let target = target(&mut facts);
    (target.replicas, target.rollout) = (pods_there, pods(pods_there));
    facts
}

fn follows(weight: i64, pods_there: u32) -> Facts {
    sized(CanarySize::Weight, weight, pods_there)
}

#[test]
fn pods_that_make_the_share_are_as_many_as_the_weight_is_beside_the_primarys_and_none_ahead_of_it() {
    let pods = |weight| {
        let mut facts = sized(CanarySize::Split, weight, 0);
        target(&mut facts).rollout = pods(0);
        decide(&facts, &[], t(1)).effects.into_iter().find_map(|effect| match effect {
            Effect::ScaleTarget(pods) => Some(pods),
            _ => None,
        })
    };
    // Beside ten: the first step is 20 %, and nobody sees its pods before; then 3 in 13, 7 in 17, and ten of ten.
    assert_eq!([0, 20, 40, 100].map(pods), [Some(3), Some(3), Some(7), Some(10)]);
}

#[test]
fn a_canary_begins_with_the_pods_of_its_first_weight() {
    let mut facts = follows(0, 0);
    facts.journal = Journal { full: None, ..settled().journal };
    for (size, expected) in [
        (CanarySize::Weight, 2),
        (CanarySize::Count(1), 2),
        (CanarySize::Count(3), 3),
        (CanarySize::Share(Percent::clamped(25)), 3),
        (CanarySize::AsPrimary, 10),
    ] {
        facts.settings.as_mut().unwrap().canary_size = size;
        assert_eq!(decide(&facts, &[], t(100)).effects, [Effect::ScaleTarget(expected)], "{size:?}");
    }
}

#[test]
fn pods_come_before_the_weight_that_needs_them() {
    let mut facts = follows(20, 2);
    let plan = decide(&facts, &[], t(5));
    assert_eq!((plan.effects, plan.journal.weight), (vec![Effect::ScaleTarget(4)], Percent::clamped(20)));
    facts.journal = plan.journal;
    assert_eq!(questions(&facts, &[], t(60)), [], "nothing is judged until they are there");
    let target = target(&mut facts);
    (target.replicas, target.rollout) = (4, Rollout { available: 3, ..pods(4) });
    assert_eq!(decide(&facts, &success(100.0), t(61)).effects, []);
    super::target(&mut facts).rollout = pods(4);
    facts.journal = decide(&facts, &[], t(62)).journal;
    let plan = decide(&facts, &success(100.0), t(122));
    assert_eq!((plan.effects, plan.journal.weight), (vec![route(40)], Percent::clamped(40)));
}

#[test]
fn a_share_asked_for_by_hand_waits_for_its_pods_and_is_no_drift() {
    let mut facts = follows(20, 4);
    facts.request = Request::new("set-weight=60/1", None);
    let plan = decide(&facts, &[], t(10));
    assert_eq!((plan.effects, plan.journal.weight), (vec![], Percent::clamped(60)));
    facts.journal = plan.journal;
    let plan = decide(&facts, &[], t(11));
    assert_eq!(plan.effects, [Effect::ScaleTarget(6)]);
    facts.journal = plan.journal;
    let target = target(&mut facts);
    (target.replicas, target.rollout) = (6, pods(6));
    let plan = decide(&facts, &[], t(30));
    assert_eq!((plan.effects, plan.notices), (vec![route(60)], vec![]));
}

#[test]
fn pods_go_only_when_the_weight_has_fallen_and_their_requests_are_done() {
    let mut facts = follows(20, 8);
    let plan = decide(&facts, &[], t(9));
    assert_eq!((plan.effects, plan.wake), (vec![], Some(t(10))));
    assert_eq!(decide(&facts, &[], t(10)).effects, [Effect::ScaleTarget(4)]);
    facts.route = RouteSeen::Seen { routing: Routing::split(Percent::clamped(60)), shape: Shape::AsWanted };
    assert!(decide(&facts, &[], t(10)).effects.contains(&Effect::ScaleTarget(6)), "as long as it is routed there");
}

#[test]
fn blue_green_is_as_large_as_the_primary_before_everybody_comes() {
    let mut facts = follows(0, 1);
    let iterations = NonZeroU32::new(2).unwrap();
    facts.settings.as_mut().unwrap().strategy = Strategy::BlueGreen { iterations, mirror: Mirror::Off };
    facts.journal.step = facts.journal.step.map(|step| Step { course: Some(Course::BlueGreen), ..step });
    facts.journal.iterations = 1;
    assert_eq!(decide(&facts, &[], t(5)).effects, []);
    facts.journal.iterations = 2;
    assert_eq!(decide(&facts, &[], t(5)).effects, [Effect::ScaleTarget(10)]);
}

#[test]
fn an_ab_test_has_the_pods_that_its_user_counted() {
    let mut facts = sized(CanarySize::Count(2), 100, 2);
    facts.settings.as_mut().unwrap().strategy = Strategy::AbTest { iterations: NonZeroU32::new(2).unwrap() };
    facts.journal.step = facts.journal.step.map(|step| Step { course: Some(Course::AbTest), ..step });
    assert_eq!(decide(&facts, &[], t(5)).effects, []);
    facts.settings.as_mut().unwrap().canary_size = CanarySize::Weight;
    assert_eq!(decide(&facts, &[], t(5)).effects, [Effect::ScaleTarget(10)]);
}

#[test]
fn a_small_canary_does_not_take_everybody_when_the_promotion_fails() {
    for (there, weight) in [(6, Percent::ZERO), (10, Percent::FULL)] {
        let mut facts = follows(60, there);
        facts.journal.phase = Phase::Promoting;
        facts.journal.step = facts.journal.step.map(|step| Step { waiting_since: Some(t(0)), ..step });
        let rollout = Rollout { updated: 1, ..pods(10) };
        let runs = PrimaryMatch::Revision(rev("b"));
        facts.primary = Seen::Found(PrimarySeen { runs, replicas: 10, rollout });
        let plan = decide(&facts, &[], t(600));
        assert_eq!((plan.journal.phase, plan.journal.weight), (Phase::Failed, weight), "{there} pods");
    }
}

#[test]
fn a_deleted_canary_gives_the_target_all_its_pods_back_before_it_serves() {
    let mut facts = Facts { deleting: true, finalizer: true, ..follows(20, 2) };
    let plan = decide(&facts, &[], t(10));
    assert_eq!((plan.journal.phase, plan.effects), (Phase::Terminating, vec![Effect::ScaleTarget(10)]));
    facts.journal = plan.journal;
    let target = target(&mut facts);
    (target.replicas, target.rollout) = (10, pods(10));
    assert!(decide(&facts, &[], t(20)).effects.contains(&Effect::ReleaseRoute));
}

#[test]
fn an_edit_of_the_spec_gives_the_canary_the_pods_that_it_lacks() {
    let facts = sized(CanarySize::AsPrimary, 20, 2);
    assert_eq!(decide(&facts, &[], t(10)).effects, [Effect::ScaleTarget(10)]);
    let facts = Facts { journal: Journal { full: None, ..facts.journal.clone() }, ..facts };
    assert_eq!(decide(&facts, &[], t(10)).effects, [], "as it was, where it never was smaller");
}

proptest! {
    /// Whatever pods are there, the share rises only to what they can carry, and none go that it needs.
    #[test]
    fn no_share_rises_above_what_the_pods_can_carry(
        weight in 0_i64..=60, there in 0_u32..12, ready in 0_u32..12, second in 0_i64..300, count in 1_u32..12,
        follow: bool, passes: bool,
    ) {
        let size = if follow { CanarySize::Weight } else { CanarySize::Count(count) };
        let mut facts = sized(size, weight, there);
        let ready = ready.min(there);
        target(&mut facts).rollout.available = ready;
        facts.endpoints.canary = ready;
        let answers = if passes { success(100.0) } else { Vec::new() };
        for effect in decide(&facts, &answers, t(second)).effects {
            match effect {
                Effect::Route(routing) if i64::from(routing.canary.whole()) > weight => {
                    prop_assert!(ready >= routing.canary.of(10), "{routing:?} for {ready} pods");
                }
                Effect::ScaleTarget(pods @ 1..) => prop_assert!(pods >= Percent::clamped(weight).of(10)),
                _ => {}
            }
        }
    }
}
