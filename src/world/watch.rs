//! One watch for each kind that a canary needs, shared by all canaries.
//!
//! A watch starts when the first canary needs its kind and never ends. Objects come untyped, so one that is malformed
//! concerns nobody but itself. Never polls, and never decides what a change means: it fills the cache and wakes.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::BoxStream;
use kube::core::{ApiResource, DynamicResourceScope, PartialObjectMeta};
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, Resource};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::backoff;
use super::cache::{Cache, Item, Ripple, Standing};
use super::cluster::resource;
use super::failure::{Attempt, Failure};
use super::queue::Queue;
use crate::object::kinds::{CONTROLLER_REVISION, POD};
use crate::object::{Kind, content};

/// How long to wait before looking again for a kind that the cluster does not have, or that we may not read.
const ABSENT_RETRY: Duration = Duration::from_secs(30);
/// The same for a kind that we can do without: an installation that never has it is to cost nothing at rest.
const OPTIONAL_RETRY: Duration = Duration::from_secs(10 * 60);
/// Objects in one answer where the apiserver cannot stream a list: small, because a page is decoded at once.
const PAGE_SIZE: u32 = 100;

/// What every watch needs.
#[derive(Clone)]
pub(crate) struct Watches {
    pub(crate) client: Client,
    /// Watch this namespace only; the whole cluster where `None`.
    pub(crate) namespace: Option<String>,
    pub(crate) cache: Arc<Cache>,
    pub(crate) queue: Arc<Queue>,
    /// Kinds that need a watch from now on.
    pub(crate) start: mpsc::UnboundedSender<Kind>,
}

impl Watches {
    /// Starts a watch for each kind that comes along, until the process ends.
    pub(crate) async fn run(self, mut wanted: mpsc::UnboundedReceiver<Kind>) {
        let mut running = tokio::task::JoinSet::new();
        while let Some(kind) = wanted.recv().await {
            running.spawn(self.clone().watch(kind));
        }
    }

    async fn watch(self, kind: Kind) {
        let (mut listing, mut trouble) = (Listing::Streamed, Trouble::default());
        loop {
            match self.follow(kind, listing, &mut trouble).await {
                End::NoStreams => listing = Listing::Paged,
                End::Absent if kind.is_of_cluster() => sleep(OPTIONAL_RETRY).await,
                End::Absent => sleep(ABSENT_RETRY).await,
            }
        }
    }

    /// Follows a kind until the watch has to be set up differently.
    async fn follow(&self, kind: Kind, listing: Listing, trouble: &mut Trouble) -> End {
        let mut events = self.events(kind, listing);
        loop {
            match events.next().await {
                Some(Ok(event)) => {
                    trouble.over(kind, &event);
                    self.spread(self.cache.absorb(kind, event));
                }
                Some(Err(error)) => {
                    if listing == Listing::Streamed && refuses_streams(&error) {
                        return End::NoStreams;
                    }
                    if has_expired(&error) {
                        continue;
                    }
                    let failure = self.failure(kind, &error);
                    let refused = standing(&failure);
                    if !self.does_without(kind) || refused.is_none() {
                        trouble.comes(&failure);
                    }
                    if let Some(standing) = refused {
                        self.spread(self.cache.stand(kind, standing));
                        return End::Absent;
                    }
                    sleep(backoff::delay(trouble.strikes)).await;
                }
                None => return End::Absent,
            }
        }
    }

