//! Releases in their time and in their order.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;
use serin::model::{Phase, Time};

use super::super::app::{App, quick_to_drain};
use super::super::operator::Operator;
use super::super::traffic::Traffic;
use super::{MOVES_WITHIN, RELEASED_WITHIN};
use crate::apiserver::establish_our_definitions;
use crate::support::{Outcome, in_namespace};

/// So long from now, as a person writes it.
pub(super) fn from_now(after: Duration) -> Outcome<String> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH)? + after;
    Ok(Time::from_millis(i64::try_from(since.as_millis())?).to_string())
}

#[tokio::test]
async fn a_release_waits_for_the_end_of_a_freeze_stays_where_the_next_one_finds_it_and_loses_nothing() -> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        let (app, _operator) = (App::new(&client, &namespace, "hello"), Operator::start(&namespace, &[])?);
        app.go_live(&quick_to_drain()).await?;
        let freeze =
            |from, to| json!({"spec": {"schedule": {"freezes": [{"from": from, "to": to, "reason": "sale"}]}}});
        let analysis = json!({"spec": {"analysis": {"stepWeight": 30, "maxWeight": 90, "metrics": []}}});
        app.adopted(&analysis).await?;
        let traffic = Traffic::start(&client, &app.host()).await?;

        let (began, ends) = (from_now(Duration::ZERO)?, from_now(Duration::from_secs(40))?);
        app.edit("flagger.app/v1beta1", "Canary", "hello", &freeze(&began, &ends)).await?;
        app.change(&[("VERSION", "2")]).await?;
        app.reaches(Phase::Waiting, MOVES_WITHIN).await?;
        let told = app.tells("ReleaseHeld", MOVES_WITHIN).await?;
        assert!(told.contains("a freeze of spec.schedule (sale)"), "{told}");
        let until = app.status().await?.waiting.and_then(|wait| wait.until).map(|at| at.0.to_string());
        assert_eq!(until.as_ref(), Some(&ends));

        app.has_weight(30, RELEASED_WITHIN).await?;
        let later = freeze(&began, &from_now(Duration::from_secs(60))?);
        app.edit("flagger.app/v1beta1", "Canary", "hello", &later).await?;
        app.tells("ReleaseHeld", MOVES_WITHIN).await?;
        app.reaches(Phase::Succeeded, RELEASED_WITHIN + Duration::from_secs(60)).await?;
        assert_eq!(app.version_of("hello-primary").await?.as_deref(), Some("2"));
        traffic.end()?.lost_nothing()
    })
    .await
}

#[tokio::test]
async fn what_one_commit_changes_is_released_in_the_order_that_it_names() -> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        let _operator = Operator::start(&namespace, &[])?;
        let [database, shop] = ["database", "hello"].map(|name| App::new(&client, &namespace, name));
        let analysis = json!({"stepWeight": 50, "maxWeight": 50, "metrics": []});
        for app in [&database, &shop] {
            app.go_live(&quick_to_drain()).await?;
        }
        database.adopted(&json!({"spec": {"analysis": analysis}})).await?;
        shop.adopted(&json!({"spec": {"analysis": analysis, "dependsOn": [{"name": "database"}]}})).await?;

        for app in [&shop, &database] {
            app.change(&[("VERSION", "2")]).await?;
        }
        shop.reaches(Phase::Waiting, MOVES_WITHIN).await?;
        shop.reaches(Phase::Progressing, RELEASED_WITHIN).await?;
        assert_eq!(database.version_of("database-primary").await?.as_deref(), Some("2"), "it came first");
        shop.reaches(Phase::Succeeded, RELEASED_WITHIN).await
    })
    .await
}
