//! How releases end, and what is said of it.

use super::*;

fn primary(runs: PrimaryMatch, rollout: Rollout) -> Seen<PrimarySeen> {
    Seen::Found(PrimarySeen { runs, replicas: 2, rollout })
}

fn ready(plan: &Plan) -> (Truth, String) {
    let ready = plan.journal.condition(ConditionKind::Ready).expect("it is always said");
    (ready.truth, format!("{}: {}", ready.reason, ready.message))
}

#[test]
fn an_edited_primary_is_restored_from_its_snapshot_and_somebody_is_told() {
    let mut facts = settled();
    facts.primary = primary(PrimaryMatch::Unknown, pods(2));
    let plan = decide(&facts, &[], t(0));
    assert_eq!(plan.effects, [Effect::Primary(PrimarySource::Snapshot(rev("a")))]);
    assert_eq!(plan.notices, [Notice::PrimaryDrift]);
    let mut facts = analysing(20);
    facts.primary = primary(PrimaryMatch::Unknown, pods(2));
    assert_eq!(decide(&facts, &[], t(30)).effects, [Effect::Primary(PrimarySource::Snapshot(rev("a")))]);
}

#[test]
fn a_primary_that_another_operator_made_is_left_as_it_is() {
    let mut facts = settled();
    facts.primary = primary(PrimaryMatch::Unknown, pods(2));
    facts.snapshots.clear();
    assert_eq!(decide(&facts, &[], t(0)).effects, []);
}

#[test]
fn a_failed_promotion_that_the_canary_cannot_carry_alone_restores_the_primary() {
    let mut facts = analysing(60);
    facts.settings =
        facts.settings.map(|s| Settings { strategy: Strategy::AbTest { iterations: std::num::NonZeroU32::MIN }, ..s });
    facts.journal.phase = Phase::Promoting;
    facts.journal.step = facts.journal.step.map(|s| Step { waiting_since: Some(t(0)), ..s });
    facts.primary = primary(PrimaryMatch::Revision(rev("b")), Rollout { available: 0, ..pods(2) });
    let plan = decide(&facts, &[], t(600));
    assert_eq!((plan.journal.phase, plan.journal.weight), (Phase::Failed, Percent::ZERO));
    assert_eq!(plan.effects, [Effect::Primary(PrimarySource::Snapshot(rev("a"))), route(0)]);
    facts.journal = plan.journal;
    let told = decide(&facts, &[], t(601)).notices;
    assert!(!told.contains(&Notice::PrimaryDrift), "it was no other hand: {told:?}");
}

/// Promoting since 0, and the primary does not have the revision yet.
fn not_copied() -> Facts {
    let mut facts = analysing(60);
    facts.journal.phase = Phase::Promoting;
    facts.journal.step = facts.journal.step.map(|s| Step { waiting_since: Some(t(0)), ..s });
    facts
}

#[test]
fn a_promotion_whose_time_is_up_before_it_began_leaves_the_primary_as_it_is() {
    let facts = not_copied();
    let copy = Effect::Primary(PrimarySource::Target(rev("b")));
    assert!(decide(&facts, &[], t(599)).effects.contains(&copy));
    let plan = decide(&facts, &[], t(600));
    assert_eq!((plan.journal.phase, plan.effects), (Phase::Failed, vec![route(100)]));
}

#[test]
fn the_time_of_a_suspension_is_not_counted_as_spent_waiting() {
    let mut facts = not_copied();
    facts.canary.generation += 1;
    let plan = decide(&facts, &[], t(600));
    let since = plan.journal.step.and_then(|step| step.waiting_since);
    assert_eq!((plan.journal.phase, since), (Phase::Promoting, Some(t(600))));
}

