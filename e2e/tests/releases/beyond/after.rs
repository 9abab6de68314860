//! Before the first release and after a promotion: what is judged then, and how quick the way back is.

use serde_json::{Value, json};
use serin::model::Phase;

use super::super::app::{App, quick_to_drain};
use super::super::operator::Operator;
use super::super::traffic::{Traffic, versions};
use super::lever::ask;
use super::{MOVES_WITHIN, RELEASED_WITHIN};
use crate::apiserver::establish_our_definitions;
use crate::support::{Outcome, in_namespace, wait_until};

/// One step of 30 % for releases that may fail so many percent of their requests.
fn one_step(least: u32) -> Value {
    let metrics = json!([{"name": "request-success-rate", "interval": "10s", "thresholdRange": {"min": least}}]);
    json!({"spec": {"analysis": {"stepWeight": 30, "maxWeight": 30, "threshold": 2, "metrics": metrics}}})
}

/// The pods of the side that is measured.
const PODS: &str = r#"kubernetes_namespace="{{ namespace }}",kubernetes_pod_name=~"{{ target }}-[0-9a-z]+-[0-9a-z]+""#;

fn merged(mut patch: Value, more: &Value) -> Value {
    serin::object::value::merge(&mut patch, more);
    patch
}

#[tokio::test]
async fn a_bake_that_fails_returns_to_the_revision_before_without_a_lost_request() -> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        let (app, _operator) = (App::new(&client, &namespace, "hello"), Operator::start(&namespace, &[])?);
        app.go_live(&quick_to_drain()).await?;
        let bake = json!({"spec": {"analysis": {"bake": "10m"}}});
        app.adopted(&merged(one_step(50), &bake)).await?;
        let traffic = Traffic::start(&client, &app.host()).await?;

        app.release(&[("VERSION", "2"), ("ERROR_RATE", "10")]).await?;
        app.tells("Baking", RELEASED_WITHIN).await?;
        assert_eq!(app.version_of("hello-primary").await?.as_deref(), Some("2"));
        assert_eq!(app.status().await?.phase.0, Phase::Finalising);
        // The team has found out how many errors its users mind.
        app.canary(&merged(one_step(99), &bake)).await?;
        app.reaches(Phase::Failed, RELEASED_WITHIN).await?;
        app.tells("BakeFailed", MOVES_WITHIN).await?;
        wait_until("the revision before", RELEASED_WITHIN, async || {
            // Until then some answers are the errors of the new one.
            let seen = versions(&client, &app.host(), &[]).await;
            Ok(seen.is_ok_and(|seen| seen == ["1".to_owned()].into()).then_some(()))
        })
        .await?;
        let ready = app.status().await?.conditions.into_iter().find(|condition| condition.type_ == "Ready");
        assert_eq!(ready.map(|ready| ready.reason).as_deref(), Some("BakeFailed"));
        traffic.end()?.lost_nothing()
    })
    .await
}

#[tokio::test]
async fn a_revision_before_that_is_kept_warm_is_back_at_once_without_a_lost_request() -> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        let (app, _operator) = (App::new(&client, &namespace, "hello"), Operator::start(&namespace, &[])?);
        app.go_live(&quick_to_drain()).await?;
        app.adopted(&merged(one_step(50), &json!({"spec": {"rollback": {"keepWarm": "10m"}}}))).await?;
        let pods = app.generation_of("hello-primary").await?;
        let traffic = Traffic::start(&client, &app.host()).await?;

        app.release(&[("VERSION", "2")]).await?;
        app.tells("RoutingToCanary", RELEASED_WITHIN).await?;
        wait_until("everybody on the new revision", MOVES_WITHIN, async || {
            Ok((versions(&client, &app.host(), &[]).await? == ["2".to_owned()].into()).then_some(()))
        })
        .await?;
        ask(&app, "abort/1").await?;
        app.reaches(Phase::Failed, MOVES_WITHIN).await?;
        wait_until("everybody on the old one", MOVES_WITHIN, async || {
            Ok((versions(&client, &app.host(), &[]).await? == ["1".to_owned()].into()).then_some(()))
        })
        .await?;
        assert_eq!(app.generation_of("hello-primary").await?, pods, "no pod of the primary had to start");
        traffic.end()?.lost_nothing()
    })
    .await
}

#[tokio::test]
async fn the_first_deployment_is_judged_before_it_takes_over_and_loses_no_request() -> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        let (app, _operator) = (App::new(&client, &namespace, "hello"), Operator::start(&namespace, &[])?);
        app.go_live(&quick_to_drain()).await?;
        app.change(&[("VERSION", "1"), ("ERROR_RATE", "10")]).await?;
        let traffic = Traffic::start(&client, &app.host()).await?;

        // The gateway's counters know the sides alone, so the app's own are asked.
        let rate = |status: &str| format!("sum(rate(http_requests_total{{{PODS}{status}}}[{{{{ interval }}}}]))");
        let query = format!("100 * {} / {}", rate(",status!~\"5.*\""), rate(""));
        let metrics = json!([{"name": "answers", "query": query, "interval": "20s", "thresholdRange": {"min": 99}}]);
        let first = json!({"spec": {"analysis": {"onInitialize": true, "metrics": metrics}}});
        app.canary(&merged(one_step(99), &first)).await?;
        app.tells("CheckFailed", RELEASED_WITHIN).await?;
        assert_eq!(app.status().await?.phase.0, Phase::Initializing);
        let apex = app.object("v1", "Service", "hello").await?;
        assert_eq!(apex.pointer("/spec/selector/app"), Some(&json!("hello")), "nothing has moved");

        app.change(&[("VERSION", "2"), ("ERROR_RATE", "0")]).await?;
        app.reaches(Phase::Initialized, RELEASED_WITHIN).await?;
        assert_eq!(app.version_of("hello-primary").await?.as_deref(), Some("2"));
        traffic.end()?.lost_nothing()
    })
    .await
}
