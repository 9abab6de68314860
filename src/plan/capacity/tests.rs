//! Claims about capacity: TC-04, TC-16 and TC-31.

use std::time::Duration;

use proptest::prelude::*;

use super::super::decide;
use super::super::tests::{analysing, pods, rev, settled, success, t, target};
use super::*;
use crate::model::{Endpoints, Facts, Percent, Plan, PrimaryMatch, PrimarySeen, ScalerSeen};

/// An autoscaler with room for 30 pods.
fn scaled(facts: &mut Facts, hold: Option<Hold>) {
    facts.scaling = Scaling::Auto(ScalerSeen { shape: Shape::AsWanted, hold, least: 3, most: 30 });
}

fn primary_of(facts: &mut Facts, replicas: u32, revision: &str) {
    let runs = PrimaryMatch::Revision(rev(revision));
    facts.primary = Seen::Found(PrimarySeen { runs, replicas, rollout: pods(replicas) });
    facts.endpoints = Endpoints { primary: replicas, canary: 2, ..Endpoints::default() };
}

fn holds(plan: &Plan) -> Vec<Option<Hold>> {
    let hold = |effect: &Effect| if let Effect::Scaler(hold) = effect { Some(*hold) } else { None };
    plan.effects.iter().filter_map(hold).collect()
}

/// Promoting from 50 %: the primary runs the new revision, both sides are ready.
fn promoting(primary: u32, canary: u32, hold: Option<Hold>) -> Facts {
    let mut facts = analysing(50);
    facts.journal.phase = Phase::Promoting;
    scaled(&mut facts, hold);
    primary_of(&mut facts, primary, "b");
    let target = target(&mut facts);
    (target.replicas, target.rollout) = (canary, pods(canary));
    facts
}

#[test]
fn a_release_holds_the_primary_at_what_it_had() {
    let mut facts = analysing(20);
    scaled(&mut facts, None);
    primary_of(&mut facts, 8, "a");
    assert_eq!(holds(&decide(&facts, &[], t(30))), [Some(Hold::Release(8))]);
    scaled(&mut facts, Some(Hold::Release(8)));
    primary_of(&mut facts, 12, "a");
    assert_eq!(holds(&decide(&facts, &[], t(30))), [], "it may grow, and may shrink to what is held");
    scaled(&mut facts, Some(Hold::Promotion(15)));
    assert_eq!(holds(&decide(&facts, &[], t(30))), [Some(Hold::Release(15))], "the release before this one needed it");
}

#[test]
fn traffic_returns_only_to_a_primary_that_can_take_all_of_it() {
    let plan = decide(&promoting(10, 20, Some(Hold::Release(10))), &[], t(30));
    assert_eq!((plan.journal.phase, holds(&plan)), (Phase::Promoting, vec![Some(Hold::Promotion(30))]));
    let plan = decide(&promoting(29, 20, Some(Hold::Promotion(30))), &[], t(30));
    assert_eq!((plan.journal.phase, plan.journal.weight), (Phase::Promoting, Percent::clamped(50)));
    let plan = decide(&promoting(30, 20, Some(Hold::Promotion(30))), &[], t(30));
    assert_eq!((plan.journal.phase, plan.journal.weight), (Phase::Finalising, Percent::ZERO));
}

#[test]
fn a_primary_that_gets_no_more_pods_takes_its_traffic_back_after_the_deadline() {
    let mut facts = promoting(10, 20, Some(Hold::Promotion(30)));
    facts.journal.step = facts.journal.step.map(|step| crate::model::Step { waiting_since: Some(t(0)), ..step });
    let plan = decide(&facts, &[], t(599));
    assert_eq!(plan.journal.phase, Phase::Promoting);
    let plan = decide(&facts, &[], t(600));
    assert_eq!((plan.journal.phase, holds(&plan)), (Phase::Finalising, vec![Some(Hold::Promotion(10))]));
}

