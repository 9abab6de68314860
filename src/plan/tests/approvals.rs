//! Gates that no server answers for: a person opens them.

use super::*;

/// The same facts under a spec whose gates of these moments wait for a person.
fn by_hand(mut facts: Facts, moments: &[Moment]) -> Facts {
    let gate = |moment: &Moment| Approval { name: moment.as_str().into(), moment: *moment, deadline: None };
    facts.settings.as_mut().unwrap().approvals = moments.iter().map(gate).collect();
    facts
}

/// What is decided, and the facts in which it is written down and routed.
fn decided(mut facts: Facts, answers: &[Answer], second: i64) -> (Facts, Plan) {
    let plan = decide(&facts, answers, t(second));
    facts.journal = plan.journal.clone();
    for effect in &plan.effects {
        if let Effect::Route(routing) = effect {
            facts.route = RouteSeen::Seen { routing: routing.clone(), shape: Shape::AsWanted };
        }
    }
    (facts, plan)
}

fn resumed(mut facts: Facts, second: i64) -> Facts {
    facts.request = Request::new(&format!("resume/{second}"), Some("kubectl".to_owned()));
    decided(facts, &[], second).0
}

fn outcome(facts: &Facts) -> &str {
    facts.journal.handled.as_ref().map_or("", |handled| handled.outcome.as_str())
}

/// Revision `b` waits for a person since second 0.
fn waiting() -> Facts {
    let mut facts = by_hand(settled(), &[Moment::ConfirmRollout]);
    target(&mut facts).revision = rev("b");
    decided(facts, &[], 0).0
}

#[test]
fn a_gate_without_a_url_calls_nobody_and_stays_closed_until_a_person_opens_it() {
    let facts = waiting();
    assert_eq!((facts.journal.phase, questions(&facts, &[], t(60))), (Phase::Waiting, vec![]));
    let said = &facts.journal.condition(ConditionKind::Reconciling).unwrap().message;
    assert!(said.contains("waits for a person; open it with the annotation serin.dev/request: resume/<id>"), "{said}");
    let (facts, plan) = decided(facts, &[], 3600);
    assert_eq!((facts.journal.phase, plan.effects, plan.notices), (Phase::Waiting, vec![], vec![]));
    let facts = resumed(facts, 4000);
    assert_eq!(outcome(&facts), "the gate is open, and the release goes on");
    let (facts, plan) = decided(facts, &[], 4001);
    assert_eq!((facts.journal.phase, plan.effects), (Phase::Progressing, vec![Effect::ScaleTarget(2)]));
}

#[test]
fn a_gate_is_open_for_the_revision_that_the_person_saw_and_no_other() {
    let mut facts = resumed(waiting(), 30);
    target(&mut facts).revision = rev("c");
    let (facts, _) = decided(facts, &[], 31);
    assert_eq!((facts.journal.phase, facts.journal.last_promoted.clone()), (Phase::Waiting, Some(rev("a"))));
    let (facts, _) = decided(facts, &[], 91);
    assert_eq!(facts.journal.opened, None, "the status shows no gate as open that is closed");
}

#[test]
fn each_step_waits_for_a_person_of_its_own() {
    let facts = by_hand(analysing(20), &[Moment::ConfirmTrafficIncrease]);
    let (facts, plan) = decided(facts, &success(100.0), 60);
    assert_eq!((facts.journal.weight, plan.effects), (Percent::clamped(20), vec![]));
    let facts = resumed(facts, 70);
    assert_eq!(questions(&facts, &[], t(71)).len(), 1, "its KPIs are checked once more");
    let (facts, plan) = decided(facts, &success(100.0), 71);
    assert_eq!((plan.effects, facts.journal.opened.clone()), (vec![route(40)], None));
    let (facts, plan) = decided(facts, &success(100.0), 131);
    assert_eq!((facts.journal.weight, plan.effects), (Percent::clamped(40), vec![]));
}

#[test]
fn an_opened_gate_leaves_comparisons_time_for_requests() {
    let facts = by_hand(analysing(60), &[Moment::ConfirmPromotion]);
    let (mut facts, _) = decided(facts, &success(100.0), 60);
    let state = Compared {
        requests: None,
        canary: None,
        primary: None,
        low: None,
        high: None,
        e_value: None,
        until: t(60),
        state: String::new(),
    };
    facts.journal.readings.iter_mut().for_each(|reading| reading.compared = Some(state.clone()));
    let facts = resumed(facts, 61);
    assert_eq!(questions(&facts, &[], t(62)), [], "nothing was counted since");
    assert_eq!(questions(&facts, &[], t(75)).len(), 1);
}

#[test]
fn an_open_gate_takes_no_canary_past_its_kpis() {
    let facts = by_hand(analysing(60), &[Moment::ConfirmPromotion]);
    let (facts, _) = decided(facts, &success(100.0), 60);
    assert_eq!(facts.journal.phase, Phase::WaitingPromotion);
    let (failing, _) = decided(resumed(facts.clone(), 70), &success(0.0), 71);
    assert_eq!((failing.journal.phase, failing.journal.failed_checks), (Phase::WaitingPromotion, 1));
    let (passing, _) = decided(resumed(facts, 70), &success(100.0), 71);
    assert_eq!(passing.journal.phase, Phase::Promoting);
}

#[test]
fn a_person_that_does_not_come_is_waited_for_until_the_deadline() {
    let mut facts = by_hand(analysing(60), &[Moment::ConfirmPromotion]);
    let deadline = Some(Deadline { after: Duration::from_secs(300), then: Overdue::RollBack });
    facts.settings.as_mut().unwrap().approvals.iter_mut().for_each(|gate| gate.deadline = deadline);
    let (facts, _) = decided(facts, &success(100.0), 60);
    let (facts, _) = decided(facts, &success(100.0), 359);
    assert_eq!(facts.journal.phase, Phase::WaitingPromotion);
    let (facts, _) = decided(facts, &success(100.0), 420);
    assert_eq!(facts.journal.phase, Phase::Failed);
}

#[test]
fn a_resume_where_nobody_is_waited_for_is_refused() {
    let facts = resumed(by_hand(analysing(20), &[Moment::ConfirmPromotion]), 10);
    assert_eq!((outcome(&facts).starts_with("refused: "), facts.journal.opened.clone()), (true, None));
}
