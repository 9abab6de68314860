//! What holds a release besides its hooks: a schedule, and canaries that come first.

use chrono_tz::Tz;

use super::*;

/// A freeze from second 0 to second `to`.
pub(super) fn frozen(mut facts: Facts, to: i64) -> Facts {
    let freezes = vec![Freeze { from: t(0), to: t(to), reason: Some("big sale".to_owned()) }];
    set(&mut facts).calendars = vec![own(Schedule { zone: Tz::UTC, windows: vec![], freezes })];
    facts
}

fn own(schedule: Schedule) -> Calendar {
    Calendar { of: Calendar::OWN.to_owned(), schedule: Ok(schedule) }
}

pub(super) fn set(facts: &mut Facts) -> &mut Settings {
    facts.settings.as_mut().unwrap()
}

pub(super) fn new_revision() -> Facts {
    let mut facts = settled();
    target(&mut facts).revision = rev("b");
    facts
}

pub(super) fn held(plan: &Plan) -> usize {
    plan.notices.iter().filter(|notice| matches!(notice, Notice::Held(_))).count()
}

/// The facts after `plan`, whose effects were carried out.
pub(super) fn next(facts: &Facts, plan: &Plan) -> Facts {
    let routing = Routing::split(plan.journal.weight);
    let route = RouteSeen::Seen { routing, shape: Shape::AsWanted };
    Facts { journal: plan.journal.clone(), route, ..facts.clone() }
}

#[test]
fn a_new_revision_waits_while_the_schedule_is_closed_and_begins_the_moment_it_opens() {
    let facts = frozen(new_revision(), 500);
    let plan = decide(&facts, &[], t(100));
    assert_eq!((plan.journal.phase, &*plan.effects, plan.wake), (Phase::Waiting, &[][..], Some(t(500))));
    assert_eq!(held(&plan), 1, "{:?}", plan.notices);
    assert_eq!(plan.journal.waits.as_ref().and_then(|wait| wait.until), Some(t(500)));
    for kind in [ConditionKind::Promoted, ConditionKind::Reconciling] {
        let message = &plan.journal.condition(kind).unwrap().message;
        assert!(message.contains("big sale") && message.contains("1970-01-01 00:08 UTC"), "{message}");
    }
    let facts = next(&facts, &plan);
    let plan = decide(&facts, &[], t(300));
    assert_eq!(
        (&plan.journal, held(&plan), plan.wake),
        (&facts.journal, 0, Some(t(500))),
        "told once, and nothing changes"
    );
    let plan = decide(&facts, &[], t(500));
    assert_eq!((plan.journal.phase, plan.journal.waits.clone()), (Phase::Progressing, None));
    assert_eq!(plan.effects, [Effect::ScaleTarget(2)]);
}

#[test]
fn a_schedule_that_is_edited_is_heeded_at_once() {
    let facts = frozen(new_revision(), 500);
    let mut facts = next(&facts, &decide(&facts, &[], t(100)));
    let later = decide(&frozen(facts.clone(), 900), &[], t(200));
    assert_eq!((later.journal.phase, later.wake, held(&later)), (Phase::Waiting, Some(t(900)), 1));
    set(&mut facts).calendars.clear();
    assert_eq!(decide(&facts, &[], t(200)).journal.phase, Phase::Progressing);
}

#[test]
fn a_release_half_way_stays_at_its_weight_and_is_checked_on_until_the_schedule_opens() {
    let facts = frozen(analysing(20), 150);
    assert_eq!(questions(&facts, &[], t(60)).len(), 1, "KPIs are asked in a freeze");
    let plan = decide(&facts, &success(100.0), t(60));
    assert_eq!((plan.journal.phase, plan.journal.weight), (Phase::Progressing, Percent::clamped(20)));
    assert_eq!((held(&plan), plan.journal.failed_checks, plan.wake), (1, 0, Some(t(120))));
    let facts = next(&facts, &plan);
    let plan = decide(&facts, &success(100.0), t(120));
    assert_eq!((plan.journal.weight, held(&plan), plan.wake), (Percent::clamped(20), 0, Some(t(150))));
    let facts = next(&facts, &plan);
    assert_eq!(questions(&facts, &[], t(150)).len(), 1, "it opens before the next check would be due");
    let plan = decide(&facts, &success(100.0), t(150));
    assert_eq!((plan.journal.weight, plan.journal.waits.clone()), (Percent::clamped(40), None));
}

