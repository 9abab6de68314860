//! A primary that keeps the revision before while the canary serves everybody.

use super::*;

/// Revision `b` is analysed at `weight`, and what was there before is kept for two minutes.
fn keeping(weight: i64) -> Facts {
    let mut facts = analysing(weight);
    facts.settings.as_mut().unwrap().keep_warm_for(Duration::from_secs(120));
    facts
}

/// The canary has everything since second 0, and a check is due at `second`.
fn warm(second: i64) -> Facts {
    let mut facts = keeping(100);
    facts.journal.iterations = 1;
    facts.journal.step = facts.journal.step.map(|step| Step { next_check_at: t(second), ..step });
    facts
}

#[test]
fn after_its_steps_the_canary_serves_everybody_before_it_is_promoted() {
    let plan = decide(&keeping(60), &success(100.0), t(60));
    assert_eq!((plan.journal.phase, plan.journal.weight), (Phase::Progressing, Percent::FULL));
    assert_eq!((plan.effects, plan.notices), (vec![route(100)], vec![Notice::RoutingToCanary(Mirror::Off)]));
}

#[test]
fn the_primary_keeps_the_revision_before_until_its_time_is_up() {
    let plan = decide(&warm(60), &success(100.0), t(60));
    assert_eq!((plan.journal.phase, plan.effects.as_slice()), (Phase::Progressing, [].as_slice()));
    let wait = plan.journal.waits.unwrap();
    assert_eq!((wait.until, plan.journal.step.unwrap().next_check_at), (Some(t(120)), t(120)));
    let plan = decide(&warm(120), &success(100.0), t(120));
    assert_eq!((plan.journal.phase, plan.journal.waits), (Phase::Promoting, None));
    assert_eq!(plan.effects, [Effect::Snapshot(rev("b")), Effect::Primary(PrimarySource::Target(rev("b")))]);
}

#[test]
fn each_way_back_from_a_warm_primary_is_a_weight() {
    let mut failing = warm(60);
    failing.journal.failed_checks = 1;
    let aborted = Facts { request: Request::new("abort/1", None), ..warm(60) };
    let mut reverted = warm(60);
    target(&mut reverted).revision = rev("a");
    for (facts, phase) in [(failing, Phase::Failed), (aborted, Phase::Failed), (reverted, Phase::Finalising)] {
        let plan = decide(&facts, &success(0.0), t(60));
        assert_eq!((plan.journal.phase, plan.effects), (phase, vec![route(0)]));
    }
}

#[test]
fn whoever_wants_no_way_back_promotes_at_once() {
    let plan = decide(&Facts { request: Request::new("promote/1", None), ..warm(60) }, &[], t(30));
    assert_eq!(plan.journal.phase, Phase::Promoting);
}

#[test]
fn the_gate_of_the_promotion_comes_before_everybody_has_the_canary() {
    let mut facts = keeping(60);
    let gate = Approval { name: "ask".into(), moment: Moment::ConfirmPromotion, deadline: None };
    facts.settings.as_mut().unwrap().approvals = vec![gate.clone()];
    assert_eq!(decide(&facts, &success(100.0), t(60)).journal.phase, Phase::WaitingPromotion);
    let mut facts = warm(120);
    facts.settings.as_mut().unwrap().approvals = vec![gate];
    assert_eq!(decide(&facts, &success(100.0), t(120)).journal.phase, Phase::Promoting, "it was agreed to");
}

#[test]
fn nothing_is_compared_with_a_primary_that_has_no_requests() {
    let compared = |facts: Facts| {
        let mut facts = facts;
        let comparison = Some(Comparison { test: Test::RateRatio, margin: 0.5, alpha: 0.01 });
        let kpis = &mut facts.settings.as_mut().unwrap().kpis;
        kpis.push(Kpi { comparison, ..kpis[0].clone() });
        questions(&facts, &[], t(60)).len()
    };
    assert_eq!([compared(keeping(60)), compared(warm(60))], [2, 1]);
}

#[test]
fn a_revision_whose_pods_all_go_at_once_is_watched_before_its_promotion() {
    let mut facts = analysing(60);
    facts.settings.as_mut().unwrap().bake = Duration::from_secs(120);
    target(&mut facts).replacement = Replacement::AllAtOnce;
    let in_force = facts.in_force().unwrap();
    assert_eq!((in_force.keep_warm, in_force.bake_left()), (Duration::from_secs(120), Duration::ZERO));
    assert_eq!(decide(&facts, &success(100.0), t(60)).journal.weight, Percent::FULL);
    facts.route = RouteSeen::Unrouted;
    assert_eq!(facts.in_force().unwrap().bake_left(), Duration::from_secs(120), "no way back is a weight there");
}

#[test]
fn the_time_before_the_promotion_counts_towards_the_bake() {
    let mut settings = settings();
    settings.bake = Duration::from_secs(300);
    settings.keep_warm_for(Duration::from_secs(120));
    assert_eq!(settings.bake_left(), Duration::from_secs(180));
}
