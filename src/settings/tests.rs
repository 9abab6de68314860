//! Claims about whole specs.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::api::{Canary, CanarySpec, fixtures};
use crate::model::{
    Audience, Builtin, Comparison, KpiSource, Mirror, Mode, Range, Recourse, Rules, Steps, Strategy, Test,
};

const DEFAULTS: Defaults<'_> = Defaults { provider: "istio", namespace: "test" };

fn spec(analysis: &Value) -> CanarySpec {
    serde_json::from_value(json!({
        "targetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": "podinfo" },
        "service": { "port": 80 },
        "analysis": analysis,
    }))
    .unwrap()
}

/// A spec in linear steps with `more` in its analysis.
fn with(more: &Value) -> Settings {
    let mut analysis = json!({ "interval": "1m", "threshold": 5, "stepWeight": 10 });
    analysis.as_object_mut().unwrap().append(more.clone().as_object_mut().unwrap());
    resolve(&spec(&analysis), &DEFAULTS).unwrap()
}

fn weights(settings: &Settings) -> Vec<u16> {
    match &settings.strategy {
        Strategy::Skip | Strategy::AbTest { .. } | Strategy::BlueGreen { .. } => vec![],
        Strategy::Progressive { steps, .. } => steps.weights().iter().map(|weight| weight.whole()).collect(),
    }
}

#[test]
fn a_bad_object_is_refused_with_its_sentence() {
    for bad in fixtures::bad() {
        let Some(expected) = bad.said("settings") else { continue };
        let said = match serde_json::from_value::<Canary>(bad.object.clone()) {
            Err(unreadable) => vec![unreadable.to_string()],
            Ok(canary) => {
                let complaints = resolve(&canary.spec, &DEFAULTS).expect_err(&bad.file);
                complaints.into_iter().map(|complaint| complaint.sentence).collect()
            }
        };
        assert!(said.iter().any(|sentence| sentence.contains(expected)), "{}: {said:#?}", bad.file);
    }
}

#[test]
fn what_works_under_flagger_is_not_complained_about() {
    for good in fixtures::good() {
        for object in good.objects.into_iter().filter(|object| object["kind"] == "Canary") {
            let canary: Canary = serde_json::from_value(object).unwrap();
            let complaints = resolve(&canary.spec, &DEFAULTS).err().unwrap_or_default();
            let told: Vec<_> = complaints.iter().filter(|complaint| complaint.reason != "UnknownProvider").collect();
            assert!(told.is_empty(), "{}: {told:#?}", good.file);
        }
    }
}

#[test]
fn all_complaints_are_made_at_once() {
    let spec =
        spec(&json!({ "interval": "1minute", "threshold": 1, "stepWeights": [30, 20], "canaryReadyThreshold": 101 }));
    let reasons: Vec<_> = resolve(&spec, &DEFAULTS).unwrap_err().iter().map(|complaint| complaint.reason).collect();
    assert_eq!(reasons, ["NoDuration", "StepsDoNotRise", "WeightOutOfBounds"]);
}

/// For a router that sends matching requests to the canary as a whole.
fn for_nginx(more: &Value) -> Result<Settings, Vec<Complaint>> {
    let mut analysis = json!({"interval": "1m", "threshold": 5, "match": [{"headers": {"a": {"exact": "b"}}}]});
    analysis.as_object_mut().unwrap().append(more.clone().as_object_mut().unwrap());
    let ingress = json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "name": "podinfo"});
    let spec = CanarySpec { ingress_ref: serde_json::from_value(ingress).unwrap(), ..spec(&analysis) };
    resolve(&spec, &Defaults { provider: "nginx", ..DEFAULTS })
}

#[test]
fn a_router_that_cannot_share_matching_requests_is_never_asked_to() {
    let complaints = for_nginx(&json!({"stepWeight": 10})).unwrap_err();
    let said = complaints.iter().map(|complaint| complaint.sentence.as_str()).collect::<String>();
    assert!(said.contains("with spec.analysis.iterations"), "{said}");
    let settings = for_nginx(&json!({"iterations": 5, "stepWeightPromotion": 20})).unwrap();
    assert_eq!(settings.promotion_step, None);
}

