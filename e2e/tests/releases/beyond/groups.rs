//! Canaries that are promoted together or not at all.

use serde_json::json;
use serin::model::Phase;

use super::super::app::{App, quick_to_drain};
use super::super::operator::Operator;
use super::lever::ask;
use super::{MOVES_WITHIN, RELEASED_WITHIN};
use crate::apiserver::establish_our_definitions;
use crate::support::{Outcome, in_namespace, wait_until};

/// Both are live; the first has one step, the second so many of 10 %.
async fn grouped(quick: &App, slow: &App, steps: u32) -> Outcome {
    for app in [quick, slow] {
        app.go_live(&quick_to_drain()).await?;
    }
    let member = |most: u32| {
        let analysis = json!({"stepWeight": 10, "maxWeight": most, "metrics": []});
        json!({"spec": {"group": "shop", "analysis": analysis}})
    };
    quick.adopted(&member(10)).await?;
    slow.adopted(&member(10 * steps)).await
}

/// Both get a new revision; the quick one waits for the slow one, which has so many steps of 10 %.
async fn one_waits(quick: &App, slow: &App, steps: u32) -> Outcome {
    grouped(quick, slow, steps).await?;
    for app in [slow, quick] {
        app.change(&[("VERSION", "2")]).await?;
    }
    waits_for(quick, "hello").await
}

/// Waits until a canary waits for another one.
async fn waits_for(app: &App, other: &str) -> Outcome {
    wait_until(&format!("a wait for {other}"), RELEASED_WITHIN, async || {
        let reason = app.status().await?.waiting.map(|wait| wait.reason).unwrap_or_default();
        Ok((reason == format!("group shop is promoted together, and {other} is not ready yet")).then_some(()))
    })
    .await
}

#[tokio::test]
async fn who_is_ready_first_waits_and_both_are_promoted() -> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        let _operator = Operator::start(&namespace, &[])?;
        let [database, shop] = ["database", "hello"].map(|name| App::new(&client, &namespace, name));
        one_waits(&database, &shop, 3).await?;
        assert_eq!(database.version_of("database-primary").await?.as_deref(), Some("1"), "it waits");
        for app in [&shop, &database] {
            app.reaches(Phase::Succeeded, RELEASED_WITHIN).await?;
        }
        assert_eq!(database.version_of("database-primary").await?.as_deref(), Some("2"));
        assert_eq!(shop.version_of("hello-primary").await?.as_deref(), Some("2"));

        // Who is alone with a new revision waits for nobody.
        database.change(&[("VERSION", "3")]).await?;
        database.reaches(Phase::Progressing, RELEASED_WITHIN).await?;
        database.reaches(Phase::Succeeded, RELEASED_WITHIN).await?;
        assert_eq!(database.version_of("database-primary").await?.as_deref(), Some("3"));
        Ok(())
    })
    .await
}

#[tokio::test]
async fn who_has_voted_rolls_back_with_the_one_that_fails_also_after_a_restart() -> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        let operator = Operator::start(&namespace, &[])?;
        let [database, shop] = ["database", "hello"].map(|name| App::new(&client, &namespace, name));
        one_waits(&database, &shop, 9).await?;
        operator.kill()?;
        let before = shop.status().await?.canary_weight;
        let _operator = Operator::start(&namespace, &[])?;
        wait_until("a step by the next one", RELEASED_WITHIN, async || {
            Ok((shop.status().await?.canary_weight > before).then_some(()))
        })
        .await?;
        ask(&shop, "abort/1").await?;
        shop.reaches(Phase::Failed, RELEASED_WITHIN).await?;
        database.reaches(Phase::Failed, MOVES_WITHIN).await?;
        let told = database.tells("GroupFailed", MOVES_WITHIN).await?;
        assert!(told.contains("with canary hello of group shop"), "{told}");
        assert_eq!(database.version_of("database-primary").await?.as_deref(), Some("1"));
        assert_eq!(shop.version_of("hello-primary").await?.as_deref(), Some("1"));
        Ok(())
    })
    .await
}
