//! Deletion with `revertOnDeletion`: who serves meanwhile, and that it ends.

use super::*;

/// The settled canary is deleted at second 0.
fn deleted() -> Facts {
    Facts { deleting: true, finalizer: true, ..settled() }
}

/// The target runs two pods that its Service lists.
fn serving(facts: &mut Facts) {
    facts.target = Seen::Found(TargetSeen { replicas: 2, rollout: pods(2), ..target(facts).clone() });
    facts.endpoints.canary = 2;
}

#[test]
fn deletion_gives_the_traffic_back_only_to_a_target_that_can_serve() {
    let mut facts = deleted();
    let plan = decide(&facts, &[], t(0));
    assert_eq!(plan.effects, [Effect::ScaleTarget(2)]);
    facts.journal = plan.journal;
    serving(&mut facts);
    let plan = decide(&facts, &[], t(5));
    assert_eq!(plan.effects, [Effect::ReleaseApex, Effect::ReleaseRoute]);
    (facts.journal, facts.released) = (plan.journal, true);
    let plan = decide(&facts, &[], t(15));
    assert_eq!(plan.effects, [Effect::ReleaseApex, Effect::ReleaseRoute, Effect::Discard, Effect::RemoveFinalizer]);
}

/// Behind a gateway that takes a route over step by step.
#[test]
fn the_primary_drains_from_the_moment_at_which_no_request_goes_to_it() {
    let mut facts = deleted();
    serving(&mut facts);
    facts.journal = decide(&facts, &[], t(0)).journal;
    let plan = decide(&facts, &[], t(8));
    assert_eq!((plan.effects, plan.wake), (vec![Effect::ReleaseApex, Effect::ReleaseRoute], Some(t(18))));
    (facts.journal, facts.released) = (plan.journal, true);
    assert_eq!(decide(&facts, &[], t(17)).effects, [Effect::ReleaseApex, Effect::ReleaseRoute]);
    assert!(decide(&facts, &[], t(18)).effects.contains(&Effect::Discard));
}

#[test]
fn a_primary_whose_requests_never_find_another_way_stays_when_deletion_ends() {
    let mut facts = deleted();
    serving(&mut facts);
    facts.journal = decide(&facts, &[], t(0)).journal;
    facts.journal = decide(&facts, &[], t(599)).journal;
    let plan = decide(&facts, &[], t(600));
    assert_eq!(plan.effects, [Effect::ReleaseApex, Effect::ReleaseRoute, Effect::RemoveFinalizer]);
}

#[test]
fn a_target_that_is_still_going_down_is_down_before_it_is_scaled_up_again() {
    let mut facts = deleted();
    target(&mut facts).rollout.total = 2;
    let plan = decide(&facts, &[], t(0));
    assert_eq!(plan.effects, []);
    facts.journal = plan.journal;
    target(&mut facts).rollout.total = 0;
    assert_eq!(decide(&facts, &[], t(1)).effects, [Effect::ScaleTarget(2)]);
}

#[test]
fn deletion_with_a_spec_that_cannot_be_read_gives_back_and_ends() {
    let mut facts = Facts { settings: None, ..deleted() };
    let plan = decide(&facts, &[], t(0));
    assert_eq!(plan.effects, [Effect::ScaleTarget(2)]);
    facts.journal = plan.journal;
    serving(&mut facts);
    let plan = decide(&facts, &[], t(5));
    assert_eq!(plan.effects, [Effect::ReleaseApex, Effect::ReleaseRoute]);
    (facts.journal, facts.released) = (plan.journal, true);
    let effects = decide(&facts, &[], t(15)).effects;
    assert_eq!(effects, [Effect::ReleaseApex, Effect::ReleaseRoute, Effect::Discard, Effect::RemoveFinalizer]);
}

#[test]
fn deletion_with_the_primary_missing_scales_the_target_up_before_anything_is_released() {
    let mut facts = Facts { primary: Seen::Missing, ..deleted() };
    facts.endpoints.primary = 0;
    let plan = decide(&facts, &[], t(0));
    assert_eq!(plan.effects, [Effect::ScaleTarget(1)]);
    facts.journal = plan.journal;
    target(&mut facts).replicas = 1;
    assert_eq!(decide(&facts, &[], t(5)).effects, [], "until it serves");
}

#[test]
fn a_target_that_cannot_serve_leaves_the_primary_serving_and_the_deletion_ends() {
    let mut facts = deleted();
    facts.journal = decide(&facts, &[], t(0)).journal;
    target(&mut facts).replicas = 2;
    assert_eq!(decide(&facts, &[], t(599)).effects, []);
    let plan = decide(&facts, &[], t(600));
    assert_eq!((plan.effects, plan.notices), (vec![Effect::RemoveFinalizer], vec![Notice::Terminated]));
}

#[test]
fn the_finalizer_comes_and_goes_with_the_spec() {
    let mut facts = settled();
    facts.settings.as_mut().unwrap().revert_on_deletion = true;
    assert_eq!(decide(&facts, &[], t(0)).effects, [Effect::AddFinalizer]);
    facts.finalizer = true;
    assert_eq!(decide(&facts, &[], t(0)).effects, []);
    facts.settings.as_mut().unwrap().revert_on_deletion = false;
    assert_eq!(decide(&facts, &[], t(0)).effects, [Effect::RemoveFinalizer]);
    facts.settings.as_mut().unwrap().suspend = true;
    assert_eq!(decide(&facts, &[], t(0)).effects, [Effect::RemoveFinalizer], "nothing is held while it is suspended");
}

#[test]
fn a_canary_deleted_without_our_finalizer_is_left_as_it_is() {
    let facts = Facts { deleting: true, finalizer: false, ..analysing(40) };
    assert_eq!(questions(&facts, &[], t(60)), []);
    let plan = decide(&facts, &success(100.0), t(60));
    assert_eq!(plan, Plan { journal: facts.journal, effects: vec![], notices: vec![], wake: None });
}

#[test]
fn a_target_that_is_only_not_seen_does_not_take_the_primary_along() {
    let mut facts = deleted();
    let seen = std::mem::replace(&mut facts.target, Seen::Missing);
    let plan = decide(&facts, &[], t(0));
    assert_eq!((plan.effects, plan.wake), (vec![], Some(t(30))));
    facts.journal = plan.journal;
    assert_eq!(decide(&facts, &[], t(29)).effects, []);
    facts.target = seen;
    assert_eq!(decide(&facts, &[], t(29)).effects, [Effect::ScaleTarget(2)], "it was there all the time");
}

#[test]
fn deletion_ends_even_when_the_target_is_gone() {
    let mut facts = Facts { target: Seen::Missing, ..deleted() };
    facts.journal = decide(&facts, &[], t(0)).journal;
    assert_eq!(decide(&facts, &[], t(30)).effects, [Effect::Discard, Effect::RemoveFinalizer]);
}

#[test]
fn an_apex_that_led_nowhere_is_known_before_the_route_leads_to_it() {
    let mut facts = analysing(100);
    (facts.deleting, facts.finalizer) = (true, true);
    facts.endpoints.primary = 0;
    let plan = decide(&facts, &[], t(60));
    assert_eq!((plan.effects, plan.journal.phase), (vec![Effect::ReleaseApex], Phase::Terminating));
    assert_eq!(plan.wake, Some(t(65)));
    facts.journal = plan.journal;
    assert_eq!(decide(&facts, &[], t(65)).effects, [Effect::ReleaseApex, Effect::ReleaseRoute]);
}
