//! Carries the requests of `metric` out over HTTP. Never knows what an answer means.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Client;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::failure::chain;
use crate::metric::{Credentials, HttpRequest, HttpResponse, Method, Trust};

/// For one question, waiting for its turn included: a provider that does not answer costs its own canaries a failed
/// check and nobody else anything.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// Questions at once, over all canaries.
const QUESTIONS_AT_ONCE: usize = 64;
/// What is read of an answer at most, in bytes: one number needs a hundred.
const LONGEST_ANSWER: usize = 1 << 20;

/// The HTTP clients: one for each kind of trust.
#[derive(Clone, Debug)]
pub(crate) struct Http {
    verifying: Client,
    trusting: Client,
    slots: Arc<Semaphore>,
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
            let builder = builder.redirect(reqwest::redirect::Policy::none()).pool_max_idle_per_host(4);
            builder.tls_danger_accept_invalid_certs(insecure).build().map_err(|error| chain(&error))
        };
        let slots = Arc::new(Semaphore::new(QUESTIONS_AT_ONCE));
        Ok(Self { verifying: client(Trust::System)?, trusting: client(Trust::Anybody)?, slots })
    }

    /// Sends a request and reads the answer. The error is part of a sentence.
    pub(crate) async fn send(&self, request: HttpRequest) -> Result<HttpResponse, String> {
        let exchange = async {
            let _slot = self.slots.acquire().await;
            self.exchange(request).await
        };
        match timeout(ANSWER_WITHIN, exchange).await {
            Ok(answer) => answer,
            Err(_) => Err(format!("no answer within {} s", ANSWER_WITHIN.as_secs())),
        }
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