#[test]
fn what_was_held_is_let_go_when_the_autoscaler_has_seen_the_traffic() {
    let mut facts = settled();
    scaled(&mut facts, Some(Hold::Promotion(12)));
    let plan = decide(&facts, &[], t(60));
    assert_eq!((holds(&plan), plan.wake), (vec![], Some(t(300))));
    assert_eq!(holds(&decide(&facts, &[], t(300))), [None]);
    facts.journal.phase = Phase::Failed;
    facts.journal.weight = Percent::FULL;
    assert_eq!(holds(&decide(&facts, &[], t(9999))), [], "the canary still has the traffic");
}

#[test]
fn an_edit_of_the_users_autoscaler_reaches_the_primary_without_a_release() {
    let mut facts = settled();
    facts.scaling = Scaling::Auto(ScalerSeen { shape: Shape::Differs, hold: None, least: 3, most: 30 });
    let plan = decide(&facts, &[], t(60));
    assert_eq!((plan.journal.phase, plan.effects), (Phase::Initialized, vec![Effect::Scaler(None)]));
}

#[test]
fn an_autoscaler_that_the_spec_no_longer_names_goes() {
    let mut facts = settled();
    facts.scaling = Scaling::Orphaned;
    assert_eq!(decide(&facts, &[], t(60)).effects, [Effect::Scaler(None)]);
}

#[test]
fn a_canary_starts_as_small_as_its_autoscaler_allows() {
    let mut facts = settled();
    scaled(&mut facts, None);
    primary_of(&mut facts, 20, "a");
    target(&mut facts).revision = rev("b");
    assert!(decide(&facts, &[], t(0)).effects.contains(&Effect::ScaleTarget(3)));
    facts.deleting = true;
    facts.finalizer = true;
    let plan = decide(&facts, &[], t(0));
    assert!(plan.effects.contains(&Effect::ScaleTarget(20)), "it gets all traffic at once: {:?}", plan.effects);
}

#[test]
fn nothing_scales_a_primary_that_has_not_served_yet() {
    let mut facts = settled();
    facts.journal.phase = Phase::Initializing;
    facts.scaling = Scaling::Auto(ScalerSeen { shape: Shape::Missing, hold: None, least: 3, most: 30 });
    facts.endpoints.primary = 0;
    assert_eq!(holds(&decide(&facts, &[], t(0))), []);
}

#[test]
fn a_promotion_does_not_succeed_with_a_primary_without_pods() {
    let mut facts = promoting(0, 3, Some(Hold::Promotion(3)));
    facts.endpoints.primary = 0;
    let plan = decide(&facts, &success(100.0), t(30));
    assert_eq!(plan.journal.phase, Phase::Promoting);
    facts.journal.phase = Phase::Finalising;
    let plan = decide(&facts, &[], t(30));
    assert_ne!(plan.journal.phase, Phase::Succeeded);
    assert!(plan.wake.is_some_and(|wake| wake <= t(30).after(Duration::from_secs(600))));
}

proptest! {
    /// Whatever the autoscalers did before, the primary has the pods for its share when its traffic returns.
    #[test]
    fn the_primary_never_gets_traffic_back_that_it_has_no_pods_for(
        primary in 1_u32..30, canary in 1_u32..30, weight in 1_i64..=100, held in 0_u32..40, promotion: bool,
    ) {
        let hold = if promotion { Hold::Promotion(held.max(1)) } else { Hold::Release(held.max(1)) };
        let mut facts = promoting(primary, canary, Some(hold));
        facts.journal.weight = Percent::clamped(weight);
        let plan = decide(&facts, &[], t(30));
        if plan.journal.weight < facts.journal.weight {
            prop_assert!(promotion && primary >= held.min(30), "{:?}", plan.journal);
        } else {
            let asked = holds(&plan);
            let enough = asked.iter().flatten().all(|hold| hold.pods() >= primary.min(30));
            prop_assert!(enough && (promotion || !asked.is_empty()), "{asked:?}");
        }
    }
}
