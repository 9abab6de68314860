//! KPIs that cannot be asked for, in the middle of a release: what the user reads, and that the release goes on after the cure.

use std::time::Duration;

use kube::Client;
use serde_json::{Value, json};

use super::app::{App, small};
use super::gate::Gate;
use super::operator::Operator;
use crate::apiserver::establish_our_definitions;
use crate::support::{Outcome, in_namespace};

const PROMETHEUS: &str = "127.0.0.1:9090";
/// A new pod, and the first check ten seconds after it is ready.
const CHECKED_WITHIN: Duration = Duration::from_secs(90);

/// A MetricTemplate that asks for `query`.
fn template(query: &str, address: &str) -> Value {
    let provider = json!({"type": "prometheus", "address": format!("http://{address}")});
    json!({
        "apiVersion": "flagger.app/v1beta1",
        "kind": "MetricTemplate",
        "metadata": {"name": "errors"},
        "spec": {"provider": provider, "query": query},
    })
}

/// An app whose KPI is the template, adopted and with a release under way. Many checks may fail before it is rolled back.
async fn releasing(client: &Client, namespace: &str, prepare: &[Value]) -> Outcome<App> {
    let app = App::new(client, namespace, "hello");
    for object in prepare {
        app.apply(object).await?;
    }
    app.go_live(&small()).await?;
    let metric = json!({"name": "errors", "templateRef": {"name": "errors"}, "thresholdRange": {"max": 1}});
    app.adopted(&json!({"spec": {"analysis": {"threshold": 100, "metrics": [metric]}}})).await?;
    app.release(&[("VERSION", "2")]).await?;
    Ok(app)
}

#[tokio::test]
async fn a_query_that_does_not_parse_holds_the_release_until_it_is_corrected() -> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        let _operator = Operator::start(&namespace, &[])?;
        let app = releasing(&client, &namespace, &[template("sum(", PROMETHEUS)]).await?;
        let sentence = app.tells("CheckNotPossible", CHECKED_WITHIN).await?;
        assert!(
            sentence.contains("Prometheus answered 400: invalid parameter \"query\": 1:5: parse error"),
            "{sentence}"
        );
        app.apply(&template("vector(0)", PROMETHEUS)).await?;
        app.has_weight(40, CHECKED_WITHIN).await
    })
    .await
}

#[tokio::test]
async fn a_template_that_is_not_there_stalls_and_holds_the_release_until_it_is() -> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        let _operator = Operator::start(&namespace, &[])?;
        let app = releasing(&client, &namespace, &[]).await?;
        let (reason, sentence) = app.stalls().await?;
        assert_eq!(reason, "TemplateMissing");
        let expected = format!("Metric template errors.{namespace} error: it is not there, so each check of metric errors fails; apply it, or correct templateRef");
        assert_eq!(sentence, expected);
        assert_eq!(app.tells("CheckNotPossible", CHECKED_WITHIN).await?, expected);
        app.apply(&template("vector(0)", PROMETHEUS)).await?;
        app.has_weight(40, CHECKED_WITHIN).await?;
        assert_eq!(app.stalled().await?, None);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_prometheus_that_is_down_holds_the_release_until_it_is_back() -> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        let mut prometheus = Gate::before(PROMETHEUS);
        let _operator = Operator::start(&namespace, &[])?;
        let app = releasing(&client, &namespace, &[template("vector(0)", &prometheus.address())]).await?;
        let sentence = app.tells("CheckNotPossible", CHECKED_WITHIN).await?;
        let expected =
            format!("Metric query failed for errors: http://{}: error sending request", prometheus.address());
        assert!(sentence.starts_with(&expected) && sentence.contains("Connection refused"), "{sentence}");
        prometheus.open().await?;
        app.has_weight(40, CHECKED_WITHIN).await
    })
    .await
}
