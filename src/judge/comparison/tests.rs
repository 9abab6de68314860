//! A comparison over the checks of a release: what it keeps, and what it makes of measurements that say nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::judge::{Bearing, bearing};
use crate::model::{Buckets, Mode, Range, Recourse, Rules, Tally};

/// (canary bad, primary bad, canary all, primary all) of each minute: a canary that fails nine times as often.
const WORSE: [[f64; 4]; 4] =
    [[6.0, 6.0, 600.0, 5400.0], [9.0, 5.0, 600.0, 5400.0], [14.0, 10.0, 1200.0, 4800.0], [16.0, 9.0, 1200.0, 4800.0]];

fn kpi(source: KpiSource, test: Test) -> Kpi {
    Kpi {
        name: "errors".to_owned(),
        source,
        interval: "1m".to_owned(),
        window: Duration::from_secs(60),
        range: Range::default(),
        rules: Rules { on_inconclusive: Recourse::Pass, ..Rules::default() },
        comparison: Some(Comparison { test, margin: 0.25, alpha: 0.01 }),
    }
}

fn requests() -> Kpi {
    kpi(KpiSource::Builtin(Builtin::SuccessRate), Test::RateRatio)
}

fn values(test: Test) -> Kpi {
    kpi(KpiSource::Template { namespace: "t".into(), name: "m".into(), variables: BTreeMap::new() }, test)
}

fn counted([bad, primary_bad, total, primary_total]: [f64; 4]) -> Measurement {
    let canary = Tally { bad, total };
    let primary = Tally { bad: primary_bad, total: primary_total };
    Measurement::Both(Sample::Counted { canary, primary, before: Vec::new() })
}

fn valued(canary: f64, primary: f64) -> Measurement {
    Measurement::Both(Sample::Valued { canary, primary, requests: None })
}

fn at(seconds: i64) -> Time {
    Time::from_millis(seconds * 1000)
}

/// Of the canary in every span.
fn weight() -> Percent {
    Percent::clamped(20)
}

/// One check a minute; the readings of all of them.
fn play(kpi: &Kpi, measured: &[Measurement]) -> Vec<Reading> {
    let mut readings: Vec<Reading> = Vec::new();
    for (minute, measured) in (1..).zip(measured) {
        let before = readings.last().and_then(|reading| reading.compared.as_ref());
        readings.push(compare(kpi, &kpi.comparison.unwrap(), before, Some(measured), weight(), at(60 * minute)));
    }
    readings
}

#[test]
fn harm_is_certain_as_soon_as_the_evidence_is_and_stays_so() {
    let readings = play(&requests(), &WORSE.map(counted));
    let verdicts: Vec<_> = readings.iter().map(|reading| reading.verdict).collect();
    assert_eq!(verdicts, [Verdict::Inconclusive, Verdict::Fail, Verdict::Fail, Verdict::Fail]);
    // ln E = 4.299365 and 14.086717, by an independent path.
    let e_value = |at: usize| readings[at].compared.as_ref().unwrap().e_value.unwrap();
    assert!((e_value(0).ln() - 4.299_365).abs() < 1e-6 && (e_value(1).ln() - 14.086_717).abs() < 1e-6);
    let text = &readings[1].explanation;
    assert!(text.starts_with("errors 12.27 times the primary's (") && text.contains("certainly worse"), "{text}");
    let calm = play(&requests(), &[&WORSE.map(counted)[..], &[counted([0.0, 10.0, 5000.0, 5000.0])]].concat());
    assert_eq!(calm[4].verdict, Verdict::Fail, "what was certain once");
}

#[test]
fn failures_that_the_primary_has_none_of_have_a_least_ratio() {
    let alone = counted([9.0, 0.0, 100.0, 900.0]);
    let reading = play(&requests(), &[alone]).remove(0);
    assert_eq!((reading.verdict, reading.value), (Verdict::Fail, None));
    let told = &reading.explanation;
    assert!(told.starts_with("errors at least ") && told.contains(" times the primary's, which has none;"), "{told}");
    let one = play(&requests(), &[counted([1.0, 0.0, 100.0, 900.0])]).remove(0);
    assert!(one.explanation.starts_with("errors on the canary alone; "), "{}", one.explanation);
}

