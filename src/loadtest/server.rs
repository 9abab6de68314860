//! The paths of the load tester.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::sleep;

use super::gates::{Gate, Gates};
use super::payload::Payload;
use super::task::Task;
use super::tasks::{Outcome, Tasks};
use super::{Namespaces, Options};
use crate::world::Http;

/// The content type of OpenMetrics text.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// So long requests may take to finish after a stop; the pod is killed after 30 s.
const FINISH_WITHIN: Duration = Duration::from_secs(20);

struct Shared {
    tasks: Arc<Tasks>,
    gates: Gates,
    namespaces: Namespaces,
}

type Answer = (StatusCode, String);

/// Serves until `stop`; what runs beside releases ends with it.
pub(super) async fn serve(
    listener: TcpListener,
    http: Http,
    options: Options,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let tasks = Tasks::new(http, options.timeout);
    let shared =
        Arc::new(Shared { tasks: Arc::clone(&tasks), gates: Gates::default(), namespaces: options.namespaces });
    let (stopping, mut stopped) = watch::channel(false);
    let stop = async move {
        stop.await;
        tasks.stop();
        stopping.send_replace(true);
    };
    let serving = axum::serve(listener, routes(shared)).with_graceful_shutdown(stop);
    let overdue = async {
        // An error means that the sender is gone, and then the server is as well.
        let _ = stopped.wait_for(|stopped| *stopped).await;
        sleep(FINISH_WITHIN).await;
    };
    tokio::select! {
        ended = serving => ended,
        () = overdue => {
            tracing::warn!("some requests did not finish in time; their hooks see a broken connection");
            Ok(())
        }
    }
}

fn routes(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/healthz", get(async || "OK"))
        .route("/metrics", get(show_metrics))
        .route("/gate/approve", any(async || "OK"))
        .route("/gate/halt", any(async || (StatusCode::FORBIDDEN, "Forbidden")))
        .merge(gate("/gate", Gate::Release))
        .merge(gate("/rollback", Gate::Rollback))
        .fallback(task)
        .layer(middleware::from_fn(log))
        .with_state(shared)
}

fn gate(path: &str, gate: Gate) -> Router<Arc<Shared>> {
    let check = async move |State(shared): State<Arc<Shared>>, body: Bytes| {
        shared.sender(&body).map(|sender| match shared.gates.is_open(gate, &sender.canary()) {
            true => (StatusCode::OK, "Approved".to_owned()),
            false => (StatusCode::FORBIDDEN, "Forbidden".to_owned()),
        })
    };
    let open = async move |State(shared): State<Arc<Shared>>, body: Bytes| {
        shared.sender(&body).map(|sender| {
            shared.gates.open(gate, sender.canary());
            StatusCode::ACCEPTED
        })
    };
    let close = async move |State(shared): State<Arc<Shared>>, body: Bytes| {
        shared.sender(&body).map(|sender| {
            shared.gates.close(gate, sender.canary());
            StatusCode::ACCEPTED
        })
    };
    Router::new()
        .route(&format!("{path}/check"), any(check))
        .route(&format!("{path}/open"), any(open))
        .route(&format!("{path}/close"), any(close))
}

impl Shared {
    /// Who sends, or the answer that refuses them.
    fn sender(&self, body: &Bytes) -> Result<Payload, Answer> {
        let payload = Payload::read(body).map_err(|sentence| (StatusCode::BAD_REQUEST, sentence))?;
        match self.namespaces.serve(&payload.namespace) {
            true => Ok(payload),
            false => Err((StatusCode::FORBIDDEN, "Forbidden".to_owned())),
        }
    }
}

/// Any other path: a task.
async fn task(State(shared): State<Arc<Shared>>, body: Bytes) -> Result<Answer, Answer> {
    let sender = shared.sender(&body)?;
    let task = Task::read(&sender).map_err(|sentence| (StatusCode::BAD_REQUEST, sentence))?;
    Ok(match shared.tasks.take(sender.canary(), task).await {
        Outcome::Accepted => (StatusCode::ACCEPTED, String::new()),
        Outcome::Done(text) => (StatusCode::OK, text),
        Outcome::Failed(why) => (StatusCode::INTERNAL_SERVER_ERROR, why),
        Outcome::Busy => {
            (StatusCode::SERVICE_UNAVAILABLE, "too many tasks wait; give the load tester more replicas".to_owned())
        }
    })
}

async fn show_metrics(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, OPEN_METRICS)], shared.tasks.metrics.text())
}

async fn log(request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let response = next.run(request).await;
    tracing::debug!(path, status = response.status().as_u16(), "answered");
    response
}
