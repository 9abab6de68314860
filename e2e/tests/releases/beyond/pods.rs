//! Plain Kubernetes as a route: the pods behind the apex Service are the share.

use serde_json::json;
use serin::model::Phase;

use super::super::app::{App, quick_to_drain};
use super::super::operator::Operator;
use super::super::traffic::{Traffic, ask_at};
use super::{MOVES_WITHIN, RELEASED_WITHIN};
use crate::apiserver::establish_our_definitions;
use crate::support::{Outcome, in_namespace, wait_until};

/// Each on a connection of its own.
const REQUESTS: u32 = 100;

#[tokio::test]
async fn a_share_by_pods_is_near_its_weight_and_loses_no_request() -> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        let app = App::of_example("pod-routing", |_| (), &client, &namespace, "hello");
        let _operator = Operator::start(&namespace, &[])?;
        app.go_live(&quick_to_drain()).await?;
        let analysis = json!({"stepWeights": [20, 50], "interval": "30s"});
        app.adopted(&json!({"spec": {"analysis": analysis}})).await?;
        let host = format!("hello.{namespace}");
        let url = format!("http://{host}/");
        // Who keeps a connection keeps its pod.
        let traffic = Traffic::through(&url, &host, &["Connection: close"]).await?;

        app.release(&[("VERSION", "2")]).await?;
        // One pod beside four, then four beside four.
        for (weight, pods, least, most) in [(20, 1, 5, 45), (50, 4, 25, 75)] {
            app.has_weight(weight, MOVES_WITHIN).await?;
            wait_until(&format!("{pods} pods for {weight} %"), MOVES_WITHIN, async || {
                let ready = app.deployment("hello").await?.status.unwrap_or_default().ready_replicas;
                let selector = app.object("v1", "Service", "hello").await?["spec"]["selector"].clone();
                Ok((ready == Some(pods) && selector == json!({"release": "hello"})).then_some(()))
            })
            .await?;
            let mut new = 0;
            for _ in 0..REQUESTS {
                new += u32::from(ask_at(&url, &host, &[])?.version == "2");
            }
            assert!((least..=most).contains(&new), "{new} of {REQUESTS} at {weight} %");
            let said = app.status().await?.conditions.into_iter().find(|condition| condition.type_ == "Reconciling");
            let said = said.ok_or("a release says that it goes on")?.message;
            assert!(said.contains(&format!("approximate: {pods} of {} pods", pods + 4)), "{said}");
        }
        app.reaches(Phase::Succeeded, RELEASED_WITHIN).await?;
        let primary = app.deployment("hello-primary").await?.spec.and_then(|spec| spec.replicas);
        assert_eq!(primary, Some(4), "a canary of one pod makes no primary of one");
        let selector = app.object("v1", "Service", "hello").await?["spec"]["selector"].clone();
        assert_eq!(selector, json!({"app": "hello-primary"}));
        traffic.end()?.lost_nothing()
    })
    .await
}
