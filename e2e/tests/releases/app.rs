//! The application of an example, mostly that of `examples/istio`, in a namespace of a test, and its Canary: to apply, to release, to look at.

use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Event;
use kube::api::{ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams};
use kube::core::TypeMeta;
use kube::{Api, Client};
use serde_json::{Value, json};
use serin::api::{Canary, CanaryStatus};
use serin::model::{Phase, Truth};
use serin::object::value;

use crate::support::{Outcome, apply, project, wait_until};

/// Long enough for pods on a busy machine, and for connections to drain.
const ADOPTED_WITHIN: Duration = Duration::from_secs(180);
/// By far more than the operator needs: a watch tells it of a new revision.
const NOTICED_WITHIN: Duration = Duration::from_secs(10);

/// One of the applications in a namespace.
pub(super) struct App {
    client: Client,
    pub(super) namespace: String,
    name: &'static str,
    /// A directory of `examples`.
    example: &'static str,
    /// What this cluster needs otherwise.
    fitting: fn(&mut Value),
}

impl App {
    pub(super) fn new(client: &Client, namespace: &str, name: &'static str) -> Self {
        Self::of_example("istio", |_| (), client, namespace, name)
    }

    /// The application of another example, each of its objects fitted to the cluster.
    pub(super) fn of_example(
        example: &'static str,
        fitting: fn(&mut Value),
        client: &Client,
        namespace: &str,
        name: &'static str,
    ) -> Self {
        Self { client: client.clone(), namespace: namespace.to_owned(), name, example, fitting }
    }

    /// What the gateway knows it by.
    pub(super) fn host(&self) -> String {
        format!("{}.{}.example.com", self.name, self.namespace)
    }

    /// Applies the application with `patch` over its Deployment, and waits until it serves.
    pub(super) async fn go_live(&self, patch: &Value) -> Outcome {
        for mut object in self.users()? {
            if object["kind"] == "Deployment" {
                value::merge(&mut object, patch);
            }
            self.apply(&object).await?;
        }
        wait_until(&format!("an available Deployment/{}", self.name), Duration::from_secs(180), async || {
            let status = self.deployment(self.name).await?.status.unwrap_or_default();
            Ok((status.available_replicas > Some(0) && status.available_replicas == status.replicas).then_some(()))
        })
        .await
    }

    /// Applies the example's Canary with `patch` over it.
    pub(super) async fn canary(&self, patch: &Value) -> Outcome {
        for mut object in self.example("canary.yaml")? {
            value::merge(&mut object, patch);
            self.apply(&object).await?;
        }
        Ok(())
    }

    /// Applies the example's Canary with `patch` over it, and waits until releases can come.
    pub(super) async fn adopted(&self, patch: &Value) -> Outcome {
        self.canary(patch).await?;
        self.reaches(Phase::Initialized, ADOPTED_WITHIN).await
    }

    /// Gives the Deployment another environment, and waits until the operator has noticed.
    pub(super) async fn release(&self, environment: &[(&str, &str)]) -> Outcome {
        self.change(environment).await?;
        self.reaches(Phase::Progressing, NOTICED_WITHIN).await
    }

    /// Gives the Deployment another environment.
    pub(super) async fn change(&self, environment: &[(&str, &str)]) -> Outcome {
        let variables: Vec<_> = environment.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
        let container = json!({"name": self.name, "env": variables});
        let patch = json!({"spec": {"template": {"spec": {"containers": [container]}}}});
        let deployments = Api::<Deployment>::namespaced(self.client.clone(), &self.namespace);
        deployments.patch(self.name, &PatchParams::default(), &Patch::Strategic(patch)).await?;
        Ok(())
    }

    /// Waits until serin has written the status: no other operator writes the condition Ready.
    pub(super) async fn is_ours(&self, bound: Duration) -> Outcome {
        wait_until(&format!("a status of {} by serin", self.host()), bound, async || {
            Ok(self.status().await?.conditions.iter().any(|condition| condition.type_ == "Ready").then_some(()))
        })
        .await
    }

    /// Waits until the primary goes with its Canary no more, as a Flagger before us had it.
    pub(super) async fn is_free(&self, bound: Duration) -> Outcome {
        let primary = format!("{}-primary", self.name);
        wait_until(&format!("{primary} without an owner"), bound, async || {
            let owners = self.deployment(&primary).await?.metadata.owner_references.unwrap_or_default();
            Ok(owners.is_empty().then_some(()))
        })
        .await
    }

    /// How often the spec of a Deployment was written.
    pub(super) async fn generation_of(&self, deployment: &str) -> Outcome<Option<i64>> {
        Ok(self.deployment(deployment).await?.metadata.generation)
    }

    /// Waits for a phase. A release that ends otherwise ends the wait.
    pub(super) async fn reaches(&self, phase: Phase, bound: Duration) -> Outcome {
        wait_until(&format!("the phase {phase} of {}", self.host()), bound, async || {
            let status = self.status().await?;
            let ended = matches!(status.phase.0, Phase::Succeeded | Phase::Failed);
            if ended && phase.is_settled() && status.phase.0 != phase {
                return Err(format!("the release ended as {}: {:?}", status.phase.0, self.events().await?).into());
            }
            Ok((status.phase.0 == phase).then_some(()))
        })
        .await
    }

    /// Waits until the canary has at least `weight` percent.
    pub(super) async fn has_weight(&self, weight: i32, bound: Duration) -> Outcome {
        wait_until(&format!("a weight of {weight} of {}", self.host()), bound, async || {
            Ok((self.status().await?.canary_weight >= weight).then_some(()))
        })
        .await
    }

