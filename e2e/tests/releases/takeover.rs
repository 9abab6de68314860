//! From Flagger to serin and back, with Flagger itself as the peer: `e2e/test.sh takeover`.

use std::time::Duration;

use serin::model::Phase;

use super::app::{App, in_steps, quick_to_drain};
use super::audit::Audit;
use super::operator::Operator;
use super::traffic::Traffic;
use super::weights::Weights;
use crate::apiserver::establish_our_definitions;
use crate::support::{Outcome, in_namespace, wait_until};

/// Flagger looks every ten seconds, and needs several looks for each phase.
const FLAGGER_RELEASES_WITHIN: Duration = Duration::from_secs(240);
/// Some intervals of ten seconds, at most one for each step.
const STEP_WITHIN: Duration = Duration::from_secs(60);
const TAKEN_OVER_WITHIN: Duration = Duration::from_secs(20);

#[tokio::test]
async fn an_installation_of_flagger_is_taken_over_without_a_release_or_a_write_and_then_releases() -> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        let app = App::new(&client, &namespace, "hello");
        let flagger = Operator::start_flagger(&namespace)?;
        app.go_live(&quick_to_drain()).await?;
        app.canary(&in_steps(20, 60)).await?;
        app.reaches(Phase::Initialized, FLAGGER_RELEASES_WITHIN).await?;
        let traffic = Traffic::start(&client, &app.host()).await?;
        flagger.kill()?;

        let (audit, before) = (Audit::from_here(&namespace)?, app.generation_of("hello-primary").await?);
        let _serin = Operator::start(&namespace, &[])?;
        app.is_ours(TAKEN_OVER_WITHIN).await?;
        app.is_free(TAKEN_OVER_WITHIN).await?;
        assert_eq!(app.status().await?.phase.0, Phase::Initialized);
        assert_eq!(app.generation_of("hello-primary").await?, before, "only its owner is another");
        let writes = audit.requests()?.writes();
        assert_eq!((writes.total(), writes.of("patch", "deployments.apps")), (1, 1), "{writes}");

        let weights = Weights::watch(&client, &namespace, "hello").await?;
        app.release(&[("VERSION", "2")]).await?;
        app.reaches(Phase::Succeeded, FLAGGER_RELEASES_WITHIN).await?;
        assert_eq!(weights.seen(), [20, 40, 60, 0]);
        traffic.end()?.lost_nothing()
    })
    .await
}

#[tokio::test]
async fn a_release_that_flagger_began_goes_on_at_its_weight() -> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        let app = App::new(&client, &namespace, "hello");
        let flagger = Operator::start_flagger(&namespace)?;
        app.go_live(&quick_to_drain()).await?;
        app.canary(&in_steps(20, 60)).await?;
        app.reaches(Phase::Initialized, FLAGGER_RELEASES_WITHIN).await?;
        let traffic = Traffic::start(&client, &app.host()).await?;
        let weights = Weights::watch(&client, &namespace, "hello").await?;
        app.change(&[("VERSION", "2")]).await?;
        app.has_weight(40, FLAGGER_RELEASES_WITHIN).await?;
        flagger.kill()?;

        let _serin = Operator::start(&namespace, &[])?;
        app.reaches(Phase::Succeeded, FLAGGER_RELEASES_WITHIN).await?;
        assert_eq!(weights.seen(), [20, 40, 60, 0]);
        assert_eq!(app.version_of("hello-primary").await?.as_deref(), Some("2"));
        traffic.end()?.lost_nothing()
    })
    .await
}

#[tokio::test]
async fn a_flagger_that_still_runs_is_not_fought_and_its_user_is_told() -> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        let app = App::new(&client, &namespace, "hello");
        let _flagger = Operator::start_flagger(&namespace)?;
        app.go_live(&quick_to_drain()).await?;
        app.canary(&in_steps(20, 60)).await?;
        app.reaches(Phase::Initialized, FLAGGER_RELEASES_WITHIN).await?;
        let traffic = Traffic::start(&client, &app.host()).await?;
        let _serin = Operator::start(&namespace, &[])?;
        app.is_ours(TAKEN_OVER_WITHIN).await?;
        app.is_free(TAKEN_OVER_WITHIN).await?;

        app.change(&[("VERSION", "2")]).await?;
        wait_until("a sentence about the other operator", STEP_WITHIN, async || {
            Ok(app.stalled().await?.filter(|(reason, told)| reason == "OtherOperator" && told.contains("Flagger")))
        })
        .await?;
        let audit = Audit::from_here(&namespace)?;
        app.reaches(Phase::Succeeded, FLAGGER_RELEASES_WITHIN).await?;
        let writes = audit.requests()?.writes();
        assert_eq!(writes.total(), 0, "{writes}");
        assert_eq!(app.version_of("hello-primary").await?.as_deref(), Some("2"));
        traffic.end()?.lost_nothing()
    })
    .await
}

#[tokio::test]
async fn flagger_takes_back_what_serin_ran_and_loses_no_request() -> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        let (app, serin) = (App::new(&client, &namespace, "hello"), Operator::start(&namespace, &[])?);
        app.go_live(&quick_to_drain()).await?;
        app.adopted(&in_steps(20, 60)).await?;
        let traffic = Traffic::start(&client, &app.host()).await?;
        app.release(&[("VERSION", "2")]).await?;
        app.reaches(Phase::Succeeded, FLAGGER_RELEASES_WITHIN).await?;
        serin.kill()?;

        // Its hash is another one than ours, so Flagger analyses the revision once more, as after its own upgrades.
        let _flagger = Operator::start_flagger(&namespace)?;
        app.has_weight(60, FLAGGER_RELEASES_WITHIN).await?;
        app.reaches(Phase::Succeeded, FLAGGER_RELEASES_WITHIN).await?;
        assert_eq!(app.version_of("hello-primary").await?.as_deref(), Some("2"));
        traffic.end()?.lost_nothing()
    })
    .await
}
