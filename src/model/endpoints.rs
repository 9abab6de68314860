//! Ready endpoints of both sides, and from when on they can be relied on.

use std::time::Duration;

use super::Time;

/// From the first ready endpoint of a Service to the moment when whoever balances its address sends requests to it: kube-proxy gathers
/// changes for a second (its minSyncPeriod) before it writes them. Until then a connection is refused, or goes to a pod that ends.
pub(crate) const SPREAD: Duration = Duration::from_secs(2);

/// Ready endpoints of the Services of both sides.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Endpoints {
    /// Of `<apex>-primary`.
    pub primary: u32,
    /// Of `<apex>-canary`.
    pub canary: u32,
    /// Since when the primary has had one all the time; `None` where that is not known.
    pub primary_since: Option<Time>,
    /// Since when the canary has.
    pub canary_since: Option<Time>,
}

impl Endpoints {
    /// Those that every proxy knows of at `now`: a side that has had none until a moment ago has none.
    #[must_use]
    pub fn known(self, now: Time) -> Self {
        let count = |ready, since| if spreads(since, now) { 0 } else { ready };
        Self { primary: count(self.primary, self.primary_since), canary: count(self.canary, self.canary_since), ..self }
    }

    /// When more of them will be known than at `now`.
    pub fn next(self, now: Time) -> Option<Time> {
        let fresh = [self.primary_since, self.canary_since].into_iter().filter(|since| spreads(*since, now)).flatten();
        fresh.map(|since| since.after(SPREAD)).min()
    }
}

/// A moment that lies ahead is one of another clock.
fn spreads(since: Option<Time>, now: Time) -> bool {
    since.is_some_and(|since| since <= now && now < since.after(SPREAD))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn t(seconds: i64) -> Time {
        Time::from_millis(seconds * 1000)
    }

    #[test]
    fn a_side_counts_once_its_first_endpoint_has_spread() {
        let seen = Endpoints { primary: 2, canary: 3, primary_since: Some(t(10)), canary_since: Some(t(11)) };
        let known = |at| (seen.known(t(at)).primary, seen.known(t(at)).canary, seen.next(t(at)));
        assert_eq!(known(11), (0, 0, Some(t(12))));
        assert_eq!(known(12), (2, 0, Some(t(13))));
        assert_eq!(known(13), (2, 3, None));
    }

    #[test]
    fn a_moment_that_is_not_known_or_lies_ahead_holds_nothing_up() {
        let seen = Endpoints { primary: 2, canary: 3, primary_since: None, canary_since: Some(t(11)) };
        assert_eq!((seen.known(t(10)), seen.next(t(10))), (seen, None));
    }
}
