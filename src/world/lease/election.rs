//! Carries the steps of the lease out.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::PostParams;
use kube::{Api, Client};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::super::claim::Hold;
use super::super::clock;
use super::super::failure::chain;
use super::super::metrics::Metrics;
use super::{DURATION, LOOK_EVERY, NAME, Observed, RENEW_EVERY, RENEW_WITHIN, Step, step};

/// For one call about the Lease: it must leave time for another try.
const CALL_TIMEOUT: Duration = Duration::from_secs(3);
/// Between two tries of a renewal that failed.
const RETRY_EVERY: Duration = Duration::from_secs(1);

/// The leadership is lost. The process ends: whatever it still believes is no longer true.
#[derive(Debug, thiserror::Error)]
#[error("leadership lost: {0}")]
pub(crate) struct Lost(String);

/// One contender.
pub(crate) struct Election {
    api: Api<Lease>,
    me: String,
    hold: watch::Sender<Hold>,
    metrics: Arc<Metrics>,
}

impl Election {
    pub(crate) fn new(
        client: Client,
        namespace: &str,
        me: String,
        hold: watch::Sender<Hold>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self { api: Api::namespaced(client, namespace), me, hold, metrics }
    }

    /// Contends for the lease, then keeps it, until `stop`; then gives it back.
    pub(crate) async fn run(self, stop: impl Future<Output = ()>) -> Result<(), Lost> {
        let mut stop = std::pin::pin!(stop);
        let (lease, since) = tokio::select! {
            () = &mut stop => return Ok(()),
            won = self.contend() => won,
        };
        tracing::info!(identity = self.me, "leading");
        self.lead(lease, since, stop).await
    }

    /// Returns the lease when it is ours, and the moment from which it counts.
    async fn contend(&self) -> (Lease, Instant) {
        let mut observed: Option<Observed> = None;
        let mut trouble = Trouble::default();
        loop {
            let lease = match self.read().await {
                Ok(lease) => lease,
                Err(error) => {
                    trouble.comes(error);
                    sleep(LOOK_EVERY).await;
                    continue;
                }
            };
            let now = Instant::now();
            observed = lease.as_ref().map(|lease| Observed::new(lease, observed.as_ref(), now));
            match step(observed.as_ref(), &self.me, now) {
                Step::Wait(time) => sleep(time).await,
                Step::Acquire | Step::Renew => match self.take(lease).await {
                    Ok(lease) => return (lease, now),
                    Err(Refused::Conflict) => {}
                    Err(Refused::Other(error)) => {
                        trouble.comes(error);
                        sleep(LOOK_EVERY).await;
                    }
                },
            }
        }
    }

    /// Renews until `stop`, then releases.
    async fn lead(
        &self,
        mut lease: Lease,
        mut since: Instant,
        mut stop: std::pin::Pin<&mut impl Future<Output = ()>>,
    ) -> Result<(), Lost> {
        let mut next = since + RENEW_EVERY;
        loop {
            self.hold.send_replace(Hold::Until(since + RENEW_WITHIN));
            tokio::select! {
                () = &mut stop => {
                    self.hold.send_replace(Hold::Nothing);
                    self.release(lease).await;
                    return Ok(());
                }
                () = sleep_until(next) => {}
            }
            let now = Instant::now();
            match self.renew(&lease).await {
                Ok(renewed) => (lease, since, next) = (renewed, now, now + RENEW_EVERY),
                Err(Refused::Conflict) => lease = self.reread(lease).await?,
                Err(Refused::Other(error)) if Instant::now() >= since + RENEW_WITHIN => {
                    self.hold.send_replace(Hold::Nothing);
                    return Err(Lost(format!("Lease/{NAME} could not be renewed within {RENEW_WITHIN:?}: {error}")));
                }
                Err(Refused::Other(_)) => next = Instant::now() + RETRY_EVERY,
            }
        }
    }

