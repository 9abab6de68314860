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

/// The questions that wait, by whom they are asked together with.
#[derive(Clone, Default)]
pub(super) struct Groups(Arc<Mutex<BTreeMap<String, Vec<Waiting>>>>);

impl Groups {
    /// The reply to a question, which is asked together with others under this key. `send` is called once for each group.
    pub(super) async fn ask<F>(
        &self,
        key: String,
        ask: &Ask,
        send: impl FnOnce(Vec<Waiting>) -> F + Clone + Send + 'static,
    ) -> Reply
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (sender, reply) = oneshot::channel();
        let (full, first) = self.join(&key, ask, sender);
        if let Some(group) = full {
            tokio::spawn(send(group));
        } else if first {
            let groups = self.clone();
            // Not in the asker's own time: it may be given up, and the others still wait.
            tokio::spawn(async move {
                sleep(GATHER).await;
                if let Some(group) = groups.take(&key) {
                    send(group).await;
                }
            });
        }
        reply.await.unwrap_or_else(|_| Reply::Silent("the question was given up".to_owned()))
    }

    /// The group where it is full now, and whether the question is the first of a new one.
    fn join(&self, key: &str, ask: &Ask, sender: oneshot::Sender<Reply>) -> (Option<Vec<Waiting>>, bool) {
        let mut groups = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let group = groups.entry(key.to_owned()).or_default();
        group.push((ask.clone(), sender));
        let (full, first) = (group.len() >= LARGEST, group.len() == 1);
        (full.then(|| groups.remove(key)).flatten(), first)
    }

    fn take(&self, key: &str) -> Option<Vec<Waiting>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key)
    }
}

#[cfg(test)]
mod tests {
    use std::future::{Ready, ready};
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::future::join_all;

    use super::*;
    use crate::http::Trust;
    use crate::metric::{Origin, find};

    fn ask(n: usize) -> Ask {
        Ask {
            provider: find("prometheus").unwrap(),
            address: "http://p".to_owned(),
            query: format!("errors{{n=\"{n}\"}}"),
            window: Duration::from_secs(60),
            headers: BTreeMap::new(),
            secret: None,
            region: None,
            trust: Trust::System,
            scale: 1.0,
            kpi: "errors".to_owned(),
            origin: Origin::Inline,
        }
    }

    /// Counts the groups, and replies to each question with its query.
    fn count(sent: &Arc<AtomicUsize>) -> impl FnOnce(Vec<Waiting>) -> Ready<()> + Clone + Send + use<> {
        let sent = Arc::clone(sent);
        move |group| {
            sent.fetch_add(1, Ordering::SeqCst);
            for (ask, sender) in group {
                sender.send(Reply::Silent(ask.query)).unwrap();
            }
            ready(())
        }
    }

    /// The limit: 50 requests a second for a thousand canaries with two KPIs and an interval of 10 s, however they are spread.
    #[tokio::test(start_paused = true)]
    async fn a_thousand_canaries_that_wake_at_moments_of_their_own_are_few_requests_a_second() {
        let (intervals, length) = (3, Duration::from_secs(10));
        for apart in [Duration::ZERO, Duration::from_millis(1), Duration::from_millis(10)] {
            let (groups, sent) = (Groups::default(), Arc::new(AtomicUsize::new(0)));
            let canary = async |n: u32| {
                sleep(apart * n).await;
                for _ in 0..intervals {
                    let kpis = [2 * n, 2 * n + 1].map(|kpi| ask(kpi as usize));
                    join_all(kpis.iter().map(|kpi| groups.ask("p".to_owned(), kpi, count(&sent)))).await;
                    sleep(length).await;
                }
            };
            join_all((0..1000).map(canary)).await;
            let limit = 50 * usize::try_from(length.as_secs() * intervals).unwrap();
            let sent = sent.load(Ordering::SeqCst);
            assert!(sent <= limit, "{sent} requests where {limit} are allowed, {apart:?} apart");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_thousand_canaries_that_wake_together_are_few_requests() {
        let (groups, sent) = (Groups::default(), Arc::new(AtomicUsize::new(0)));
        let asks: Vec<Ask> = (0..1000).map(ask).collect();
        let replies = join_all(asks.iter().map(|ask| groups.ask("p".to_owned(), ask, count(&sent)))).await;
        let expected: Vec<_> = asks.iter().map(|ask| Reply::Silent(ask.query.clone())).collect();
        assert!(replies == expected, "each has its own");
        assert_eq!(sent.load(Ordering::SeqCst), 1000_usize.div_ceil(LARGEST));
        assert!(groups.take("p").is_none(), "nobody waits any more");
    }
}