    fn events(&self, kind: Kind, listing: Listing) -> BoxStream<'static, Result<Event<Item>, watcher::Error>> {
        if content::is_held_by(kind) {
            let events = watcher(self.api::<PartialObjectMeta<Item>>(kind), listing.config(kind));
            events.map(|event| event.map(named)).boxed()
        } else {
            watcher(self.api::<Item>(kind), listing.config(kind)).boxed()
        }
    }

    fn spread(&self, ripple: Ripple) {
        ripple.wake.iter().for_each(|canary| self.queue.wake(canary));
        for kind in ripple.start {
            // The receiver lives as long as the process.
            let _ = self.start.send(kind);
        }
    }

    fn api<T: Resource<DynamicType = ApiResource, Scope = DynamicResourceScope>>(&self, kind: Kind) -> Api<T> {
        let resource = resource(kind);
        match &self.namespace {
            Some(namespace) if !kind.is_of_cluster() => Api::namespaced_with(self.client.clone(), namespace, &resource),
            _ => Api::all_with(self.client.clone(), &resource),
        }
    }

    /// Whether nobody misses a kind that is not there: whoever watches one namespace is seldom given more.
    fn does_without(&self, kind: Kind) -> bool {
        kind.is_of_cluster() && self.namespace.is_some()
    }

    fn failure(&self, kind: Kind, error: &watcher::Error) -> Failure {
        let namespace = self.namespace.clone().filter(|_| !kind.is_of_cluster()).unwrap_or_default();
        let attempt = Attempt { verb: "list and watch", kind, subresource: "", namespace, name: String::new() };
        match error {
            watcher::Error::InitialListFailed(error)
            | watcher::Error::WatchStartFailed(error)
            | watcher::Error::WatchFailed(error) => attempt.failed(error),
            watcher::Error::WatchError(status) => attempt.answered(status),
            watcher::Error::NoResourceVersion => {
                let cause = "an object came without metadata.resourceVersion".to_owned();
                Failure::Transient { attempt: Box::new(attempt), cause }
            }
        }
    }
}

/// An event that tells nothing of an object but its metadata.
fn named(event: Event<PartialObjectMeta<Item>>) -> Event<Item> {
    let item = |object: PartialObjectMeta<Item>| Item::new(json!({"metadata": object.metadata}));
    match event {
        Event::Apply(object) => Event::Apply(item(object)),
        Event::InitApply(object) => Event::InitApply(item(object)),
        Event::Delete(object) => Event::Delete(item(object)),
        Event::Init => Event::Init,
        Event::InitDone => Event::InitDone,
    }
}

/// Why a watch has to be set up again.
enum End {
    /// The apiserver cannot stream lists.
    NoStreams,
    /// The kind is not there, or not for us.
    Absent,
}

/// How the first list is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Listing {
    /// One object after the other: least memory here and there.
    Streamed,
    /// Page by page, for an apiserver without the WatchList feature.
    Paged,
}

impl Listing {
    fn config(self, kind: Kind) -> watcher::Config {
        let config = match self {
            Self::Streamed => watcher::Config::default().streaming_lists(),
            Self::Paged => watcher::Config::default().page_size(PAGE_SIZE),
        };
        match kind {
            // Every StatefulSet and DaemonSet of the cluster has ControllerRevisions too.
            CONTROLLER_REVISION => config.labels("app.kubernetes.io/managed-by=serin"),
            // Of all pods only those of StatefulSets and DaemonSets are of interest.
            POD => config.labels("controller-revision-hash"),
            _ => config,
        }
    }
}

/// The apiserver answers 422 Invalid to `sendInitialEvents` where its feature WatchList is off.
fn refuses_streams(error: &watcher::Error) -> bool {
    matches!(error, watcher::Error::WatchStartFailed(kube::Error::Api(status)) if status.code == 422 || status.code == 400)
}

/// The apiserver has forgotten where we were; the watcher lists anew.
fn has_expired(error: &watcher::Error) -> bool {
    matches!(error, watcher::Error::WatchError(status) if status.code == 410)
}

fn standing(failure: &Failure) -> Option<Standing> {
    match failure {
        Failure::NotServed { .. } => Some(Standing::Unserved),
        Failure::Forbidden { .. } => Some(Standing::Forbidden(failure.to_string())),
        Failure::Transient { .. }
        | Failure::Conflict { .. }
        | Failure::Terminal { .. }
        | Failure::NotLeading { .. }
        | Failure::Blocked { .. } => None,
    }
}

/// Errors in a row, logged once for each kind of them.
#[derive(Default)]
struct Trouble {
    strikes: u32,
    reason: Option<&'static str>,
}

impl Trouble {
    fn comes(&mut self, failure: &Failure) {
        self.strikes += 1;
        if self.reason.replace(failure.reason()) != Some(failure.reason()) {
            tracing::warn!(reason = failure.reason(), "{failure}");
        }
    }

    /// `Init` alone proves nothing: it comes before the request.
    fn over(&mut self, kind: Kind, event: &Event<Item>) {
        if !matches!(event, Event::Init) && self.reason.take().is_some() {
            self.strikes = 0;
            tracing::info!("watch of {} goes on", kind.plural);
        }
    }
}

#[cfg(test)]
mod tests;