#[test]
fn a_rollback_never_waits_for_a_window() {
    let mut facts = frozen(analysing(20), 900);
    facts.journal.failed_checks = 1;
    facts.journal.waits = Some(Wait::new("a freeze", Some(t(900))));
    let plan = decide(&facts, &success(0.0), t(60));
    assert_eq!((plan.journal.phase, plan.journal.weight), (Phase::Failed, Percent::ZERO));
    assert_eq!(plan.journal.waits, None);
}

#[test]
fn the_last_step_is_not_promoted_while_closed_and_a_promotion_that_has_begun_is_finished() {
    let facts = frozen(analysing(60), 900);
    let plan = decide(&facts, &success(100.0), t(60));
    assert_eq!((plan.journal.phase, held(&plan)), (Phase::Progressing, 1));
    let mut facts = frozen(analysing(60), 900);
    facts.journal.phase = Phase::Promoting;
    facts.primary = Seen::Found(PrimarySeen { runs: PrimaryMatch::Revision(rev("b")), replicas: 2, rollout: pods(2) });
    assert_eq!(decide(&facts, &[], t(60)).journal.phase, Phase::Finalising);
}

#[test]
fn neither_iterations_nor_a_promotion_without_analysis_go_on_while_closed() {
    let mut facts = frozen(analysing(100), 900);
    set(&mut facts).strategy = Strategy::AbTest { iterations: 3.try_into().unwrap() };
    facts.journal.step = facts.journal.step.map(|step| Step { course: Some(Course::AbTest), ..step });
    facts.journal.iterations = 1;
    assert_eq!(decide(&facts, &success(100.0), t(60)).journal.iterations, 1);
    let mut facts = frozen(analysing(0), 900);
    set(&mut facts).strategy = Strategy::Skip;
    let plan = decide(&facts, &[], t(60));
    assert_eq!((plan.journal.phase, held(&plan), plan.wake), (Phase::Progressing, 1, Some(t(900))));
    assert_eq!(decide(&next(&facts, &plan), &[], t(900)).journal.phase, Phase::Promoting);
}

#[test]
fn a_canary_that_is_held_before_its_first_step_is_not_overdue() {
    let mut facts = frozen(analysing(0), 10_000);
    facts.journal.step = facts.journal.step.map(|step| Step { waiting_since: Some(t(0)), ..step });
    let facts = next(&facts, &decide(&facts, &[], t(30)));
    assert!(facts.journal.weight.is_zero() && facts.journal.waits.is_some(), "{:?}", facts.journal);
    let mut unready = facts.clone();
    unready.endpoints.canary = 0;
    assert_eq!(
        decide(&unready, &[], t(5_000)).journal.phase,
        Phase::Progressing,
        "its deadline begins when it is unready"
    );
    let plan = decide(&facts, &[], t(10_000));
    assert_eq!(plan.journal.weight, Percent::clamped(20), "{:?}", plan.notices);
}

#[test]
fn promote_begins_a_release_that_the_schedule_holds_no_more() {
    let facts = frozen(new_revision(), 90_000);
    let mut facts = next(&facts, &decide(&facts, &[], t(100)));
    facts.request = Request::new("promote/1", None);
    let plan = decide(&facts, &[], t(200));
    assert_eq!((plan.journal.phase, plan.journal.exempt.clone()), (Phase::Progressing, Some(rev("b"))));
    let mut released = frozen(analysing(20), 90_000);
    released.journal.exempt = Some(rev("b"));
    let plan = decide(&released, &success(100.0), t(260));
    assert_eq!(plan.journal.weight, Percent::clamped(40));
    target(&mut released).revision = rev("c");
    let journal = decide(&released, &[], t(300)).journal;
    released.journal = journal;
    assert_eq!(decide(&released, &[], t(400)).journal.weight, Percent::ZERO, "the next revision was not asked for");
}

#[test]
fn going_back_to_a_good_revision_waits_for_no_window() {
    let mut facts = frozen(settled(), 90_000);
    set(&mut facts).rollback.window = 1;
    facts.snapshots = vec![rev("before"), rev("a")];
    target(&mut facts).revision = rev("before");
    assert_eq!(decide(&facts, &[], t(100)).journal.phase, Phase::Progressing);
}