#[test]
fn what_is_not_written_has_flaggers_defaults() {
    let settings = with(&json!({}));
    assert_eq!(settings.deadline, Duration::from_secs(600));
    assert_eq!((settings.primary_ready, settings.canary_ready), (Percent::FULL, Percent::FULL));
    assert_eq!(settings.promotion_step, None);
    assert_eq!(weights(&settings), [10, 20, 30, 40, 50, 60, 70, 80, 90, 100]);
    assert!(!settings.suspend && !settings.revert_on_deletion);
}

#[test]
fn a_short_interval_is_raised_to_ten_seconds() {
    assert_eq!(with(&json!({ "interval": "5s" })).interval, Duration::from_secs(10));
    assert_eq!(with(&json!({ "interval": "1m30s" })).interval, Duration::from_secs(90));
}

#[test]
fn a_threshold_below_one_counts_as_one() {
    assert_eq!(with(&json!({ "threshold": 0 })).threshold, 1);
    assert_eq!(with(&json!({ "threshold": -3 })).threshold, 1);
}

#[test]
fn a_maximum_of_zero_means_all() {
    assert_eq!(weights(&with(&json!({ "stepWeight": 50, "maxWeight": 0 }))), [50, 100]);
}

#[test]
fn listed_steps_end_at_a_hundred() {
    let listed =
        |weights| resolve(&spec(&json!({ "interval": "1m", "threshold": 1, "stepWeights": weights })), &DEFAULTS);
    assert_eq!(weights(&listed([1, 2, 10, 200]).unwrap()), [1, 2, 10, 100]);
    assert_eq!(weights(&listed([10, 150, 160, 170]).unwrap()), [10, 100]);
}

#[test]
fn skipped_analysis_looks_at_no_weight() {
    let mut spec = spec(&json!({ "interval": "1m", "threshold": 1, "stepWeight": 0 }));
    spec.skip_analysis = Some(true);
    assert_eq!(resolve(&spec, &DEFAULTS).unwrap().strategy, Strategy::Skip);
}

#[test]
fn the_operators_router_counts_where_the_spec_names_none() {
    let spec = spec(&json!({ "interval": "1m", "threshold": 1, "stepWeight": 10 }));
    let complaints = resolve(&spec, &Defaults { provider: "nginx", ..DEFAULTS }).unwrap_err();
    let sentences: Vec<_> = complaints.iter().map(|complaint| complaint.sentence.as_str()).collect();
    assert!(sentences[0].starts_with("the provider nginx needs spec.ingressRef"), "{sentences:?}");
}

fn strategy(analysis: &Value, provider: &str) -> Strategy {
    let mut all = json!({ "interval": "1m", "threshold": 1 });
    all.as_object_mut().unwrap().append(analysis.clone().as_object_mut().unwrap());
    resolve(&spec(&all), &Defaults { provider, ..DEFAULTS }).unwrap().strategy
}

fn count(iterations: u32) -> NonZeroU32 {
    NonZeroU32::new(iterations).unwrap()
}

#[test]
fn iterations_are_blue_green_and_with_a_match_an_ab_test() {
    let conditions = json!([{ "headers": { "x-canary": { "exact": "always" } } }]);
    let blue_green = Strategy::BlueGreen { iterations: count(3), mirror: Mirror::Off };
    assert_eq!(strategy(&json!({ "iterations": 3 }), "istio"), blue_green);
    assert_eq!(strategy(&json!({ "iterations": 3, "match": [] }), "istio"), blue_green);
    let ab_test = Strategy::AbTest { iterations: count(3) };
    assert_eq!(strategy(&json!({ "iterations": 3, "match": conditions }), "istio"), ab_test);
    let steps = Steps::linear(percent(50), percent(100)).unwrap();
    let shared = Strategy::Progressive { steps, mirror: Mirror::Off, audience: Audience::Matching };
    assert_eq!(strategy(&json!({ "stepWeight": 50, "match": conditions }), "istio"), shared);
}

#[test]
fn without_a_router_a_release_is_blue_green_of_ten_checks_whatever_the_spec_shares() {
    let conditions = json!([{ "headers": { "x-canary": { "exact": "always" } } }]);
    let affinity = json!({ "cookieName": "side" });
    let ten = Strategy::BlueGreen { iterations: count(10), mirror: Mirror::Off };
    for analysis in [
        json!({ "stepWeight": 10 }),
        json!({ "iterations": 0 }),
        json!({ "stepWeight": 10, "match": conditions, "mirror": true, "sessionAffinity": affinity }),
    ] {
        assert_eq!(strategy(&analysis, "kubernetes"), ten, "{analysis}");
    }
    let three = Strategy::BlueGreen { iterations: count(3), mirror: Mirror::Off };
    assert_eq!(strategy(&json!({ "iterations": 3 }), "kubernetes"), three);
}

