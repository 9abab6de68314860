//! How many pods the canary has.

use serde_json::{Value, json};
use serin::model::Phase;

use super::super::app::{App, quick_to_drain};
use super::super::operator::Operator;
use super::super::traffic::Traffic;
use super::RELEASED_WITHIN;
use crate::apiserver::establish_our_definitions;
use crate::support::{Outcome, in_namespace, wait_until};

/// Pods of the primary.
const PRIMARY: i32 = 4;

#[tokio::test]
async fn a_canary_that_follows_its_weight_has_its_pods_before_its_share_and_loses_no_request() -> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        let (app, _operator) = (App::new(&client, &namespace, "hello"), Operator::start(&namespace, &[])?);
        let mut deployment = quick_to_drain();
        serin::object::value::merge(&mut deployment, &json!({"spec": {"replicas": PRIMARY}}));
        app.go_live(&deployment).await?;
        let analysis = json!({"stepWeight": null, "maxWeight": null, "stepWeights": [25, 50, 75], "metrics": []});
        app.adopted(&json!({"spec": {"canaryReplicas": {"followWeight": true}, "analysis": analysis}})).await?;
        let traffic = Traffic::start(&client, &app.host()).await?;

        app.release(&[("VERSION", "2")]).await?;
        let mut seen = Vec::new();
        wait_until("the end of the release", RELEASED_WITHIN, async || {
            // Order: a share that is seen has had its pods before, so they are looked at after it.
            let routed = routed(&app).await?;
            let status = app.deployment("hello").await?.status.unwrap_or_default();
            let phase = app.status().await?.phase.0;
            if matches!(phase, Phase::Progressing | Phase::Promoting) && routed > 0 {
                let ready = status.ready_replicas.unwrap_or_default();
                assert!(ready * 100 >= PRIMARY * routed, "{ready} pods for {routed} %");
                seen.push((routed, ready));
            }
            Ok((phase == Phase::Succeeded).then_some(()))
        })
        .await?;
        assert!(seen.iter().any(|(_, ready)| *ready < PRIMARY), "it was smaller than the primary: {seen:?}");
        let primary = app.deployment("hello-primary").await?.spec.and_then(|spec| spec.replicas);
        assert_eq!(primary, Some(PRIMARY), "a small canary makes no small primary");
        traffic.end()?.lost_nothing()
    })
    .await
}

/// The canary's share in the route, in percent.
async fn routed(app: &App) -> Outcome<i32> {
    let route = app.object("networking.istio.io/v1", "VirtualService", "hello").await?;
    let destinations = route.pointer("/spec/http/0/route").and_then(Value::as_array).cloned().unwrap_or_default();
    let canary = destinations.iter().find(|to| to.pointer("/destination/host") == Some(&json!("hello-canary")));
    let weight = canary.and_then(|to| to["weight"].as_i64()).unwrap_or_default();
    Ok(i32::try_from(weight)?)
}
