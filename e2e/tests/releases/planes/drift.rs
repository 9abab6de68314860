//! Another hand on the route in the middle of a release.

use std::time::Duration;

use kube::Client;
use serde_json::json;
use serin::model::Phase;
use tokio::time::interval;

use super::super::app::{App, in_steps, quick_to_drain};
use super::super::operator::Operator;
use super::super::traffic::Traffic;
use super::super::weights::{Weights, leads_to_canary};
use crate::apiserver::establish_our_definitions;
use crate::support::{Outcome, in_namespace};

const STEP_WITHIN: Duration = Duration::from_secs(60);
const RELEASED_WITHIN: Duration = Duration::from_secs(240);
const API: &str = "networking.istio.io/v1";
const KIND: &str = "VirtualService";
/// A watch tells the operator of the edit.
const MENDED_WITHIN: Duration = Duration::from_secs(10);
/// Of a hand that edits again and again.
const PACE: Duration = Duration::from_millis(100);

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

/// Of the route, while it is edited so often.
const MOST_WRITES: usize = 20;

#[tokio::test]
async fn a_hand_that_edits_ten_times_a_second_is_named_and_outlasted_with_few_writes_and_no_lost_request() -> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        is_outlasted(&App::new(&client, &namespace, "hello"), &client, "hello", Duration::from_secs(30)).await
    })
    .await
}

#[tokio::test]
async fn a_hand_that_edits_my_own_route_for_a_minute_is_outlasted_with_few_writes_and_no_lost_request() -> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        let app = App::of_example("own-routes/virtualservice", |_| (), &client, &namespace, "hello");
        is_outlasted(&app, &client, "shop", Duration::from_secs(60)).await
    })
    .await
}

/// Another hand edits the route ten times a second for so long, in the middle of a release.
async fn is_outlasted(app: &App, client: &Client, route: &str, edited: Duration) -> Outcome {
    let _operator = Operator::start(&app.namespace, &[])?;
    app.go_live(&quick_to_drain()).await?;
    let traffic = Traffic::start(client, &app.host()).await?;
    app.adopted(&in_steps(20, 60)).await?;
    let weights = Weights::watch(client, &app.namespace, route).await?;
    app.release(&[("VERSION", "2")]).await?;
    weights.are(&[20], STEP_WITHIN).await?;

    let mut rules = app.object(API, KIND, route).await?["spec"]["http"].clone();
    let lists = rules.as_array_mut().into_iter().flatten().filter_map(|rule| rule["route"].as_array_mut());
    for destination in lists.flatten() {
        destination["weight"] = json!(if leads_to_canary(destination) { 65 } else { 35 });
    }
    let mut pace = interval(PACE);
    for _ in 0..edited.as_millis() / PACE.as_millis() {
        pace.tick().await;
        app.edit(API, KIND, route, &json!({"spec": {"http": rules}})).await?;
    }
    let (reason, sentence) = app.stalled().await?.ok_or("a sentence about the other hand")?;
    assert_eq!(reason, "OwnershipConflict");
    assert!(sentence.starts_with("hand sets the weights of the route again and again"), "{sentence}");
    let ours = weights.seen().iter().filter(|weight| **weight == 20).count();
    assert!((2..=MOST_WRITES).contains(&ours), "{ours} writes");

    app.reaches(Phase::Succeeded, RELEASED_WITHIN).await?;
    assert!(weights.seen().ends_with(&[20, 40, 60, 0]), "{:?}", weights.seen());
    traffic.end()?.lost_nothing()
}