#[test]
fn a_fix_after_a_failed_promotion_has_a_primary_to_go_back_to() {
    let mut facts = analysing(60);
    facts.journal.phase = Phase::Failed;
    facts.journal.weight = Percent::FULL;
    facts.primary = primary(PrimaryMatch::Revision(rev("b")), Rollout { available: 0, ..pods(2) });
    facts.endpoints.primary = 0;
    target(&mut facts).revision = rev("c");
    let plan = decide(&facts, &[], t(600));
    assert_eq!((plan.journal.phase, plan.journal.weight), (Phase::Progressing, Percent::FULL));
    assert!(plan.effects.contains(&Effect::Primary(PrimarySource::Snapshot(rev("a")))), "{:?}", plan.effects);
}

#[test]
fn a_fix_after_a_failed_promotion_is_analysed_from_nothing_once_the_primary_is_back() {
    let mut facts = analysing(0);
    facts.journal.weight = Percent::FULL;
    facts.journal.step = facts.journal.step.map(|s| Step { waiting_since: Some(t(0)), ..s });
    facts.route = RouteSeen::Seen { routing: Routing::split(Percent::FULL), shape: Shape::AsWanted };
    target(&mut facts).rollout.available = 0;
    let back = facts.primary.clone();
    facts.primary = primary(PrimaryMatch::Revision(rev("a")), Rollout { available: 0, ..pods(2) });
    assert_eq!(decide(&facts, &[], t(5)).effects, []);
    facts.primary = back;
    let plan = decide(&facts, &[], t(9));
    assert_eq!((plan.effects, plan.journal.weight), (vec![route(0)], Percent::ZERO));
}

#[test]
fn a_primary_that_dies_while_it_takes_its_traffic_back_has_until_the_deadline() {
    let mut facts = analysing(40);
    facts.journal.phase = Phase::Finalising;
    facts.journal.weight = Percent::ZERO;
    facts.endpoints.primary = 0;
    facts.primary = primary(PrimaryMatch::Revision(rev("b")), Rollout { available: 0, ..pods(2) });
    facts.snapshots.push(rev("b"));
    facts.journal = decide(&facts, &[], t(60)).journal;
    assert_eq!(facts.journal.phase, Phase::Finalising);
    let plan = decide(&facts, &[], t(660));
    assert_eq!((plan.journal.phase, plan.journal.weight), (Phase::Failed, Percent::FULL), "the canary serves on");
}

#[test]
fn the_canary_drains_from_the_moment_at_which_it_lost_its_traffic() {
    let mut facts = analysing(40);
    facts.journal.phase = Phase::Finalising;
    facts.primary = primary(PrimaryMatch::Revision(rev("b")), pods(2));
    facts.snapshots.push(rev("b"));
    let plan = decide(&facts, &[], t(500));
    assert_eq!((plan.effects, plan.wake), (vec![route(0)], Some(t(510))));
}

#[test]
fn nobody_is_told_that_a_release_is_under_way_while_it_is_stalled() {
    let mut facts = analysing(20);
    facts.complaints = vec![Complaint::warns("TemplateMissing", "MetricTemplate errors.test is not there.")];
    let plan = decide(&facts, &success(0.0), t(60));
    assert_eq!(ready(&plan), (Truth::False, "TemplateMissing: MetricTemplate errors.test is not there.".to_owned()));
}

#[test]
fn what_git_asks_for_is_not_ready_while_its_spec_is_refused() {
    let mut facts = settled();
    facts.complaints = vec![Complaint::blocks("NoDuration", "spec.analysis.interval is empty.")];
    assert_eq!(ready(&decide(&facts, &[], t(60))).0, Truth::False);
    facts.complaints = vec![Complaint::warns("TemplateMissing", "MetricTemplate errors.test is not there.")];
    assert_eq!(ready(&decide(&facts, &[], t(60))).0, Truth::True);
}

#[test]
fn the_budgets_of_the_primary_are_kept_whatever_runs() {
    for facts in [settled(), analysing(40)] {
        let facts = Facts { budgets: Shape::Differs, ..facts };
        assert_eq!(decide(&facts, &[], t(30)).effects, [Effect::Budgets]);
    }
}

