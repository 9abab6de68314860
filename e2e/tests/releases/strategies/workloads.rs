//! What a release takes along: ConfigMaps, autoscalers; and workloads that are no Deployment.

use serde_json::json;
use serin::model::Phase;

use super::super::app::{App, in_steps, quick_to_drain};
use super::super::operator::Operator;
use super::super::traffic::{Traffic, versions};
use super::{MOVES_WITHIN, RELEASED_WITHIN};
use crate::apiserver::establish_our_definitions;
use crate::support::{Outcome, in_namespace, wait_until};

#[tokio::test]
async fn a_change_of_a_configmap_is_released_like_a_change_of_code() -> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        let (app, _operator) = (App::new(&client, &namespace, "hello"), Operator::start(&namespace, &[])?);
        let version = |version: &str| {
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"VERSION": version}})
        };
        app.apply(&version("1")).await?;
        let container = json!({
            "name": "hello", "image": "serin.dev/demo-app:1", "ports": [{"name": "http", "containerPort": 8080}],
            "readinessProbe": {"httpGet": {"path": "/healthz", "port": "http"}, "periodSeconds": 1},
            "envFrom": [{"configMapRef": {"name": "settings"}}],
        });
        let mut live = quick_to_drain();
        live["spec"]["template"]["spec"]["containers"] = json!([container]);
        app.go_live(&live).await?;
        app.adopted(&in_steps(30, 60)).await?;
        let traffic = Traffic::start(&client, &app.host()).await?;
        assert_eq!(versions(&client, &app.host(), &[]).await?, ["1".to_owned()].into());

        app.apply(&version("2")).await?;
        app.reaches(Phase::Progressing, MOVES_WITHIN).await?;
        app.reaches(Phase::Succeeded, RELEASED_WITHIN).await?;
        assert_eq!(versions(&client, &app.host(), &[]).await?, ["2".to_owned()].into());
        assert_eq!(app.object("v1", "ConfigMap", "settings-primary").await?["data"]["VERSION"], "2");
        traffic.end()?.lost_nothing()
    })
    .await
}

#[tokio::test]
async fn an_edit_of_the_autoscaler_reaches_the_primary_without_a_release() -> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        let (app, _operator) = (App::new(&client, &namespace, "hello"), Operator::start(&namespace, &[])?);
        let scaler = |most: u32| {
            json!({
                "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "hello"},
                "spec": {
                    "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "hello"},
                    "minReplicas": 2, "maxReplicas": most,
                    "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}],
                },
            })
        };
        app.apply(&scaler(4)).await?;
        app.go_live(&quick_to_drain()).await?;
        let mut canary = in_steps(30, 60);
        canary["spec"]["autoscalerRef"] =
            json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "name": "hello"});
        app.adopted(&canary).await?;
        let most = async || -> Outcome<Option<u64>> {
            let copy = app.object("autoscaling/v2", "HorizontalPodAutoscaler", "hello-primary").await;
            let Ok(copy) = copy else { return Ok(None) };
            assert_eq!(copy["spec"]["scaleTargetRef"]["name"], "hello-primary");
            Ok(copy["spec"]["maxReplicas"].as_u64())
        };
        wait_until("a copy of the autoscaler", MOVES_WITHIN, async || Ok((most().await? == Some(4)).then_some(()))).await?;
        app.apply(&scaler(6)).await?;
        wait_until("its new maximum", MOVES_WITHIN, async || Ok((most().await? == Some(6)).then_some(()))).await?;
        assert_eq!(app.status().await?.phase.0, Phase::Initialized);
        Ok(())
    })
    .await
}
