//! Carries the requests of `metric` and `hook` out over HTTP. Never knows what an answer means.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::RETRY_AFTER;
use reqwest::redirect::{Action, Attempt, Policy};
use reqwest::{Certificate, Client, Identity, Response};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::failure::chain;
use crate::http::{Credentials, HttpRequest, HttpResponse, Method, Tls, Trust};

/// For one question, waiting for its turn included.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// Questions at once to one host. The others wait, so a host that does not answer holds up nobody but its own canaries,
/// and a Prometheus that serves a thousand canaries is not overrun: at 10 ms an answer this is 3,200 a second.
const QUESTIONS_TO_A_HOST: usize = 32;
/// Connections that stay open to a host.
const IDLE_CONNECTIONS: usize = 8;
/// What is read of an answer at most, in bytes: one number needs a hundred.
const LONGEST_ANSWER: usize = 1 << 20;

/// Redirects that are followed: to the same host only.
const REDIRECTS: usize = 5;

/// The HTTP clients: one for each kind of trust.
#[derive(Clone, Debug)]
pub(crate) struct Http {
    verifying: Client,
    trusting: Client,
    turns: Arc<Turns>,
    longest_answer: usize,
}

impl Http {
    /// # Errors
    /// The system's certificates cannot be read.
    pub(crate) fn new() -> Result<Self, String> {
        // Fails only where a provider is installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = |trust| {
            let insecure = matches!(trust, Trust::Anybody);
            builder().tls_danger_accept_invalid_certs(insecure).build().map_err(|error| chain(&error))
        };
        let turns = Arc::new(Turns::new(QUESTIONS_TO_A_HOST));
        let (verifying, trusting) = (client(Trust::System)?, client(Trust::Anybody)?);
        Ok(Self { verifying, trusting, turns, longest_answer: LONGEST_ANSWER })
    }

    /// The same clients for answers of so many bytes.
    pub(crate) fn reading(&self, longest_answer: usize) -> Self {
        Self { longest_answer, ..self.clone() }
    }

    /// The same clients with turns of their own, so many at once for each host: neither waits for the other.
    pub(crate) fn apart(&self, at_once: usize) -> Self {
        Self { turns: Arc::new(Turns::new(at_once)), ..self.clone() }
    }

    /// The same on the way through a proxy.
    ///
    /// # Errors
    /// The proxy is no URL.
    pub(crate) fn through(&self, proxy: &str) -> Result<Self, String> {
        let proxy = reqwest::Proxy::all(proxy).map_err(|_| "spec.proxy is no URL; write one, or drop it".to_owned())?;
        let verifying = builder().proxy(proxy).build().map_err(|error| chain(&error))?;
        Ok(Self { verifying, ..self.clone() })
    }

    /// The same with a connection of its own: what it shows is shown to nobody else.
    ///
    /// # Errors
    /// What cannot be read; part of a sentence.
    pub(crate) fn with(&self, tls: &Tls, trust: Trust) -> Result<Self, TlsError> {
        let mut own = builder().tls_danger_accept_invalid_certs(trust == Trust::Anybody);
        if let Some(pem) = &tls.authority {
            let known = Certificate::from_pem_bundle(pem).unwrap_or_default();
            let usable = !known.is_empty() && builder().tls_certs_only(known.clone()).build().is_ok();
            own = if usable { own.tls_certs_only(known) } else { return Err(TlsError::Authority) };
        }
        if let Some(pem) = &tls.identity {
            own = own.identity(Identity::from_pem(pem).map_err(|_| TlsError::Identity)?);
        }
        let own = own.build().map_err(|_| TlsError::Identity)?;
        Ok(Self { verifying: own.clone(), trusting: own, ..self.clone() })
    }

    /// Sends a request and reads the answer. The error is part of a sentence.
    pub(crate) async fn send(&self, request: HttpRequest) -> Result<HttpResponse, String> {
        let turns = self.turns.of(&request.url);
        let exchange = async {
            let _turn = turns.acquire().await;
            self.exchange(request).await
        };
        within(ANSWER_WITHIN, exchange).await
    }

    /// Waits for its turn, however long that takes; then the answer must come within `limit`.
    pub(crate) async fn call(&self, request: HttpRequest, limit: Duration) -> Result<HttpResponse, String> {
        let turns = self.turns.of(&request.url);
        let _turn = turns.acquire().await;
        within(limit, self.exchange(request)).await
    }

    async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, String> {
        let client = match request.trust {
            Trust::System => &self.verifying,
            Trust::Anybody => &self.trusting,
        };
        let mut call = match request.method {
            Method::Get => client.get(request.url),
            Method::Post => client.post(request.url).body(request.body),
            Method::Put => client.put(request.url).body(request.body),
        };
        for (name, value) in request.headers {
            call = call.header(name, value);
        }
        call = match request.credentials {
            Credentials::None => call,
            Credentials::Bearer(token) => call.bearer_auth(token),
            Credentials::Basic(user, password) => call.basic_auth(user, Some(password)),
            Credentials::Headers(headers) => {
                headers.into_iter().fold(call, |call, (name, value)| call.header(name, value))
            }
        };
        // The URL of an error holds the whole query: the sentence names the KPI instead.
        let wrong = |error: reqwest::Error| chain(&error.without_url());
        let mut answer = call.send().await.map_err(wrong)?;
        let (status, retry_after, mut body) = (answer.status().as_u16(), retry_after(&answer), Vec::new());
        while let Some(chunk) = answer.chunk().await.map_err(wrong)? {
            if body.len() + chunk.len() > self.longest_answer {
                return Err(format!("the answer is longer than {} bytes", self.longest_answer));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(HttpResponse { status, body, retry_after })
    }
}

/// What a connection cannot be made with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TlsError {
    /// The authority's certificates.
    Authority,
    /// The client's certificate or its key.
    Identity,
}

