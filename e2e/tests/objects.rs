//! What the real apiserver admits and refuses, and with which words.

use kube::api::{Patch, PatchParams, PostParams};
use kube::core::DynamicObject;
use kube::{Api, Client, Error, ResourceExt};
use serde_json::{Value, json};
use serin::api::{AlertProvider, Canary, DeliveryPolicy, MetricTemplate};

use crate::apiserver::establish_our_definitions;
use crate::fixtures;
use crate::support::{Outcome, client, in_namespace};

/// Nothing is stored, but everything is checked.
fn dry() -> PostParams {
    PostParams { dry_run: true, ..PostParams::default() }
}

fn resources(client: Client, object: &Value) -> Result<Api<DynamicObject>, String> {
    let kind = match object["kind"].as_str() {
        Some("Canary") => kube::api::ApiResource::erase::<Canary>(&()),
        Some("MetricTemplate") => kube::api::ApiResource::erase::<MetricTemplate>(&()),
        Some("AlertProvider") => kube::api::ApiResource::erase::<AlertProvider>(&()),
        Some("DeliveryPolicy") => {
            return Ok(Api::all_with(client, &kube::api::ApiResource::erase::<DeliveryPolicy>(&())));
        }
        other => return Err(format!("{other:?} is none of our kinds")),
    };
    Ok(Api::default_namespaced_with(client, &kind))
}

#[tokio::test]
async fn a_bad_object_is_refused_with_its_sentence() -> Outcome {
    establish_our_definitions().await?;
    let client = client().await?;
    for bad in fixtures::bad() {
        let created =
            resources(client.clone(), &bad.object)?.create(&dry(), &serde_json::from_value(bad.object.clone())?).await;
        match (bad.said("apiserver"), created) {
            (None, created) => drop(created?),
            (Some(words), Err(Error::Api(refusal))) => {
                assert!(refusal.message.contains(words), "{}: {}", bad.file, refusal.message);
            }
            (Some(words), created) => panic!("{} was not refused with {words:?}: {created:?}", bad.file),
        }
    }
    Ok(())
}

#[tokio::test]
async fn what_flagger_users_have_is_admitted_without_a_change() -> Outcome {
    establish_our_definitions().await?;
    let client = client().await?;
    for good in fixtures::good() {
        for object in good.objects {
            let objects = resources(client.clone(), &object)?;
            let admitted = objects.create(&dry(), &serde_json::from_value(object.clone())?).await?;
            assert_eq!(admitted.data["spec"], object["spec"], "{}", good.file);
        }
    }
    Ok(())
}

/// With every field, so that none is missing in the schema: what the schema does not know the apiserver drops.
fn status() -> Value {
    let moment = "2026-11-20T14:03:10.250Z";
    let git = json!({ "revision": "main@sha1:9f2c1ab", "source": "Kustomization/apps" });
    json!({
        "phase": "Progressing", "failedChecks": 1, "canaryWeight": 20, "iterations": 0,
        "lastAppliedSpec": "s1-9f2c", "lastPromotedSpec": "s1-1c0f", "trackedConfigs": { "configmap/app": "2c1b5a7f" },
        "sessionAffinityCookie": "a=1", "previousSessionAffinityCookie": "b=2", "primarySessionAffinityCookie": "c=3",
        "lastTransitionTime": "2026-11-20T14:03:10Z",
        "conditions": [{
            "type": "Promoted", "status": "Unknown", "reason": "Progressing", "message": "In progress.",
            "lastUpdateTime": moment, "lastTransitionTime": moment, "observedGeneration": 2,
        }],
        "observedGeneration": 2,
        "step": { "weight": 20, "startedAt": moment, "nextCheckAt": moment, "waitingSince": moment },
        "metrics": [{
            "name": "error-rate", "value": 0.5, "canary": 0.5, "primary": 0.25, "low": 0.125, "high": 0.75,
            "eValue": 1.5, "verdict": "pass", "explanation": "0.5 is within its limit.", "interval": "1m",
            "measuredAt": moment, "needs": 1400,
        }],
        "git": git,
        "history": [{
            "revision": "s1-1c0f", "git": git, "images": ["cart:1.8.9"], "verdict": "rolled-back",
            "reason": "ThresholdReached", "by": "flux/apps", "startedAt": moment, "endedAt": moment,
        }],
        "lastHandledRequest": { "request": "retry/7", "by": "ann@example.com", "handledAt": moment, "outcome": "It ran." },
    })
}

#[tokio::test]
async fn a_status_is_kept_as_it_was_written() -> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        let canaries = Api::<Canary>::namespaced(client, &namespace);
        let object = json!({
            "metadata": { "name": "cart" },
            "spec": {
                "targetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": "cart" },
                "service": { "port": 80 },
                "analysis": { "interval": "1m", "threshold": 5, "stepWeight": 10 },
            },
        });
        let canary = canaries.create(&PostParams::default(), &serde_json::from_value(object)?).await?;
        let patch = json!({ "apiVersion": "flagger.app/v1beta1", "kind": "Canary", "status": status() });
        let parameters = PatchParams::apply("claims").force();
        let written = canaries.patch_status(&canary.name_any(), &parameters, &Patch::Apply(patch)).await?;
        assert_eq!(serde_json::to_value(written.status)?, status());
        Ok(())
    })
    .await
}
