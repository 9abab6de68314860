//! Who meets the canary.

use serde_json::json;
use serin::model::Phase;

use super::super::app::{App, quick_to_drain};
use super::super::operator::Operator;
use super::super::traffic::{Traffic, ask, versions};
use super::{INSIDER, MOVES_WITHIN, RELEASED_WITHIN, iterations};
use crate::apiserver::establish_our_definitions;
use crate::support::{Outcome, in_namespace, wait_until};

#[tokio::test]
async fn an_ab_test_shows_the_canary_to_matching_requests_alone() -> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        let (app, _operator) = (App::new(&client, &namespace, "hello"), Operator::start(&namespace, &[])?);
        app.go_live(&quick_to_drain()).await?;
        let mut analysis = iterations(3);
        analysis["match"] = json!([{"headers": {"x-canary": {"exact": "insider"}}}]);
        app.adopted(&json!({"spec": {"analysis": analysis}})).await?;
        let traffic = Traffic::start(&client, &app.host()).await?;

        app.release(&[("VERSION", "2")]).await?;
        wait_until("insiders on the canary", MOVES_WITHIN, async || {
            Ok((ask(&client, &app.host(), &[INSIDER]).await?.version == "2").then_some(()))
        })
        .await?;
        assert_eq!(versions(&client, &app.host(), &[INSIDER]).await?, ["2".to_owned()].into());
        assert_eq!(versions(&client, &app.host(), &[]).await?, ["1".to_owned()].into());
        assert_eq!(app.status().await?.phase.0, Phase::Progressing, "the test still runs");

        app.reaches(Phase::Succeeded, RELEASED_WITHIN).await?;
        assert_eq!(versions(&client, &app.host(), &[]).await?, ["2".to_owned()].into());
        traffic.end()?.lost_nothing()
    })
    .await
}

#[tokio::test]
async fn blue_green_shows_the_canary_to_nobody_until_its_checks_are_done() -> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        let (app, _operator) = (App::new(&client, &namespace, "hello"), Operator::start(&namespace, &[])?);
        app.go_live(&quick_to_drain()).await?;
        app.adopted(&json!({"spec": {"analysis": iterations(2)}})).await?;
        let traffic = Traffic::start(&client, &app.host()).await?;

        app.release(&[("VERSION", "2")]).await?;
        wait_until("the second check", MOVES_WITHIN, async || Ok((app.status().await?.iterations == 2).then_some(())))
            .await?;
        assert_eq!(versions(&client, &app.host(), &[]).await?, ["1".to_owned()].into());
        app.has_weight(100, MOVES_WITHIN).await?;
        app.reaches(Phase::Succeeded, RELEASED_WITHIN).await?;
        assert_eq!(versions(&client, &app.host(), &[]).await?, ["2".to_owned()].into());
        traffic.end()?.lost_nothing()
    })
    .await
}

#[tokio::test]
async fn a_user_with_a_cookie_stays_on_the_side_that_gave_it() -> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        let (app, _operator) = (App::new(&client, &namespace, "hello"), Operator::start(&namespace, &[])?);
        app.go_live(&quick_to_drain()).await?;
        let affinity = json!({"cookieName": "canary", "primaryCookieName": "primary", "maxAge": 600});
        let analysis = json!({"stepWeight": 30, "maxWeight": 60, "metrics": [], "sessionAffinity": affinity});
        app.adopted(&json!({"spec": {"analysis": analysis}})).await?;
        let traffic = Traffic::start(&client, &app.host()).await?;

        app.release(&[("VERSION", "2")]).await?;
        app.has_weight(30, MOVES_WITHIN).await?;
        for version in ["1", "2"] {
            let cookie = wait_until(&format!("a cookie of version {version}"), MOVES_WITHIN, async || {
                let answer = ask(&client, &app.host(), &[]).await?;
                Ok(answer.cookie.filter(|_| answer.version == version))
            })
            .await?;
            let met = versions(&client, &app.host(), &[&format!("cookie: {cookie}")]).await?;
            assert_eq!(met, [version.to_owned()].into(), "{cookie}");
        }
        app.reaches(Phase::Succeeded, RELEASED_WITHIN).await?;
        traffic.end()?.lost_nothing()
    })
    .await
}
