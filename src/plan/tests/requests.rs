//! Requests by annotation: once, and with an outcome that is told.

use super::*;

fn asking(mut facts: Facts, text: &str) -> Facts {
    facts.request = Request::new(text, Some("kubectl-annotate".to_owned()));
    facts
}

fn outcome(plan: &Plan) -> &str {
    plan.journal.handled.as_ref().map_or("", |handled| handled.outcome.as_str())
}

#[test]
fn a_request_is_handled_once_with_its_time_and_who_asked() {
    let mut facts = asking(analysing(20), "set-weight=40/a1");
    let plan = decide(&facts, &[], t(10));
    assert_eq!((plan.journal.weight, outcome(&plan)), (Percent::clamped(40), "the canary has 40 %"));
    let handled = plan.journal.handled.clone().unwrap();
    assert_eq!(
        (handled.request.as_str(), handled.by.as_deref(), handled.at),
        ("set-weight=40/a1", Some("kubectl-annotate"), t(10))
    );
    assert!(plan.notices.iter().any(|notice| matches!(notice, Notice::Requested { .. })));
    facts.journal = plan.journal;
    facts.route = RouteSeen::Seen { routing: Routing::split(Percent::clamped(40)), shape: Shape::AsWanted };
    let again = decide(&facts, &[], t(20));
    assert_eq!(again.journal, facts.journal, "the same text is the same request");
    assert!(again.notices.is_empty());
}

#[test]
fn promote_skips_the_rest_of_the_analysis_and_its_gates_but_never_a_canary_that_is_not_ready() {
    let mut facts = asking(analysing(20), "promote/1");
    let plan = decide(&facts, &[], t(10));
    assert_eq!(plan.journal.phase, Phase::Promoting, "{}", outcome(&plan));
    facts.endpoints.canary = 0;
    let plan = decide(&facts, &[], t(10));
    assert_eq!(plan.journal.phase, Phase::Progressing);
    assert!(outcome(&plan).starts_with("refused: the canary is not ready"), "{}", outcome(&plan));
}

#[test]
fn abort_rolls_back_and_a_retry_analyses_the_same_revision_again() {
    let mut facts = asking(analysing(20), "abort/1");
    let plan = decide(&facts, &[], t(10));
    assert_eq!((plan.journal.phase, plan.journal.weight), (Phase::Failed, Percent::ZERO));
    assert!(plan.notices.contains(&Notice::Aborted(Some("kubectl-annotate".to_owned()))));
    facts.journal = plan.journal;
    facts.route = RouteSeen::Seen { routing: Routing::PRIMARY, shape: Shape::AsWanted };
    assert_eq!(decide(&facts, &[], t(30)).journal.phase, Phase::Failed, "the revision is known to fail");
    let plan = decide(&asking(facts, "retry/2"), &[], t(60));
    assert_eq!((plan.journal.phase, plan.journal.failed_checks), (Phase::Progressing, 0));
}

#[test]
fn a_release_that_is_paused_asks_and_moves_nothing_until_it_is_resumed() {
    let mut facts = asking(analysing(20), "pause/1");
    facts.journal = decide(&facts, &[], t(10)).journal;
    assert_eq!(facts.journal.paused, Some(t(10)));
    assert!(questions(&facts, &[], t(60)).is_empty());
    let plan = decide(&facts, &success(0.0), t(60));
    assert_eq!((plan.journal.weight, plan.journal.failed_checks), (Percent::clamped(20), 0));
    assert_eq!(plan.journal, facts.journal, "it costs nothing");
    let reconciling = facts.journal.condition(ConditionKind::Reconciling).unwrap();
    assert!(reconciling.message.contains("resume/<id>"), "{}", reconciling.message);
    let plan = decide(&asking(facts, "resume/2"), &[], t(600));
    assert_eq!((plan.journal.paused, plan.wake), (None, Some(t(660))), "the next check is a whole interval away");
}

#[test]
fn what_cannot_be_done_is_refused_with_what_to_write_and_changes_nothing() {
    let of = |facts: Facts, text: &str| decide(&asking(facts, text), &[], t(10));
    for (facts, text, why) in [
        (analysing(20), "stop/1", "promote, abort, pause, resume, retry or set-weight=N, followed by a slash"),
        (analysing(20), "promote", "followed by a slash and an id"),
        (analysing(20), "set-weight=90/1", "the last step before the promotion is 60 %"),
        (analysing(20), "resume/1", "no release is held"),
        (settled(), "promote/1", "the phase is Initialized"),
        (settled(), "retry/1", "only a revision that was rolled back"),
    ] {
        let before = facts.journal.clone();
        let plan = of(facts, text);
        assert!(outcome(&plan).starts_with("refused: ") && outcome(&plan).contains(why), "{text}: {}", outcome(&plan));
        assert_eq!((plan.journal.phase, plan.journal.weight), (before.phase, before.weight), "{text}");
    }
}

#[test]
fn a_newer_revision_ends_a_pause() {
    let mut facts = asking(analysing(20), "pause/1");
    facts.journal = decide(&facts, &[], t(10)).journal;
    target(&mut facts).revision = rev("c");
    let plan = decide(&facts, &[], t(20));
    assert_eq!((plan.journal.paused, plan.journal.last_applied), (None, Some(rev("c"))));
}

#[test]
fn a_weight_that_is_asked_for_before_the_first_check_keeps_its_wait_for_a_clean_window() {
    let mut facts = asking(analysing(20), "set-weight=40/1");
    facts.journal.vacant_since = Some(t(0));
    let plan = decide(&facts, &[], t(10));
    assert_eq!(plan.journal.weight, Percent::clamped(40));
    assert!(plan.journal.step.unwrap().next_check_at > t(60), "{:?}", plan.journal.step);
}