#[test]
fn a_restart_between_any_two_checks_changes_no_bit() {
    let whole = play(&requests(), &WORSE.map(counted));
    let wire = serde_json::to_string(&whole[1].compared.as_ref().unwrap().state).unwrap();
    let state: String = serde_json::from_str(&wire).unwrap();
    let kept = Compared { state, ..whole[1].compared.clone().unwrap() };
    let kpi = requests();
    let third = compare(&kpi, &kpi.comparison.unwrap(), Some(&kept), Some(&counted(WORSE[2])), weight(), at(180));
    assert_eq!(third, whole[2]);
}

#[test]
fn an_outage_and_an_empty_answer_are_no_evidence_and_take_none_away() {
    let kpi = requests();
    let first = play(&kpi, &[counted(WORSE[0])]).remove(0);
    for nothing in [Some(Measurement::Error("down".into())), Some(Measurement::NoData("empty".into())), None] {
        let reading =
            compare(&kpi, &kpi.comparison.unwrap(), first.compared.as_ref(), nothing.as_ref(), weight(), at(120));
        assert_eq!(reading.compared, first.compared, "{nothing:?}");
        assert!(matches!(reading.verdict, Verdict::Error | Verdict::NoData));
    }
    let nothing_counted = counted([0.0, 0.0, 0.0, 0.0]);
    let reading = play(&kpi, &[counted(WORSE[0]), nothing_counted]).remove(1);
    assert_eq!(reading.compared.map(|c| c.e_value), first.compared.map(|c| c.e_value), "no traffic says nothing");
}

#[test]
fn a_shared_incident_is_no_harm() {
    let calm = counted([1.0, 9.0, 1000.0, 9000.0]);
    let incident = counted([300.0, 2700.0, 1000.0, 9000.0]);
    let readings = play(&requests(), &[calm.clone(), incident.clone(), incident, calm]);
    assert!(readings.iter().all(|reading| reading.verdict != Verdict::Fail), "{readings:?}");
}

#[test]
fn a_test_with_other_limits_begins_anew() {
    let kpi = requests();
    let first = play(&kpi, &[counted(WORSE[0])]).remove(0);
    let edited = Comparison { margin: 4.0, ..kpi.comparison.unwrap() };
    let reading = compare(&kpi, &edited, first.compared.as_ref(), Some(&counted(WORSE[0])), weight(), at(120));
    let alone = compare(&kpi, &edited, None, Some(&counted(WORSE[0])), weight(), at(120));
    assert_eq!(reading.compared, alone.compared);
    let damaged = Compared { state: "{".into(), ..first.compared.unwrap() };
    let comparison = kpi.comparison.unwrap();
    let reading = compare(&kpi, &comparison, Some(&damaged), Some(&counted(WORSE[0])), weight(), at(120));
    assert_eq!(reading.verdict, Verdict::Inconclusive, "a state that cannot be read is none");
}

#[test]
fn values_whose_windows_overlap_are_counted_once() {
    let kpi = values(Test::Sign);
    let comparison = kpi.comparison.unwrap();
    let mut kept: Option<Compared> = None;
    let mut verdict = Verdict::Pass;
    for check in 1..=17 {
        // Twice a window; nine whole windows pass with the 17th check.
        let reading = compare(&kpi, &comparison, kept.as_ref(), Some(&valued(9.0, 1.0)), weight(), at(30 * check));
        (kept, verdict) = (reading.compared, reading.verdict);
        assert_eq!(verdict == Verdict::Fail, check == 17, "check {check}");
    }
    assert_eq!(verdict, Verdict::Fail);
}

#[test]
fn a_value_that_shall_be_large_is_worse_when_it_is_smaller() {
    let mut kpi = values(Test::Sign);
    let nine = vec![valued(1.0, 9.0); 9];
    assert_eq!(play(&kpi, &nine)[8].verdict, Verdict::Pass, "far below the primary, nine times");
    kpi.range = Range { min: Some(5.0), max: None };
    assert_eq!(play(&kpi, &nine)[8].verdict, Verdict::Fail);
}

#[test]
fn a_mean_difference_beyond_the_margin_is_harm() {
    let kpi = values(Test::Difference);
    let noisy = |base: f64| (0..30).map(|i| valued(base + f64::from(i % 3) * 0.1, 10.0)).collect::<Vec<_>>();
    assert_eq!(play(&kpi, &noisy(12.0))[29].verdict, Verdict::Fail);
    assert_eq!(play(&kpi, &noisy(10.0))[29].verdict, Verdict::Pass);
}

#[test]
fn an_objective_needs_no_primary() {
    let mut kpi = kpi(KpiSource::Builtin(Builtin::SuccessRate), Test::Slo);
    kpi.range = Range { min: Some(99.0), max: None };
    let alone = |bad| counted([bad, 0.0, 1000.0, 0.0]);
    assert_eq!(play(&kpi, &[alone(30.0), alone(30.0)])[1].verdict, Verdict::Fail);
    assert_eq!(play(&kpi, &vec![alone(2.0); 10])[9].verdict, Verdict::Pass);
}

