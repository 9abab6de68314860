//! Whether this replica may write.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// What the lease says about us.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Hold {
    /// There is no election: we are alone.
    Alone,
    /// We lead, and will until then unless the lease is renewed.
    Until(Instant),
    /// Another replica leads, or nobody does.
    Nothing,
}

/// The reader's end of the lease. Asked before every write.
#[derive(Clone, Debug)]
pub(crate) struct Claim(watch::Receiver<Hold>);

impl Claim {
    pub(crate) const fn new(hold: watch::Receiver<Hold>) -> Self {
        Self(hold)
    }

    /// How long a write may take at most if it begins at `now`; `None` if it may not begin.
    pub(crate) fn left(&self, now: Instant, most: Duration) -> Option<Duration> {
        match *self.0.borrow() {
            Hold::Alone => Some(most),
            Hold::Until(end) if now < end => Some(most.min(end - now)),
            Hold::Until(_) | Hold::Nothing => None,
        }
    }

    /// Returns when this replica leads.
    pub(crate) async fn held(&mut self) {
        let leads = |hold: &Hold| *hold != Hold::Nothing;
        if self.0.wait_for(leads).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_ends_before_the_lease_does_and_none_begins_after() {
        let (hold, claim) = watch::channel(Hold::Nothing);
        let (claim, now, most) = (Claim::new(claim), Instant::now(), Duration::from_secs(10));
        assert_eq!(claim.left(now, most), None);
        hold.send_replace(Hold::Until(now + Duration::from_secs(3)));
        assert_eq!(claim.left(now, most), Some(Duration::from_secs(3)));
        assert_eq!(claim.left(now + Duration::from_secs(3), most), None);
        hold.send_replace(Hold::Alone);
        assert_eq!(claim.left(now, most), Some(most));
    }
}
