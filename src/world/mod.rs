//! Everything that touches the outside: the apiserver, the KPI providers, the clock.
//!
//! Never a decision: an `if` on a phase or a weight in here is a mistake. Idle canaries cost no request: watches fill the
//! cache, and the cache wakes just the canaries that a change concerns.

mod ask;
mod backoff;
mod cache;
mod check;
mod claim;
mod clock;
mod cluster;
mod connect;
mod failure;
mod http;
mod lease;
mod malformed;
mod metrics;
mod observe;
mod place;
mod queue;
mod reconcile;
mod run;
mod server;
mod tell;
mod troubles;
mod watch;
mod work;
mod writes;

use std::sync::Arc;

use cache::Cache;
use cluster::Cluster;
use http::Http;
use metrics::Metrics;
use place::Place;
use queue::Queue;
use tell::Teller;
use troubles::Troubles;
use writes::Writes;

use crate::object::kinds::CANARY;
use crate::scene::Defaults;

pub use check::{CheckError, CheckOptions, check};
pub use clock::Clock;
pub use run::{Election, Options, RunError, run};

/// What a round works with.
pub(crate) struct World {
    cluster: Cluster,
    cache: Arc<Cache>,
    queue: Arc<Queue>,
    writes: Writes,
    troubles: Troubles,
    http: Http,
    teller: Teller,
    metrics: Arc<Metrics>,
    defaults: Arc<Defaults>,
}

impl World {
    /// A canary is gone: nothing is kept of it.
    fn forget(&self, canary: &Place) {
        self.metrics.forget(canary);
        self.writes.forget(canary);
        self.troubles.over(CANARY, canary);
    }
}