#[test]
fn requests_that_the_counters_cannot_have_had_are_left_out() {
    let nonsense = [counted([5.0, 0.0, -1.0, 10.0]), counted([f64::NAN, 0.0, 10.0, 10.0])];
    let readings = play(&requests(), &nonsense);
    assert!(readings.iter().all(|reading| reading.value.is_none() && reading.verdict == Verdict::Inconclusive));
}

#[test]
fn what_is_uncertain_passes_every_step_but_the_last_where_the_user_wants_certainty() {
    let mut kpi = requests();
    let reading = play(&kpi, &[counted(WORSE[0])]).remove(0);
    let zero = Duration::ZERO;
    assert_eq!(bearing(&kpi, &reading, zero, false), Bearing::Pass);
    assert_eq!(bearing(&kpi, &reading, zero, true), Bearing::Pass, "no harm found, by default");
    kpi.rules.on_inconclusive = Recourse::Hold(Duration::from_secs(60));
    assert_eq!(bearing(&kpi, &reading, zero, false), Bearing::Pass);
    assert_eq!(bearing(&kpi, &reading, zero, true), Bearing::Hold);
    assert_eq!(bearing(&kpi, &reading, Duration::from_secs(60), true), Bearing::Fail);
    let harm = play(&kpi, &WORSE.map(counted)).remove(3);
    assert_eq!(bearing(&kpi, &harm, zero, false), Bearing::Harm);
    kpi.rules.mode = Mode::Advisory;
    assert_eq!(bearing(&kpi, &harm, zero, false), Bearing::Pass);
}

#[test]
fn requests_that_go_astray_are_told_until_they_are_on_their_way_again_and_never_end_a_release() {
    let mut traffic = kpi(KpiSource::Builtin(Builtin::SuccessRate), Test::Split);
    traffic.rules.on_inconclusive = Recourse::Hold(Duration::from_secs(3600));
    let shared = |canary: f64| counted([0.0, 0.0, canary, 1000.0 - canary]);
    let readings = play(&traffic, &[shared(190.0), shared(330.0), shared(340.0), shared(205.0)]);
    let verdicts: Vec<_> = readings.iter().map(|reading| reading.verdict).collect();
    assert_eq!(verdicts, [Verdict::Pass, Verdict::Fail, Verdict::Fail, Verdict::Pass]);
    assert_eq!(readings[0].explanation, "traffic-share is to be 20 %: 19.00 % of the requests reached the canary");
    assert!(readings[1].explanation.contains("26.00 % of the requests reached the canary; requests go astray, chance"));
    let bearings = readings.iter().map(|reading| bearing(&traffic, reading, Duration::ZERO, false));
    assert_eq!(bearings.collect::<Vec<_>>(), [Bearing::Pass, Bearing::Hold, Bearing::Hold, Bearing::Pass]);
    assert_eq!(bearing(&traffic, &readings[0], Duration::ZERO, true), Bearing::Pass, "no proof is waited for");
    traffic.rules.mode = Mode::Advisory;
    assert_eq!(bearing(&traffic, &readings[1], Duration::ZERO, true), Bearing::Pass);
}

fn durations() -> Kpi {
    kpi(KpiSource::Builtin(Builtin::Duration), Test::Quantile)
}

/// So many requests of either side within 100 ms, within 250 ms, and in all.
fn bucketed([canary, primary]: [[f64; 3]; 2]) -> Measurement {
    let [canary, primary] =
        [canary, primary].map(|[fast, most, total]| Buckets { within: vec![(100.0, fast), (250.0, most)], total });
    let before = vec![Buckets { within: vec![(100.0, 900.0), (250.0, 995.0)], total: 1000.0 }; 60];
    Measurement::Both(Sample::Bucketed { canary, primary, before })
}

#[test]
fn slower_requests_are_told_with_the_bound_that_tells_them() {
    let slow = bucketed([[60.0, 99.0, 100.0], [810.0, 896.0, 900.0]]);
    let reading = play(&durations(), &[slow.clone(), slow.clone()]).remove(1);
    let text = &reading.explanation;
    assert!(
        text.starts_with("requests above 100 ms (90 % of the primary's were faster) 4.00 times the primary's"),
        "{text}"
    );
    assert!(text.contains("certainly worse"), "{text}");
    assert_eq!(reading.verdict, Verdict::Fail);
    let compared = reading.compared.unwrap();
    assert_eq!([compared.canary, compared.primary, compared.requests], [Some(0.4), Some(0.1), Some(200.0)]);
    let mut own = values(Test::Quantile);
    own.name = "p95".to_owned();
    let reading = play(&own, &[slow]).remove(0);
    assert!(reading.explanation.starts_with("requests above 100 (90 %"), "{}", reading.explanation);
}

