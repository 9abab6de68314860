//! Claims about single decisions. Whole releases are played in `sim`.

mod approvals;
mod bakes;
mod comparisons;
mod contests;
mod deletion;
mod endings;
mod firsts;
mod gates;
mod group_laws;
mod groups;
mod holds;
mod in_place;
mod mid_release;
mod outages;
mod requests;
mod rules;
mod sizes;
mod strategies;
mod traffic;
mod turns;
mod warmth;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{decide, questions};
use crate::model::*;

const INTERVAL: Duration = Duration::from_secs(60);

pub(super) fn t(seconds: i64) -> Time {
    Time::from_millis(seconds * 1000)
}

pub(super) fn rev(name: &str) -> Revision {
    Revision::new(format!("{}{name}", Revision::SCHEME))
}

pub(super) fn pods(n: u32) -> Rollout {
    Rollout { observed: true, desired: n, updated: n, total: n, available: n, deadline_exceeded: false }
}

fn weights(step: i64, max: i64) -> Strategy {
    let steps = Steps::linear(Percent::clamped(step), Percent::clamped(max)).unwrap();
    Strategy::Progressive { steps, mirror: Mirror::Off, audience: Audience::Everyone }
}

fn settings() -> Settings {
    Settings {
        strategy: weights(20, 50),
        interval: INTERVAL,
        threshold: 2,
        deadline: Duration::from_secs(600),
        promotion_step: None,
        primary_ready: Percent::FULL,
        canary_ready: Percent::FULL,
        canary_size: CanarySize::AsPrimary,
        cookies: None,
        preview: false,
        warmup: Duration::ZERO,
        bake: Duration::ZERO,
        keep_warm: Duration::ZERO,
        first: First::Ready,
        kpis: vec![Kpi {
            name: "request-success-rate".into(),
            source: KpiSource::Builtin(Builtin::SuccessRate),
            interval: "1m".into(),
            window: Duration::from_secs(60),
            range: Range { min: Some(99.0), max: None },
            rules: Rules::default(),
            comparison: None,
        }],
        hooks: vec![],
        approvals: vec![],
        suspend: false,
        revert_on_deletion: false,
        rollback: Rollback::default(),
        calendars: Vec::new(),
        limits: Vec::new(),
        depends_on: vec![],
        group: None,
    }
}

/// A settled canary: revision `a` serves from the primary, the target stands at zero.
pub(super) fn settled() -> Facts {
    let journal = Journal {
        phase: Phase::Initialized,
        last_applied: Some(rev("a")),
        last_promoted: Some(rev("a")),
        ..Journal::default()
    };
    let facts = Facts {
        canary: CanaryRef::podinfo(),
        deleting: false,
        released: false,
        finalizer: false,
        settings: Some(settings()),
        complaints: vec![],
        journal,
        request: None,
        rival: None,
        target: Seen::Found(TargetSeen {
            revision: rev("a"),
            replicas: 0,
            rollout: pods(0),
            grace: Duration::from_secs(10),
            replacement: Replacement::Rolling,
        }),
        primary: Seen::Found(PrimarySeen { runs: PrimaryMatch::Revision(rev("a")), replicas: 2, rollout: pods(2) }),
        owned: false,
        sides: Shape::AsWanted,
        apex: Shape::AsWanted,
        endpoints: Endpoints { primary: 2, canary: 0, ..Endpoints::default() },
        route: RouteSeen::Seen { routing: Routing::PRIMARY, shape: Shape::AsWanted },
        writer: None,
        snapshots: vec![rev("a")],
        lost: BTreeSet::new(),
        configs: None,
        copies: Shape::AsWanted,
        budgets: Shape::AsWanted,
        scaling: Scaling::Fixed,
        standings: BTreeMap::new(),
        peers: BTreeMap::new(),
    };
    let journal = decide(&facts, &[], t(0)).journal;
    Facts { journal, ..facts }
}

