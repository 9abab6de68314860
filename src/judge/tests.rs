//! Verdicts and the sentences that give their reasons.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::model::{Builtin, KpiSource, Range, Rules};

fn kpi(name: &str, source: KpiSource, min: Option<f64>, max: Option<f64>) -> Kpi {
    Kpi {
        name: name.to_owned(),
        source,
        interval: "1m".to_owned(),
        window: std::time::Duration::from_secs(60),
        range: Range { min, max },
        rules: Rules::default(),
        comparison: None,
    }
}

fn builtin(builtin: Builtin, min: Option<f64>, max: Option<f64>) -> Kpi {
    kpi(builtin.name(), KpiSource::Builtin(builtin), min, max)
}

fn custom(min: Option<f64>, max: Option<f64>) -> Kpi {
    let variables = BTreeMap::new();
    kpi("M", KpiSource::Template { namespace: "test".to_owned(), name: "m".to_owned(), variables }, min, max)
}

fn read(verdict: Verdict) -> Reading {
    let (name, explanation, interval) = ("M".to_owned(), String::new(), "1m".to_owned());
    Reading { name, value: None, verdict, explanation, interval, measured_at: None, needs: None, compared: None }
}

fn judged(kpi: &Kpi, value: f64) -> (Verdict, String) {
    let reading = reading(kpi, Some(&Measurement::Value(value)));
    (reading.verdict, reading.explanation)
}

#[test]
fn both_bounds_are_accepted_values() {
    let kpi = custom(Some(1.0), Some(2.0));
    for (value, verdict) in [(0.9, Verdict::Fail), (1.0, Verdict::Pass), (2.0, Verdict::Pass), (2.1, Verdict::Fail)] {
        assert_eq!(judged(&kpi, value).0, verdict, "{value}");
    }
}

#[test]
fn a_failure_reads_as_flagger_writes_it() {
    let rate = builtin(Builtin::SuccessRate, Some(99.0), None);
    assert_eq!(judged(&rate, 98.691), (Verdict::Fail, "success rate 98.69% < 99%".to_owned()));
    let rate = builtin(Builtin::SuccessRate, None, Some(99.5));
    assert_eq!(judged(&rate, 100.0), (Verdict::Fail, "success rate 100.00% > 99.5%".to_owned()));
    let duration = builtin(Builtin::Duration, Some(10.0), Some(500.0));
    assert_eq!(judged(&duration, 1500.0), (Verdict::Fail, "request duration 1.5s > 500ms".to_owned()));
    assert_eq!(judged(&duration, 5.0), (Verdict::Fail, "request duration 5ms < 10ms".to_owned()));
    assert_eq!(judged(&custom(None, Some(10.0)), 12.34), (Verdict::Fail, "M 12.34 > 10".to_owned()));
    assert_eq!(judged(&custom(Some(10.0), None), 0.0), (Verdict::Fail, "M 0.00 < 10".to_owned()));
}

#[test]
fn a_pass_gives_value_and_limits_too() {
    assert_eq!(judged(&custom(Some(1.0), Some(20.0)), 12.34).1, "M 12.34 >= 1 and <= 20");
    let rate = builtin(Builtin::SuccessRate, Some(99.0), None);
    assert_eq!(judged(&rate, 99.0), (Verdict::Pass, "success rate 99.00% >= 99%".to_owned()));
    let rate = builtin(Builtin::SuccessRate, None, None);
    assert_eq!(judged(&rate, 12.5), (Verdict::Pass, "success rate 12.50%, no limit is set".to_owned()));
}

#[test]
fn durations_are_compared_and_kept_as_whole_milliseconds() {
    let kpi = builtin(Builtin::Duration, None, Some(500.0));
    let reading = reading(&kpi, Some(&Measurement::Value(500.9)));
    assert_eq!((reading.verdict, reading.value), (Verdict::Pass, Some(500.0)));
    assert_eq!(judged(&builtin(Builtin::Duration, None, Some(500.9)), 501.0).0, Verdict::Fail);
}

#[test]
fn no_answer_and_no_number_never_pass() {
    let kpi = builtin(Builtin::SuccessRate, None, None);
    let verdict = |measured: Option<Measurement>| reading(&kpi, measured.as_ref()).verdict;
    assert_eq!(verdict(Some(Measurement::Value(f64::NAN))), Verdict::NoData);
    assert_eq!(verdict(Some(Measurement::Value(f64::INFINITY))), Verdict::NoData);
    assert_eq!(verdict(Some(Measurement::NoData("none".to_owned()))), Verdict::NoData);
    assert_eq!(verdict(Some(Measurement::Error("down".to_owned()))), Verdict::Error);
    assert_eq!(verdict(None), Verdict::Error);
}