#[test]
fn buckets_that_tell_nothing_are_no_data_with_the_reason_and_take_nothing_away() {
    let slow = bucketed([[60.0, 99.0, 100.0], [810.0, 896.0, 900.0]]);
    let beyond = Buckets { within: vec![(100.0, 0.0)], total: 900.0 };
    let apart = Buckets { within: vec![(90.0, 5.0)], total: 9.0 };
    let both = |canary: &Buckets, primary: &Buckets| {
        Measurement::Both(Sample::Bucketed { canary: canary.clone(), primary: primary.clone(), before: Vec::new() })
    };
    for (measured, why) in [(both(&beyond, &beyond), "lie above 100"), (both(&apart, &beyond), "no bound in common")] {
        let reading = play(&durations(), &[measured]).remove(0);
        assert_eq!((reading.verdict, reading.compared), (Verdict::NoData, None));
        assert!(
            reading.explanation.starts_with("errors: ") && reading.explanation.contains(why),
            "{}",
            reading.explanation
        );
    }
    let readings = play(&durations(), &[slow.clone(), both(&apart, &apart), slow]);
    assert_eq!(
        readings[1].compared.as_ref().map(|kept| kept.e_value),
        readings[0].compared.as_ref().map(|kept| kept.e_value)
    );
    assert_eq!(readings[2].verdict, Verdict::Fail);
}

#[test]
fn no_pass_counts_before_the_canary_had_the_requests_that_the_user_wants() {
    let calm = counted([10.0, 90.0, 1000.0, 9000.0]);
    let mut kpi = requests();
    kpi.rules.on_few = Recourse::Hold(Duration::from_secs(600));
    assert_eq!(play(&kpi, &vec![calm.clone(); 12])[11].verdict, Verdict::Pass);
    kpi.rules.min_requests = 12_500;
    let readings = play(&kpi, &vec![calm; 13]);
    let few = &readings[11];
    assert_eq!((few.verdict, few.needs), (Verdict::Inconclusive, Some(500)));
    assert!(
        few.explanation.ends_with("; the canary had 12000 requests, and minRequests is 12500"),
        "{}",
        few.explanation
    );
    assert_eq!(bearing(&kpi, few, Duration::ZERO, false), Bearing::Hold, "before any step");
    assert_eq!(bearing(&kpi, few, Duration::from_secs(600), false), Bearing::Fail, "for so long");
    assert_eq!(readings[12].verdict, Verdict::Pass);
    assert_eq!(bearing(&kpi, &readings[12], Duration::ZERO, true), Bearing::Pass);
    kpi.rules.on_few = Recourse::Pass;
    assert_eq!(bearing(&kpi, few, Duration::ZERO, true), Bearing::Pass, "where the user wants to go on");
}

#[test]
fn harm_never_waits_for_requests() {
    let mut kpi = requests();
    kpi.rules = Rules { min_requests: 1_000_000, on_few: Recourse::Hold(Duration::from_secs(600)), ..kpi.rules };
    let readings = play(&kpi, &WORSE.map(counted));
    assert_eq!(bearing(&kpi, &readings[0], Duration::ZERO, false), Bearing::Hold);
    assert_eq!(bearing(&kpi, &readings[1], Duration::ZERO, false), Bearing::Harm);
}

#[test]
fn values_are_compared_of_as_many_requests_as_the_user_wants_whoever_counted_them() {
    let mut kpi = values(Test::Sign);
    kpi.rules = Rules { min_requests: 100, on_few: Recourse::Hold(Duration::from_secs(600)), ..kpi.rules };
    let of = |requests| Measurement::Both(Sample::Valued { canary: 1.0, primary: 9.0, requests: Some(requests) });
    let readings = play(&kpi, &vec![of(9.0); 12]);
    assert!(readings[..11].iter().all(|reading| reading.verdict == Verdict::Inconclusive));
    assert_eq!(readings[11].verdict, Verdict::Pass);
    assert_eq!(readings[11].compared.as_ref().and_then(|compared| compared.requests), Some(108.0));
}
