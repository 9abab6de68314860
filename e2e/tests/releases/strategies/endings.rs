//! How releases, and Canaries, end when something is in their way.

use std::time::Duration;

use serde_json::{Value, json};
use serin::model::Phase;

use super::super::app::{App, in_steps, quick_to_drain, small};
use super::super::operator::Operator;
use super::super::traffic::{Traffic, versions};
use super::{MOVES_WITHIN, RELEASED_WITHIN};
use crate::apiserver::establish_our_definitions;
use crate::support::{Outcome, in_namespace, wait_until};

/// With these fields beside the spec of the example.
fn with(fields: &Value) -> Value {
    let mut canary = in_steps(30, 60);
    serin::object::value::merge(&mut canary, fields);
    canary
}

#[tokio::test]
async fn after_a_failed_promotion_the_canary_serves_and_the_next_revision_heals() -> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        let (app, _operator) = (App::new(&client, &namespace, "hello"), Operator::start(&namespace, &[])?);
        app.go_live(&quick_to_drain()).await?;
        app.adopted(&with(&json!({"spec": {"progressDeadlineSeconds": 30}}))).await?;
        let traffic = Traffic::start(&client, &app.host()).await?;

        // Healthy as a canary, never ready as the primary.
        app.release(&[("VERSION", "2"), ("NEVER_READY_AS", "hello-primary")]).await?;
        app.reaches(Phase::Failed, RELEASED_WITHIN).await?;
        assert_eq!(app.status().await?.canary_weight, 100);
        wait_until("everybody on the canary", MOVES_WITHIN, async || {
            Ok((versions(&client, &app.host(), &[]).await? == ["2".to_owned()].into()).then_some(()))
        })
        .await?;

        app.release(&[("VERSION", "3"), ("NEVER_READY_AS", "")]).await?;
        app.reaches(Phase::Succeeded, RELEASED_WITHIN).await?;
        assert_eq!(versions(&client, &app.host(), &[]).await?, ["3".to_owned()].into());
        traffic.end()?.lost_nothing()
    })
    .await
}

#[tokio::test]
async fn a_deleted_canary_gives_everything_back_and_loses_no_request() -> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        let (app, _operator) = (App::new(&client, &namespace, "hello"), Operator::start(&namespace, &[])?);
        app.go_live(&quick_to_drain()).await?;
        let route = app.object("networking.istio.io/v1", "VirtualService", "hello").await?["spec"].clone();
        app.adopted(&with(&json!({"spec": {"revertOnDeletion": true}}))).await?;
        let traffic = Traffic::start(&client, &app.host()).await?;

        app.delete("flagger.app/v1beta1", "Canary", "hello").await?;
        wait_until("the end of the Canary, which nothing holds", RELEASED_WITHIN, async || {
            Ok(app.object("flagger.app/v1beta1", "Canary", "hello").await.is_err().then_some(()))
        })
        .await?;
        assert!(app.deployment("hello-primary").await.is_err(), "the primary went with it");
        assert_eq!(app.object("networking.istio.io/v1", "VirtualService", "hello").await?["spec"], route);
        let service = app.object("v1", "Service", "hello").await?;
        assert_eq!(service["spec"]["selector"], json!({"app": "hello"}));
        traffic.end()?.lost_nothing()
    })
    .await
}

#[tokio::test]
async fn a_second_canary_on_one_target_is_told_so_and_touches_nothing() -> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        let (app, _operator) = (App::new(&client, &namespace, "hello"), Operator::start(&namespace, &[])?);
        app.go_live(&small()).await?;
        app.adopted(&json!({"spec": {"analysis": {"stepWeight": 30, "maxWeight": 60, "metrics": []}}})).await?;
        let mut second = app.object("flagger.app/v1beta1", "Canary", "hello").await?;
        second["metadata"] = json!({"name": "second"});
        second.as_object_mut().ok_or("a Canary is a map")?.remove("status");
        app.apply(&second).await?;
        let (_, sentence) = wait_until("a sentence on the second", Duration::from_secs(20), async || {
            app.named("second").stalled().await
        })
        .await?;
        assert!(sentence.contains("hello"), "{sentence}");
        assert_eq!(app.stalled().await?, None, "the first goes on");
        app.release(&[("VERSION", "2")]).await?;
        app.reaches(Phase::Succeeded, RELEASED_WITHIN + MOVES_WITHIN).await
    })
    .await
}
