//! A server that takes down what it is sent: the chats of a test, and a Prometheus that repeats what nobody may read.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::support::Outcome;

/// One request.
#[derive(Clone, Debug)]
pub(super) struct Heard {
    pub(super) path: String,
    pub(super) authorization: Option<String>,
    pub(super) body: Value,
}

/// Listens until the test lets go of it.
pub(super) struct Ear {
    address: String,
    mind: Arc<Mind>,
    server: JoinHandle<()>,
}

#[derive(Default)]
struct Mind {
    heard: Mutex<Vec<Heard>>,
    refuses: AtomicBool,
}

impl Ear {
    pub(super) async fn start() -> Outcome<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (address, mind) = (format!("http://{}", listener.local_addr()?), Arc::new(Mind::default()));
        let routes = Router::new().fallback(hear).with_state(Arc::clone(&mind));
        let server = tokio::spawn(async move {
            // It ends with the test.
            let _ = axum::serve(listener, routes).await;
        });
        Ok(Self { address, mind, server })
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.address)
    }

    /// Answers 503 from now on, or takes everything again.
    pub(super) fn refuse(&self, refuses: bool) {
        self.mind.refuses.store(refuses, Ordering::SeqCst);
    }

    /// What was taken at a path.
    pub(super) fn heard(&self, path: &str) -> Vec<Heard> {
        let heard = self.mind.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.iter().filter(|heard| heard.path == path).cloned().collect()
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn hear(State(mind): State<Arc<Mind>>, uri: Uri, headers: HeaderMap, body: String) -> (StatusCode, String) {
    let path = uri.path().to_owned();
    if path.ends_with("/api/v1/query") {
        return (StatusCode::INTERNAL_SERVER_ERROR, "reader may not read with planted-password".to_owned());
    }
    if mind.refuses.load(Ordering::SeqCst) {
        return (StatusCode::SERVICE_UNAVAILABLE, "planted-refusal".to_owned());
    }
    let authorization = headers.get("authorization").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let body = serde_json::from_str(&body).unwrap_or_default();
    mind.heard.lock().unwrap_or_else(PoisonError::into_inner).push(Heard { path, authorization, body });
    (StatusCode::OK, "ok".to_owned())
}