#[test]
fn what_the_provider_said_is_the_explanation() {
    let measured = Measurement::NoData("no values found for metric: M: empty".to_owned());
    let reading = reading(&custom(None, Some(1.0)), Some(&measured));
    assert_eq!((reading.value, reading.explanation.as_str()), (None, "no values found for metric: M: empty"));
}

#[test]
fn without_rules_everything_but_a_pass_fails_the_check() {
    for verdict in Verdict::ALL {
        let expected = if verdict == Verdict::Pass { Bearing::Pass } else { Bearing::Fail };
        assert_eq!(bearing(&custom(None, None), &read(verdict), Duration::ZERO, true), expected, "{verdict:?}");
    }
}

#[test]
fn each_rule_is_for_its_own_verdict_and_a_hold_has_an_end() {
    let hold = Recourse::Hold(Duration::from_secs(60));
    let inconclusive = Recourse::Hold(Duration::from_secs(120));
    let rules = Rules { on_error: hold, on_no_data: Recourse::Pass, on_inconclusive: inconclusive, ..Rules::default() };
    let of = |rules, verdict, held| {
        bearing(&Kpi { rules, ..custom(None, None) }, &read(verdict), Duration::from_secs(held), false)
    };
    assert_eq!(of(rules, Verdict::NoData, 0), Bearing::Pass);
    assert_eq!(of(rules, Verdict::Error, 59), Bearing::Hold);
    assert_eq!(of(rules, Verdict::Error, 60), Bearing::Fail);
    assert_eq!(of(rules, Verdict::Inconclusive, 119), Bearing::Hold);
    assert_eq!(of(rules, Verdict::Inconclusive, 120), Bearing::Fail);
    assert_eq!(of(rules, Verdict::Fail, 0), Bearing::Fail);
    let advisory = Rules { mode: Mode::Advisory, ..Rules::default() };
    assert!(Verdict::ALL.into_iter().all(|verdict| of(advisory, verdict, 0) == Bearing::Pass));
}

#[test]
fn a_value_of_too_few_requests_is_shown_with_what_is_missing_and_not_judged() {
    let rules = Rules { min_requests: 100, ..Rules::default() };
    let kpi = Kpi { rules, ..builtin(Builtin::SuccessRate, Some(99.0), None) };
    let reading = reading(&kpi, Some(&Measurement::Few { value: Some(50.0), requests: 11.6 }));
    assert_eq!((reading.value, reading.verdict, reading.needs), (Some(50.0), Verdict::Inconclusive, Some(89)));
    let sentence = "request-success-rate is inconclusive: 12 requests within 1m, and minRequests is 100; wait for more, or widen the metric's interval";
    assert_eq!(reading.explanation, sentence);
}

/// Distances from a value to its limit, down to ones that no reader would see.
fn near() -> impl Strategy<Value = f64> {
    (-12..1_i32, -10.0..10.0_f64).prop_map(|(power, by)| by * 10_f64.powi(power))
}

proptest! {
    #[test]
    fn a_verdict_is_the_rule_and_its_sentence_never_contradicts_it(
        value in -10.0..10.0_f64, min in prop::option::of(near()), max in prop::option::of(near()),
    ) {
        let (min, max) = (min.map(|by| value + by), max.map(|by| value + by));
        let (verdict, sentence) = judged(&custom(min, max), value);
        let inside = min.is_none_or(|min| value >= min) && max.is_none_or(|max| value <= max);
        prop_assert_eq!(verdict == Verdict::Pass, inside);
        let words: Vec<&str> = sentence.split(' ').collect();
        if let ["M", shown, sign, limit, ..] = words.as_slice() {
            let (shown, limit): (f64, f64) = (shown.parse().unwrap_or(0.0), limit.parse().unwrap_or(0.0));
            let holds = match *sign {
                "<" => shown < limit,
                ">" => shown > limit,
                ">=" => shown >= limit,
                "<=" => shown <= limit,
                _ => min.is_none() && max.is_none(),
            };
            prop_assert!(holds, "{}", sentence);
        }
    }
}
