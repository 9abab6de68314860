//! The load tester: an HTTP server that hooks call to run a test, or to ask whether a gate is open.
//!
//! Paths, payloads and answers are those of Flagger's load tester. Whoever may reach it may run commands in its pod, so it
//! belongs into a namespace of its own. Never part of the operator: nothing here reads or writes a cluster by itself.

mod concord;
mod gates;
mod metrics;
mod namespaces;
mod ngrinder;
mod payload;
mod process;
mod server;
mod task;
mod tasks;
#[cfg(test)]
mod tests;

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use tokio::net::TcpListener;

pub use namespaces::Namespaces;

use crate::world::Http;

/// What the load tester is started with.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where it listens, on all addresses.
    pub port: u16,
    /// Longest time of one task.
    pub timeout: Duration,
    /// Whose canaries it serves.
    pub namespaces: Namespaces,
}

/// Why the load tester ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum LoadTestError {
    /// The port is taken.
    #[error("cannot listen on port {0}: {1}; choose another one with --port")]
    Listen(u16, std::io::Error),
    /// The HTTP clients cannot be made.
    #[error("cannot make an HTTP client: {0}")]
    Http(String),
    /// The server gave up.
    #[error("cannot serve: {0}")]
    Serve(std::io::Error),
}

/// Serves until `stop`, then ends what it runs.
///
/// # Errors
/// What makes it impossible to start.
pub async fn run(options: Options, stop: impl Future<Output = ()> + Send + 'static) -> Result<(), LoadTestError> {
    let http = Http::new().map_err(LoadTestError::Http)?;
    let listener = listen(options.port).await.map_err(|error| LoadTestError::Listen(options.port, error))?;
    tracing::info!("listening on port {}", options.port);
    server::serve(listener, http, options, stop).await.map_err(LoadTestError::Serve)
}

/// On all addresses; a machine without IPv6 refuses the first.
async fn listen(port: u16) -> std::io::Result<TcpListener> {
    match TcpListener::bind((Ipv6Addr::UNSPECIFIED, port)).await {
        Ok(listener) => Ok(listener),
        Err(_) => TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await,
    }
}
