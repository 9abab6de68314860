//! What the operator costs the apiserver. Neither traffic nor KPIs reach it, so there are none and the pods may be fake ones.

use std::time::Duration;

use futures::future::try_join_all;
use kube::api::ListParams;
use kube::{Api, Client};
use serde_json::{Value, json};
use serin::api::Canary;
use serin::model::Phase;
use tokio::time::sleep;

use super::app::{App, small};
use super::audit::Audit;
use super::operator::Operator;
use crate::apiserver::establish_our_definitions;
use crate::support::{Outcome, apply, in_namespace, wait_until};

/// What one release of five steps may cost.
const RELEASE: u64 = 30;

#[tokio::test]
async fn a_release_of_five_steps_costs_at_most_30_requests() -> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        let (app, _operator) = (App::new(&client, &namespace, "hello"), Operator::start(&namespace, &[])?);
        app.go_live(&small()).await?;
        // Pods that are not ready after an interval cost two more requests; a busy machine gets time for them.
        let steps = json!({"interval": "20s", "stepWeight": 10, "maxWeight": 50, "metrics": []});
        app.adopted(&json!({"spec": {"analysis": steps}})).await?;
        quiet(&namespace).await?;

        let audit = Audit::from_here(&namespace)?;
        app.release(&[("VERSION", "2")]).await?;
        app.reaches(Phase::Succeeded, Duration::from_secs(240)).await?;
        quiet(&namespace).await?;
        let requests = audit.requests()?.of_the_work();
        println!("requests of a release of five steps:\n{requests}");
        assert!(requests.total() <= RELEASE, "{requests}");
        Ok(())
    })
    .await
}

/// How many canaries do nothing, side by side.
const FLEET: usize = 50;

#[tokio::test]
async fn fifty_idle_canaries_cost_nothing_but_lease_and_watch_renewals() -> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        let operator = Operator::start(&namespace, &[])?;
        let objects: Vec<_> = (0..FLEET).flat_map(idle).collect();
        try_join_all(objects.iter().map(|object| apply(&client, &namespace, object))).await?;
        all_parked(&client, &namespace).await?;
        quiet(&namespace).await?;

        let (audit, window) = (Audit::from_here(&namespace)?, window()?);
        // It is this time that the claim is about.
        sleep(window).await;
        let requests = audit.requests()?;
        println!("requests of {FLEET} idle canaries in {window:?}:\n{requests}");
        println!("{FLEET} idle canaries: {} MiB resident (debug build)", operator.resident()?);
        assert_eq!(requests.of_the_work().total(), 0, "{requests}");
        assert!(requests.total() > 0, "not even the lease was renewed: the audit log is not what is read");
        Ok(())
    })
    .await
}

/// From SERIN_IDLE_SECONDS.
fn window() -> Outcome<Duration> {
    let text = std::env::var("SERIN_IDLE_SECONDS").unwrap_or_else(|_| "120".to_owned());
    let seconds = text.parse().map_err(|_| format!("SERIN_IDLE_SECONDS is {text:?}: write a whole number"))?;
    Ok(Duration::from_secs(seconds))
}

/// A Deployment that does nothing, and its Canary.
fn idle(number: usize) -> [Value; 2] {
    let name = format!("idle-{number}");
    let labels = json!({"app": name});
    let container = json!({"name": "idle", "image": "serin.local/pause:1", "imagePullPolicy": "Never"});
    let deployment = json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [container], "terminationGracePeriodSeconds": 1},
            },
        },
    });
    let canary = json!({
        "apiVersion": "flagger.app/v1beta1",
        "kind": "Canary",
        "metadata": {"name": name},
        "spec": {
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "service": {"port": 80},
            "analysis": {"interval": "10s", "threshold": 1, "stepWeight": 10, "maxWeight": 50},
        },
    });
    [deployment, canary]
}

/// Waits until every canary has settled and every target was scaled to nothing.
async fn all_parked(client: &Client, namespace: &str) -> Outcome {
    let canaries = Api::<Canary>::namespaced(client.clone(), namespace);
    let deployments = Api::<k8s_openapi::api::apps::v1::Deployment>::namespaced(client.clone(), namespace);
    wait_until("a fleet at rest", Duration::from_secs(240), async || {
        let canaries = canaries.list(&ListParams::default()).await?.items;
        let settled = canaries
            .iter()
            .filter(|canary| canary.status.as_ref().is_some_and(|status| status.phase.0 == Phase::Initialized));
        let deployments = deployments.list(&ListParams::default()).await?.items;
        let parked = deployments.iter().filter(|deployment| {
            let status = deployment.status.clone().unwrap_or_default();
            deployment.spec.as_ref().and_then(|spec| spec.replicas) == Some(0) && status.replicas.unwrap_or(0) == 0
        });
        Ok((settled.count() == FLEET && parked.count() == FLEET).then_some(()))
    })
    .await
}

/// Waits until nothing was asked for five seconds: events follow the status that a test waits for.
async fn quiet(namespace: &str) -> Outcome {
    let work = |audit: &Audit| Ok::<_, Box<dyn std::error::Error>>(audit.requests()?.of_the_work());
    let mut since: Option<(Audit, tokio::time::Instant)> = None;
    wait_until("five quiet seconds", Duration::from_secs(60), async || {
        let busy = match &since {
            Some((audit, _)) => work(audit)?.total() > 0,
            None => true,
        };
        if busy {
            since = Some((Audit::from_here(namespace)?, tokio::time::Instant::now()));
        }
        let quiet = since.as_ref().is_some_and(|(_, began)| began.elapsed() >= Duration::from_secs(5));
        Ok(quiet.then_some(()))
    })
    .await
}
