//! What becomes of a check whose KPIs have no value, where the spec says more than Flagger can.

use super::*;

fn with(rules: Rules) -> Facts {
    let mut facts = analysing(20);
    facts.settings = facts.settings.map(|mut settings| {
        settings.kpis[0].rules = rules;
        settings
    });
    facts
}

fn down() -> Vec<Answer> {
    vec![Answer::Measured("request-success-rate".into(), Measurement::Error("down".into()))]
}

fn nothing() -> Vec<Answer> {
    vec![Answer::Measured("request-success-rate".into(), Measurement::NoData("empty".into()))]
}

const HOLD: Recourse = Recourse::Hold(Duration::from_secs(180));

#[test]
fn an_outage_of_the_provider_is_no_failure_of_the_canary_and_the_release_goes_on_after_it() {
    let mut facts = with(Rules { on_error: HOLD, ..Rules::default() });
    for now in [60, 120, 180] {
        let plan = decide(&facts, &down(), t(now));
        assert_eq!((plan.journal.failed_checks, plan.journal.weight), (0, Percent::clamped(20)), "after {now} s");
        assert_eq!(plan.wake, Some(t(now + 60)));
        assert!(matches!(plan.notices.as_slice(), [Notice::Halted(_)]), "{:?}", plan.notices);
        facts.journal = plan.journal;
    }
    let plan = decide(&facts, &success(100.0), t(240));
    assert_eq!(plan.journal.weight, Percent::clamped(40));
    assert_eq!(plan.journal.step.and_then(|step| step.held_since), None);
}

#[test]
fn a_hold_that_lasts_too_long_is_a_failed_check() {
    let mut facts = with(Rules { on_no_data: HOLD, ..Rules::default() });
    for now in [60, 120, 180, 240] {
        facts.journal = decide(&facts, &nothing(), t(now)).journal;
    }
    assert_eq!(facts.journal.failed_checks, 1, "held since 60, for 180 s");
}

#[test]
fn a_kpi_that_fails_is_not_held_by_another_that_has_no_value() {
    let mut facts = with(Rules { on_error: HOLD, ..Rules::default() });
    facts.settings = facts.settings.map(|mut settings| {
        let second = Kpi { rules: Rules::default(), ..settings.kpis[0].clone() };
        settings.kpis.push(second);
        settings
    });
    let answers = [down(), success(10.0)].concat();
    let plan = decide(&facts, &answers, t(60));
    assert_eq!(plan.journal.failed_checks, 1);
    assert_eq!(plan.notices.len(), 1, "only what failed is told: {:?}", plan.notices);
    assert_eq!(plan.journal.readings.len(), 2);
}

#[test]
fn a_check_of_too_few_requests_waits_for_more_and_shows_how_many() {
    let mut facts = with(Rules { on_inconclusive: HOLD, min_requests: 100, ..Rules::default() });
    let few = |requests| {
        let bad = Measurement::Few { value: Some(0.0), requests };
        vec![Answer::Measured("request-success-rate".into(), bad)]
    };
    for (now, requests, needs) in [(60, 20.0, 80), (120, 60.0, 40)] {
        let plan = decide(&facts, &few(requests), t(now));
        assert_eq!((plan.journal.failed_checks, plan.journal.weight), (0, Percent::clamped(20)));
        let reading = &plan.journal.readings[0];
        assert_eq!((reading.value, reading.measured_at), (Some(0.0), Some(t(now))));
        assert_eq!((reading.verdict, reading.needs), (Verdict::Inconclusive, Some(needs)));
        facts.journal = plan.journal;
    }
    assert_eq!(decide(&facts, &success(0.0), t(180)).journal.failed_checks, 1, "now they are enough to fail");
    assert_eq!(decide(&facts, &few(99.0), t(240)).journal.failed_checks, 1, "held since 60, for 180 s");
}

#[test]
fn an_idle_service_passes_where_its_owner_says_so() {
    let facts = with(Rules { on_no_data: Recourse::Pass, ..Rules::default() });
    assert_eq!(decide(&facts, &nothing(), t(60)).journal.weight, Percent::clamped(40));
    assert_eq!(decide(&facts, &down(), t(60)).journal.failed_checks, 1);
}

#[test]
fn an_advisory_kpi_is_shown_and_decides_nothing() {
    let facts = with(Rules { mode: Mode::Advisory, ..Rules::default() });
    let plan = decide(&facts, &success(10.0), t(60));
    assert_eq!(plan.journal.weight, Percent::clamped(40));
    assert_eq!(plan.journal.readings[0].verdict, Verdict::Fail);
}

#[test]
fn a_warm_up_comes_before_the_first_window() {
    let first = |warmup| {
        let mut facts = analysing(0);
        facts.journal.vacant_since = Some(t(0));
        facts.settings = facts.settings.map(|settings| Settings { warmup: Duration::from_secs(warmup), ..settings });
        facts.route = RouteSeen::Seen { routing: Routing::PRIMARY, shape: Shape::AsWanted };
        decide(&facts, &[], t(60)).journal.step.map(|step| step.next_check_at)
    };
    assert_eq!(first(0), Some(t(120)));
    assert_eq!(first(300), Some(t(363)));
}
