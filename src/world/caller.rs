//! Makes the calls of hooks, with what their Secrets hold. Never knows what a reply leads to, and never keeps a secret.

use k8s_openapi::api::core::v1::ConfigMap;
use tokio::time::sleep;

use super::ask::read_secret;
use super::clock;
use super::cluster::Cluster;
use super::http::{Http, TlsError};
use crate::hook::{self, Data, Equipped, Found, Next};
use crate::http::HttpRequest;
use crate::metric::SecretName;
use crate::model::{Authority, Hook, HookKeys, Reply, Shelf};
use crate::object::kinds::CONFIG_MAP;

/// Whoever makes calls.
#[derive(Clone)]
pub(crate) struct Caller {
    http: Http,
    cluster: Cluster,
}

impl Caller {
    pub(crate) fn new(http: Http, cluster: Cluster) -> Self {
        Self { http, cluster }
    }

    /// Makes a call with its further tries. What it is made with is read anew for each, so that a signature is fresh and a
    /// Secret that was exchanged is used.
    pub(crate) async fn make(&self, namespace: &str, hook: &Hook, request: &HttpRequest) -> Reply {
        let mut tries = 0_u32;
        loop {
            tries = tries.saturating_add(1);
            let outcome = match self.equip(namespace, hook, request).await {
                Ok((request, http)) => http.call(request, hook.timeout).await,
                Err(NotCalled::Unread(why)) => Err(why),
                Err(NotCalled::Unusable(why)) => return Reply::No(format!("was not called: {why}")),
            };
            match hook::next(hook, tries, &outcome) {
                Next::Done(reply) => return reply,
                Next::Again(wait) => sleep(wait).await,
            }
        }
    }

    /// The request as it is sent now, and the way to the server.
    async fn equip(
        &self,
        namespace: &str,
        hook: &Hook,
        request: &HttpRequest,
    ) -> Result<(HttpRequest, Http), NotCalled> {
        let HookKeys { secret, authority } = &hook.keys;
        if hook.keys == HookKeys::default() {
            return Ok((request.clone(), self.http.clone()));
        }
        let held = match secret {
            Some(name) => self.secret(namespace, name).await?,
            None => None,
        };
        let vouching = match authority {
            Some(Authority { shelf: Shelf::Secret, name, .. }) => self.secret(namespace, name).await?,
            Some(Authority { shelf: Shelf::ConfigMap, name, .. }) => self.config_map(namespace, name).await?,
            None => None,
        };
        let found = Found { namespace, secret: held.as_ref(), authority: vouching.as_ref() };
        let equipped = hook::equip(request.clone(), &hook.keys, found, clock::now());
        let Equipped { request, tls } = equipped.map_err(|error| NotCalled::Unusable(error.to_string()))?;
        let http = self.http.with(&tls, hook.trust);
        Ok((request, http.map_err(|error| NotCalled::Unusable(unreadable(error, namespace, &hook.keys)))?))
    }

    async fn secret(&self, namespace: &str, name: &str) -> Result<Option<Data>, NotCalled> {
        let name = SecretName { namespace: namespace.to_owned(), name: name.to_owned() };
        read_secret(&name, &self.cluster).await.map_err(NotCalled::Unread)
    }

    async fn config_map(&self, namespace: &str, name: &str) -> Result<Option<Data>, NotCalled> {
        let found = self.cluster.fetch(&CONFIG_MAP.named(namespace, name)).await;
        let Some(item) = found.map_err(|failure| NotCalled::Unread(failure.to_string()))? else { return Ok(None) };
        let map: ConfigMap =
            serde_json::from_value(item.into_value()).map_err(|error| NotCalled::Unread(error.to_string()))?;
        Ok(Some(map.data.unwrap_or_default().into_iter().map(|(key, text)| (key, text.into_bytes())).collect()))
    }
}

/// Why nobody was called; part of a sentence.
enum NotCalled {
    /// The apiserver did not say what the keys are.
    Unread(String),
    /// The keys are not as they should be, and another try finds the same.
    Unusable(String),
}

fn unreadable(error: TlsError, namespace: &str, keys: &HookKeys) -> String {
    match (error, &keys.authority, &keys.secret) {
        (TlsError::Authority, Some(Authority { shelf, name, key }), _) => {
            let kind = shelf.as_str();
            format!("{key} of {kind} {name}.{namespace} holds no certificate of an authority; write it in PEM")
        }
        (_, _, secret) => {
            let name = secret.as_deref().unwrap_or_default();
            format!(
                "tls.crt and tls.key of Secret {name}.{namespace} are no certificate and its key; write both in PEM"
            )
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
