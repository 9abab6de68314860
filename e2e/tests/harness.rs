//! The cluster itself: claims that other tests stand on.

use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::{ListParams, PostParams};
use serde_json::{Value, json};

use crate::support::{Outcome, in_namespace, project, run, wait_until};

/// The image that every node has, because pods' own namespaces are held by it.
const PAUSE_IMAGE: &str = "serin.local/pause:1";

#[tokio::test]
async fn a_deployment_gets_real_pods() -> Outcome {
    in_namespace(async |client, namespace| {
        let deployments = Api::<Deployment>::namespaced(client, &namespace);
        deployments.create(&PostParams::default(), &idle_deployment(2)?).await?;
        wait_until("2 available replicas", Duration::from_secs(60), async || {
            let status = deployments.get("idle").await?.status.unwrap_or_default();
            Ok((status.available_replicas == Some(2)).then_some(()))
        })
        .await
    })
    .await
}

fn idle_deployment(replicas: i32) -> Outcome<Deployment> {
    let labels = json!({"app": "idle"});
    Ok(serde_json::from_value(json!({
        "metadata": {"name": "idle"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "idle", "image": PAUSE_IMAGE, "imagePullPolicy": "Never"}]},
            },
        },
    }))?)
}

#[tokio::test]
async fn the_audit_log_counts_each_request_of_an_actor() -> Outcome {
    in_namespace(async |client, namespace| {
        let before = lists_of_config_maps()?;
        let config_maps = Api::<ConfigMap>::namespaced(client, &namespace);
        for _ in 0..3 {
            config_maps.list(&ListParams::default()).await?;
        }
        wait_until("3 more lists in the audit log", Duration::from_secs(10), async || {
            Ok((lists_of_config_maps()? == before + 3).then_some(()))
        })
        .await
    })
    .await
}

/// How many the audit log has by this user since the cluster began. No other test lists config maps.
fn lists_of_config_maps() -> Outcome<u64> {
    let counted: Value = serde_json::from_str(&run(project("e2e/lib/audit.sh"), &["test"])?)?;
    let rows = counted["requests"].as_array().ok_or("audit.sh printed no list of requests")?;
    let row = rows.iter().find(|row| row["verb"] == "list" && row["resource"] == "configmaps");
    Ok(row.and_then(|row| row["count"].as_u64()).unwrap_or(0))
}
