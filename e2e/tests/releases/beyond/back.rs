//! The way back: what was good once is good, and what failed can be looked at.

use serde_json::json;
use serin::model::Phase;

use super::super::app::{App, quick_to_drain};
use super::super::operator::Operator;
use super::super::traffic::Traffic;
use super::RELEASED_WITHIN;
use crate::apiserver::establish_our_definitions;
use crate::support::{Outcome, in_namespace};

#[tokio::test]
async fn a_revert_to_a_good_revision_is_not_analysed_and_a_bad_one_keeps_its_pods_and_nothing_is_lost() -> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        let (app, _operator) = (App::new(&client, &namespace, "hello"), Operator::start(&namespace, &[])?);
        app.go_live(&quick_to_drain()).await?;
        let rollback = json!({"onFailure": "freeze", "window": {"revisions": 1}});
        let metrics = json!([{"name": "request-success-rate", "interval": "10s", "thresholdRange": {"min": 90}}]);
        let analysis = json!({"stepWeight": 30, "maxWeight": 30, "threshold": 1, "metrics": metrics});
        app.adopted(&json!({"spec": {"rollback": rollback, "analysis": analysis}})).await?;
        let traffic = Traffic::start(&client, &app.host()).await?;

        app.release(&[("VERSION", "2")]).await?;
        app.reaches(Phase::Succeeded, RELEASED_WITHIN).await?;
        app.release(&[("VERSION", "1")]).await?;
        app.reaches(Phase::Succeeded, RELEASED_WITHIN).await?;
        assert_eq!(app.version_of("hello-primary").await?.as_deref(), Some("1"));
        let told = app.tells("PromotedWithoutAnalysis", RELEASED_WITHIN).await?;
        assert!(told.contains("Canary analysis was skipped"), "{told}");

        app.release(&[("VERSION", "3"), ("ERROR_RATE", "100")]).await?;
        app.reaches(Phase::Failed, RELEASED_WITHIN).await?;
        app.tells("Frozen", RELEASED_WITHIN).await?;
        let pods = app.deployment("hello").await?.spec.and_then(|spec| spec.replicas);
        assert_eq!((app.status().await?.canary_weight, pods), (0.into(), Some(2)));
        traffic.end()?.lost_nothing()
    })
    .await
}
