//! How a release ends, under traffic.

use std::time::Duration;

use serin::model::Phase;

use super::app::{App, in_steps, quick_to_drain};
use super::operator::Operator;
use super::traffic::Traffic;
use super::weights::Weights;
use crate::apiserver::establish_our_definitions;
use crate::support::{Outcome, in_namespace};

/// Three steps of ten seconds, a rollout and a drain, on a busy machine.
const RELEASED_WITHIN: Duration = Duration::from_secs(150);

#[tokio::test]
async fn a_live_app_is_adopted_then_promoted_when_healthy_and_rolled_back_when_not_and_loses_no_request() -> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        let (app, operator) = (App::new(&client, &namespace, "hello"), Operator::start(&namespace, &[])?);
        app.go_live(&quick_to_drain()).await?;
        let traffic = Traffic::start(&client, &app.host()).await?;
        app.adopted(&in_steps(20, 60)).await?;
        let weights = Weights::watch(&client, &namespace, "hello").await?;

        app.release(&[("VERSION", "2")]).await?;
        app.reaches(Phase::Succeeded, RELEASED_WITHIN).await?;
        assert_eq!(weights.seen(), [20, 40, 60, 0]);
        assert_eq!(app.version_of("hello-primary").await?.as_deref(), Some("2"));

        app.release(&[("VERSION", "3"), ("ERROR_RATE", "30")]).await?;
        app.reaches(Phase::Failed, RELEASED_WITHIN).await?;
        assert_eq!(weights.seen(), [20, 40, 60, 0, 20, 0]);
        assert_eq!(app.version_of("hello-primary").await?.as_deref(), Some("2"));
        let sentence = app.tells("CheckFailed", Duration::from_secs(5)).await?;
        assert!(sentence.contains("success rate"), "{sentence}");

        println!("a promotion and a rollback: {} MiB resident (debug build)", operator.resident()?);
        traffic.end()?.lost_nothing()
    })
    .await
}