fn builder() -> reqwest::ClientBuilder {
    let builder = Client::builder().user_agent(concat!("serin/", env!("CARGO_PKG_VERSION")));
    builder.redirect(Policy::custom(follow)).pool_max_idle_per_host(IDLE_CONNECTIONS)
}

async fn within(
    limit: Duration,
    exchange: impl Future<Output = Result<HttpResponse, String>>,
) -> Result<HttpResponse, String> {
    match timeout(limit, exchange).await {
        Ok(answer) => answer,
        Err(_) => Err(format!("no answer within {} s", limit.as_secs_f64())),
    }
}

/// How much goes on at once with each host.
#[derive(Debug)]
pub(crate) struct Turns {
    at_once: usize,
    hosts: Mutex<BTreeMap<String, Arc<Semaphore>>>,
}

impl Turns {
    pub(crate) fn new(at_once: usize) -> Self {
        Self { at_once, hosts: Mutex::default() }
    }

    /// The turns of a URL's host. Those of hosts that nobody needs right now are dropped.
    pub(crate) fn of(&self, url: &str) -> Arc<Semaphore> {
        let host = url.split('/').nth(2).unwrap_or_default();
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        hosts.retain(|_, turns| Arc::strong_count(turns) > 1);
        Arc::clone(hosts.entry(host.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(self.at_once))))
    }
}

/// A redirect could carry credentials or a payload to another host.
fn follow(attempt: Attempt<'_>) -> Action {
    let next = attempt.url();
    let same = attempt.previous().last().is_some_and(|before| {
        let kept = before.scheme() == next.scheme() || next.scheme() == "https";
        kept && before.host_str() == next.host_str()
    });
    if same && attempt.previous().len() <= REDIRECTS { attempt.follow() } else { attempt.stop() }
}

/// Seconds; a date is as good as none.
fn retry_after(answer: &Response) -> Option<Duration> {
    let value = answer.headers().get(RETRY_AFTER)?.to_str().ok()?;
    value.trim().parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests;