#[test]
fn a_mirror_weight_of_zero_means_every_request() {
    let mirror = |analysis: &Value| strategy(analysis, "istio").mirror();
    assert_eq!(mirror(&json!({ "iterations": 1, "mirror": true, "mirrorWeight": 0 })), Mirror::All);
    assert_eq!(mirror(&json!({ "stepWeight": 1, "mirror": true, "mirrorWeight": 30 })), Mirror::Share(percent(30)));
    assert_eq!(mirror(&json!({ "stepWeight": 1, "mirrorWeight": 30 })), Mirror::Off);
}

#[test]
fn the_primary_gives_a_cookie_too_where_the_spec_names_none() {
    let names = |affinity: &Value| with(&json!({ "sessionAffinity": affinity })).cookies.unwrap();
    let given = names(&json!({ "cookieName": "side" }));
    assert_eq!((given.canary.as_str(), given.primary.as_str()), ("side", "side-primary"));
    let given = names(&json!({ "cookieName": "side", "primaryCookieName": "stable" }));
    assert_eq!(given.primary, "stable");
    assert_eq!(with(&json!({})).cookies, None);
}

fn ranges(metric: &Value) -> Vec<Range> {
    with(&json!({ "metrics": [metric] })).kpis.into_iter().map(|kpi| kpi.range).collect()
}

#[test]
fn a_range_is_taken_as_written() {
    let range = Range { min: Some(99.5), max: None };
    assert_eq!(ranges(&json!({ "name": "request-success-rate", "thresholdRange": { "min": 99.5 } })), [range]);
}

#[test]
fn a_duration_is_compared_in_whole_milliseconds() {
    let range = Range { min: None, max: Some(500.0) };
    assert_eq!(ranges(&json!({ "name": "request-duration", "thresholdRange": { "max": 500.9 } })), [range]);
}

#[test]
fn the_older_threshold_is_a_lower_bound_for_the_success_rate_alone() {
    let least = Range { min: Some(99.0), max: None };
    let most = Range { min: None, max: Some(99.0) };
    assert_eq!(ranges(&json!({ "name": "request-success-rate", "threshold": 99 })), [least]);
    assert_eq!(ranges(&json!({ "name": "request-duration", "threshold": 99 })), [most]);
    assert_eq!(ranges(&json!({ "name": "errors", "query": "1", "threshold": 99 })), [most]);
}

#[test]
fn without_a_limit_a_success_rate_passes_and_anything_else_must_not_be_above_zero() {
    assert_eq!(ranges(&json!({ "name": "request-success-rate" })), [Range::default()]);
    assert_eq!(ranges(&json!({ "name": "request-duration" })), [Range { min: None, max: Some(0.0) }]);
}

#[test]
fn a_range_without_ends_accepts_everything() {
    assert_eq!(ranges(&json!({ "name": "errors", "query": "1", "thresholdRange": {} })), [Range::default()]);
}

#[test]
fn every_source_of_a_metric_is_measured_over_a_minute_unless_it_says_otherwise() {
    let metric = json!({
        "name": "request-duration", "query": "1", "templateRef": { "name": "latency" }, "templateVariables": { "a": "b" },
    });
    let kpis = with(&json!({ "metrics": [metric, { "name": "request-duration", "interval": "30s" }] })).kpis;
    let template = KpiSource::Template {
        namespace: "test".to_owned(),
        name: "latency".to_owned(),
        variables: BTreeMap::from([("a".to_owned(), "b".to_owned())]),
    };
    let builtin = KpiSource::Builtin(Builtin::Duration);
    let sources: Vec<_> = kpis.iter().map(|kpi| (&kpi.source, kpi.interval.as_str())).collect();
    assert_eq!(
        sources,
        [(&builtin, "1m"), (&KpiSource::Inline("1".to_owned()), "1m"), (&template, "1m"), (&builtin, "30s")]
    );
}

/// Of hundredths of a percent, also what no traffic can have.
fn weight() -> impl proptest::strategy::Strategy<Value = api::Weight> {
    proptest::strategy::Strategy::prop_map(-500_i64..12_000, api::Weight::hundredths)
}

