//! A canary with too few requests to be judged.

use std::time::Duration;

use serde_json::json;
use serin::model::{Phase, Verdict};

use super::super::app::{App, quick_to_drain};
use super::super::operator::Operator;
use super::super::traffic::Traffic;
use crate::apiserver::establish_our_definitions;
use crate::support::{Outcome, in_namespace, wait_until};

/// A rollout and the first check after a window of ten seconds; then two more steps and a drain.
const RELEASED_WITHIN: Duration = Duration::from_secs(150);

#[tokio::test]
async fn a_check_of_too_few_requests_is_held_with_what_is_missing_until_they_are_enough() -> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        let (app, _operator) = (App::new(&client, &namespace, "hello"), Operator::start(&namespace, &[])?);
        app.go_live(&quick_to_drain()).await?;
        let traffic = Traffic::start(&client, &app.host()).await?;
        let metric = json!({"name": "request-success-rate", "interval": "10s", "thresholdRange": {"min": 99}});
        let resting_on = |requests: u32| {
            let analysis = json!({"stepWeight": 50, "maxWeight": 50, "minRequests": requests, "metrics": [&metric]});
            json!({"spec": {"analysis": analysis}})
        };
        app.adopted(&resting_on(1_000_000)).await?;

        app.release(&[("VERSION", "2")]).await?;
        let sentence = app.tells("CheckInconclusive", RELEASED_WITHIN).await?;
        assert!(sentence.contains("requests within 10s, and minRequests is 1000000"), "{sentence}");
        // Half of 20 requests a second for ten seconds.
        wait_until("a hundred requests, more or less", RELEASED_WITHIN, async || {
            let status = app.status().await?;
            let reading = status.metrics.first().ok_or("no metric")?;
            let requests = 1_000_000 - reading.needs.unwrap_or_default();
            let about = reading.verdict.0 == Verdict::Inconclusive && (50..=150).contains(&requests);
            assert_eq!(
                (status.phase.0, status.canary_weight, status.failed_checks),
                (Phase::Progressing, 50.into(), 0)
            );
            Ok(about.then_some(()))
        })
        .await?;
        app.canary(&resting_on(10)).await?;
        app.reaches(Phase::Succeeded, RELEASED_WITHIN).await?;
        traffic.end()?.lost_nothing()
    })
    .await
}
