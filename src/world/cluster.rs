//! The one door to the apiserver: every read by name and every write goes through here.
//!
//! Each call has a timeout, is counted by verb and resource, and a write asks for the lease first. Never decides, and never
//! reads what a watch already tells.

mod relay;

use std::sync::Arc;
use std::time::Duration;

use kube::api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use kube::core::{ApiResource, GroupVersionKind};
use kube::{Api, Client};
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use super::cache::Item;
use super::claim::Claim;
use super::failure::{Attempt, Failure};
use super::metrics::Metrics;
use crate::api;
use crate::object::kinds::CANARY;
use crate::object::{Change, Content, FIELD_MANAGER, Kind, ObjectKey};

/// For one call, the client's own retries on an overloaded apiserver included.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// Calls at once: 800 a second at 20 ms each. An apiserver takes 400 at once, but makes Services one after the other (each
/// needs an address): more at once would only make each of them wait longer, up to the timeout.
const CALLS_AT_ONCE: usize = 16;

/// The apiserver.
#[derive(Clone)]
pub(crate) struct Cluster {
    client: Client,
    claim: Claim,
    metrics: Arc<Metrics>,
    slots: Arc<Semaphore>,
}

/// A write that was done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Written {
    pub(crate) kind: Kind,
    /// The resourceVersion from which on the write can be seen; 0 where there is nothing to wait for.
    pub(crate) version: u64,
}

impl Cluster {
    pub(crate) fn new(client: Client, claim: Claim, metrics: Arc<Metrics>) -> Self {
        Self { client, claim, metrics, slots: Arc::new(Semaphore::new(CALLS_AT_ONCE)) }
    }

    /// Carries a change out.
    pub(crate) async fn write(&self, change: &Change) -> Result<Written, Failure> {
        match change {
            Change::Apply(kind, object) => self.apply(*kind, object).await,
            Change::Merge(key, patch) => self.merge(key, patch).await,
            Change::Create(kind, object) => self.create(*kind, object).await,
            Change::Replace(kind, object) => self.replace(*kind, object).await,
            Change::Delete(key) => self.delete(key, &DeleteParams::default()).await,
            Change::DeleteThis(key, uid) => {
                let preconditions = Some(Preconditions { uid: Some(uid.clone()), resource_version: None });
                self.delete(key, &DeleteParams { preconditions, ..DeleteParams::default() }).await
            }
            Change::Filled(change, contents) => {
                let filled = self.fill(change.as_ref().clone(), contents).await?;
                Box::pin(self.write(&filled)).await
            }
        }
    }

    /// Reads contents at the moment of their write, and fills them in as long as they are those that were decided on.
    async fn fill(&self, change: Change, contents: &[Content]) -> Result<Change, Failure> {
        let mut filled = change;
        for content in contents {
            let found = self.fetch(&content.source).await?.map(Item::into_value);
            let fields = found.and_then(|source| content.read(&source));
            let conflict = || Failure::Conflict { attempt: Box::new(Attempt::on("get", &content.source)) };
            let fields = fields.ok_or_else(conflict)?;
            filled = filled.with(|object| content.fill(object, fields));
        }
        Ok(filled)
    }

    /// Writes a Canary's status, unless the Canary has changed since it was read: `canary` carries its resourceVersion.
    pub(crate) async fn patch_status(
        &self,
        canary: &api::Canary,
        status: &api::CanaryStatus,
    ) -> Result<Written, Failure> {
        let meta = &canary.metadata;
        let key = CANARY.named(meta.namespace.clone().unwrap_or_default(), meta.name.clone().unwrap_or_default());
        let attempt = Attempt { subresource: "status", ..Attempt::on("patch", &key) };
        let body = serde_json::json!({
            "apiVersion": CANARY.api_version(),
            "kind": CANARY.kind,
            "metadata": {"name": key.name, "namespace": key.namespace, "resourceVersion": meta.resource_version},
            "status": status,
        });
        let api = self.api(&key);
        let params = PatchParams::apply(FIELD_MANAGER).force();
        self.call(attempt, api.patch_status(&key.name, &params, &Patch::Apply(&body))).await.map(written(CANARY))
    }