    pub(super) async fn status(&self) -> Outcome<CanaryStatus> {
        let canaries = Api::<Canary>::namespaced(self.client.clone(), &self.namespace);
        Ok(canaries.get(self.name).await?.status.unwrap_or_default())
    }

    pub(super) async fn deployment(&self, name: &str) -> Outcome<Deployment> {
        Ok(Api::namespaced(self.client.clone(), &self.namespace).get(name).await?)
    }

    /// The Canary of another name over the same application.
    pub(super) fn named(&self, name: &'static str) -> Self {
        Self { name, ..Self::new(&self.client, &self.namespace, name) }
    }

    /// Any object of the namespace.
    pub(super) async fn object(&self, api_version: &str, kind: &str, name: &str) -> Outcome<Value> {
        Ok(serde_json::to_value(self.objects(api_version, kind)?.get(name).await?)?)
    }

    /// Edits any object of the namespace by a merge patch.
    pub(super) async fn edit(&self, api_version: &str, kind: &str, name: &str, patch: &Value) -> Outcome {
        let parameters = PatchParams { field_manager: Some("hand".into()), ..PatchParams::default() };
        self.objects(api_version, kind)?.patch(name, &parameters, &Patch::Merge(patch)).await?;
        Ok(())
    }

    /// Asks for the deletion of any object of the namespace.
    pub(super) async fn delete(&self, api_version: &str, kind: &str, name: &str) -> Outcome {
        self.objects(api_version, kind)?.delete(name, &DeleteParams::default()).await?;
        Ok(())
    }

    fn objects(&self, api_version: &str, kind: &str) -> Outcome<Api<DynamicObject>> {
        let types = TypeMeta { api_version: api_version.to_owned(), kind: kind.to_owned() };
        let kind = ApiResource::from_gvk(&(&types).try_into()?);
        Ok(Api::namespaced_with(self.client.clone(), &self.namespace, &kind))
    }

    /// The version that the pods of a Deployment are told to be.
    pub(super) async fn version_of(&self, deployment: &str) -> Outcome<Option<String>> {
        let spec = self.deployment(deployment).await?.spec.unwrap_or_default().template.spec.unwrap_or_default();
        let variables = spec.containers.into_iter().flat_map(|container| container.env.unwrap_or_default());
        Ok(variables.into_iter().find(|variable| variable.name == "VERSION").and_then(|variable| variable.value))
    }

    /// Waits for the condition Stalled, and returns its reason and its sentence.
    pub(super) async fn stalls(&self) -> Outcome<(String, String)> {
        wait_until(&format!("the condition Stalled of {}", self.host()), NOTICED_WITHIN, async || self.stalled().await)
            .await
    }

    /// Reason and sentence of the condition Stalled, where it holds.
    pub(super) async fn stalled(&self) -> Outcome<Option<(String, String)>> {
        let conditions = self.status().await?.conditions;
        let stalled =
            conditions.into_iter().find(|condition| condition.type_ == "Stalled" && condition.status.0 == Truth::True);
        Ok(stalled.map(|condition| (condition.reason, condition.message)))
    }

    /// Waits for an event with this reason on the Canary, and returns its note.
    pub(super) async fn tells(&self, reason: &str, bound: Duration) -> Outcome<String> {
        wait_until(&format!("an event {reason} of {}", self.host()), bound, async || {
            Ok(self.events().await?.into_iter().find(|(told, _)| told == reason).map(|(_, note)| note))
        })
        .await
    }

    /// Reasons and notes of the events on the Canary.
    pub(super) async fn events(&self) -> Outcome<Vec<(String, String)>> {
        let about = format!("involvedObject.kind=Canary,involvedObject.name={}", self.name);
        let events = Api::<Event>::namespaced(self.client.clone(), &self.namespace);
        let events = events.list(&ListParams::default().fields(&about)).await?;
        Ok(events.items.into_iter().map(|e| (e.reason.unwrap_or_default(), e.message.unwrap_or_default())).collect())
    }

    /// Applies an object of this namespace as a user would.
    pub(super) async fn apply(&self, object: &Value) -> Outcome {
        apply(&self.client, &self.namespace, object).await
    }

    /// What its user applies before there is a Canary.
    pub(super) fn users(&self) -> Outcome<Vec<Value>> {
        self.example("app.yaml")
    }

    /// A file of the example, in this namespace and with this name.
    fn example(&self, file: &str) -> Outcome<Vec<Value>> {
        let text = std::fs::read_to_string(project("examples").join(self.example).join(file))?;
        let text = text.replace("hello", self.name).replace("example.com", &format!("{}.example.com", self.namespace));
        let text = text.replace("namespace: demo", &format!("namespace: {}", self.namespace));
        let mut objects: Vec<Value> = serde_saphyr::from_multiple(&text)?;
        objects.iter_mut().for_each(self.fitting);
        Ok(objects)
    }
}

/// An analysis in these steps, by the example's KPIs. How fast a busy machine answers must not decide.
pub(super) fn in_steps(of: u32, to: u32) -> Value {
    let metrics = json!([
        {"name": "request-success-rate", "interval": "30s", "thresholdRange": {"min": 99}},
        {"name": "request-duration", "interval": "30s", "thresholdRange": {"max": 20_000}},
    ]);
    json!({"spec": {"analysis": {"stepWeight": of, "maxWeight": to, "metrics": metrics}}})
}

/// A single pod that ends at once, for claims that need no traffic.
pub(super) fn small() -> Value {
    json!({"spec": {"replicas": 1, "template": {"spec": {"terminationGracePeriodSeconds": 1}}}})
}

/// Pods that end as soon as the app has served its last request, so that a drain is short.
pub(super) fn quick_to_drain() -> Value {
    json!({"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 10}}}})
}
