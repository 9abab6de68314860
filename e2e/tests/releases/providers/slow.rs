//! A Prometheus that takes its time: what becomes of the releases that ask it, and of those that do not.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::future::try_join;
use serde_json::json;
use serin::model::Phase;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::super::app::{App, small};
use super::super::operator::Operator;
use super::{analysis, template};
use crate::apiserver::establish_our_definitions;
use crate::support::{Outcome, in_namespace, wait_until};

const PROMETHEUS: &str = "127.0.0.1:9090";
/// Two checks ten seconds apart, each of which waits for its provider, on a busy machine.
const CHECKED_WITHIN: Duration = Duration::from_secs(60);
/// A rollout, one step of ten seconds and a drain.
const RELEASED_WITHIN: Duration = Duration::from_secs(120);

/// A Prometheus at an address of its own, whose answers take so long.
struct Slow {
    address: String,
    seconds: Arc<AtomicU64>,
    server: JoinHandle<()>,
}

impl Slow {
    const NEVER: u64 = 3600;

    async fn start() -> Outcome<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (address, seconds) = (listener.local_addr()?.to_string(), Arc::new(AtomicU64::new(Self::NEVER)));
        let server = tokio::spawn(serve(listener, Arc::clone(&seconds)));
        Ok(Self { address, seconds, server })
    }

    fn answers_after(&self, seconds: u64) {
        self.seconds.store(seconds, Ordering::SeqCst);
    }
}

impl Drop for Slow {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(listener: TcpListener, seconds: Arc<AtomicU64>) {
    while let Ok((mut guest, _)) = listener.accept().await {
        let seconds = Arc::clone(&seconds);
        tokio::spawn(async move {
            sleep(Duration::from_secs(seconds.load(Ordering::SeqCst))).await;
            if let Ok(mut host) = TcpStream::connect(PROMETHEUS).await {
                // However a connection ends, its two sides learn of it by the closed sockets.
                let _ = copy_bidirectional(&mut guest, &mut host).await;
            }
        });
    }
}

/// Two more checks of the release, both held.
async fn is_held(app: &App) -> Outcome {
    for _ in 0..2 {
        let measured = async || {
            Ok::<_, Box<dyn std::error::Error>>(app.status().await?.metrics.first().and_then(|m| m.measured_at))
        };
        let before = measured().await?;
        wait_until("another check", CHECKED_WITHIN, async || {
            let now = measured().await?;
            Ok((now.is_some() && now != before).then_some(()))
        })
        .await?;
        let status = app.status().await?;
        assert_eq!((status.phase.0, status.canary_weight, status.failed_checks), (Phase::Progressing, 50.into(), 0));
    }
    Ok(())
}

#[tokio::test]
async fn a_prometheus_that_answers_never_or_after_9_s_fails_no_check_and_holds_no_other_canary() -> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        let (slow, _operator) = (Slow::start().await?, Operator::start(&namespace, &[])?);
        let (held, free) = (App::new(&client, &namespace, "held"), App::new(&client, &namespace, "free"));
        let at = |address: &str| json!({"type": "prometheus", "address": format!("http://{address}")});
        held.apply(&template("errors", &at(&slow.address), "vector(0)")).await?;
        held.apply(&template("others", &at(PROMETHEUS), "vector(0)")).await?;
        try_join(held.go_live(&small()), free.go_live(&small())).await?;
        let (holding, going) = (analysis("errors", &json!({"onError": "hold"})), analysis("others", &json!({})));
        try_join(held.adopted(&holding), free.adopted(&going)).await?;

        try_join(held.release(&[("VERSION", "2")]), free.release(&[("VERSION", "2")])).await?;
        let moods = async {
            let sentence = held.tells("CheckNotPossible", CHECKED_WITHIN).await?;
            assert!(sentence.contains("no answer within 5 s"), "{sentence}");
            is_held(&held).await?;
            slow.answers_after(9);
            is_held(&held).await
        };
        try_join(moods, free.reaches(Phase::Succeeded, RELEASED_WITHIN)).await?;
        slow.answers_after(0);
        held.reaches(Phase::Succeeded, RELEASED_WITHIN).await
    })
    .await
}