/// Revision `b` is analysed at `weight` since second 0 and everything is as asked.
pub(super) fn analysing(weight: i64) -> Facts {
    let mut facts = settled();
    let weight = Percent::clamped(weight);
    facts.journal.phase = Phase::Progressing;
    facts.journal.weight = weight;
    facts.journal.last_applied = Some(rev("b"));
    let course = (!weight.is_zero()).then_some(Course::Weights);
    let step = Step { weight, started_at: t(0), next_check_at: t(60), waiting_since: None, held_since: None, course };
    facts.journal.step = Some(step);
    facts.target = Seen::Found(TargetSeen {
        revision: rev("b"),
        replicas: 2,
        rollout: pods(2),
        grace: Duration::from_secs(10),
        replacement: Replacement::Rolling,
    });
    facts.endpoints.canary = 2;
    facts.route = RouteSeen::Seen { routing: Routing::split(weight), shape: Shape::AsWanted };
    facts
}

pub(super) fn target(facts: &mut Facts) -> &mut TargetSeen {
    match &mut facts.target {
        Seen::Found(target) => target,
        Seen::Missing => panic!("the target is there"),
    }
}

pub(super) fn success(value: f64) -> Vec<Answer> {
    vec![Answer::Measured("request-success-rate".into(), Measurement::Value(value))]
}

fn route(weight: i64) -> Effect {
    Effect::Route(Routing::split(Percent::clamped(weight)))
}

#[test]
fn a_settled_canary_has_nothing_to_do() {
    let facts = settled();
    let plan = decide(&facts, &[], t(9999));
    assert_eq!(plan, Plan { journal: facts.journal, effects: vec![], notices: vec![], wake: None });
}

#[test]
fn a_new_revision_scales_the_canary_up_before_it_gets_any_traffic() {
    let mut facts = settled();
    target(&mut facts).revision = rev("b");
    let plan = decide(&facts, &[], t(100));
    assert_eq!(plan.effects, [Effect::ScaleTarget(2)]);
    assert_eq!(plan.notices, [Notice::NewRevision]);
    assert_eq!((plan.journal.phase, plan.journal.weight), (Phase::Progressing, Percent::ZERO));
}

#[test]
fn going_back_to_the_promoted_revision_starts_no_release() {
    let mut facts = settled();
    facts.journal.phase = Phase::Failed;
    facts.journal.last_applied = Some(rev("b"));
    let plan = decide(&facts, &[], t(100));
    assert_eq!(plan.journal.phase, Phase::Failed);
    assert_eq!(plan.journal.condition(ConditionKind::Ready).map(|c| c.truth), Some(Truth::True));
    assert!(plan.effects.is_empty());
}

#[test]
fn the_first_step_is_routed_when_the_canary_is_ready_and_listed() {
    let mut facts = analysing(0);
    facts.journal.step = facts.journal.step.map(|s| Step { waiting_since: Some(t(0)), ..s });
    facts.endpoints.canary = 0;
    assert!(decide(&facts, &[], t(5)).effects.is_empty(), "no endpoint, no traffic");
    facts.endpoints.canary = 2;
    let plan = decide(&facts, &[], t(5));
    assert_eq!(plan.effects, [route(20)]);
    assert_eq!(plan.notices, [Notice::Started, Notice::Advanced(Percent::clamped(20))]);
    assert_eq!(plan.wake, Some(t(65)));
}

#[test]
fn a_check_is_asked_only_when_it_is_due_and_what_it_judges_is_routed() {
    let mut facts = analysing(20);
    assert_eq!(questions(&facts, &[], t(59)).len(), 0);
    assert_eq!(questions(&facts, &[], t(60)).len(), 1);
    facts.route = RouteSeen::Seen { routing: Routing::PRIMARY, shape: Shape::AsWanted };
    assert_eq!(questions(&facts, &[], t(60)).len(), 0, "drifted");
    let plan = decide(&facts, &[], t(60));
    assert_eq!(plan.effects, [route(20)]);
    assert_eq!(plan.notices, [Notice::RouteDrift(Percent::ZERO, Percent::clamped(20))]);
    assert_eq!(plan.journal.step, facts.journal.step, "the step's timer runs on");
}

#[test]
fn a_passed_check_advances_one_step_and_the_last_one_promotes() {
    let plan = decide(&analysing(20), &success(99.5), t(60));
    assert_eq!((plan.effects, plan.journal.weight), (vec![route(40)], Percent::clamped(40)));
    let plan = decide(&analysing(60), &success(99.5), t(60));
    assert_eq!(plan.journal.phase, Phase::Promoting);
    assert_eq!(plan.journal.weight, Percent::clamped(60), "the canary keeps its share while the primary rolls");
    assert_eq!(plan.effects, [Effect::Snapshot(rev("b")), Effect::Primary(PrimarySource::Target(rev("b")))]);
}

