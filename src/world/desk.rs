//! How many rounds hold the objects of their canary at once: this bounds memory when thousands of canaries wake together.
//! A round that waits for a provider does not count.

use std::pin::pin;

use futures::FutureExt;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Three for each call that may run at once: enough that none of those waits for work.
const DESKS: usize = 48;

/// All desks.
pub(crate) struct Desks(Semaphore);

/// The right to hold a canary's objects.
pub(crate) struct Desk<'a> {
    desks: &'a Desks,
    permit: Option<SemaphorePermit<'a>>,
}

impl Default for Desks {
    fn default() -> Self {
        Self(Semaphore::new(DESKS))
    }
}

impl Desks {
    /// Waits for a free desk.
    pub(crate) async fn take(&self) -> Desk<'_> {
        // Never closed, so it is always a permit.
        Desk { desks: self, permit: self.0.acquire().await.ok() }
    }
}

impl Desk<'_> {
    /// Waits for something slow and leaves the desk to others meanwhile; what is there at once costs no turn.
    pub(crate) async fn aside<T>(&mut self, slow: impl Future<Output = T>) -> T {
        let mut slow = pin!(slow);
        if let Some(ready) = slow.as_mut().now_or_never() {
            return ready;
        }
        self.permit = None;
        let answer = slow.await;
        self.permit = self.desks.0.acquire().await.ok();
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_waits_for_a_provider_takes_no_desk() {
        let desks = Desks::default();
        let mut waiting = Vec::new();
        for _ in 0..DESKS {
            waiting.push(desks.take().await);
        }
        assert!(desks.take().now_or_never().is_none(), "all are taken");
        let mut first = waiting.remove(0);
        let mut aside = pin!(first.aside(std::future::pending::<()>()));
        assert!(aside.as_mut().now_or_never().is_none());
        assert!(desks.take().now_or_never().is_some());
    }
}
