//! Hooks that hold, release and end a release. `serin loadtest` keeps the gates.

use serde_json::{Value, json};
use serin::model::Phase;

use super::super::app::{App, quick_to_drain, small};
use super::super::operator::{LoadTester, Operator};
use super::super::traffic::Traffic;
use super::{MOVES_WITHIN, RELEASED_WITHIN};
use crate::apiserver::establish_our_definitions;
use crate::support::{Outcome, in_namespace};

/// Steps of 30 % with these hooks.
fn with_hooks(hooks: &Value) -> Value {
    json!({"spec": {"analysis": {"stepWeight": 30, "maxWeight": 60, "metrics": [], "webhooks": hooks}}})
}

#[tokio::test]
async fn a_release_waits_at_each_closed_gate_and_goes_on_when_it_opens() -> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        let gates = LoadTester::start(&namespace)?;
        let (app, _operator) = (App::new(&client, &namespace, "hello"), Operator::start(&namespace, &[])?);
        app.go_live(&quick_to_drain()).await?;
        let hooks = json!([
            {"name": "may it start?", "type": "confirm-rollout", "url": gates.url("gate/check")},
            {"name": "prepare", "type": "pre-rollout", "url": gates.url("gate/approve")},
            {"name": "may it serve?", "type": "confirm-promotion", "url": gates.url("rollback/check")},
        ]);
        app.adopted(&with_hooks(&hooks)).await?;
        let traffic = Traffic::start(&client, &app.host()).await?;

        app.change(&[("VERSION", "2")]).await?;
        app.reaches(Phase::Waiting, MOVES_WITHIN).await?;
        assert_eq!(app.deployment("hello").await?.spec.unwrap_or_default().replicas, Some(0), "no pod before the gate");
        gates.turn("gate/open", &app)?;
        app.reaches(Phase::WaitingPromotion, RELEASED_WITHIN).await?;
        assert_eq!(app.version_of("hello-primary").await?.as_deref(), Some("1"));
        gates.turn("rollback/open", &app)?;
        app.reaches(Phase::Succeeded, RELEASED_WITHIN).await?;
        assert_eq!(app.version_of("hello-primary").await?.as_deref(), Some("2"));
        traffic.end()?.lost_nothing()
    })
    .await
}

#[tokio::test]
async fn a_rollback_hook_ends_a_release_at_once() -> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        let gates = LoadTester::start(&namespace)?;
        let (app, _operator) = (App::new(&client, &namespace, "hello"), Operator::start(&namespace, &[])?);
        app.go_live(&small()).await?;
        let hooks = json!([{"name": "back?", "type": "rollback", "url": gates.url("rollback/check")}]);
        app.adopted(&with_hooks(&hooks)).await?;
        app.release(&[("VERSION", "2")]).await?;
        app.has_weight(30, MOVES_WITHIN).await?;
        gates.turn("rollback/open", &app)?;
        app.reaches(Phase::Failed, MOVES_WITHIN).await?;
        assert_eq!(app.version_of("hello-primary").await?.as_deref(), Some("1"));
        Ok(())
    })
    .await
}

#[tokio::test]
async fn what_a_test_says_when_it_fails_is_told_and_ends_the_release() -> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        let gates = LoadTester::start(&namespace)?;
        let (app, _operator) = (App::new(&client, &namespace, "hello"), Operator::start(&namespace, &[])?);
        app.go_live(&small()).await?;
        let test = json!({"type": "bash", "cmd": "echo the cart is empty; exit 1"});
        let hooks = json!([{"name": "smoke", "type": "rollout", "url": gates.url(""), "metadata": test}]);
        app.adopted(&with_hooks(&hooks)).await?;
        app.release(&[("VERSION", "2")]).await?;
        app.reaches(Phase::Failed, RELEASED_WITHIN).await?;
        let told = app.events().await?;
        assert!(told.iter().any(|(_, note)| note.contains("the cart is empty")), "{told:?}");
        Ok(())
    })
    .await
}