#[test]
fn nobody_is_asked_to_approve_what_the_schedule_holds_but_whoever_may_call_it_off_is() {
    let mut facts = frozen(new_revision(), 900);
    let hook = |moment: Moment| Hook {
        name: moment.as_str().to_owned(),
        moment,
        url: "http://gate.test/".to_owned(),
        timeout: Duration::from_secs(10),
        retries: 0,
        trust: Trust::System,
        keys: HookKeys::default(),
        deadline: None,
        metadata: std::collections::BTreeMap::new(),
    };
    set(&mut facts).hooks = vec![hook(Moment::ConfirmRollout), hook(Moment::Rollback)];
    assert_eq!(questions(&facts, &[], t(100)), []);
    let facts = next(&facts, &decide(&facts, &[], t(100)));
    let asked = |now| -> Vec<_> {
        let moment = |question| match question {
            Question::Hook(call) => Some(call.hook.moment),
            Question::Measure(_) | Question::Watch(_) | Question::Compare(..) | Question::Turn => None,
        };
        questions(&facts, &[], now).into_iter().filter_map(moment).collect()
    };
    assert_eq!(asked(t(160)), [Moment::Rollback]);
    assert_eq!(asked(t(900)), [Moment::Rollback, Moment::ConfirmRollout]);
    let no = |question| match question {
        Question::Hook(call) => Answer::Hook(call, Reply::No("not now".to_owned())),
        other => panic!("{other:?}"),
    };
    let answers: Vec<_> = questions(&facts, &[], t(160)).into_iter().map(no).collect();
    assert_eq!(decide(&facts, &answers, t(160)).wake, Some(t(220)), "each interval");
}

/// Depends on one canary that stands so.
fn after(mut facts: Facts, standing: Standing) -> Facts {
    set(&mut facts).depends_on = vec!["shop/db".to_owned()];
    facts.standings = [("shop/db".to_owned(), standing)].into();
    facts
}

#[test]
fn a_new_revision_waits_for_the_canaries_that_come_first_and_begins_when_they_are_settled() {
    for (standing, why) in [
        (Standing::Releasing, "canary shop/db of spec.dependsOn comes first and has a release that is not over"),
        (Standing::Failed, "canary shop/db of spec.dependsOn comes first and has failed its last release"),
        (Standing::Missing, "canary shop/db of spec.dependsOn comes first and is not there"),
    ] {
        let facts = after(new_revision(), standing);
        let plan = decide(&facts, &[], t(100));
        assert_eq!((plan.journal.phase, held(&plan)), (Phase::Waiting, 1));
        assert_eq!(plan.journal.waits.as_ref().map(|wait| wait.reason.as_str()), Some(why));
        let facts = next(&facts, &plan);
        let plan = decide(&facts, &[], t(5_000));
        assert_eq!((&plan.journal, plan.wake), (&facts.journal, None), "it costs nothing");
        assert_eq!(decide(&after(facts, Standing::Settled), &[], t(5_000)).journal.phase, Phase::Progressing);
    }
}

#[test]
fn whoever_comes_first_may_notice_a_change_of_both_a_moment_later() {
    let facts = after(new_revision(), Standing::Settled);
    let plan = decide(&facts, &[], t(100));
    assert_eq!((plan.journal.phase, plan.wake), (Phase::Waiting, Some(t(105))));
    let facts = next(&facts, &plan);
    assert_eq!(decide(&facts, &[], t(103)).journal.phase, Phase::Waiting);
    assert_eq!(decide(&facts, &[], t(105)).journal.phase, Phase::Progressing);
    assert_eq!(decide(&after(facts, Standing::Releasing), &[], t(105)).journal.phase, Phase::Waiting);
}

#[test]
fn a_release_that_has_begun_waits_for_no_other_canary() {
    let facts = after(analysing(20), Standing::Failed);
    assert_eq!(decide(&facts, &success(100.0), t(60)).journal.weight, Percent::clamped(40));
}

#[test]
fn of_several_closed_calendars_the_one_that_opens_last_is_told_and_an_unreadable_one_opens_when_it_is_mended() {
    let mut facts = frozen(new_revision(), 100);
    let freezes = vec![Freeze { from: t(0), to: t(300), reason: None }];
    let policy = |schedule| Calendar { of: "DeliveryPolicy production".to_owned(), schedule };
    set(&mut facts).calendars.push(policy(Ok(Schedule { zone: Tz::UTC, windows: vec![], freezes })));
    let wait = decide(&facts, &[], t(10)).journal.waits.unwrap();
    assert!(wait.reason.starts_with("a freeze of DeliveryPolicy production lets nothing start"), "{}", wait.reason);
    assert_eq!(wait.until, Some(t(300)));
    set(&mut facts).calendars.push(policy(Err("spec.schedule.timeZone is Europe/Berln".to_owned())));
    let wait = decide(&facts, &[], t(10)).journal.waits.unwrap();
    assert_eq!(
        wait.reason,
        "DeliveryPolicy production cannot be read and lets nothing start or advance: spec.schedule.timeZone is Europe/Berln"
    );
    assert_eq!(wait.until, None);
}