#[test]
fn a_newer_revision_does_not_stop_the_promotion_of_the_one_that_was_analysed() {
    let mut facts = analysing(60);
    facts.journal = decide(&facts, &success(100.0), t(60)).journal;
    facts.snapshots.push(rev("b"));
    target(&mut facts).revision = rev("c");
    let plan = decide(&facts, &[], t(61));
    assert_eq!(
        plan.effects,
        [Effect::Primary(PrimarySource::Snapshot(rev("b"))), route(0)],
        "nobody judged the newer one"
    );
    facts.journal = plan.journal;
    facts.primary = primary(PrimaryMatch::Revision(rev("b")), pods(2));
    facts.route = settled().route;
    for second in [62, 72] {
        facts.journal = decide(&facts, &[], t(second)).journal;
    }
    assert_eq!((facts.journal.phase, &facts.journal.last_promoted), (Phase::Succeeded, &Some(rev("b"))));
    let plan = decide(&facts, &[], t(73));
    assert_eq!((plan.journal.phase, plan.journal.last_applied), (Phase::Progressing, Some(rev("c"))));
}

#[test]
fn a_release_that_git_takes_back_drains_and_promotes_nothing() {
    let mut facts = analysing(40);
    target(&mut facts).revision = rev("a");
    let plan = decide(&facts, &success(100.0), t(60));
    assert_eq!((plan.effects, plan.notices), (vec![route(0)], vec![Notice::Withdrawn]));
    facts.journal = plan.journal;
    facts.route = settled().route;
    assert_eq!(decide(&facts, &[], t(69)).effects, []);
    let plan = decide(&facts, &[], t(70));
    assert_eq!((plan.journal.phase, plan.effects), (Phase::Succeeded, vec![Effect::ScaleTarget(0)]));
    assert_eq!(plan.notices, [], "nothing was promoted");
}

#[test]
fn a_canary_that_breaks_while_the_primary_takes_over_hands_back_at_once() {
    let mut facts = analysing(60);
    facts.settings = facts.settings.map(|s| Settings { promotion_step: Percent::new(10), ..s });
    facts.journal = decide(&facts, &success(100.0), t(60)).journal;
    facts.primary = primary(PrimaryMatch::Revision(rev("b")), pods(2));
    target(&mut facts).rollout.available = 0;
    facts.endpoints.canary = 0;
    let plan = decide(&facts, &[], t(61));
    assert_eq!(
        (plan.journal.phase, plan.effects),
        (Phase::Finalising, vec![route(0)]),
        "not rolled back: it is promoted"
    );
}

#[test]
fn a_rollout_that_kubernetes_gives_up_ends_the_release_before_our_deadline() {
    let mut facts = analysing(0);
    facts.journal.step = facts.journal.step.map(|s| Step { waiting_since: Some(t(0)), ..s });
    facts.endpoints.canary = 0;
    target(&mut facts).rollout = Rollout { available: 0, deadline_exceeded: true, ..pods(2) };
    let plan = decide(&facts, &[], t(5));
    assert_eq!(plan.journal.phase, Phase::Failed);
    assert!(plan.notices.contains(&Notice::DeadlineExceeded(Unready::DeadlineExceeded)), "{:?}", plan.notices);
}

#[test]
fn a_promotion_without_analysis_whose_primary_is_stuck_leaves_the_traffic_with_the_canary() {
    let mut facts = analysing(0);
    facts.settings = facts.settings.map(|s| Settings { strategy: Strategy::Skip, ..s });
    facts.journal.phase = Phase::Promoting;
    facts.journal.step = facts.journal.step.map(|s| Step { waiting_since: Some(t(0)), ..s });
    facts.primary = primary(PrimaryMatch::Revision(rev("b")), Rollout { available: 0, ..pods(2) });
    assert_eq!(decide(&facts, &[], t(599)).journal.phase, Phase::Promoting, "never reported before it is rolled out");
    let plan = decide(&facts, &[], t(600));
    assert_eq!((plan.journal.phase, plan.effects), (Phase::Failed, vec![route(100)]));
}

