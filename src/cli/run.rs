//! `serin run`: flags into options, and signals into a stop.

use std::fmt;
use std::path::PathBuf;
use std::process::ExitCode;

use ring::rand::{SecureRandom, SystemRandom};
use tokio::signal::unix::{SignalKind, signal};

use super::flags::Run;
use super::log;
use crate::scene;
use crate::world::{self, Election, Options};

pub(super) fn run(flags: Run) -> ExitCode {
    log::start(&flags.log_level, &flags.zap_encoding);
    if let Some(sentence) = flags.unserved.fatal() {
        tracing::error!("{sentence}");
        return ExitCode::from(2);
    }
    end(world::run(options(flags), stop("running rounds finish, then the lease is released")))
}

/// Runs a server to its end, which the log tells where it is an error.
pub(super) fn end<E: fmt::Display>(server: impl Future<Output = Result<(), E>>) -> ExitCode {
    let built = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let ended = built.map_err(|error| format!("cannot start: {error}"));
    match ended.and_then(|runtime| runtime.block_on(server).map_err(|error| error.to_string())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn options(flags: Run) -> Options {
    let text = |text: String| Some(text).filter(|text| !text.is_empty());
    let namespace = text(flags.namespace);
    let election = match (flags.enable_leader_election, &namespace) {
        (false, _) => Election::Off,
        (true, Some(namespace)) => Election::Lease(namespace.clone()),
        (true, None) => Election::Lease(flags.leader_election_namespace),
    };
    Options {
        kubeconfig: text(flags.kubeconfig).map(PathBuf::from),
        master: text(flags.master),
        namespace,
        election,
        identity: format!("{}_{}", flags.hostname, nonce()),
        port: flags.port,
        defaults: scene::Defaults {
            notifiers: flags.notifier.chats(),
            cluster_name: flags.notifier.cluster_name(),
            ..flags.defaults.into()
        },
    }
}

/// Random, so that a pod that comes back under its old name is not taken for the leader that it was.
fn nonce() -> String {
    let mut bytes = [0; 8];
    // The system's generator does not fail on Linux; the host's name alone would still be an identity.
    let _ = SystemRandom::new().fill(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// SIGTERM and SIGINT stop gracefully; a second one ends at once.
pub(super) async fn stop(says: &'static str) {
    interrupted().await;
    tracing::info!("stopping: {says}");
    tokio::spawn(async {
        interrupted().await;
        std::process::exit(1);
    });
}

async fn interrupted() {
    match (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) {
        (Ok(mut terminate), Ok(mut interrupt)) => {
            tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        }
        // Without signals there is no graceful stop, but the operator works.
        _ => std::future::pending().await,
    }
}
