//! Requests by annotation, in the middle of a release.

use std::time::Duration;

use serde_json::json;
use serin::model::Phase;

use super::super::app::{App, quick_to_drain};
use super::super::operator::Operator;
use super::super::traffic::Traffic;
use super::{MOVES_WITHIN, RELEASED_WITHIN};
use crate::apiserver::establish_our_definitions;
use crate::support::{Outcome, in_namespace, wait_until};

/// Asks by annotation, and returns what came of it.
pub(super) async fn ask(app: &App, request: &str) -> Outcome<String> {
    let patch = json!({"metadata": {"annotations": {"serin.dev/request": request}}});
    app.edit("flagger.app/v1beta1", "Canary", "hello", &patch).await?;
    wait_until(&format!("an answer to {request}"), Duration::from_secs(10), async || {
        let handled = app.status().await?.last_handled_request.filter(|handled| handled.request == request);
        Ok(handled.map(|handled| format!("{} {}", handled.by.unwrap_or_default(), handled.outcome)))
    })
    .await
}

#[tokio::test]
async fn a_release_is_paused_moved_aborted_tried_again_and_promoted_by_hand_and_loses_nothing() -> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        let (app, _operator) = (App::new(&client, &namespace, "hello"), Operator::start(&namespace, &[])?);
        app.go_live(&quick_to_drain()).await?;
        app.adopted(&json!({"spec": {"analysis": {"stepWeight": 10, "maxWeight": 90, "metrics": []}}})).await?;
        let traffic = Traffic::start(&client, &app.host()).await?;

        app.release(&[("VERSION", "2")]).await?;
        app.has_weight(10, MOVES_WITHIN).await?;
        assert_eq!(ask(&app, "pause/1").await?, "hand the release stays where it is until resume");
        assert_eq!(ask(&app, "set-weight=70/2").await?, "hand the canary has 70 %");
        assert!(ask(&app, "stop/3").await?.contains("refused: it is none of promote, abort,"));
        assert_eq!(app.status().await?.canary_weight, 70);
        assert_eq!(ask(&app, "abort/4").await?, "hand the release is rolled back");
        app.reaches(Phase::Failed, MOVES_WITHIN).await?;
        assert_eq!(app.version_of("hello-primary").await?.as_deref(), Some("1"));

        ask(&app, "retry/5").await?;
        app.has_weight(10, RELEASED_WITHIN).await?;
        assert!(ask(&app, "promote/6").await?.contains("the canary is promoted"));
        app.reaches(Phase::Succeeded, RELEASED_WITHIN).await?;
        assert_eq!(app.version_of("hello-primary").await?.as_deref(), Some("2"));
        traffic.end()?.lost_nothing()
    })
    .await
}

#[tokio::test]
async fn a_gate_without_a_server_waits_for_a_person_and_goes_on_when_it_is_opened() -> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        let (app, _operator) = (App::new(&client, &namespace, "hello"), Operator::start(&namespace, &[])?);
        app.go_live(&quick_to_drain()).await?;
        let gates =
            json!([{"name": "begin", "type": "confirm-rollout"}, {"name": "agree", "type": "confirm-promotion"}]);
        let analysis = json!({"stepWeight": 30, "maxWeight": 60, "metrics": [], "webhooks": gates});
        app.adopted(&json!({"spec": {"analysis": analysis}})).await?;

        app.change(&[("VERSION", "2")]).await?;
        app.reaches(Phase::Waiting, MOVES_WITHIN).await?;
        assert_eq!(app.deployment("hello").await?.spec.unwrap_or_default().replicas, Some(0), "no pod before the gate");
        assert_eq!(ask(&app, "resume/1").await?, "hand the gate is open, and the release goes on");
        app.reaches(Phase::WaitingPromotion, RELEASED_WITHIN).await?;
        assert_eq!(app.version_of("hello-primary").await?.as_deref(), Some("1"));
        assert_eq!(ask(&app, "resume/2").await?, "hand the gate is open, and the release goes on");
        app.reaches(Phase::Succeeded, RELEASED_WITHIN).await
    })
    .await
}
