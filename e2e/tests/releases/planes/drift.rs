//! Another hand on the route in the middle of a release.

use std::time::Duration;

use serde_json::json;
use serin::model::Phase;

use super::super::app::{App, in_steps, quick_to_drain};
use super::super::operator::Operator;
use super::super::traffic::Traffic;
use super::super::weights::Weights;
use crate::apiserver::establish_our_definitions;
use crate::support::{Outcome, in_namespace};

const STEP_WITHIN: Duration = Duration::from_secs(60);
const RELEASED_WITHIN: Duration = Duration::from_secs(240);
const API: &str = "networking.istio.io/v1";
const KIND: &str = "VirtualService";
/// A watch tells the operator of the edit.
const MENDED_WITHIN: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_route_that_another_hand_edits_gets_the_weights_of_the_release_back() -> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        let (app, _operator) = (App::new(&client, &namespace, "hello"), Operator::start(&namespace, &[])?);
        app.go_live(&quick_to_drain()).await?;
        let traffic = Traffic::start(&client, &app.host()).await?;
        app.adopted(&in_steps(20, 60)).await?;
        let weights = Weights::watch(&client, &namespace, "hello").await?;
        app.release(&[("VERSION", "2")]).await?;
        weights.are(&[20], STEP_WITHIN).await?;

        let mut rules = app.object(API, KIND, "hello").await?["spec"]["http"].clone();
        rules[0]["route"][0]["weight"] = json!(35);
        rules[0]["route"][1]["weight"] = json!(65);
        app.edit(API, KIND, "hello", &json!({"spec": {"http": rules}})).await?;
        weights.are(&[20, 65, 20], MENDED_WITHIN).await?;
        // What its own user changes is written with the weights of the release, too.
        app.edit("flagger.app/v1beta1", "Canary", "hello", &json!({"spec": {"service": {"timeout": "20s"}}})).await?;
        weights.are(&[20, 65, 20, 20], MENDED_WITHIN).await?;
        assert_eq!(app.object(API, KIND, "hello").await?["spec"]["http"][0]["timeout"], "20s");

        app.reaches(Phase::Succeeded, RELEASED_WITHIN).await?;
        assert_eq!(weights.seen(), [20, 65, 20, 20, 40, 60, 0]);
        traffic.end()?.lost_nothing()
    })
    .await
}
