//! Every weight that a VirtualService was given, in order, from a watch.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use kube::api::{ApiResource, DynamicObject, WatchEvent, WatchParams};
use kube::core::GroupVersionKind;
use kube::{Api, Client};
use serde_json::Value;
use tokio::task::JoinHandle;

use crate::support::{Outcome, wait_until};

/// The apiserver ends a watch after this many seconds: no release here takes as long.
const LONGEST: u32 = 290;

/// A watch of one VirtualService.
pub(super) struct Weights {
    seen: Arc<Mutex<Vec<i64>>>,
    watch: JoinHandle<()>,
}

impl Weights {
    /// Begins with the first change from now on.
    pub(super) async fn watch(client: &Client, namespace: &str, name: &str) -> Outcome<Self> {
        let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("networking.istio.io", "v1", "VirtualService"));
        let routes = Api::<DynamicObject>::namespaced_with(client.clone(), namespace, &kind);
        let now = routes.get(name).await?.metadata;
        let parameters = WatchParams::default().fields(&format!("metadata.name={name}")).timeout(LONGEST);
        let changes = routes.watch(&parameters, &now.resource_version.unwrap_or_default()).await?;
        let seen = Arc::new(Mutex::new(Vec::new()));
        let watch = tokio::spawn(keep(changes.boxed(), now.generation, Arc::clone(&seen)));
        Ok(Self { seen, watch })
    }

    /// Waits until exactly these were written: the status says a weight before the route has it.
    pub(super) async fn are(&self, wanted: &[i64], bound: Duration) -> Outcome {
        wait_until(&format!("the weights {wanted:?}"), bound, async || Ok((self.seen() == wanted).then_some(()))).await
    }

    /// The canary's weight at each write of the route, in order.
    pub(super) fn seen(&self) -> Vec<i64> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Weights {
    fn drop(&mut self) {
        self.watch.abort();
    }
}

/// A new generation is a write of the spec; istiod's writes of the status have none.
async fn keep(
    mut changes: futures::stream::BoxStream<'_, kube::Result<WatchEvent<DynamicObject>>>,
    mut generation: Option<i64>,
    seen: Arc<Mutex<Vec<i64>>>,
) {
    while let Ok(Some(change)) = changes.try_next().await {
        if let WatchEvent::Modified(route) = change
            && route.metadata.generation != generation
        {
            generation = route.metadata.generation;
            seen.lock().unwrap_or_else(PoisonError::into_inner).push(canary_weight(&route));
        }
    }
}

fn canary_weight(route: &DynamicObject) -> i64 {
    let rules = route.data["spec"]["http"].as_array().into_iter().flatten();
    let mut destinations = rules.flat_map(|rule| rule["route"].as_array().into_iter().flatten());
    destinations.find(|destination| leads_to_canary(destination)).and_then(|d| d["weight"].as_i64()).unwrap_or(0)
}

pub(super) fn leads_to_canary(destination: &Value) -> bool {
    destination["destination"]["host"].as_str().is_some_and(|host| host.contains("-canary"))
}
