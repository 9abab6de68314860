//! A DaemonSet, whose pods are replaced in place. The cluster has one node, so its only pod goes to the new revision and back.

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::ListParams;
use serde_json::{Value, json};
use serin::model::Phase;

use super::super::app::App;
use super::super::operator::Operator;
use super::{MOVES_WITHIN, RELEASED_WITHIN};
use crate::apiserver::establish_our_definitions;
use crate::support::{Outcome, in_namespace, wait_until};

/// Whoever comes while the only pod is missing gets no answer, so nothing is said of requests here.
const JUDGED: &str = r#"{"spec": {"analysis": {"stepWeights": [50], "metrics": []}}}"#;

#[tokio::test]
async fn a_daemon_set_of_one_node_is_promoted_and_a_revision_that_never_gets_ready_gives_its_pod_back() -> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        let app = App::of_example("in-place/daemon-set", quick, &client, &namespace, "hello");
        let pods = Api::<Pod>::namespaced(client.clone(), &namespace);
        let _operator = Operator::start(&namespace, &[])?;
        for object in app.users()? {
            app.apply(&object).await?;
        }
        all_are(&pods, "1").await?;
        app.adopted(&serde_json::from_str(JUDGED)?).await?;
        assert_eq!(strategy(&app).await?["type"], "OnDelete");

        change(&app, "2", SERVING).await?;
        app.reaches(Phase::Progressing, MOVES_WITHIN).await?;
        app.has_weight(100, RELEASED_WITHIN).await?;
        app.reaches(Phase::Succeeded, RELEASED_WITHIN).await?;
        all_are(&pods, "2").await?;

        change(&app, "3", SILENT).await?;
        app.reaches(Phase::Progressing, MOVES_WITHIN).await?;
        app.reaches(Phase::Failed, RELEASED_WITHIN * 2).await?;
        all_are(&pods, "2").await?;
        let asked = "/spec/template/spec/containers/0/env/0/value";
        wait_until("what was asked for in the spec again", MOVES_WITHIN, async || {
            let set = app.object("apps/v1", "DaemonSet", "hello").await?;
            Ok((set.pointer(asked) == Some(&json!("3"))).then_some(()))
        })
        .await?;
        all_are(&pods, "2").await?;
        let told = app.tells("RolledBack", MOVES_WITHIN).await?;
        assert!(told.contains("go back to the revision before"), "{told}");

        app.delete("flagger.app/v1beta1", "Canary", "hello").await?;
        wait_until("the strategy of before", MOVES_WITHIN, async || {
            Ok((strategy(&app).await?["type"] == "RollingUpdate").then_some(()))
        })
        .await
    })
    .await
}

/// Pods that end at once, and a release that does not wait long for one.
fn quick(object: &mut Value) {
    if object["kind"] == "DaemonSet" {
        object["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = json!(1);
    }
    if object["kind"] == "Canary" {
        object["spec"]["progressDeadlineSeconds"] = json!(30);
    }
}

/// Where the app answers, and where nobody does.
const SERVING: u16 = 8080;
const SILENT: u16 = 8081;

/// Gives the pods of the template another version, and asks at this port whether they are ready.
async fn change(app: &App, version: &str, port: u16) -> Outcome {
    let mut set = app.object("apps/v1", "DaemonSet", "hello").await?;
    let container = &mut set["spec"]["template"]["spec"]["containers"][0];
    container["env"] = json!([{"name": "VERSION", "value": version}]);
    container["readinessProbe"]["httpGet"]["port"] = json!(port);
    let containers = set["spec"]["template"]["spec"]["containers"].take();
    let patch = json!({"spec": {"template": {"spec": {"containers": containers}}}});
    app.edit("apps/v1", "DaemonSet", "hello", &patch).await
}

async fn strategy(app: &App) -> Outcome<Value> {
    Ok(app.object("apps/v1", "DaemonSet", "hello").await?["spec"]["updateStrategy"].take())
}

/// Waits until the pod of every node is ready, of this version, and no other is there.
async fn all_are(pods: &Api<Pod>, version: &str) -> Outcome {
    let is_so = |pod: &Pod| {
        let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
        let ready = conditions.into_iter().any(|c| c.type_ == "Ready" && c.status == "True");
        let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
        let mut variables = containers.flat_map(|container| container.env.iter().flatten());
        ready && variables.any(|variable| variable.name == "VERSION" && variable.value.as_deref() == Some(version))
    };
    wait_until(&format!("pods of version {version} alone"), RELEASED_WITHIN, async || {
        let pods = pods.list(&ListParams::default().labels("app=hello")).await?.items;
        Ok((!pods.is_empty() && pods.iter().all(is_so)).then_some(()))
    })
    .await
}