#[test]
fn a_canary_drains_half_a_minute_at_most_since_its_pods_have_their_grace_after_it() {
    let mut facts = analysing(20);
    target(&mut facts).grace = Duration::from_secs(600);
    facts.journal.failed_checks = 2;
    facts.journal = decide(&facts, &[], t(60)).journal;
    facts.route = settled().route;
    assert_eq!(decide(&facts, &[], t(89)).effects, []);
    assert_eq!(decide(&facts, &[], t(90)).effects, [Effect::ScaleTarget(0)]);
}

#[test]
fn an_idle_target_that_another_hand_scales_up_goes_back_to_zero_and_no_release_starts() {
    let mut facts = settled();
    (target(&mut facts).replicas, target(&mut facts).rollout) = (3, pods(3));
    facts.endpoints.canary = 3;
    let plan = decide(&facts, &[], t(60));
    assert_eq!((plan.effects, plan.journal.phase), (vec![Effect::ScaleTarget(0)], Phase::Initialized));
}

fn returning(freeze: bool, window: usize) -> Facts {
    let mut facts = analysing(0);
    facts.settings = facts.settings.map(|s| Settings { rollback: Rollback { freeze, window }, ..s });
    facts.journal.step = facts.journal.step.map(|step| Step { next_check_at: t(10), ..step });
    facts.snapshots = vec![rev("x"), rev("b"), rev("a")];
    facts
}

#[test]
fn a_way_back_to_a_revision_that_is_known_to_be_good_needs_no_analysis() {
    let facts = returning(false, 1);
    assert!(questions(&facts, &[], t(10)).is_empty());
    let plan = decide(&facts, &[], t(10));
    assert_eq!((plan.journal.phase, plan.journal.weight), (Phase::Promoting, Percent::ZERO));
    assert_eq!(decide(&returning(false, 0), &[], t(10)).journal.phase, Phase::Progressing, "nobody asked for it");
    let mut older = returning(false, 1);
    older.snapshots = vec![rev("b"), rev("x"), rev("a")];
    assert_eq!(decide(&older, &[], t(10)).journal.phase, Phase::Progressing, "it is too long ago");
    let mut lost = returning(false, 1);
    lost.lost = BTreeSet::from([rev("b")]);
    assert_eq!(decide(&lost, &[], t(10)).journal.phase, Phase::Progressing, "a Secret of it has changed");
    let mut begun = returning(false, 1);
    begun.journal.step = begun.journal.step.map(|step| Step { course: Some(Course::Weights), ..step });
    assert_eq!(decide(&begun, &[], t(10)).journal.phase, Phase::Progressing, "an analysis that has begun is finished");
}

#[test]
fn a_canary_that_is_frozen_keeps_its_pods_until_the_next_revision() {
    let mut facts = analysing(20);
    facts.settings = facts.settings.map(|s| Settings { rollback: Rollback { freeze: true, window: 0 }, ..s });
    facts.journal.failed_checks = 1;
    let plan = decide(&facts, &success(0.0), t(60));
    assert_eq!((plan.journal.phase, plan.journal.weight), (Phase::Failed, Percent::ZERO));
    assert!(plan.notices.contains(&Notice::Frozen) && !plan.notices.contains(&Notice::RolledBack));
    facts.journal = plan.journal;
    facts.route = RouteSeen::Seen { routing: Routing::PRIMARY, shape: Shape::AsWanted };
    let later = decide(&facts, &[], t(600));
    assert_eq!((later.effects, later.wake), (vec![], None));
    target(&mut facts).revision = rev("c");
    assert_eq!(decide(&facts, &[], t(700)).journal.phase, Phase::Progressing);
}