#[test]
fn failed_checks_halt_and_the_threshold_rolls_back_at_once() {
    let mut facts = analysing(20);
    let plan = decide(&facts, &success(98.0), t(60));
    assert_eq!((plan.journal.failed_checks, plan.journal.weight), (1, Percent::clamped(20)));
    assert!(plan.effects.is_empty());
    facts.journal.failed_checks = 1;
    let plan = decide(&facts, &success(98.0), t(60));
    assert_eq!((plan.journal.phase, plan.journal.weight), (Phase::Failed, Percent::ZERO));
    assert_eq!(plan.effects, [route(0)], "scaled down only after the drain");
    assert!(plan.notices.ends_with(&[Notice::ThresholdReached(2), Notice::RolledBack]));
}

#[test]
fn two_kpis_of_one_name_are_judged_each_by_its_own_answer() {
    let mut facts = analysing(20);
    let kpis = &mut facts.settings.as_mut().unwrap().kpis;
    kpis.push(Kpi { source: KpiSource::Inline("other".into()), ..kpis[0].clone() });
    let plan = decide(&facts, &[success(100.0), success(1.0)].concat(), t(60));
    let verdicts: Vec<Verdict> = plan.journal.readings.iter().map(|r| r.verdict).collect();
    assert_eq!((plan.journal.failed_checks, verdicts), (1, vec![Verdict::Pass, Verdict::Fail]));
    assert!(matches!(plan.notices.as_slice(), [Notice::Halted(reading)] if reading.verdict == Verdict::Fail));
}

#[test]
fn a_question_without_an_answer_never_passes() {
    let plan = decide(&analysing(20), &[], t(60));
    assert_eq!(plan.journal.failed_checks, 1);
}

#[test]
fn a_rolled_back_canary_drains_before_it_is_scaled_down() {
    let mut facts = analysing(20);
    facts.journal.failed_checks = 1;
    facts.journal = decide(&facts, &success(0.0), t(60)).journal;
    facts.route = RouteSeen::Seen { routing: Routing::PRIMARY, shape: Shape::AsWanted };
    let plan = decide(&facts, &[], t(61));
    assert_eq!((plan.effects, plan.wake), (vec![], Some(t(70))));
    assert_eq!(decide(&facts, &[], t(70)).effects, [Effect::ScaleTarget(0)]);
}

#[test]
fn a_newer_revision_restarts_the_analysis_from_nothing() {
    let mut facts = analysing(40);
    facts.journal.failed_checks = 1;
    target(&mut facts).revision = rev("c");
    let plan = decide(&facts, &success(100.0), t(60));
    assert_eq!(plan.effects, [route(0)]);
    assert_eq!((plan.journal.weight, plan.journal.failed_checks), (Percent::ZERO, 0));
    assert_eq!(plan.journal.last_applied, Some(rev("c")));
    assert_eq!(plan.notices, [Notice::Restarted]);
}

#[test]
fn a_canary_that_loses_its_pods_loses_its_traffic_and_gets_it_back() {
    let mut facts = analysing(40);
    target(&mut facts).rollout.available = 0;
    facts.endpoints.canary = 0;
    let plan = decide(&facts, &[], t(30));
    assert_eq!(plan.effects, [route(0)]);
    facts.journal = plan.journal;
    facts.route = RouteSeen::Seen { routing: Routing::PRIMARY, shape: Shape::AsWanted };
    target(&mut facts).rollout = pods(2);
    facts.endpoints.canary = 2;
    let plan = decide(&facts, &[], t(50));
    assert_eq!((plan.effects, plan.wake), (vec![route(40)], Some(t(110))));
    assert!(plan.notices.is_empty(), "that was no drift");
}

#[test]
fn an_unready_canary_is_rolled_back_at_the_deadline_by_our_own_clock() {
    let mut facts = analysing(0);
    facts.journal.step = facts.journal.step.map(|s| Step { waiting_since: Some(t(0)), ..s });
    target(&mut facts).rollout.available = 0;
    facts.endpoints.canary = 0;
    assert_eq!(decide(&facts, &[], t(599)).journal.phase, Phase::Progressing);
    let plan = decide(&facts, &[], t(600));
    assert_eq!(plan.journal.phase, Phase::Failed);
    assert!(matches!(plan.notices.first(), Some(Notice::DeadlineExceeded(_))));
}

