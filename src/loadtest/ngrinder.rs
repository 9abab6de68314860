//! A test of an nGrinder server: cloned from another one and started, then looked at until it has ended.

use std::time::Duration;

use serde::Deserialize;
use tokio::time::{sleep, timeout};

use super::task::NGrinder;
use super::tasks::exchange;
use crate::http::{Credentials, HttpRequest, Method, Trust};
use crate::world::Http;

#[derive(Deserialize)]
struct Started {
    id: u64,
}

#[derive(Deserialize)]
struct Test {
    status: Vec<Status>,
}

#[derive(Deserialize)]
struct Status {
    status_id: String,
}

/// Runs to its end; what takes longer than `limit` is stopped.
pub(super) async fn run(http: &Http, test: &NGrinder, limit: Duration) -> Result<String, String> {
    let base = format!("{}/perftest/api", test.server);
    let clone = request(test, Method::Post, format!("{base}/{}/clone_and_start", test.clone));
    let Started { id } = exchange(http, clone).await?;
    if let Ok(ended) = timeout(limit, watch(http, test, &base, id)).await {
        return ended;
    }
    let stop = request(test, Method::Put, format!("{base}/{id}?action=stop"));
    // It is over for us either way; the server's own limits end what cannot be stopped.
    let _ = exchange::<serde_json::Value>(http, stop).await;
    Err(format!("the nGrinder test {id} was stopped: it ran for {} s", limit.as_secs_f64()))
}

async fn watch(http: &Http, test: &NGrinder, base: &str, id: u64) -> Result<String, String> {
    loop {
        sleep(test.poll_interval).await;
        let found: Test = exchange(http, request(test, Method::Get, format!("{base}/{id}/status"))).await?;
        match found.status.first().map(|status| status.status_id.as_str()) {
            Some("FINISHED") => return Ok(String::new()),
            Some(ended @ ("STOP_BY_ERROR" | "CANCELED" | "UNKNOWN")) => {
                return Err(format!("the nGrinder test {id} ended as {ended}"));
            }
            Some(_) | None => {}
        }
    }
}

fn request(test: &NGrinder, method: Method, url: String) -> HttpRequest {
    let credentials = Credentials::Basic(test.user.clone(), test.password.clone());
    HttpRequest { method, url, headers: Vec::new(), credentials, body: Vec::new(), trust: Trust::System }
}
