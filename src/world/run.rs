//! The operator from start to stop: connect, watch, lead, work, and hand over.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::sync::Arc;

use kube::Client;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};

use super::World;
use super::alerts::Alerts;
use super::cache::{Cache, Seen, Sight};
use super::calls::Calls;
use super::claim::{Claim, Hold};
use super::cluster::Cluster;
use super::connect::connect;
use super::desk::Desks;
use super::http::Http;
use super::lease::{self, Lost};
use super::metrics::Metrics;
use super::outbox::Outbox;
use super::providers::Providers;
use super::queue::Queue;
use super::server;
use super::tell::Teller;
use super::troubles::Troubles;
use super::turns::Turns;
use super::watch::Watches;
use super::work::work;
use super::writes::Writes;
use crate::api::Canary;
use crate::object::kinds::CANARY;
use crate::object::{Kind, Objects};
use crate::scene::{self, Defaults, Lookups};

/// What the operator is started with.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the apiserver is; in a pod, both are `None`.
    pub kubeconfig: Option<PathBuf>,
    /// Address of the apiserver, where it differs from the kubeconfig's.
    pub master: Option<String>,
    /// Work in this namespace only.
    pub namespace: Option<String>,
    /// Whether replicas elect a leader.
    pub election: Election,
    /// Who this replica is: shown in the Lease and in events. No two may be the same.
    pub identity: String,
    /// Port of /metrics, /healthz and /readyz.
    pub port: u16,
    /// What Canaries leave open.
    pub defaults: Defaults,
}

/// Whether replicas elect a leader.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Election {
    /// By the Lease in this namespace.
    Lease(String),
    /// There is only this one.
    Off,
}

/// Why the operator ended by itself. The process exits with 1 and is started anew.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The kubeconfig or the pod's ServiceAccount cannot be used.
    #[error("cannot connect to the cluster: {0}")]
    Connect(String),
    /// The HTTP clients cannot be made.
    #[error("cannot make an HTTP client: {0}")]
    Http(String),
    /// The port is taken.
    #[error("cannot listen on port {0}: {1}; choose another one with --port")]
    Listen(u16, std::io::Error),
    /// Another replica leads from now on.
    #[error("{0}")]
    Lost(String),
}

/// Runs until `stop`, then finishes what is under way and releases the lease.
///
/// # Errors
/// What makes it impossible to start, or to go on leading.
pub async fn run(options: Options, stop: impl Future<Output = ()> + Send + 'static) -> Result<(), RunError> {
    let metrics = Arc::new(Metrics::new(&options.defaults.provider));
    let http = Http::new().map_err(RunError::Http)?;
    let connected = connect(options.kubeconfig.as_deref(), options.master.as_deref()).await;
    let client = connected.map_err(RunError::Connect)?;
    let listener = listen(options.port).await.map_err(|error| RunError::Listen(options.port, error))?;

    let defaults = Arc::new(options.defaults.clone());
    let cache = Arc::new(Cache::new(lookups_of(Arc::clone(&defaults)), further_of(Arc::clone(&defaults))));
    let queue = Arc::new(Queue::default());
    let start = watch_canaries(client.clone(), options.namespace.clone(), Arc::clone(&cache), Arc::clone(&queue));
    let stopped = told_by(stop);
    tokio::spawn(server::serve(listener, Arc::clone(&metrics), Arc::clone(&cache), until(stopped.clone())));

    let (hold, held) = watch::channel(Hold::Nothing);
    let (drained, finished) = watch::channel(false);
    let contender = elect(client.clone(), options.clone(), hold, Arc::clone(&metrics), until(finished));
    let mut leading = tokio::spawn(contender);

    let mut claim = Claim::new(held);
    let cluster = Cluster::new(client.clone(), claim.clone(), Arc::clone(&metrics));
    let teller = Teller::new(client, &options.identity, claim.clone(), Arc::clone(&metrics));
    let providers = Providers::new(http.clone(), cluster.clone());
    let (desks, writes, troubles) = (Desks::default(), Writes::default(), Troubles::default());
    let (calls, outbox) = (
        Calls::new(&http, cluster.clone(), Arc::clone(&queue)),
        Outbox::new(&http, cluster.clone(), Arc::clone(&metrics)),
    );
    let alerts = Alerts::new(&http, cluster.clone(), Arc::clone(&queue), Arc::clone(&metrics));
    let world = World {
        cluster,
        cache,
        queue,
        desks,
        writes,
        troubles,
        turns: Turns::default(),
        providers,
        calls,
        outbox,
        alerts,
        teller,
        metrics,
        defaults,
        start,
    };
    let world = Arc::new(world);
    let working = async {
        tokio::select! {
            () = claim.held() => work(world, until(stopped.clone())).await,
            () = until(stopped.clone()) => {}
        }
    };
    tokio::select! {
        () = working => {}
        ended = &mut leading => return lost(ended),
    }
    drained.send_replace(true);
    lost(leading.await)
}

