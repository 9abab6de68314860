//! Thresholds and comparisons on the same traffic.

use std::time::Duration;

use serde_json::{Value, json};
use serin::api::MetricResult;
use serin::model::{Phase, Verdict};
use serin::object::value;

use super::app::{App, in_steps, quick_to_drain};
use super::operator::Operator;
use super::traffic::Traffic;
use crate::apiserver::establish_our_definitions;
use crate::support::{Outcome, in_namespace, wait_until};

/// Three steps of ten seconds, a rollout and a drain, on a busy machine.
const RELEASED_WITHIN: Duration = Duration::from_secs(150);

/// The example's steps with these KPIs.
fn judged_by(metrics: &Value) -> Value {
    let mut patch = in_steps(20, 60);
    value::merge(&mut patch, &json!({"spec": {"analysis": {"metrics": metrics}}}));
    patch
}

/// The success rate, compared with that of the primary.
fn compared() -> Value {
    json!({"name": "request-success-rate", "interval": "10s", "comparison": {}})
}

/// How long requests take, compared at the primary's quantiles.
fn quantiles(patch: &Value) -> Value {
    let mut metric = json!({"name": "request-duration", "interval": "10s", "comparison": {}});
    value::merge(&mut metric, patch);
    metric
}

async fn results(app: &App) -> Outcome<Vec<MetricResult>> {
    Ok(app.status().await?.metrics)
}

#[tokio::test]
async fn a_canary_that_fails_more_often_than_the_primary_goes_back_though_it_is_within_its_range() -> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        let (app, _operator) = (App::new(&client, &namespace, "hello"), Operator::start(&namespace, &[])?);
        app.go_live(&quick_to_drain()).await?;
        let range = json!({"name": "request-success-rate", "interval": "30s", "thresholdRange": {"min": 80}});
        app.adopted(&judged_by(&json!([range, compared()]))).await?;
        let traffic = Traffic::start(&client, &app.host()).await?;
        app.release(&[("VERSION", "2"), ("ERROR_RATE", "10")]).await?;
        app.reaches(Phase::Failed, RELEASED_WITHIN).await?;

        let (compared, ranged): (Vec<_>, Vec<_>) =
            results(&app).await?.into_iter().partition(|result| result.test.is_some());
        // Harm that is certain does not wait for the first check.
        assert!(ranged.iter().all(|range| range.verdict.0 == Verdict::Pass), "{ranged:?}");
        let comparison = compared.first().ok_or("a comparison")?;
        assert_eq!(comparison.verdict.0, Verdict::Fail);
        assert!(comparison.e_value > Some(100.0), "{comparison:?}");
        assert!((0.05..0.2).contains(&comparison.canary.unwrap_or_default()), "{comparison:?}");
        assert_eq!(comparison.primary, Some(0.0));
        let told = app.tells("HarmFound", Duration::from_secs(5)).await?;
        assert!(told.contains(" times the primary's") && told.contains("certainly worse"), "{told}");
        traffic.end()?.lost_nothing()
    })
    .await
}

#[tokio::test]
async fn what_both_sides_suffer_is_no_fault_of_the_canary_though_it_is_out_of_its_range() -> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        let (app, _operator) = (App::new(&client, &namespace, "hello"), Operator::start(&namespace, &[])?);
        app.go_live(&quick_to_drain()).await?;
        app.change(&[("ERROR_RATE", "10")]).await?;
        let range = json!({
            "name": "request-success-rate", "interval": "30s", "thresholdRange": {"min": 99}, "mode": "advisory",
        });
        app.adopted(&judged_by(&json!([range, compared()]))).await?;
        let traffic = Traffic::start(&client, &app.host()).await?;
        app.release(&[("VERSION", "2")]).await?;
        app.reaches(Phase::Succeeded, RELEASED_WITHIN).await?;

        let [range, comparison] = &results(&app).await?[..] else { return Err("two KPIs".into()) };
        assert_eq!(range.verdict.0, Verdict::Fail, "{range:?}");
        assert_ne!(comparison.verdict.0, Verdict::Fail, "{comparison:?}");
        let rates = [comparison.canary, comparison.primary].map(Option::unwrap_or_default);
        assert!(rates.iter().all(|rate| (0.05..0.2).contains(rate)), "{comparison:?}");
        traffic.end()?.lost_nothing()
    })
    .await
}