#[test]
fn no_traffic_moves_to_a_primary_without_endpoints() {
    let mut facts = analysing(40);
    facts.endpoints.primary = 0;
    facts.journal.failed_checks = 1;
    let plan = decide(&facts, &success(0.0), t(60));
    assert_eq!(plan.journal.phase, Phase::Failed);
    assert!(plan.effects.is_empty(), "the split stays where pods are: {:?}", plan.effects);
}

#[test]
fn a_promoted_primary_gets_its_traffic_back_only_when_it_is_rolled_out() {
    let mut facts = analysing(60);
    facts.journal.phase = Phase::Promoting;
    facts.journal.step = facts.journal.step.map(|s| Step { waiting_since: Some(t(0)), ..s });
    let rolling = Rollout { updated: 1, ..pods(2) };
    let primary = |rollout| PrimarySeen { runs: PrimaryMatch::Revision(rev("b")), replicas: 2, rollout };
    facts.primary = Seen::Found(primary(rolling));
    assert!(decide(&facts, &[], t(5)).effects.is_empty());
    facts.primary = Seen::Found(primary(pods(2)));
    let plan = decide(&facts, &[], t(6));
    assert_eq!((plan.journal.phase, plan.effects), (Phase::Finalising, vec![route(0)]));
    facts.settings = Some(Settings { promotion_step: Percent::new(40), ..settings() });
    let plan = decide(&facts, &[], t(6));
    assert_eq!((plan.journal.phase, plan.effects), (Phase::Promoting, vec![route(20)]));
    assert_eq!(plan.notices, [Notice::PrimaryAdvanced(Percent::clamped(80))]);
}

#[test]
fn a_primary_stuck_in_promotion_leaves_the_traffic_with_the_healthy_canary() {
    let mut facts = analysing(60);
    facts.journal.phase = Phase::Promoting;
    facts.journal.step = facts.journal.step.map(|s| Step { waiting_since: Some(t(0)), ..s });
    let stuck = Rollout { available: 0, ..pods(2) };
    facts.primary = Seen::Found(PrimarySeen { runs: PrimaryMatch::Revision(rev("b")), replicas: 2, rollout: stuck });
    let plan = decide(&facts, &[], t(600));
    assert_eq!((plan.journal.phase, plan.journal.weight), (Phase::Failed, Percent::FULL));
    assert_eq!(plan.effects, [route(100)]);
    assert!(!plan.effects.contains(&Effect::ScaleTarget(0)));
}

#[test]
fn a_release_without_analysis_still_waits_for_the_canary_and_the_primary() {
    let mut facts = analysing(0);
    facts.settings = Some(Settings { strategy: Strategy::Skip, ..settings() });
    facts.journal.step = facts.journal.step.map(|s| Step { waiting_since: Some(t(0)), ..s });
    facts.endpoints.canary = 0;
    assert_eq!(decide(&facts, &[], t(5)).journal.phase, Phase::Progressing);
    facts.endpoints.canary = 2;
    assert_eq!(decide(&facts, &[], t(5)).journal.phase, Phase::Promoting);
}

#[test]
fn adoption_scales_the_target_down_last() {
    let mut facts = settled();
    facts.journal = Journal::default();
    facts.target = Seen::Found(TargetSeen { replicas: 2, rollout: pods(2), ..target(&mut facts).clone() });
    facts.primary = Seen::Missing;
    facts.apex = Shape::Differs;
    facts.route = RouteSeen::Missing;
    facts.snapshots.clear();
    facts.endpoints = Endpoints { primary: 0, canary: 2, ..Endpoints::default() };

    let plan = decide(&facts, &[], t(0));
    assert_eq!(plan.effects, [Effect::Primary(PrimarySource::Target(rev("a")))]);
    facts.journal = plan.journal;
    facts.primary = Seen::Found(PrimarySeen { runs: PrimaryMatch::Revision(rev("a")), replicas: 2, rollout: pods(2) });
    assert!(decide(&facts, &[], t(3)).effects.is_empty(), "ready pods that no Service lists are not enough");

    facts.endpoints.primary = 2;
    let plan = decide(&facts, &[], t(4));
    assert_eq!(plan.effects, [Effect::Apex, route(0)]);
    facts.journal = plan.journal;
    facts.apex = Shape::AsWanted;
    facts.route = RouteSeen::Seen { routing: Routing::PRIMARY, shape: Shape::AsWanted };
    assert!(decide(&facts, &[], t(10)).effects.is_empty(), "requests on their way finish first");

    let plan = decide(&facts, &[], t(14));
    assert_eq!(plan.effects, [Effect::Snapshot(rev("a")), Effect::ScaleTarget(0)]);
    assert_eq!((plan.journal.phase, plan.notices), (Phase::Initialized, vec![Notice::Initialized]));
}

