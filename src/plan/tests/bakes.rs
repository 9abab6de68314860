//! A new primary that is watched after its promotion.

use super::*;

/// Revision `b` serves from the primary since second 60 with all traffic, and the canary has finished its requests.
fn promoted() -> Facts {
    let mut facts = analysing(0);
    let settings = facts.settings.as_mut().unwrap();
    settings.bake = Duration::from_secs(300);
    facts.journal.phase = Phase::Finalising;
    facts.journal.step = facts.journal.step.map(|s| Step {
        started_at: t(50),
        next_check_at: t(60),
        course: Some(Course::Weights),
        ..s
    });
    facts.primary = Seen::Found(PrimarySeen { runs: PrimaryMatch::Revision(rev("b")), replicas: 2, rollout: pods(2) });
    facts.snapshots.push(rev("b"));
    facts
}

/// The same, watched until second 360 at least, and its canary has gone.
fn baking() -> Facts {
    let facts = promoted();
    let journal = decide(&facts, &[], t(60)).journal;
    let mut facts = Facts { journal, ..facts };
    (target(&mut facts).replicas, target(&mut facts).rollout) = (0, pods(0));
    facts.endpoints.canary = 0;
    facts
}

/// The same when a check is due.
fn checked_at(second: i64) -> Facts {
    let mut facts = baking();
    facts.journal.step = facts.journal.step.map(|step| Step { next_check_at: t(second), ..step });
    facts
}

fn ready(plan: &Plan) -> &str {
    plan.journal.condition(ConditionKind::Ready).map_or("", |ready| ready.reason.as_str())
}

#[test]
fn a_new_primary_is_watched_before_its_release_succeeds() {
    let plan = decide(&promoted(), &[], t(60));
    assert_eq!((plan.journal.phase, plan.journal.bake), (Phase::Finalising, Some(t(360))));
    assert_eq!((plan.effects, plan.notices), (vec![Effect::ScaleTarget(0)], vec![Notice::Baking(t(360))]));
    let told = plan.journal.condition(ConditionKind::Promoted).unwrap();
    assert!(told.truth == Truth::Unknown && told.message.contains("is watched until 1970-01-01T00:06:00Z"), "{told:?}");
    let mut unasked = promoted();
    unasked.settings.as_mut().unwrap().bake = Duration::ZERO;
    assert_eq!(decide(&unasked, &[], t(60)).journal.phase, Phase::Succeeded);
}

#[test]
fn the_primary_is_asked_and_only_when_its_windows_look_back_at_nothing_else() {
    let facts = baking();
    let due = facts.journal.step.map(|step| step.next_check_at).unwrap();
    assert!(due >= t(120), "{due}");
    assert_eq!(questions(&facts, &[], t(119)), vec![]);
    assert!(matches!(questions(&facts, &[], due).as_slice(), [Question::Watch(_)]));
}

#[test]
fn comparisons_have_no_say_in_a_bake_but_for_the_one_with_a_limit() {
    let compared = |test| {
        let mut facts = checked_at(200);
        let kpis = &mut facts.settings.as_mut().unwrap().kpis;
        kpis.push(Kpi { comparison: Some(Comparison { test, margin: 0.5, alpha: 0.01 }), ..kpis[0].clone() });
        questions(&facts, &[], t(200)).len()
    };
    assert_eq!([Test::RateRatio, Test::Slo].map(compared), [1, 2]);
}

#[test]
fn a_bake_that_holds_to_its_end_succeeds() {
    let plan = decide(&checked_at(200), &success(100.0), t(200));
    assert_eq!((plan.journal.phase, plan.wake), (Phase::Finalising, Some(t(260))));
    let plan = decide(&checked_at(360), &success(100.0), t(360));
    assert_eq!((plan.journal.phase, &plan.journal.last_promoted), (Phase::Succeeded, &Some(rev("b"))));
    assert_eq!((plan.notices, plan.journal.bake), (vec![Notice::Promoted], None));
}

#[test]
fn failed_checks_of_a_bake_give_the_primary_the_revision_before() {
    let mut facts = checked_at(200);
    facts.journal = decide(&facts, &success(98.0), t(200)).journal;
    assert_eq!((facts.journal.phase, facts.journal.failed_checks), (Phase::Finalising, 1), "counted from nothing");
    let plan = decide(&facts, &success(98.0), t(260));
    assert_eq!((plan.journal.phase, ready(&plan)), (Phase::Failed, "BakeFailed"));
    assert_eq!(plan.effects, [Effect::Primary(PrimarySource::Snapshot(rev("a")))]);
    assert!(plan.notices.ends_with(&[Notice::BakeFailed(2), Notice::Returning]), "{:?}", plan.notices);
    let after = Facts { journal: plan.journal, ..facts };
    let plan = decide(&after, &[], t(261));
    assert_eq!((ready(&plan), plan.notices.as_slice()), ("BakeFailed", [].as_slice()));
    assert_eq!(plan.effects, [Effect::Primary(PrimarySource::Snapshot(rev("a")))], "a crash in between loses nothing");
}

#[test]
fn without_a_revision_to_go_back_to_nothing_is_watched() {
    let mut facts = promoted();
    facts.lost = BTreeSet::from([rev("a")]);
    assert_eq!(decide(&facts, &[], t(60)).journal.phase, Phase::Succeeded);
    let mut facts = checked_at(200);
    facts.snapshots = vec![rev("b")];
    assert_eq!(decide(&facts, &success(0.0), t(200)).journal.phase, Phase::Succeeded);
}

#[test]
fn a_newer_revision_ends_the_bake_and_a_way_back_in_git_takes_the_promotion_back() {
    let mut facts = baking();
    target(&mut facts).revision = rev("c");
    let plan = decide(&facts, &[], t(100));
    assert_eq!((plan.journal.phase, plan.journal.last_promoted), (Phase::Succeeded, Some(rev("b"))));
    target(&mut facts).revision = rev("a");
    let plan = decide(&facts, &[], t(100));
    assert_eq!((plan.journal.phase, ready(&plan)), (Phase::Failed, "Serving"));
    assert_eq!(plan.effects, [Effect::Primary(PrimarySource::Snapshot(rev("a")))]);
    assert_eq!(plan.notices, [Notice::Withdrawn, Notice::Returning]);
}

#[test]
fn a_person_ends_a_bake_one_way_or_the_other() {
    let asked = |text: &str| decide(&Facts { request: Request::new(text, None), ..baking() }, &[], t(100));
    assert_eq!(asked("promote/1").journal.phase, Phase::Succeeded);
    let plan = asked("abort/1");
    assert_eq!((plan.journal.phase, plan.journal.last_promoted), (Phase::Failed, Some(rev("a"))));
    assert_eq!(plan.effects, [Effect::Primary(PrimarySource::Snapshot(rev("a")))]);
    let mut lost = Facts { request: Request::new("abort/1", None), ..baking() };
    lost.lost = BTreeSet::from([rev("a")]);
    assert!(decide(&lost, &[], t(100)).journal.handled.unwrap().outcome.starts_with(Request::REFUSED));
}
