//! Objects that cannot work: the sentence that their user reads, and that nothing but the cure is needed afterwards.

use std::time::Duration;

use serde_json::json;
use serin::model::Phase;

use super::app::{App, small};
use super::operator::Operator;
use crate::apiserver::establish_our_definitions;
use crate::support::{Outcome, in_namespace, project, run};

const CURED_WITHIN: Duration = Duration::from_secs(90);

#[tokio::test]
async fn the_definitions_that_serin_prints_are_admitted() -> Outcome {
    let printed = run(env!("CARGO_BIN_EXE_serin"), &["crds"])?;
    let file = super::operator::state("run")?.join("printed-crds.yaml");
    std::fs::write(&file, printed)?;
    run("kubectl", &["apply", "--server-side", "--force-conflicts", "-f", &file.to_string_lossy()])?;
    establish_our_definitions().await?;
    run("kubectl", &["apply", "--dry-run=server", "-n", "default", "-f", &canary_for("default")?]).map(drop)
}

/// The example's Canary is written for a namespace of the demo.
fn canary_for(namespace: &str) -> Outcome<String> {
    let text = std::fs::read_to_string(project("examples/istio/canary.yaml"))?;
    let file = super::operator::state("run")?.join("printed-canary.yaml");
    std::fs::write(&file, text.replace("namespace: demo", &format!("namespace: {namespace}")))?;
    Ok(file.to_string_lossy().into_owned())
}

#[tokio::test]
async fn a_provider_that_nobody_serves_stalls_until_it_is_corrected() -> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        let app = App::new(&client, &namespace, "hello");
        app.go_live(&small()).await?;
        // The definition admits no such word, but the operator's own default may be one.
        let _operator = Operator::start(&namespace, &["--mesh-provider=nosuch"])?;
        app.canary(&json!({"spec": {"provider": null}})).await?;
        let (reason, sentence) = app.stalls().await?;
        assert_eq!(reason, "UnknownProvider");
        let expected = "spec.provider is \"nosuch\", which no router serves, so no traffic is moved; write one of: ";
        assert!(sentence.starts_with(expected), "{sentence}");
        assert_eq!(app.tells(&reason, CURED_WITHIN).await?, sentence);

        app.canary(&json!({"spec": {"provider": "istio"}})).await?;
        app.reaches(Phase::Initialized, CURED_WITHIN).await?;
        assert_eq!(app.stalled().await?, None);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_missing_target_stalls_until_it_is_there() -> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        let (app, _operator) = (App::new(&client, &namespace, "hello"), Operator::start(&namespace, &[])?);
        app.canary(&json!({})).await?;
        let (reason, sentence) = app.stalls().await?;
        assert_eq!(reason, "TargetMissing");
        let expected = format!("Deployment/hello is not in namespace {namespace}, so there is nothing to release; apply it, or correct spec.targetRef.name");
        assert_eq!(sentence, expected);
        assert_eq!(app.tells(&reason, CURED_WITHIN).await?, sentence);

        app.go_live(&small()).await?;
        app.reaches(Phase::Initialized, CURED_WITHIN).await?;
        assert_eq!(app.stalled().await?, None);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_canary_that_cannot_be_read_is_told_so_and_stops_no_other() -> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        let (good, bad) = (App::new(&client, &namespace, "hello"), App::new(&client, &namespace, "broken"));
        let _operator = Operator::start(&namespace, &[])?;
        bad.go_live(&small()).await?;
        // The apiserver takes any whole number here.
        bad.canary(&json!({"spec": {"analysis": {"threshold": 3_000_000_000_u32}}})).await?;
        let sentence = bad.tells("Unreadable", CURED_WITHIN).await?;
        assert!(sentence.starts_with("spec.analysis.threshold: 3000000000 is out of range; write "), "{sentence}");
        assert!(sentence.ends_with("; nothing is done for this object until it is mended"), "{sentence}");

        good.go_live(&small()).await?;
        good.adopted(&json!({})).await?;
        bad.adopted(&json!({})).await
    })
    .await
}
