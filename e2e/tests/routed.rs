//! A router's own writes against the real apiserver, without an operator in between.
//!
//! Strict: a field that a definition does not know fails the claim instead of being dropped in silence.

use std::sync::Arc;
use std::time::Duration;

use kube::api::{ApiResource, DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::GroupVersionKind;
use kube::{Api, Client};
use serde_json::Value;
use serin::api::{Canary, CanaryService};
use serin::model::Routing;
use serin::object::{Change, FIELD_MANAGER, ObjectKey, Objects};
use serin::route::{self, Acceptance, Router, Target};

use crate::support::{Outcome, wait_until};

/// From a write to the data plane's word on it.
const ACCEPTED_WITHIN: Duration = Duration::from_secs(30);

/// A canary, and the router that its provider means.
pub(crate) struct Routed {
    client: Client,
    namespace: String,
    canary: Canary,
    provider: String,
    service: CanaryService,
    router: &'static dyn Router,
}

impl Routed {
    /// From a Canary's manifest; the Canary itself is not written.
    pub(crate) fn new(client: &Client, namespace: &str, canary: Value) -> Outcome<Self> {
        let provider = canary["spec"]["provider"].as_str().ok_or("a Canary without a provider")?.to_owned();
        let router = route::find(&provider).ok_or_else(|| route::unknown(&provider))?;
        let canary: Canary = serde_json::from_value(canary)?;
        let service = canary.spec.service.clone().unwrap_or_default();
        Ok(Self { client: client.clone(), namespace: namespace.to_owned(), canary, provider, service, router })
    }

    /// What its data plane can do for this service.
    pub(crate) fn capabilities(&self) -> route::Capabilities {
        self.router.capabilities(&self.service)
    }

    /// The writes that `want` still needs.
    pub(crate) async fn missing(&self, want: &Routing) -> Outcome<Vec<Change>> {
        self.render(want, &self.objects().await?)
    }

    /// Writes `want`, and returns the writes. What comes back holds what was sent, says what was wanted, and needs no
    /// further write.
    pub(crate) async fn route(&self, want: &Routing) -> Outcome<Vec<Change>> {
        let changes = self.written(|have| self.render(want, have)).await?;
        let have = self.objects().await?;
        let read = self.read(&have)?;
        if read.as_ref() != Some(want) && !self.router.kinds().is_empty() {
            return Err(format!("{want:?} was written, and {read:?} is read back").into());
        }
        let left = self.render(want, &have)?;
        if !left.is_empty() {
            return Err(format!("{want:?} was written, and would be written again: {left:?}").into());
        }
        Ok(changes)
    }

    /// Writes `want` over a route of the user's, which may take several writes, each after the data plane's word on the last.
    pub(crate) async fn take_over(&self, want: &Routing) -> Outcome {
        wait_until("the route without the user's backend", ACCEPTED_WITHIN, async || {
            self.is_accepted().await?;
            let changes = self.written(|have| self.render(want, have)).await?;
            let read = self.read(&self.objects().await?)?;
            Ok((changes.is_empty() && read.as_ref() == Some(want)).then_some(()))
        })
        .await
    }

    /// Waits until the data plane says that it routes what is written, if it tells.
    pub(crate) async fn is_accepted(&self) -> Outcome {
        wait_until("the data plane's acceptance", ACCEPTED_WITHIN, async || {
            let have = self.objects().await?;
            self.with_target(|target| match self.router.acceptance(target, &have) {
                Acceptance::Accepted => Ok(Some(())),
                Acceptance::Pending => Ok(None),
                Acceptance::Refused(error) => Err(error.into()),
            })
        })
        .await
    }

    /// Gives the user's objects back.
    pub(crate) async fn release(&self) -> Outcome<Vec<Change>> {
        self.written(|have| Ok(self.with_target(|target| self.router.release(target, have)))).await
    }

    /// Does what `decide` finds to do. Where another hand was faster it decides again, as the operator does.
    async fn written(&self, decide: impl Fn(&Objects) -> Outcome<Vec<Change>>) -> Outcome<Vec<Change>> {
        wait_until("a write that nobody overtakes", ACCEPTED_WITHIN, async || {
            let changes = decide(&self.objects().await?)?;
            for change in &changes {
                match self.write(change).await {
                    Err(error) if is_conflict(error.as_ref()) => return Ok(None),
                    written => written?,
                }
            }
            Ok(Some(changes))
        })
        .await
    }

    /// What the router reads, as it is now.
    pub(crate) async fn objects(&self) -> Outcome<Objects> {
        let mut have = Objects::default();
        for key in self.with_target(|target| self.router.objects(target)) {
            if let Some(object) = self.api(&key).get_opt(&key.name).await? {
                have.insert(key, Arc::new(serde_json::to_value(object)?));
            }
        }
        Ok(have)
    }

    fn read(&self, have: &Objects) -> Outcome<Option<Routing>> {
        Ok(self.with_target(|target| self.router.read(target, have))?)
    }

    fn render(&self, want: &Routing, have: &Objects) -> Outcome<Vec<Change>> {
        Ok(self.with_target(|target| self.router.render(target, want, have))?)
    }

    fn with_target<T>(&self, act: impl FnOnce(&Target<'_>) -> T) -> T {
        let annotations = self.canary.metadata.annotations.clone().unwrap_or_default();
        act(&Target {
            namespace: &self.namespace,
            apex: self.canary.spec.apex(),
            provider: &self.provider,
            pods: Some(("app", "app")),
            annotations: &annotations,
            ingress_prefix: route::INGRESS_PREFIX,
            service: &self.service,
            spec: &self.canary.spec,
        })
    }

    async fn write(&self, change: &Change) -> Outcome {
        let key = change.key().ok_or("a change without a name")?;
        let objects = self.api(&key);
        let strict = PatchParams::apply(FIELD_MANAGER).validation_strict();
        let (sent, stored) = match change {
            Change::Apply(_, sent) => (sent, objects.patch(&key.name, &strict.force(), &Patch::Apply(sent)).await?),
            Change::Merge(_, sent) => (sent, objects.patch(&key.name, &strict, &Patch::Merge(sent)).await?),
            Change::Create(_, sent) => {
                (sent, objects.create(&PostParams::default(), &serde_json::from_value(sent.clone())?).await?)
            }
            Change::Replace(..) | Change::Filled(..) | Change::DeleteThis(..) => {
                return Err(format!("no router writes {key} so: {change:?}").into());
            }
            Change::Delete(_) => {
                return objects.delete(&key.name, &DeleteParams::default()).await.map(drop).map_err(Into::into);
            }
        };
        let (sent, stored) = (without_version(sent), serde_json::to_value(stored)?);
        if holds(&stored, &sent) {
            return Ok(());
        }
        Err(format!("{key} was sent as {sent} and is stored as {stored}").into())
    }

    fn api(&self, key: &ObjectKey) -> Api<DynamicObject> {
        let kind = GroupVersionKind::gvk(key.kind.group, key.kind.version, key.kind.kind);
        let resource = ApiResource::from_gvk_with_plural(&kind, key.kind.plural);
        if key.namespace.is_empty() {
            return Api::all_with(self.client.clone(), &resource);
        }
        Api::namespaced_with(self.client.clone(), &key.namespace, &resource)
    }
}

fn is_conflict(error: &(dyn std::error::Error + 'static)) -> bool {
    matches!(error.downcast_ref::<kube::Error>(), Some(kube::Error::Api(status)) if status.code == 409)
}

/// Whether nothing that was sent is missing.
fn holds(stored: &Value, sent: &Value) -> bool {
    match (stored, sent) {
        (Value::Object(stored), Value::Object(sent)) => sent.iter().all(|(name, sent)| match stored.get(name) {
            Some(stored) => holds(stored, sent),
            None => is_empty(sent),
        }),
        (Value::Array(stored), Value::Array(sent)) => {
            stored.len() == sent.len() && stored.iter().zip(sent).all(|(stored, sent)| holds(stored, sent))
        }
        _ => stored == sent,
    }
}

/// A field that was sent as `null` was to go, and what holds nothing else need not be stored.
fn is_empty(sent: &Value) -> bool {
    sent.is_null() || sent.as_object().is_some_and(|fields| fields.values().all(is_empty))
}

/// The version is a condition of the write, not a part of what is stored.
fn without_version(sent: &Value) -> Value {
    let mut sent = sent.clone();
    if let Some(metadata) = sent["metadata"].as_object_mut() {
        metadata.remove("resourceVersion");
    }
    sent
}