    /// After a conflict: still ours, only somebody wrote something else into it?
    async fn reread(&self, lease: Lease) -> Result<Lease, Lost> {
        match self.read().await {
            Ok(Some(fresh)) if holder(&fresh) == self.me => Ok(fresh),
            Ok(other) => {
                self.hold.send_replace(Hold::Nothing);
                Err(Lost(format!("Lease/{NAME} is held by {:?}", other.as_ref().map(holder).unwrap_or_default())))
            }
            Err(_) => {
                sleep(RETRY_EVERY).await;
                Ok(lease)
            }
        }
    }

    async fn read(&self) -> Result<Option<Lease>, String> {
        self.metrics.request("get", "leases.coordination.k8s.io");
        match timeout(CALL_TIMEOUT, self.api.get_opt(NAME)).await {
            Ok(read) => read.map_err(|error| chain(&error)),
            Err(_) => Err("the apiserver did not answer".to_owned()),
        }
    }

    async fn take(&self, lease: Option<Lease>) -> Result<Lease, Refused> {
        let Some(mut lease) = lease else {
            let mut lease = Lease { spec: Some(self.spec(now(), 0)), ..Lease::default() };
            lease.metadata.name = Some(NAME.to_owned());
            self.metrics.request("create", "leases.coordination.k8s.io");
            return answered(timeout(CALL_TIMEOUT, self.api.create(&PostParams::default(), &lease)).await);
        };
        let transitions = lease.spec.as_ref().and_then(|spec| spec.lease_transitions).unwrap_or(0);
        lease.spec = Some(self.spec(now(), transitions.saturating_add(1)));
        self.replace(&lease).await
    }

    async fn renew(&self, lease: &Lease) -> Result<Lease, Refused> {
        let mut lease = lease.clone();
        let spec = lease.spec.get_or_insert_with(|| self.spec(now(), 0));
        spec.renew_time = Some(now());
        self.replace(&lease).await
    }

    async fn release(&self, mut lease: Lease) {
        if let Some(spec) = &mut lease.spec {
            spec.holder_identity = Some(String::new());
            spec.lease_duration_seconds = Some(1);
            spec.renew_time = Some(now());
        }
        if self.replace(&lease).await.is_err() {
            tracing::warn!("Lease/{NAME} could not be released; another replica takes over after {DURATION:?}");
        }
    }

    async fn replace(&self, lease: &Lease) -> Result<Lease, Refused> {
        self.metrics.request("update", "leases.coordination.k8s.io");
        answered(timeout(CALL_TIMEOUT, self.api.replace(NAME, &PostParams::default(), lease)).await)
    }

    fn spec(&self, now: MicroTime, transitions: i32) -> LeaseSpec {
        LeaseSpec {
            holder_identity: Some(self.me.clone()),
            lease_duration_seconds: i32::try_from(DURATION.as_secs()).ok(),
            acquire_time: Some(now.clone()),
            renew_time: Some(now),
            lease_transitions: Some(transitions),
            ..LeaseSpec::default()
        }
    }
}

/// What keeps us from the lease; each new sentence is logged once.
#[derive(Default)]
struct Trouble(String);

impl Trouble {
    fn comes(&mut self, error: String) {
        if self.0 != error {
            tracing::warn!("Lease/{NAME} cannot be read or taken, will be tried again: {error}");
            self.0 = error;
        }
    }
}

enum Refused {
    Conflict,
    Other(String),
}

fn answered(answer: Result<kube::Result<Lease>, tokio::time::error::Elapsed>) -> Result<Lease, Refused> {
    match answer {
        Ok(Ok(lease)) => Ok(lease),
        Ok(Err(kube::Error::Api(status))) if status.code == 409 => Err(Refused::Conflict),
        Ok(Err(error)) => Err(Refused::Other(chain(&error))),
        Err(_) => Err(Refused::Other("the apiserver did not answer".to_owned())),
    }
}

fn holder(lease: &Lease) -> &str {
    lease.spec.as_ref().and_then(|spec| spec.holder_identity.as_deref()).unwrap_or_default()
}

fn now() -> MicroTime {
    MicroTime(Timestamp::from_millisecond(clock::now().as_millis()).unwrap_or_default())
}

#[cfg(test)]
mod tests;
