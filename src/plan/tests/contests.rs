//! Another hand that sets the weights of the route again and again.

use super::*;

/// Tenths of a second.
fn tenth(tenths: i64) -> Time {
    Time::from_millis(tenths * 100)
}

fn edited(facts: &mut Facts) {
    facts.route = RouteSeen::Seen { routing: Routing::split(Percent::clamped(65)), shape: Shape::AsWanted };
    facts.writer = Some("kubectl-edit".to_owned());
}

fn is_route(effect: &Effect) -> bool {
    matches!(effect, Effect::Route(_))
}

/// Edits ten times a second for a minute: how often they were undone, and what was told of it.
fn fight(facts: &mut Facts) -> (usize, Vec<Notice>) {
    let (mut undone, mut told) = (0, Vec::new());
    for now in 1..=600 {
        edited(facts);
        let plan = decide(facts, &[], tenth(now));
        undone += plan.effects.iter().filter(|effect| is_route(effect)).count();
        told.extend(plan.notices);
        facts.journal = plan.journal;
    }
    (undone, told)
}

#[test]
fn weights_that_another_hand_sets_again_and_again_are_set_back_ever_more_rarely_and_that_is_told_once() {
    let mut facts = analysing(20);
    let (undone, told) = fight(&mut facts);
    assert!((6..=20).contains(&undone), "{undone}");
    let conflicts = told.iter().filter(|notice| matches!(notice, Notice::OwnershipConflict(_))).count();
    assert_eq!((conflicts, told.len()), (1, 5), "{told:?}");
    assert_eq!(facts.journal.weight, Percent::clamped(20), "what is not as asked is not judged");
    let stalled = facts.journal.condition(ConditionKind::Stalled).unwrap();
    assert_eq!(stalled.reason, "OwnershipConflict");
    assert!(stalled.message.starts_with("kubectl-edit sets the weights"), "{}", stalled.message);
}

#[test]
fn the_last_edit_is_undone_in_its_time_though_a_check_is_overdue() {
    let mut facts = analysing(20);
    fight(&mut facts);
    edited(&mut facts);
    let plan = decide(&facts, &[], t(62));
    let at = plan.wake.unwrap();
    assert!(plan.effects.is_empty() && at > t(62), "{plan:?}");
    facts.journal = plan.journal;
    assert!(decide(&facts, &[], at).effects.iter().any(is_route));
}

#[test]
fn a_contest_is_over_two_minutes_after_the_last_edit() {
    let mut facts = analysing(20);
    fight(&mut facts);
    let last = facts.journal.contest.unwrap().last;
    facts.route = RouteSeen::Seen { routing: Routing::split(Percent::clamped(20)), shape: Shape::AsWanted };
    facts.journal.step = facts.journal.step.map(|step| Step { next_check_at: t(600), ..step });
    let plan = decide(&facts, &[], t(61));
    assert!(plan.wake.unwrap() <= last.after(Duration::from_secs(120)), "{:?}", plan.wake);
    facts.journal = plan.journal;
    let plan = decide(&facts, &[], last.after(Duration::from_secs(120)));
    assert_eq!((plan.journal.contest, plan.journal.condition(ConditionKind::Stalled)), (None, None));
}

#[test]
fn after_a_contest_the_weights_stand_for_an_interval_before_they_are_judged() {
    let mut facts = analysing(20);
    fight(&mut facts);
    let last = facts.journal.contest.unwrap().last;
    facts.route = RouteSeen::Seen { routing: Routing::split(Percent::clamped(20)), shape: Shape::AsWanted };
    assert!(questions(&facts, &[], t(61)).is_empty(), "a check is overdue");
    let plan = decide(&facts, &success(100.0), t(61));
    let judged = last.after(Duration::from_secs(60));
    assert_eq!((plan.journal.weight, plan.wake), (Percent::clamped(20), Some(judged)));
    assert!(!questions(&facts, &[], judged).is_empty());
    assert_eq!(decide(&facts, &success(100.0), judged).journal.weight, Percent::clamped(40));
}

#[test]
fn where_a_request_would_be_lost_the_weights_are_set_back_each_time() {
    let mut facts = analysing(20);
    facts.endpoints.canary = 0;
    let (undone, _) = fight(&mut facts);
    assert!(undone > 500, "{undone}");
    let mut settled = settled();
    let (undone, _) = fight(&mut settled);
    assert!(undone > 500, "there is no release whose canary could have a share: {undone}");
}
