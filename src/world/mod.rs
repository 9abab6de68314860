//! Everything that touches the outside: the apiserver, the KPI providers, the hooks, the clock.
//!
//! Never a decision: an `if` on a phase or a weight in here is a mistake. Watches fill the cache, a change wakes just the
//! canaries that it concerns, and each of them has one round: observe, ask, decide, record, perform, tell.
//!
//! # What a release costs
//!
//! An idle canary costs no request: there are only the Lease (one renewal in 5 s) and the watches (one renewal in 5 min
//! for each kind, whatever the number of canaries). These are the requests of one whole release of five steps:
//!
//! | requests | object | why |
//! | --- | --- | --- |
//! | 9 | Canary, `status` | the journal before each effect: new revision, five weights, promoting, finalising, succeeded |
//! | 6 | VirtualService | five weights, and all traffic back to the primary |
//! | 1 | Deployment, the target | scaled up for the analysis |
//! | 1 | Deployment, the primary | takes the revision |
//! | 1 | Deployment, the target | scaled down again |
//! | 1 | ControllerRevision | keeps the promoted template, to mend the primary from |
//! | 1 | ControllerRevision | the oldest kept template goes |
//! | 10 | Event | new revision, start, five weights, copying, traffic returned, promoted |
//!
//! Where there are alerts, the end of the release takes one more `status`: it is written down until every receiver was told.
//! Each tracked ConfigMap or Secret whose content has changed adds a read of it, another when it is copied for the primary, and
//! the write of the copy. Of these kinds only the metadata is watched; contents are never kept.
//! A KPI whose MetricTemplate names a Secret adds a read of that Secret at each check, and so do secretRef and caRef of a webhook
//! at each call.
//! A conflict or a failed call adds its repetition. Pods that are not ready after an interval add a status and an event for
//! each interval that is waited. What is done without a new status, such as mending a drift, writes the same one all the same:
//! the apiserver refuses it where the Canary is not the one that was seen.

mod alerts;
mod ask;
mod backoff;
mod breaker;
mod cache;
mod caller;
mod calls;
mod check;
mod claim;
mod clock;
mod cluster;
mod connect;
mod desk;
mod failure;
mod groups;
mod http;
mod identity;
mod lease;
mod malformed;
mod metrics;
mod observe;
mod outbox;
mod place;
mod providers;
mod queue;
mod reconcile;
mod request;
mod run;
mod server;
mod tell;
mod troubles;
mod turns;
mod watch;
mod work;
mod writes;

use std::sync::Arc;

use alerts::Alerts;
use cache::Cache;
use calls::Calls;
use cluster::Cluster;
use desk::Desks;
pub(crate) use http::Http;
use metrics::Metrics;
use outbox::Outbox;
use place::Place;
use providers::Providers;
use queue::Queue;
use tell::Teller;
use tokio::sync::mpsc;
use troubles::Troubles;
use turns::Turns;
use writes::Writes;

use crate::object::Kind;
use crate::object::kinds::CANARY;
use crate::scene::Defaults;

pub use check::{CheckError, CheckOptions, QueryOptions, check, query};
pub use clock::Clock;
pub use request::{Acknowledged, RequestError, RequestOptions, request};
pub use run::{Election, Options, RunError, run};

/// What a round works with.
pub(crate) struct World {
    cluster: Cluster,
    cache: Arc<Cache>,
    queue: Arc<Queue>,
    desks: Desks,
    writes: Writes,
    troubles: Troubles,
    turns: Turns,
    providers: Providers,
    calls: Calls,
    outbox: Outbox,
    alerts: Alerts,
    teller: Teller,
    metrics: Arc<Metrics>,
    defaults: Arc<Defaults>,
    /// Kinds that need a watch from now on.
    start: mpsc::UnboundedSender<Kind>,
}

impl World {
    /// A canary is gone: nothing is kept of it.
    fn forget(&self, canary: &Place) {
        self.metrics.forget(canary);
        self.writes.forget(canary);
        self.calls.forget(canary);
        self.alerts.forget(canary);
        self.troubles.over(CANARY, canary);
    }
}