/// Starts with the watch of Canaries; they bring the others, through the channel.
fn watch_canaries(
    client: Client,
    namespace: Option<String>,
    cache: Arc<Cache>,
    queue: Arc<Queue>,
) -> mpsc::UnboundedSender<Kind> {
    let (start, wanted) = mpsc::unbounded_channel();
    // The receiver is held right here.
    let _ = start.send(CANARY);
    tokio::spawn(Watches { client, namespace, cache, queue, start: start.clone() }.run(wanted));
    start
}

/// What a Canary looks at; nothing where it cannot be read.
fn lookups_of(defaults: Arc<Defaults>) -> super::cache::LookupsOf {
    let lookups = move |canary: &Seen<Canary>| {
        canary.read().map_or_else(|_| Lookups::default(), |canary| scene::lookups(&canary, &defaults))
    };
    Arc::new(lookups)
}

/// Where what a Canary looks at leads to; nowhere where it cannot be read.
fn further_of(defaults: Arc<Defaults>) -> super::cache::FurtherOf {
    let further = move |sight: &Sight| {
        let Ok(canary) = sight.canary.read() else { return Vec::new() };
        let mut objects = Objects::default();
        for (key, seen) in sight.objects.iter().filter(|(key, _)| scene::leads(key.kind)) {
            objects.insert(key.clone(), seen.value());
        }
        scene::further(&canary, &objects, &defaults)
    };
    Arc::new(further)
}

/// On all addresses; a machine without IPv6 refuses the first.
async fn listen(port: u16) -> std::io::Result<TcpListener> {
    match TcpListener::bind((Ipv6Addr::UNSPECIFIED, port)).await {
        Ok(listener) => Ok(listener),
        Err(_) => TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await,
    }
}

/// Without an election this replica leads from the start and never loses.
async fn elect(
    client: Client,
    options: Options,
    hold: watch::Sender<Hold>,
    metrics: Arc<Metrics>,
    stop: impl Future<Output = ()>,
) -> Result<(), Lost> {
    match options.election {
        Election::Lease(namespace) => {
            lease::Election::new(client, &namespace, options.identity, hold, metrics).run(stop).await
        }
        Election::Off => {
            hold.send_replace(Hold::Alone);
            stop.await;
            Ok(())
        }
    }
}

fn lost(ended: Result<Result<(), Lost>, tokio::task::JoinError>) -> Result<(), RunError> {
    match ended {
        Ok(ended) => ended.map_err(|lost| RunError::Lost(lost.to_string())),
        Err(error) => Err(RunError::Lost(error.to_string())),
    }
}

/// A channel that says true from the moment of `stop` on.
fn told_by(stop: impl Future<Output = ()> + Send + 'static) -> watch::Receiver<bool> {
    let (stopping, stopped) = watch::channel(false);
    tokio::spawn(async move {
        stop.await;
        stopping.send_replace(true);
    });
    stopped
}

/// Returns when the channel says true, or nobody can say it any more.
async fn until(mut told: watch::Receiver<bool>) {
    // An error means that the sender is gone, which is a stop as well.
    let _ = told.wait_for(|told| *told).await;
}