#[test]
fn steps_finer_than_a_percent_are_taken_where_the_router_can() {
    let fine = json!({"stepWeight": null, "stepWeights": [0.1, 0.5, 5]});
    let Strategy::Progressive { steps, .. } = with(&fine).strategy else { panic!("it has weights") };
    assert_eq!(steps.weights(), [10, 50, 500].map(Percent::hundredths));

    let mut asked = spec(&json!({"interval": "1m", "threshold": 5, "stepWeight": 0.5}));
    asked.provider = Some(api::Provider::AppMesh);
    let complaints = resolve(&asked, &DEFAULTS).unwrap_err();
    let told = |text: &str| complaints.iter().any(|complaint| complaint.sentence.contains(text));
    assert!(told("cannot share requests in fractions of a percent") && told("istio"), "{complaints:?}");
}

proptest! {
    #[test]
    fn a_refusal_always_says_why(
        step in proptest::option::of(weight()),
        steps in proptest::option::of(proptest::collection::vec(weight(), 0..5)),
        max in proptest::option::of(weight()),
        iterations in proptest::option::of(-2..3),
        skip: bool,
    ) {
        let mut spec = spec(&json!({ "interval": "1m", "threshold": 1 }));
        spec.skip_analysis = Some(skip);
        spec.analysis.step_weight = step;
        spec.analysis.step_weights = steps;
        spec.analysis.max_weight = max;
        spec.analysis.iterations = iterations;
        prop_assert!(resolve(&spec, &DEFAULTS).err().is_none_or(|complaints| !complaints.is_empty()));
    }
}

#[test]
fn rules_of_a_metric_come_before_those_of_the_analysis_and_flaggers_after_both() {
    let minutes = |count: u64| Recourse::Hold(Duration::from_secs(60 * count));
    let rules = |analysis: &Value, metric: &Value| {
        let mut all = json!({ "metrics": [{ "name": "request-duration" }] });
        all.as_object_mut().unwrap().append(analysis.clone().as_object_mut().unwrap());
        all["metrics"][0].as_object_mut().unwrap().append(metric.clone().as_object_mut().unwrap());
        with(&all).kpis[0].rules
    };
    let flaggers = Rules { on_inconclusive: minutes(60), on_few: minutes(60), ..Rules::default() };
    assert_eq!(rules(&json!({}), &json!({})), flaggers);
    let analysis = json!({ "onError": "hold", "onNoData": "pass", "maxHold": "10m" });
    let of_the_analysis = Rules {
        on_error: minutes(10),
        on_no_data: Recourse::Pass,
        on_inconclusive: minutes(10),
        on_few: minutes(10),
        ..flaggers
    };
    assert_eq!(rules(&analysis, &json!({})), of_the_analysis);
    let metric = json!({ "onNoData": "hold", "maxHold": "5m", "mode": "advisory" });
    let of_the_metric = Rules {
        on_error: minutes(5),
        on_no_data: minutes(5),
        on_inconclusive: minutes(5),
        on_few: minutes(5),
        mode: Mode::Advisory,
        ..flaggers
    };
    assert_eq!(rules(&analysis, &metric), of_the_metric);
    assert_eq!(rules(&analysis, &json!({ "onError": "fail" })).on_error, Recourse::Fail);
    assert_eq!(rules(&json!({ "onError": "hold" }), &json!({})).on_error, minutes(60));
    let analysis = json!({ "minRequests": 100, "onInconclusive": "pass" });
    let of_the_analysis =
        Rules { on_inconclusive: Recourse::Pass, on_few: Recourse::Pass, min_requests: 100, ..flaggers };
    assert_eq!(rules(&analysis, &json!({})), of_the_analysis);
    let metric = json!({ "minRequests": 0, "onInconclusive": "fail" });
    assert_eq!(
        rules(&analysis, &metric),
        Rules { on_inconclusive: Recourse::Fail, on_few: Recourse::Fail, ..flaggers }
    );
}

