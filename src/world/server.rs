//! /metrics, /healthz and /readyz. Never anything that changes the cluster.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::net::TcpListener;

use super::cache::Cache;
use super::metrics::Metrics;

/// The content type of OpenMetrics text.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Clone)]
struct Shown {
    metrics: Arc<Metrics>,
    cache: Arc<Cache>,
}

/// Serves until `stop`.
pub(crate) async fn serve(
    listener: TcpListener,
    metrics: Arc<Metrics>,
    cache: Arc<Cache>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let routes = Router::new()
        .route("/metrics", get(show_metrics))
        .route("/healthz", get(async || "OK"))
        .route("/readyz", get(show_readiness))
        .with_state(Shown { metrics, cache });
    axum::serve(listener, routes).with_graceful_shutdown(stop).await
}

async fn show_metrics(State(shown): State<Shown>) -> impl IntoResponse {
    shown.metrics.count(&shown.cache.canaries());
    ([(header::CONTENT_TYPE, OPEN_METRICS)], shown.metrics.text())
}

/// Ready once everything is listed that canaries need. A replica that does not lead is ready too: it can take over.
async fn show_readiness(State(shown): State<Shown>) -> (StatusCode, String) {
    let waiting = shown.cache.waiting_for();
    if waiting.is_empty() {
        return (StatusCode::OK, "OK".to_owned());
    }
    let kinds: Vec<&str> = waiting.iter().map(|kind| kind.plural).collect();
    (StatusCode::SERVICE_UNAVAILABLE, format!("waiting for the first list of {}", kinds.join(", ")))
}
