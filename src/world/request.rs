//! Puts a request on a Canary as the person who asks, and waits until the operator has handled it. Never decides what may be asked.

use std::pin::pin;
use std::time::Duration;

use futures::TryStreamExt;
use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use kube::api::{Patch, PatchParams, PostParams, WatchEvent, WatchParams};
use kube::{Api, Client};
use serde::Serialize;
use serde_json::json;
use tokio::time::timeout;

use super::clock;
use super::connect::connect;
use super::failure::chain;
use super::http::Http;
use crate::api::{Canary, HandledRequest};
use crate::model::{Request, Verb};

/// What is asked of which Canary.
#[derive(Clone, Debug)]
pub struct RequestOptions {
    /// Name of the Canary.
    pub name: String,
    /// Its namespace; that of the kubeconfig's context, or of the pod, where it is `None`.
    pub namespace: Option<String>,
    /// What is asked.
    pub verb: Verb,
    /// How long to wait for the operator.
    pub patience: Duration,
}

/// What came of a request.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Acknowledged {
    /// Name of the Canary.
    pub canary: String,
    /// Its namespace.
    pub namespace: String,
    /// The request as it was written.
    pub request: String,
    /// What came of it, in a sentence.
    pub outcome: String,
    /// Whether nothing was changed.
    pub refused: bool,
}

/// Why nothing is known of a request.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The kubeconfig or the pod's ServiceAccount cannot be used.
    #[error("cannot connect to the cluster: {0}")]
    Connect(String),
    /// There is no such Canary, or it cannot be written.
    #[error("cannot write the annotation of canary {0}: {1}")]
    Write(String, String),
    /// The Canary cannot be watched.
    #[error("the request is written, but canary {0} cannot be watched: {1}")]
    Watch(String, String),
    /// The operator did not answer.
    #[error(
        "the request is written, but nobody has handled it within {within} s; is an operator running that watches namespace {namespace}?"
    )]
    Silence {
        /// How long it was waited for, in seconds.
        within: u64,
        /// Where the Canary is.
        namespace: String,
    },
}

/// So long the apiserver keeps a watch: longer than anybody waits here.
const WATCH: u32 = 290;

/// Asks, and waits for what comes of it.
///
/// # Errors
/// What keeps the request from being written, or its outcome from being known.
pub async fn request(options: RequestOptions) -> Result<Acknowledged, RequestError> {
    // First, because it chooses the TLS provider of both clients.
    Http::new().map_err(RequestError::Connect)?;
    let client = connect(None, None).await.map_err(RequestError::Connect)?;
    let RequestOptions { name, namespace, verb, patience } = options;
    let namespace = namespace.unwrap_or_else(|| client.default_namespace().to_owned());
    let text = format!("{verb}/{}", clock::now().as_millis());
    let canaries: Api<Canary> = Api::namespaced(client.clone(), &namespace);
    let who = PatchParams { field_manager: Some(myself(&client).await), ..PatchParams::default() };
    let patch = Patch::Merge(json!({"metadata": {"annotations": {Request::ANNOTATION: text}}}));
    let written = canaries.patch(&name, &who, &patch).await;
    let written = written.map_err(|error| RequestError::Write(name.clone(), chain(&error)))?;
    let handled = handled(&canaries, &written, &text);
    let silence = |_| RequestError::Silence { within: patience.as_secs(), namespace: namespace.clone() };
    let handled = timeout(patience, handled).await.map_err(silence)?;
    let HandledRequest { request, outcome, .. } = handled.map_err(|why| RequestError::Watch(name.clone(), why))?;
    let refused = outcome.starts_with(Request::REFUSED);
    Ok(Acknowledged { canary: name, namespace, request, outcome, refused })
}

/// The name by which the apiserver knows who asks: it is what `managedFields` show of the request.
async fn myself(client: &Client) -> String {
    let reviews: Api<SelfSubjectReview> = Api::all(client.clone());
    let review = reviews.create(&PostParams::default(), &SelfSubjectReview::default()).await.ok();
    let name = review.and_then(|review| review.status?.user_info?.username);
    let name: String = name.unwrap_or_default().chars().filter(|c| !c.is_control()).take(Request::LENGTH).collect();
    if name.is_empty() { "serin".to_owned() } else { name }
}

async fn handled(canaries: &Api<Canary>, written: &Canary, text: &str) -> Result<HandledRequest, String> {
    let name = written.metadata.name.as_deref().unwrap_or_default();
    let from = written.metadata.resource_version.as_deref().unwrap_or_default();
    let params = WatchParams::default().fields(&format!("metadata.name={name}")).timeout(WATCH);
    let changes = canaries.watch(&params, from).await.map_err(|error| chain(&error))?;
    let mut changes = pin!(changes);
    while let Some(change) = changes.try_next().await.map_err(|error| chain(&error))? {
        if let WatchEvent::Modified(canary) = change
            && let Some(handled) = canary.status.and_then(|status| status.last_handled_request)
            && handled.request == text
        {
            return Ok(handled);
        }
    }
    Err("the watch ended".to_owned())
}
