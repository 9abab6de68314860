//! Events on their way to hooks, in the background: nobody waits for a listener that does not answer.
//!
//! Never keeps more than it can deliver: what is too much for a host is dropped, counted and logged.

use std::sync::Arc;

use super::caller::Caller;
use super::clock;
use super::cluster::Cluster;
use super::http::{Http, Turns};
use super::metrics::Metrics;
use super::place::Place;
use crate::hook::{self, Told};
use crate::http::HttpRequest;
use crate::model::{CanaryRef, Hook, Plan, Reply};
use crate::notify;

/// Rounds whose events may wait for one host.
const WAITING_FOR_A_HOST: usize = 256;
/// Calls at once to one host.
const CALLS_TO_A_HOST: usize = 16;

/// Sends events to hooks.
pub(crate) struct Outbox {
    caller: Caller,
    places: Turns,
    metrics: Arc<Metrics>,
}

impl Outbox {
    pub(crate) fn new(http: &Http, cluster: Cluster, metrics: Arc<Metrics>) -> Self {
        Self {
            caller: Caller::new(http.apart(CALLS_TO_A_HOST), cluster),
            places: Turns::new(WAITING_FOR_A_HOST),
            metrics,
        }
    }

    /// Sends the notices of a decision to everybody who listens, to each in their order.
    pub(crate) fn tell(&self, listeners: &[Hook], canary: &CanaryRef, plan: &Plan) {
        if plan.notices.is_empty() {
            return;
        }
        let at = clock::now();
        let events: Vec<_> = plan.notices.iter().map(|notice| notify::event(notice, canary)).collect();
        for hook in listeners {
            let told = |event: &notify::Event| {
                let (phase, revision) = (plan.journal.phase, plan.journal.last_applied.as_ref());
                hook::event(hook, canary, &Told { phase, revision, message: &event.note, tone: event.tone, at })
            };
            self.post(hook.clone(), Place::new(&canary.namespace, &canary.name), events.iter().map(told).collect());
        }
    }

    fn post(&self, hook: Hook, canary: Place, requests: Vec<HttpRequest>) {
        let metrics = Arc::clone(&self.metrics);
        let Ok(place) = self.places.of(&hook.url).try_acquire_owned() else {
            metrics.unheard();
            tracing::warn!(%canary, hook = %hook.name, "events were dropped: {WAITING_FOR_A_HOST} rounds wait for this host already");
            return;
        };
        let caller = self.caller.clone();
        tokio::spawn(async move {
            let _place = place;
            for request in requests {
                if let Reply::No(why) = caller.make(canary.namespace(), &hook, &request).await {
                    metrics.unheard();
                    tracing::warn!(%canary, hook = %hook.name, "the event hook failed, the release goes on: {why}");
                }
            }
        });
    }
}

#[cfg(test)]
mod tests;