#[tokio::test]
async fn requests_above_the_limit_are_counted_in_the_buckets_of_both_sides() -> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        let (app, _operator) = (App::new(&client, &namespace, "hello"), Operator::start(&namespace, &[])?);
        app.go_live(&quick_to_drain()).await?;
        let slow = json!({
            "name": "request-duration", "interval": "10s", "thresholdRange": {"max": 250}, "comparison": {},
        });
        app.adopted(&judged_by(&json!([slow]))).await?;
        let traffic = Traffic::start(&client, &app.host()).await?;
        app.release(&[("VERSION", "2"), ("LATENCY_MS", "600")]).await?;
        app.reaches(Phase::Failed, RELEASED_WITHIN).await?;

        let [comparison] = &results(&app).await?[..] else { return Err("one KPI".into()) };
        let sentence = comparison.explanation.clone().unwrap_or_default();
        assert!(sentence.starts_with("requests slower than 250 ms"), "{sentence}");
        assert!(comparison.canary > Some(0.9) && comparison.primary < Some(0.5), "{comparison:?}");
        traffic.end()?.lost_nothing()
    })
    .await
}

#[tokio::test]
async fn a_slower_canary_goes_back_by_the_quantiles_of_the_primary_where_nobody_wrote_a_limit() -> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        let (app, _operator) = (App::new(&client, &namespace, "hello"), Operator::start(&namespace, &[])?);
        app.go_live(&quick_to_drain()).await?;
        app.adopted(&judged_by(&json!([quantiles(&json!({}))]))).await?;
        let traffic = Traffic::start(&client, &app.host()).await?;
        app.release(&[("VERSION", "2"), ("LATENCY_MS", "400")]).await?;
        app.reaches(Phase::Failed, RELEASED_WITHIN).await?;

        let [comparison] = &results(&app).await?[..] else { return Err("one KPI".into()) };
        let sentence = comparison.explanation.clone().unwrap_or_default();
        assert!(sentence.starts_with("requests above ") && sentence.contains("certainly worse"), "{sentence}");
        assert!(sentence.contains(" % of the primary's were faster)"), "{sentence}");
        assert!(comparison.e_value > Some(100.0) && comparison.requests > Some(0.0), "{comparison:?}");
        assert!(comparison.canary > comparison.primary, "{comparison:?}");
        traffic.end()?.lost_nothing()
    })
    .await
}

#[tokio::test]
async fn a_canary_that_is_as_slow_as_the_primary_is_promoted_by_its_quantiles_after_the_requests_it_must_have()
-> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        let (app, _operator) = (App::new(&client, &namespace, "hello"), Operator::start(&namespace, &[])?);
        app.go_live(&quick_to_drain()).await?;
        app.change(&[("LATENCY_MS", "120")]).await?;
        // On a busy machine twice as many late requests are no news.
        let asked = quantiles(&json!({"minRequests": 60, "comparison": {"type": "quantile", "margin": 1}}));
        app.adopted(&judged_by(&json!([asked]))).await?;
        let traffic = Traffic::start(&client, &app.host()).await?;
        app.release(&[("VERSION", "2")]).await?;
        app.reaches(Phase::Succeeded, RELEASED_WITHIN).await?;

        let [comparison] = &results(&app).await?[..] else { return Err("one KPI".into()) };
        assert_ne!(comparison.verdict.0, Verdict::Fail, "{comparison:?}");
        assert!(comparison.requests >= Some(60.0), "{comparison:?}");
        traffic.end()?.lost_nothing()
    })
    .await
}

