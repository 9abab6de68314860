//! The first deployment, where it is judged.

use super::*;

/// The target serves behind a Service of its user's, and its primary is ready; a check is due at second 60.
fn first() -> Facts {
    let mut facts = settled();
    facts.settings.as_mut().unwrap().first = First::Judged;
    (target(&mut facts).replicas, target(&mut facts).rollout) = (2, pods(2));
    facts.endpoints.canary = 2;
    (facts.apex, facts.route) = (Shape::Differs, RouteSeen::Missing);
    facts.journal = Journal { phase: Phase::Initializing, conditions: facts.journal.conditions, ..Journal::default() };
    facts.journal.observed_generation = 1;
    let (weight, course) = (Percent::ZERO, None);
    let step = Step { weight, started_at: t(0), next_check_at: t(60), waiting_since: None, held_since: None, course };
    facts.journal.step = Some(step);
    facts
}

#[test]
fn the_first_deployment_takes_over_only_after_a_check_of_the_target() {
    let facts = first();
    assert_eq!((decide(&facts, &[], t(59)).effects, questions(&facts, &[], t(59))), (vec![], vec![]));
    assert!(matches!(questions(&facts, &[], t(60)).as_slice(), [Question::Measure(_)]));
    let plan = decide(&facts, &success(100.0), t(60));
    assert_eq!(plan.effects, [Effect::Apex, Effect::Route(Routing::PRIMARY)]);
    let mut unasked = facts;
    unasked.settings.as_mut().unwrap().first = First::Ready;
    assert_eq!(decide(&unasked, &[], t(59)).effects, [Effect::Apex, Effect::Route(Routing::PRIMARY)]);
}

#[test]
fn a_first_deployment_that_fails_moves_nothing_and_is_checked_again() {
    let plan = decide(&first(), &success(98.0), t(60));
    assert_eq!((plan.effects, plan.wake), (vec![], Some(t(120))));
    assert_eq!((plan.journal.phase, plan.journal.failed_checks), (Phase::Initializing, 1));
    assert!(matches!(plan.notices.as_slice(), [Notice::Halted(_)]));
    let said = plan.journal.condition(ConditionKind::Reconciling).unwrap();
    assert!(said.message.contains("failed 1 checks"), "{}", said.message);
}

#[test]
fn when_its_time_is_up_somebody_has_to_mend_it() {
    let mut facts = first();
    facts.journal = decide(&facts, &success(98.0), t(60)).journal;
    facts.journal.step = facts.journal.step.map(|step| Step { next_check_at: t(660), ..step });
    let plan = decide(&facts, &success(98.0), t(660));
    assert!(plan.notices.contains(&Notice::FirstFailed(2)), "{:?}", plan.notices);
    facts.journal = plan.journal;
    assert_eq!(questions(&facts, &[], t(800)), vec![]);
    let plan = decide(&facts, &[], t(800));
    assert_eq!((plan.effects, plan.wake), (vec![], None));
    let reason = |kind| facts.journal.condition(kind).map(|said| said.reason.as_str());
    assert_eq!(
        (reason(ConditionKind::Stalled), reason(ConditionKind::Reconciling)),
        (Some("FirstDeploymentFailed"), None)
    );
    let retried = decide(&Facts { request: Request::new("retry/1", None), ..facts.clone() }, &[], t(800)).journal;
    assert_eq!(questions(&Facts { journal: retried, ..facts }, &[], t(801)).len(), 1);
}

#[test]
fn a_fix_of_the_first_deployment_is_what_is_judged_and_what_takes_over() {
    let mut facts = first();
    target(&mut facts).revision = rev("b");
    let plan = decide(&facts, &success(100.0), t(60));
    assert_eq!(plan.effects, [Effect::Primary(PrimarySource::Target(rev("b")))]);
}

#[test]
fn hooks_that_test_a_release_test_the_first_deployment_too() {
    let mut facts = gates::with_hooks(first(), &[Moment::PreRollout, Moment::Rollout]);
    let asked = |facts: &Facts, answers: &[Answer]| match questions(facts, answers, t(60)).as_slice() {
        [Question::Hook(call)] => Some((call.hook.moment, call.revision.clone())),
        _ => None,
    };
    assert_eq!(asked(&facts, &[]), Some((Moment::PreRollout, Some(rev("a")))));
    let [Question::Hook(call)] = &questions(&facts, &[], t(60))[..] else { panic!("it is asked first") };
    let no = [Answer::Hook(call.clone(), Reply::No("answered 500".into()))];
    let plan = decide(&facts, &no, t(60));
    assert_eq!((plan.effects, plan.journal.failed_checks), (vec![], 1));
    let yes = [Answer::Hook(call.clone(), Reply::Yes)];
    assert_eq!(asked(&facts, &yes).map(|(moment, _)| moment), Some(Moment::Rollout));
    facts.journal.prepared = Some(rev("a"));
    assert_eq!(asked(&facts, &[]).map(|(moment, _)| moment), Some(Moment::Rollout), "once for a revision");
}

#[test]
fn where_somebody_scaled_the_target_to_zero_the_primary_takes_over_unjudged() {
    let mut facts = first();
    (target(&mut facts).replicas, target(&mut facts).rollout) = (0, pods(0));
    facts.endpoints.canary = 0;
    assert_eq!(decide(&facts, &[], t(10)).effects, [Effect::Apex, Effect::Route(Routing::PRIMARY)]);
}
