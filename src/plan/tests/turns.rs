//! Releases that wait for their turn under the limit of a DeliveryPolicy.

use super::holds::{frozen, held, new_revision, next, set};
use super::*;

fn limited(mut facts: Facts, most: u32) -> Facts {
    set(&mut facts).limits = vec![Limit { policy: "production".to_owned(), most }];
    facts
}

fn after(position: u32) -> Vec<Answer> {
    vec![Answer::Turn(Turn::After { limit: Limit { policy: "production".to_owned(), most: 1 }, position })]
}

#[test]
fn a_release_waits_for_its_turn_and_keeps_its_place_in_the_queue() {
    let facts = limited(new_revision(), 1);
    assert_eq!(questions(&facts, &[], t(10)), [Question::Turn]);
    let plan = decide(&facts, &after(3), t(10));
    let wait = plan.journal.waits.clone().unwrap();
    assert_eq!((plan.journal.phase, held(&plan)), (Phase::Waiting, 1));
    assert_eq!(wait.reason, "DeliveryPolicy production lets 1 release run at once, and as many runs");
    assert_eq!(wait.queued, Some(Queued { since: t(10), position: 3 }));
    let says = plan.journal.condition(ConditionKind::Promoted).unwrap().message.clone();
    assert!(says.contains("its place in the queue is 3"), "{says}");

    let facts = next(&facts, &plan);
    let plan = decide(&facts, &after(2), t(70));
    let queued = plan.journal.waits.as_ref().unwrap().queued;
    assert_eq!((queued, held(&plan)), (Some(Queued { since: t(10), position: 2 }), 0), "a step forward is no event");
    assert_eq!(plan.wake, Some(t(100)), "whoever is to wake it may be gone");
    let facts = next(&facts, &plan);
    assert_eq!(decide(&facts, &[], t(80)).journal, facts.journal, "without an answer nothing is known");
    let plan = decide(&facts, &[Answer::Turn(Turn::Given)], t(90));
    assert_eq!((plan.journal.phase, plan.journal.waits), (Phase::Progressing, None));
}

#[test]
fn who_waits_for_something_else_is_in_no_queue() {
    let mut facts = limited(new_revision(), 1);
    let plan = decide(&facts, &after(1), t(10));
    facts = frozen(next(&facts, &plan), 100);
    assert_eq!(questions(&facts, &[], t(20)), []);
    let wait = decide(&facts, &[], t(20)).journal.waits.unwrap();
    assert_eq!((wait.until, wait.queued), (Some(t(100)), None));
}

#[test]
fn neither_a_rollback_nor_a_fix_for_what_users_meet_waits_for_a_turn() {
    let mut facts = limited(analysing(20), 1);
    facts.journal.failed_checks = 99;
    assert_eq!(decide(&facts, &after(5), t(60)).journal.phase, Phase::Failed);
    let mut facts = limited(new_revision(), 1);
    facts.journal.phase = Phase::Failed;
    facts.journal.weight = Percent::FULL;
    assert_eq!(questions(&facts, &[], t(10)), []);
    assert_eq!(decide(&facts, &[], t(10)).journal.phase, Phase::Progressing);
}

#[test]
fn a_limit_that_is_taken_back_holds_nobody() {
    let facts = limited(new_revision(), 1);
    let mut facts = next(&facts, &decide(&facts, &after(2), t(10)));
    set(&mut facts).limits.clear();
    assert_eq!(decide(&facts, &[], t(20)).journal.phase, Phase::Progressing);
}