#[tokio::test]
async fn a_promotion_waits_for_certainty_where_that_is_asked_for_and_the_evidence_survives_the_operator() -> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        let (app, first) = (App::new(&client, &namespace, "hello"), Operator::start(&namespace, &[])?);
        app.go_live(&quick_to_drain()).await?;
        let mut certain = compared();
        certain["onInconclusive"] = json!("hold");
        app.adopted(&judged_by(&json!([certain]))).await?;
        let traffic = Traffic::start(&client, &app.host()).await?;
        app.release(&[("VERSION", "2")]).await?;
        // Without a failure on either side nothing is ever certain.
        let held = wait_until("a check that is held", RELEASED_WITHIN, async || {
            let status = app.status().await?;
            let since = status.step.as_ref().and_then(|step| step.held_since);
            Ok(status.metrics.into_iter().next().filter(|_| since.is_some() && status.canary_weight == 60))
        })
        .await?;
        assert_eq!(held.verdict.0, Verdict::Inconclusive, "{held:?}");
        first.kill()?;
        let _second = Operator::start(&namespace, &[])?;
        let later = wait_until("the next check", RELEASED_WITHIN, async || {
            let metric = results(&app).await?.into_iter().next();
            Ok(metric.filter(|metric| metric.measured_at != held.measured_at))
        })
        .await?;
        let counted = |result: &MetricResult| -> Outcome<f64> {
            let state = result.test.as_ref().ok_or("a comparison without a test")?.state.clone();
            let total = serde_json::from_str::<Value>(&state)?["canary"]["total"].as_f64();
            Ok(total.ok_or("a test without requests")?)
        };
        assert!(counted(&later)? > counted(&held)?, "{later:?} goes on from {held:?}");

        certain["onInconclusive"] = json!("pass");
        app.canary(&judged_by(&json!([certain]))).await?;
        app.reaches(Phase::Succeeded, RELEASED_WITHIN).await?;
        traffic.end()?.lost_nothing()
    })
    .await
}

#[tokio::test]
async fn a_release_waits_while_another_share_reaches_the_canary_than_its_weight_says() -> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        let app = App::of_example("own-routes/virtualservice", |_| (), &client, &namespace, "hello");
        let _operator = Operator::start(&namespace, &[])?;
        app.go_live(&quick_to_drain()).await?;
        let mut verified = judged_by(&json!([]));
        value::merge(&mut verified, &json!({"spec": {"analysis": {"verifyTraffic": "hold"}}}));
        app.adopted(&verified).await?;
        let traffic = Traffic::start(&client, &app.host()).await?;

        app.release(&[("VERSION", "2")]).await?;
        app.has_weight(20, RELEASED_WITHIN).await?;
        // A rule of the user's before the one that is shared: testers always see the canary.
        let mut spec = app.object("networking.istio.io/v1", "VirtualService", "shop").await?["spec"].clone();
        let testers = json!({
            "match": [{"headers": {"x-tester": {"exact": "1"}}}], "route": [{"destination": {"host": "hello-canary"}}],
        });
        spec["http"].as_array_mut().ok_or("rules")?.insert(0, testers);
        app.edit("networking.istio.io/v1", "VirtualService", "shop", &json!({ "spec": spec })).await?;
        let testers = Traffic::with(&client, &app.host(), &["x-tester: 1"]).await?;
        let share = wait_until("requests that go astray", RELEASED_WITHIN, async || {
            let share = results(&app).await?.into_iter().find(|result| result.name == "traffic-share");
            Ok(share.filter(|share| share.verdict.0 == Verdict::Fail))
        })
        .await?;
        assert!(share.explanation.unwrap_or_default().contains("requests go astray"));
        assert_eq!(app.status().await?.phase.0, Phase::Progressing);
        testers.end()?.lost_nothing()?;
        app.reaches(Phase::Succeeded, RELEASED_WITHIN).await?;
        traffic.end()?.lost_nothing()
    })
    .await
}
