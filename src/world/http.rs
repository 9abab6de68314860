//! Carries the requests of `metric` out over HTTP. Never knows what an answer means.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::Client;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::failure::chain;
use crate::metric::{Credentials, HttpRequest, HttpResponse, Method, Trust};

/// For one question, waiting for its turn included.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// Questions at once to one host. The others wait, so a host that does not answer holds up nobody but its own canaries,
/// and a Prometheus that serves a thousand canaries is not overrun: at 10 ms an answer this is 3,200 a second.
const QUESTIONS_TO_A_HOST: usize = 32;
/// Connections that stay open to a host.
const IDLE_CONNECTIONS: usize = 8;
/// What is read of an answer at most, in bytes: one number needs a hundred.
const LONGEST_ANSWER: usize = 1 << 20;

/// The HTTP clients: one for each kind of trust.
#[derive(Clone, Debug)]
pub(crate) struct Http {
    verifying: Client,
    trusting: Client,
    hosts: Arc<Mutex<BTreeMap<String, Arc<Semaphore>>>>,
}

impl Http {
    /// # Errors
    /// The system's certificates cannot be read.
    pub(crate) fn new() -> Result<Self, String> {
        // Fails only where a provider is installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = |trust| {
            let insecure = matches!(trust, Trust::Anybody);
            let builder = Client::builder().user_agent(concat!("serin/", env!("CARGO_PKG_VERSION")));
            // A redirect could carry credentials to another host.
            let builder = builder.redirect(reqwest::redirect::Policy::none()).pool_max_idle_per_host(IDLE_CONNECTIONS);
            builder.tls_danger_accept_invalid_certs(insecure).build().map_err(|error| chain(&error))
        };
        Ok(Self { verifying: client(Trust::System)?, trusting: client(Trust::Anybody)?, hosts: Arc::default() })
    }

    /// Sends a request and reads the answer. The error is part of a sentence.
    pub(crate) async fn send(&self, request: HttpRequest) -> Result<HttpResponse, String> {
        let turns = self.turns(&request.url);
        let exchange = async {
            let _turn = turns.acquire().await;
            self.exchange(request).await
        };
        match timeout(ANSWER_WITHIN, exchange).await {
            Ok(answer) => answer,
            Err(_) => Err(format!("no answer within {} s", ANSWER_WITHIN.as_secs())),
        }
    }

    /// The turns of a URL's host. Those of hosts that nobody asks right now are dropped.
    fn turns(&self, url: &str) -> Arc<Semaphore> {
        let host = url.split('/').nth(2).unwrap_or_default();
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        hosts.retain(|_, turns| Arc::strong_count(turns) > 1);
        Arc::clone(hosts.entry(host.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(QUESTIONS_TO_A_HOST))))
    }

    async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, String> {
        let client = match request.trust {
            Trust::System => &self.verifying,
            Trust::Anybody => &self.trusting,
        };
        let mut call = match request.method {
            Method::Get => client.get(request.url),
            Method::Post => client.post(request.url).body(request.body),
        };
        for (name, value) in request.headers {
            call = call.header(name, value);
        }
        call = match request.credentials {
            Credentials::None => call,
            Credentials::Bearer(token) => call.bearer_auth(token),
            Credentials::Basic(user, password) => call.basic_auth(user, Some(password)),
        };
        // The URL of an error holds the whole query: the sentence names the KPI instead.
        let wrong = |error: reqwest::Error| chain(&error.without_url());
        let mut answer = call.send().await.map_err(wrong)?;
        let (status, mut body) = (answer.status().as_u16(), Vec::new());
        while let Some(chunk) = answer.chunk().await.map_err(wrong)? {
            if body.len() + chunk.len() > LONGEST_ANSWER {
                return Err(format!("the answer is longer than {LONGEST_ANSWER} bytes"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(HttpResponse { status, body })
    }
}

#[cfg(test)]
mod tests;
