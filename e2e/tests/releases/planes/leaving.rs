//! What is left when a Canary is deleted.

use std::time::Duration;

use serde_json::{Value, json};
use serin::object::value;

use super::super::app::{App, quick_to_drain};
use super::super::operator::Operator;
use super::super::traffic::Traffic;
use crate::apiserver::establish_our_definitions;
use crate::support::{Outcome, in_namespace, project, run, wait_until};

/// A rollout of the target, a drain of the primary, and the garbage collector's rounds.
const GONE_WITHIN: Duration = Duration::from_secs(120);

/// The Canary's patch by which the user gets everything back.
pub(super) fn reverting(mut patch: Value) -> Value {
    value::merge(&mut patch, &json!({"spec": {"revertOnDeletion": true}}));
    patch
}

/// What the user has beside the pods: Services and routes, as they stand.
pub(super) async fn objects(app: &App) -> Outcome<Vec<Value>> {
    let mut found = Vec::new();
    for object in app.users()? {
        if object["kind"] != "Deployment" && object["kind"] != "Namespace" {
            found.push(as_it_stands(app, &object).await?);
        }
    }
    Ok(found)
}

/// Deletes the Canary; then the primary is gone, and what the user has is what it was.
pub(super) async fn is_as_before(app: &App, theirs: &[Value]) -> Outcome {
    delete_canary(app).await?;
    wait_until("the end of Deployment/hello-primary", GONE_WITHIN, async || {
        Ok(app.object("apps/v1", "Deployment", "hello-primary").await.is_err().then_some(()))
    })
    .await?;
    for before in theirs {
        let now = as_it_stands(app, before).await?;
        assert_eq!(essence(&now), essence(before), "what {} is after the Canary", before["kind"]);
    }
    Ok(())
}

#[tokio::test]
async fn a_canary_that_is_deleted_without_revert_leaves_everything_on_the_primary() -> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        let app = App::of_example("traefik", |_| (), &client, &namespace, "hello");
        let _operator = Operator::start(&namespace, &[])?;
        let url = run(project("e2e/dataplane/traefik.sh"), &["url"])?;
        app.go_live(&quick_to_drain()).await?;
        app.adopted(&json!({})).await?;
        let traffic = Traffic::through(url.trim(), &app.host(), &[]).await?;
        delete_canary(&app).await?;
        let primary = app.object("apps/v1", "Deployment", "hello-primary").await?;
        assert_eq!(primary["metadata"]["ownerReferences"], Value::Null, "the garbage collector would take it");
        let route = app.object("traefik.io/v1alpha1", "TraefikService", "hello").await?;
        assert_eq!(route["spec"]["weighted"]["services"][0]["name"], "hello-primary");
        traffic.end()?.lost_nothing()
    })
    .await
}

async fn delete_canary(app: &App) -> Outcome {
    app.delete("flagger.app/v1beta1", "Canary", "hello").await?;
    wait_until("the end of Canary/hello", GONE_WITHIN, async || {
        Ok(app.object("flagger.app/v1beta1", "Canary", "hello").await.is_err().then_some(()))
    })
    .await
}

async fn as_it_stands(app: &App, object: &Value) -> Outcome<Value> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    app.object(&text(&object["apiVersion"]), &text(&object["kind"]), &text(&object["metadata"]["name"])).await
}

/// Without what the apiserver counts.
fn essence(object: &Value) -> Value {
    let metadata = &object["metadata"];
    let notes = metadata["annotations"].as_object().filter(|notes| !notes.is_empty());
    json!({"spec": object["spec"], "labels": metadata["labels"], "annotations": notes})
}
