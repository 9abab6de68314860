//! Gathers builtin queries of many canaries for a moment, so that one request asks a Prometheus for all of them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::sleep;

use crate::metric::Ask;
use crate::metric::diagnosis::Reply;

/// So long a query waits for others: a thousand canaries with two KPIs and an interval of 10 s are ten in this time.
const GATHER: Duration = Duration::from_millis(50);
/// Queries of one request: what a Prometheus answers well within the time that it has.
const LARGEST: usize = 32;

/// A question, and where its reply goes.
pub(super) type Waiting = (Ask, oneshot::Sender<Reply>);

/// The questions that wait, by address.
#[derive(Clone, Default)]
pub(super) struct Groups(Arc<Mutex<BTreeMap<String, Vec<Waiting>>>>);

impl Groups {
    /// The reply to a question, which is asked together with others of its address. `send` is called once for each group.
    pub(super) async fn ask<F>(&self, ask: &Ask, send: impl FnOnce(Vec<Waiting>) -> F + Clone + Send + 'static) -> Reply
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (sender, reply) = oneshot::channel();
        let (full, first) = self.join(ask, sender);
        if let Some(group) = full {
            tokio::spawn(send(group));
        } else if first {
            let (groups, address) = (self.clone(), ask.address.clone());
            // Not in the asker's own time: it may be given up, and the others still wait.
            tokio::spawn(async move {
                sleep(GATHER).await;
                if let Some(group) = groups.take(&address) {
                    send(group).await;
                }
            });
        }
        reply.await.unwrap_or_else(|_| Reply::Silent("the question was given up".to_owned()))
    }

    /// The group where it is full now, and whether the question is the first of a new one.
    fn join(&self, ask: &Ask, sender: oneshot::Sender<Reply>) -> (Option<Vec<Waiting>>, bool) {
        let mut groups = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let group = groups.entry(ask.address.clone()).or_default();
        group.push((ask.clone(), sender));
        let (full, first) = (group.len() >= LARGEST, group.len() == 1);
        (full.then(|| groups.remove(&ask.address)).flatten(), first)
    }

    fn take(&self, address: &str) -> Option<Vec<Waiting>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(address)
    }
}
