//! `serin check canary`: what it finds on a real Prometheus, and that it says so with its exit code.

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use super::app::{App, small};
use super::operator::{Operator, state};
use crate::apiserver::establish_our_definitions;
use crate::support::{Outcome, in_namespace, wait_until};

/// Pods are found and scraped within a few seconds.
const SCRAPED_WITHIN: Duration = Duration::from_secs(60);

/// The exit code and the check of the only KPI, asked in the operator's name.
fn check(namespace: &str) -> Outcome<(Option<i32>, Value)> {
    let output = Command::new(env!("CARGO_BIN_EXE_serin"))
        .args(["check", "canary", "hello", "--output=json", "-n", namespace])
        .env("KUBECONFIG", state("kubeconfig/serin")?)
        .output()?;
    let report: Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("{error}: {}", String::from_utf8_lossy(&output.stderr)))?;
    let checks = report["checks"].as_array().ok_or("a report without checks")?;
    Ok((output.status.code(), checks.iter().find(|check| check["category"] == "kpi").cloned().unwrap_or_default()))
}

/// A MetricTemplate that counts the pods which Prometheus sees.
fn template(label: &str, address: &str) -> Value {
    let query = format!("sum(up{{{label}=\"{{{{ namespace }}}}\",app=\"{{{{ target }}}}\"}})");
    json!({
        "apiVersion": "flagger.app/v1beta1",
        "kind": "MetricTemplate",
        "metadata": {"name": "pods"},
        "spec": {"provider": {"type": "prometheus", "address": format!("http://{address}")}, "query": query},
    })
}

#[tokio::test]
async fn a_wrong_label_is_named_with_the_right_one_and_its_correction_is_fine() -> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        let _operator = Operator::start(&namespace, &[])?;
        let app = App::new(&client, &namespace, "hello");
        app.apply(&template("namespace", "127.0.0.1:9090")).await?;
        app.go_live(&small()).await?;
        let metric = json!({"name": "pods", "templateRef": {"name": "pods"}, "thresholdRange": {"min": 1}});
        app.adopted(&json!({"spec": {"analysis": {"metrics": [metric]}}})).await?;

        let reason =
            format!("up exists, but never with namespace=\"{namespace}\"; it has kubernetes_namespace=\"{namespace}\"");
        let hint = format!("write kubernetes_namespace=\"{{{{ namespace }}}}\" in MetricTemplate {namespace}/pods");
        wait_until(&reason, SCRAPED_WITHIN, async || {
            let (code, kpi) = check(&namespace)?;
            Ok((code == Some(1) && kpi["reason"] == reason && kpi["hint"] == hint).then_some(()))
        })
        .await?;

        app.apply(&template("kubernetes_namespace", "127.0.0.1:9090")).await?;
        // The primary's pods are found later than the target's, which were there before.
        wait_until("a correct template that is fine", SCRAPED_WITHIN, async || {
            let (code, kpi) = check(&namespace)?;
            Ok((code == Some(0) && kpi["outcome"] == "fine").then_some(()))
        })
        .await?;
        app.apply(&template("kubernetes_namespace", "127.0.0.1:1")).await?;
        let (code, kpi) = check(&namespace)?;
        assert_eq!(
            (code, &kpi["sentence"]),
            (Some(2), &json!("Prometheus at http://127.0.0.1:1 does not answer")),
            "{kpi}"
        );
        Ok(())
    })
    .await
}
