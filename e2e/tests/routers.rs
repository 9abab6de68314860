//! What every router writes, as the real apiserver takes it: `e2e/test.sh routers`.
//!
//! The user's objects are those of `examples/<router>/`, which every name of every router has; no data plane runs, and no
//! request is sent.

use std::path::{Path, PathBuf};

use kube::api::{ApiResource, DynamicObject, Patch, PatchParams};
use kube::core::GroupVersionKind;
use kube::{Api, Client};
use serde_json::{Value, json};
use serin::model::{Affinity, Cookie, Mirror, Percent, Routing};
use serin::object::{ObjectKey, Objects, value};
use serin::route::Capabilities;

use crate::routed::Routed;
use crate::support::{Outcome, apply, in_namespace, project};

/// In hundredths of a percent.
const WEIGHTS: [i64; 6] = [0, 25, 1_000, 5_000, 10_000, 0];

#[tokio::test]
async fn the_apiserver_takes_what_every_router_writes_and_the_user_gets_everything_back() -> Outcome {
    let mut broken = Vec::new();
    for example in examples()? {
        let claim = async |client: Client, namespace: String| takes_and_gives_back(&client, &namespace, &example).await;
        if let Err(error) = in_namespace(claim).await {
            broken.push(format!("{}: {error}", example.display()));
        }
    }
    if broken.is_empty() { Ok(()) } else { Err(broken.join("\n").into()) }
}

/// The directories of `examples` that hold an app and its Canary.
fn examples() -> Outcome<Vec<PathBuf>> {
    let entries: Vec<_> = std::fs::read_dir(project("examples"))?.collect::<Result<_, _>>()?;
    let mut found: Vec<_> =
        entries.into_iter().map(|entry| entry.path()).filter(|path| path.join("app.yaml").exists()).collect();
    found.sort();
    Ok(found)
}

async fn takes_and_gives_back(client: &Client, namespace: &str, example: &Path) -> Outcome {
    for object in objects_of(&example.join("app.yaml"), namespace)? {
        apply(client, namespace, &object).await.map_err(|error| format!("the user's {}: {error}", object["kind"]))?;
        is_seen_by_its_controller(client, namespace, &object).await?;
    }
    let routed = Routed::new(client, namespace, canary_of(example, namespace)?)?;
    let theirs = routed.objects().await?;
    // Each is read back as it was written, and is not written again.
    for want in within(routed.capabilities()) {
        routed.route(&want).await.map_err(|error| format!("{want:?}: {error}"))?;
    }
    if routed.capabilities().matches {
        let mut narrowed = canary_of(example, namespace)?;
        let conditions = json!([{"headers": {"x-user": {"exact": "insider"}}}]);
        value::merge(&mut narrowed, &json!({"spec": {"analysis": {"match": conditions}}}));
        let narrowed = Routed::new(client, namespace, narrowed)?;
        narrowed.route(&Routing::split(Percent::FULL)).await.map_err(|error| format!("with a condition: {error}"))?;
    }
    routed.release().await?;
    let left = routed.release().await?;
    if !left.is_empty() {
        return Err(format!("it would be released again: {left:?}").into());
    }
    are_given_back(&theirs, &routed.objects().await?)
}

/// What a data plane can be asked for.
fn within(can: Capabilities) -> Vec<Routing> {
    let cookie = |name: &str| Cookie { name: name.to_owned(), value: "a1b2c3".to_owned() };
    let weights =
        WEIGHTS.map(Percent::hundredths).into_iter().filter(|weight| can.fine || weight.is_whole()).map(Routing::split);
    let copies =
        [Mirror::All, Mirror::Share(Percent::clamped(30))].map(|mirror| Routing { mirror, ..Routing::PRIMARY });
    let sticky = Affinity::Sticky { canary: cookie("on-canary"), primary: Some(cookie("on-primary")) };
    let cookies = [(sticky, 50), (Affinity::Expire(cookie("on-canary")), 0)]
        .map(|(affinity, weight)| Routing { affinity, ..Routing::split(Percent::clamped(weight)) });
    let weights = weights.filter(|want| can.weights || want.canary.is_zero());
    let copies = copies.into_iter().filter(|_| can.mirror);
    weights.chain(copies).chain(cookies.into_iter().filter(|_| can.affinity)).collect()
}

/// Knative's controller names the revision that a Service has come to; only then it can be split.
async fn is_seen_by_its_controller(client: &Client, namespace: &str, object: &Value) -> Outcome {
    if object["apiVersion"] != "serving.knative.dev/v1" {
        return Ok(());
    }
    let name = object["metadata"]["name"].as_str().ok_or("a Service without a name")?;
    let revision = format!("{name}-00001");
    let status = json!({"latestCreatedRevisionName": revision, "latestReadyRevisionName": revision});
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("serving.knative.dev", "v1", "Service"));
    let services = Api::<DynamicObject>::namespaced_with(client.clone(), namespace, &resource);
    services.patch_status(name, &PatchParams::default(), &Patch::Merge(json!({"status": status}))).await?;
    Ok(())
}

/// What was there before is there again, as it was.
fn are_given_back(theirs: &Objects, now: &Objects) -> Outcome {
    let as_it_was = |key: &ObjectKey, object: &Value| now.find(key).is_some_and(|now| essence(now) == essence(object));
    match theirs.iter().find(|(key, object)| !as_it_was(key, object)) {
        None => Ok(()),
        Some((key, object)) => Err(format!("{key} was {object} and is left as {:?}", now.find(key)).into()),
    }
}

/// Without what the apiserver counts.
fn essence(object: &Value) -> Value {
    json!({
        "spec": object["spec"],
        "labels": object["metadata"]["labels"],
        "annotations": object["metadata"]["annotations"].as_object().filter(|annotations| !annotations.is_empty()),
    })
}

fn canary_of(example: &Path, namespace: &str) -> Outcome<Value> {
    objects_of(&example.join("canary.yaml"), namespace)?
        .into_iter()
        .find(|object| object["kind"] == "Canary")
        .ok_or_else(|| format!("{} holds no Canary", example.display()).into())
}

/// The objects of a file, in this namespace; a namespace of its own has no place in a claim's.
fn objects_of(file: &Path, namespace: &str) -> Outcome<Vec<Value>> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let objects: Vec<Value> =
        serde_saphyr::from_multiple(&text.replace("namespace: demo", &format!("namespace: {namespace}")))?;
    Ok(objects.into_iter().filter(|object| object["kind"] != "Namespace").collect())
}