    /// Reads one object by name; `None` if it is not there.
    pub(crate) async fn fetch(&self, key: &ObjectKey) -> Result<Option<Item>, Failure> {
        let attempt = Attempt::on("get", key);
        self.metrics.request(attempt.verb, &attempt.resource());
        let _slot = self.slots.acquire().await;
        match timeout(CALL_TIMEOUT, self.api(key).get_opt(&key.name)).await {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(error)) => Err(attempt.failed(&error)),
            Err(_) => Err(attempt.timed_out(CALL_TIMEOUT)),
        }
    }

    async fn apply(&self, kind: Kind, object: &Value) -> Result<Written, Failure> {
        let key = named(kind, object)?;
        let mut body = serde_json::json!({"apiVersion": kind.api_version(), "kind": kind.kind});
        crate::object::value::merge(&mut body, object);
        let api = self.api(&key);
        let params = PatchParams::apply(FIELD_MANAGER).force();
        let patch = Patch::Apply(&body);
        self.call(Attempt::on("patch", &key), api.patch(&key.name, &params, &patch)).await.map(written(kind))
    }

    async fn merge(&self, key: &ObjectKey, patch: &Value) -> Result<Written, Failure> {
        let api = self.api(key);
        let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        let patch = Patch::Merge(patch);
        self.call(Attempt::on("patch", key), api.patch(&key.name, &params, &patch)).await.map(written(key.kind))
    }

    async fn create(&self, kind: Kind, object: &Value) -> Result<Written, Failure> {
        let key = named(kind, object)?;
        let mut body = serde_json::json!({"apiVersion": kind.api_version(), "kind": kind.kind});
        crate::object::value::merge(&mut body, object);
        let (api, body) = (self.api(&key), Item::new(body));
        let params = PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
        let done = self.call(Attempt::on("create", &key), api.create(&params, &body)).await;
        tolerate(done.map(written(kind)), kind)
    }

    async fn replace(&self, kind: Kind, object: &Value) -> Result<Written, Failure> {
        let key = named(kind, object)?;
        let mut body = serde_json::json!({"apiVersion": kind.api_version(), "kind": kind.kind});
        crate::object::value::merge(&mut body, object);
        let (api, body) = (self.api(&key), Item::new(body));
        let params = PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
        self.call(Attempt::on("update", &key), api.replace(&key.name, &params, &body)).await.map(written(kind))
    }

    async fn delete(&self, key: &ObjectKey, params: &DeleteParams) -> Result<Written, Failure> {
        let api = self.api(key);
        let done = self.call(Attempt::on("delete", key), api.delete(&key.name, params)).await;
        tolerate(done.map(|_| Written { kind: key.kind, version: 0 }), key.kind)
    }

    /// A write: counted, bounded in time, and only while we lead.
    async fn call<T>(&self, attempt: Attempt, call: impl Future<Output = kube::Result<T>>) -> Result<T, Failure> {
        let _slot = self.slots.acquire().await;
        let Some(left) = self.claim.left(Instant::now(), CALL_TIMEOUT) else {
            return Err(Failure::NotLeading { attempt: Box::new(attempt) });
        };
        self.metrics.request(attempt.verb, &attempt.resource());
        match timeout(left, call).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(attempt.failed(&error)),
            Err(_) => Err(attempt.timed_out(left)),
        }
    }

    fn api(&self, key: &ObjectKey) -> Api<Item> {
        let (client, resource) = (self.client.clone(), resource(key.kind));
        if key.namespace.is_empty() {
            Api::all_with(client, &resource)
        } else {
            Api::namespaced_with(client, &key.namespace, &resource)
        }
    }
}

/// How the client addresses a kind.
pub(crate) fn resource(kind: Kind) -> ApiResource {
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(kind.group, kind.version, kind.kind), kind.plural)
}

fn written(kind: Kind) -> impl Fn(Item) -> Written {
    move |item| Written { kind, version: item.version() }
}

/// Creating what is there and deleting what is gone is success: `Conflict` means nothing else for these two.
fn tolerate(done: Result<Written, Failure>, kind: Kind) -> Result<Written, Failure> {
    match done {
        Err(Failure::Conflict { .. }) => Ok(Written { kind, version: 0 }),
        other => other,
    }
}

fn named(kind: Kind, object: &Value) -> Result<ObjectKey, Failure> {
    ObjectKey::of(kind, object).ok_or_else(|| Failure::Terminal {
        attempt: Box::new(Attempt::on("patch", &kind.named("", ""))),
        cause: "the object has no metadata.name".to_owned(),
    })
}

#[cfg(test)]
mod tests;
