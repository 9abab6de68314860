//! A process of a Concord server: started with a form, then looked at until it has ended.

use std::fs;

use serde::Deserialize;
use tokio::time::{Instant, sleep};

use super::task::Concord;
use super::tasks::exchange;
use crate::http::{Credentials, HttpRequest, Method, Trust};
use crate::world::Http;

/// Separates the fields of the form; no value holds it.
const BOUNDARY: &str = "serin-8c1f0b9e4d6a47f2";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Started {
    instance_id: String,
}

#[derive(Deserialize)]
struct Process {
    status: String,
}

/// Runs to its end. The error is the answer to the hook.
pub(super) async fn run(http: &Http, concord: &Concord) -> Result<String, String> {
    let path = &concord.api_key_path;
    let key =
        fs::read_to_string(path).map_err(|error| format!("metadata.apiKeyPath {path} cannot be read: {error}"))?;
    let process = format!("{}/api/v1/process", concord.server);
    let form = request(Method::Post, process.clone(), key.trim(), form(&concord.fields));
    let Started { instance_id: id } = exchange(http, form).await?;
    let began = Instant::now();
    while began.elapsed() < concord.poll_timeout {
        sleep(concord.poll_interval).await;
        let look = request(Method::Get, format!("{process}/{id}"), key.trim(), Vec::new());
        let Process { status } = exchange(http, look).await?;
        match status.as_str() {
            "FINISHED" => return Ok(String::new()),
            "FAILED" | "CANCELLED" | "TIMED_OUT" => return Err(format!("the Concord process {id} ended as {status}")),
            _ => {}
        }
    }
    Err(format!("the Concord process {id} has not ended after {} s", concord.poll_timeout.as_secs()))
}

fn request(method: Method, url: String, key: &str, body: Vec<u8>) -> HttpRequest {
    let content = format!("multipart/form-data; boundary={BOUNDARY}");
    let mut headers = vec![("authorization".to_owned(), key.to_owned())];
    if !body.is_empty() {
        headers.push(("content-type".to_owned(), content));
    }
    HttpRequest { method, url, headers, credentials: Credentials::None, body, trust: Trust::System }
}

fn form(fields: &[(String, String)]) -> Vec<u8> {
    let part = |(name, value): &(String, String)| {
        let name = name.replace(['"', '\r', '\n'], "");
        format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let parts: String = fields.iter().map(part).collect();
    format!("{parts}--{BOUNDARY}--\r\n").into_bytes()
}