#[test]
fn a_release_without_analysis_is_adopted_no_faster_than_any_other() {
    let mut facts = settled();
    facts.settings = Some(Settings { strategy: Strategy::Skip, ..settings() });
    facts.journal = Journal::default();
    target(&mut facts).replicas = 2;
    facts.primary = Seen::Found(PrimarySeen {
        runs: PrimaryMatch::Revision(rev("a")),
        replicas: 2,
        rollout: Rollout { available: 0, ..pods(2) },
    });
    facts.endpoints.primary = 0;
    facts.journal = decide(&facts, &[], t(0)).journal;
    let plan = decide(&facts, &[], t(60));
    assert_eq!((plan.effects, plan.journal.phase), (vec![], Phase::Initializing));
    assert!(matches!(plan.notices.as_slice(), [Notice::PrimaryNotReady(_)]), "{:?}", plan.notices);
}

#[test]
fn a_primary_that_never_gets_ready_leaves_the_target_serving() {
    let mut facts = settled();
    facts.journal = Journal::default();
    target(&mut facts).replicas = 2;
    facts.primary = Seen::Found(PrimarySeen {
        runs: PrimaryMatch::Revision(rev("a")),
        replicas: 2,
        rollout: Rollout { available: 0, ..pods(2) },
    });
    facts.endpoints.primary = 0;
    facts.journal = decide(&facts, &[], t(0)).journal;
    let plan = decide(&facts, &[], t(5000));
    assert_eq!((plan.journal.phase, plan.effects), (Phase::Initializing, vec![]));
    assert!(plan.wake.is_some(), "and it is looked at again");
}

#[test]
fn a_complaint_blocks_is_told_once_and_heals() {
    let mut facts = analysing(20);
    facts.complaints = vec![Complaint::blocks("TargetMissing", "Deployment/podinfo is not there.")];
    let plan = decide(&facts, &success(0.0), t(60));
    assert_eq!(plan.effects, []);
    assert_eq!(plan.notices.len(), 1);
    assert_eq!(plan.journal.condition(ConditionKind::Stalled).map(|c| c.reason.as_str()), Some("TargetMissing"));
    facts.journal = plan.journal;
    assert!(decide(&facts, &[], t(61)).notices.is_empty());
    facts.complaints.clear();
    let plan = decide(&facts, &success(100.0), t(61));
    assert_eq!(plan.journal.condition(ConditionKind::Stalled), None);
    assert_eq!(plan.effects, [route(40)]);
}

#[test]
fn a_suspended_canary_is_left_alone_and_says_so_once() {
    let mut facts = analysing(20);
    facts.settings = Some(Settings { suspend: true, ..settings() });
    facts.canary.generation = 2;
    let plan = decide(&facts, &success(0.0), t(60));
    assert_eq!((plan.effects, plan.notices), (vec![], vec![Notice::Suspended]));
    facts.journal = plan.journal;
    assert!(decide(&facts, &[], t(61)).notices.is_empty());
}

#[test]
fn hashes_of_another_operator_start_no_release() {
    let mut facts = settled();
    facts.journal.phase = Phase::Succeeded;
    facts.journal.last_applied = Some(Revision::new("5d8c7b9f4"));
    facts.journal.last_promoted = Some(Revision::new("5d8c7b9f4"));
    let plan = decide(&facts, &[], t(0));
    assert_eq!((plan.effects, plan.journal.last_promoted), (vec![], Some(rev("a"))));
}

#[test]
fn a_lost_primary_comes_back_at_the_promoted_revision() {
    let mut facts = settled();
    facts.primary = Seen::Missing;
    target(&mut facts).revision = rev("b");
    facts.journal.last_applied = Some(rev("b"));
    let plan = decide(&facts, &[], t(0));
    assert_eq!(plan.effects, [Effect::Primary(PrimarySource::Snapshot(rev("a")))]);
}