#[test]
fn an_empty_comparison_is_enough_and_all_of_them_share_one_risk() {
    let metrics = json!([
        { "name": "request-success-rate", "comparison": {} },
        { "name": "request-duration", "thresholdRange": { "max": 500 }, "comparison": { "type": "slo", "alpha": 0.05 } },
        { "name": "queue", "query": "1", "comparison": { "margin": 2 } },
        { "name": "cpu", "query": "1", "comparison": { "type": "difference" } },
        { "name": "errors", "query": "1" },
    ]);
    let kpis = with(&json!({ "metrics": metrics })).kpis;
    let of = |test, margin, alpha| Some(Comparison { test, margin, alpha });
    let found: Vec<_> = kpis.iter().map(|kpi| kpi.comparison).collect();
    let share = 0.01 / 4.0;
    let difference = of(Test::Difference, 0.25, share);
    let expected =
        [of(Test::RateRatio, 0.25, share), of(Test::Slo, 0.25, 0.05), of(Test::Sign, 2.0, share), difference];
    assert_eq!(found, [&expected[..], &[None]].concat());
    assert_eq!(kpis[0].rules.on_inconclusive, Recourse::Pass, "no harm found is enough");
    let held =
        with(&json!({ "onInconclusive": "hold", "metrics": [{ "name": "request-success-rate", "comparison": {} }] }));
    assert_eq!(held.kpis[0].rules.on_inconclusive, Recourse::Hold(Duration::from_secs(3600)));
}

#[test]
fn an_empty_comparison_of_durations_asks_about_the_limit_and_about_the_quantiles_where_there_is_none() {
    let test = |metric: Value| with(&json!({ "metrics": [metric] })).kpis[0].comparison.map(|asked| asked.test);
    let duration = |limit: Value| {
        let mut metric = json!({ "name": "request-duration", "comparison": {} });
        metric.as_object_mut().unwrap().extend(limit.as_object().unwrap().clone());
        test(metric)
    };
    assert_eq!(duration(json!({ "thresholdRange": { "max": 500 } })), Some(Test::RateRatio));
    assert_eq!(duration(json!({ "threshold": 500 })), Some(Test::RateRatio));
    assert_eq!(duration(json!({})), Some(Test::Quantile));
    let query = "histogram_quantile(0.95, sum(rate(b{app=\"{{ target }}\"}[1m])) by (le))";
    let asked = json!({ "name": "p95", "query": query, "comparison": { "type": "quantile" } });
    assert_eq!(test(asked), Some(Test::Quantile));
}

#[test]
fn a_comparison_that_does_not_know_what_is_good_says_what_to_write() {
    let refused = |metric: Value| {
        let mut analysis = json!({ "interval": "1m", "threshold": 5, "stepWeight": 10 });
        analysis["metrics"] = json!([metric]);
        resolve(&spec(&analysis), &DEFAULTS).map_err(|all| all.into_iter().map(|one| one.sentence).collect::<Vec<_>>())
    };
    let sentence = |metric| refused(metric).unwrap_err().join("; ");
    let slow = sentence(json!({ "name": "request-duration", "comparison": { "type": "rateRatio" } }));
    assert!(slow.contains("thresholdRange.max") && slow.contains("for example 500"), "{slow}");
    let slo = sentence(json!({ "name": "request-success-rate", "comparison": { "type": "slo" } }));
    assert!(slo.contains("thresholdRange.min") && slo.contains("for example 99"), "{slo}");
    let custom = sentence(json!({ "name": "queue", "query": "1", "comparison": { "type": "rateRatio" } }));
    assert!(custom.contains("write sign or difference"), "{custom}");
    let shares = sentence(json!({ "name": "request-success-rate", "comparison": { "type": "quantile" } }));
    assert!(shares.contains("comparison.type quantile") && shares.contains("write rateRatio"), "{shares}");
    assert!(refused(json!({ "name": "queue", "query": "1", "comparison": {} })).is_ok());
    assert!(refused(json!({ "name": "request-duration", "threshold": 500, "comparison": {} })).is_ok());
}

#[test]
fn a_hold_or_a_warmup_without_a_length_is_refused() {
    for field in ["maxHold", "warmup"] {
        let mut analysis = json!({ "interval": "1m", "threshold": 5, "stepWeight": 10 });
        analysis[field] = json!("soon");
        let refused = resolve(&spec(&analysis), &DEFAULTS).unwrap_err();
        assert!(refused[0].sentence.starts_with(&format!("spec.analysis.{field} is soon")), "{refused:?}");
    }
    assert_eq!(with(&json!({ "warmup": "2m" })).warmup, Duration::from_secs(120));
}
