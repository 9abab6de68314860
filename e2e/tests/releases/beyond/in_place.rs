//! A StatefulSet, whose pods are replaced in place.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use serin::model::Phase;

use super::super::app::App;
use super::super::operator::Operator;
use super::super::traffic::Traffic;
use super::{MOVES_WITHIN, RELEASED_WITHIN};
use crate::apiserver::establish_our_definitions;
use crate::support::{Outcome, in_namespace, wait_until};

const PODS: u64 = 5;

/// Every request finds its pod by itself, as those of many clients would.
const EACH_ALONE: [&str; 1] = ["Connection: close"];

#[tokio::test]
async fn a_stateful_set_is_promoted_pod_by_pod_and_a_bad_revision_gives_its_pods_back_and_nothing_is_lost() -> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        let app = App::of_example("in-place", quick, &client, &namespace, "hello");
        let _operator = Operator::start(&namespace, &[])?;
        for object in app.users()? {
            app.apply(&object).await?;
        }
        all_are(&app, "1").await?;
        let host = format!("hello.{namespace}");
        let traffic = Traffic::through(&format!("http://{host}/"), &host, &EACH_ALONE).await?;
        app.adopted(&json!({})).await?;

        change(&app, &[("VERSION", "2")]).await?;
        app.reaches(Phase::Progressing, MOVES_WITHIN).await?;
        app.has_weight(40, RELEASED_WITHIN).await?;
        assert_eq!(versions(&app).await?[0], "1", "the first pod is the last to change");
        app.reaches(Phase::Succeeded, RELEASED_WITHIN * 2).await?;
        all_are(&app, "2").await?;

        change(&app, &[("VERSION", "3"), ("ERROR_RATE", "100")]).await?;
        app.reaches(Phase::Progressing, MOVES_WITHIN).await?;
        wait_until("a pod of the bad revision", MOVES_WITHIN, async || {
            Ok(versions(&app).await?.contains(&"3".to_owned()).then_some(()))
        })
        .await?;
        app.reaches(Phase::Failed, RELEASED_WITHIN).await?;
        all_are(&app, "2").await?;
        let told = app.tells("RolledBack", MOVES_WITHIN).await?;
        assert!(told.contains("go back to the revision before"), "{told}");
        traffic.end()?.lost_nothing()?;

        app.delete("flagger.app/v1beta1", "Canary", "hello").await?;
        let field = "/spec/updateStrategy/rollingUpdate/partition";
        wait_until("the partition of before", MOVES_WITHIN, async || {
            let set = app.object("apps/v1", "StatefulSet", "hello").await?;
            Ok((set.pointer(field).and_then(Value::as_u64).unwrap_or(0) == 0).then_some(()))
        })
        .await
    })
    .await
}

/// Pods that end as soon as their last request is served.
fn quick(object: &mut Value) {
    if object["kind"] == "StatefulSet" {
        object["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = json!(10);
    }
}

/// Gives the pods of the template another environment.
async fn change(app: &App, environment: &[(&str, &str)]) -> Outcome {
    let mut set = app.object("apps/v1", "StatefulSet", "hello").await?;
    let variables: Vec<_> = environment.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
    set["spec"]["template"]["spec"]["containers"][0]["env"] = json!(variables);
    let containers = set["spec"]["template"]["spec"]["containers"].take();
    let patch = json!({"spec": {"template": {"spec": {"containers": containers}}}});
    app.edit("apps/v1", "StatefulSet", "hello", &patch).await
}

/// The version that each pod is told to be, by ordinal; empty where it is not ready.
async fn versions(app: &App) -> Outcome<Vec<String>> {
    let mut versions = Vec::new();
    for ordinal in 0..PODS {
        let pod = app.object("v1", "Pod", &format!("hello-{ordinal}")).await.unwrap_or_default();
        let list = |path: &str| pod.pointer(path).and_then(Value::as_array).cloned().unwrap_or_default();
        let ready = list("/status/conditions").iter().any(|c| c["type"] == "Ready" && c["status"] == "True");
        let variables = list("/spec/containers/0/env");
        let version = variables.iter().find(|variable| variable["name"] == "VERSION").filter(|_| ready);
        versions.push(version.and_then(|version| version["value"].as_str()).unwrap_or_default().to_owned());
    }
    Ok(versions)
}

/// Waits until every pod is ready and of this version.
async fn all_are(app: &App, version: &str) -> Outcome {
    let wanted = BTreeSet::from([version.to_owned()]);
    wait_until(&format!("pods of version {version} alone"), RELEASED_WITHIN, async || {
        Ok((versions(app).await?.into_iter().collect::<BTreeSet<_>>() == wanted).then_some(()))
    })
    .await
}
