//! Which replica acts: the Lease that Flagger uses too, so that the two never act at once.
//!
//! Another holder's lease has expired when it has not changed for as long as that holder recorded, by our own clock:
//! clocks of two machines are never compared. Every write carries the resourceVersion that it was decided on, so of two
//! contenders one gets a conflict. A leader that cannot renew stops writing long before others may begin.

mod election;

use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use tokio::time::Instant;

pub(crate) use election::{Election, Lost};

/// Name of Flagger's Lease.
pub(crate) const NAME: &str = "flagger-leader-election";
/// What we record: so long after our last renewal others may take over. client-go's default.
const DURATION: Duration = Duration::from_secs(15);
/// Time between two renewals.
const RENEW_EVERY: Duration = Duration::from_secs(5);
/// So long after its last renewal a leader writes nothing more. The rest of `DURATION` covers writes under way.
const RENEW_WITHIN: Duration = Duration::from_secs(10);
/// A contender looks this often, so that a released lease is taken at once.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// For a holder that recorded no duration: Flagger's.
const UNRECORDED: Duration = Duration::from_secs(60);

/// A Lease as we have seen it.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Observed {
    holder: String,
    duration: Duration,
    version: String,
    /// Since when it has not changed, as far as we saw.
    since: Instant,
}

impl Observed {
    fn new(lease: &Lease, before: Option<&Self>, now: Instant) -> Self {
        let spec = lease.spec.clone().unwrap_or_default();
        let version = lease.metadata.resource_version.clone().unwrap_or_default();
        let since = before.filter(|b| b.version == version).map_or(now, |b| b.since);
        let seconds = spec.lease_duration_seconds.and_then(|s| u64::try_from(s).ok());
        let duration = seconds.map_or(UNRECORDED, Duration::from_secs);
        Self { holder: spec.holder_identity.unwrap_or_default(), duration, version, since }
    }
}

/// What to do about the Lease.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    /// Take it.
    Acquire,
    /// Keep it.
    Renew,
    /// Leave it to its holder and look again after this time.
    Wait(Duration),
}

fn step(observed: Option<&Observed>, me: &str, now: Instant) -> Step {
    let Some(observed) = observed else { return Step::Acquire };
    if observed.holder == me {
        return Step::Renew;
    }
    let left = (observed.since + observed.duration).saturating_duration_since(now);
    if observed.holder.is_empty() || left.is_zero() { Step::Acquire } else { Step::Wait(left.min(LOOK_EVERY)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::coordination::v1::LeaseSpec;

    fn lease(holder: &str, seconds: Option<i32>, version: &str) -> Lease {
        let mut lease = Lease::default();
        lease.metadata.resource_version = Some(version.to_owned());
        let holder_identity = Some(holder.to_owned());
        lease.spec = Some(LeaseSpec { holder_identity, lease_duration_seconds: seconds, ..LeaseSpec::default() });
        lease
    }

    #[test]
    fn what_to_do_follows_from_holder_and_time() {
        let t0 = Instant::now();
        let s = Duration::from_secs;
        let table = [
            ("a", Some(15), 0, Step::Renew),
            ("a", Some(15), 100, Step::Renew),
            ("", Some(1), 0, Step::Acquire),
            ("b", Some(15), 0, Step::Wait(LOOK_EVERY)),
            ("b", Some(15), 14, Step::Wait(s(1))),
            ("b", Some(15), 15, Step::Acquire),
            ("flagger", Some(60), 59, Step::Wait(s(1))),
            ("flagger", Some(60), 60, Step::Acquire),
            ("unknown", None, 59, Step::Wait(s(1))),
            ("unknown", Some(-1), 59, Step::Wait(s(1))),
        ];
        for (holder, seconds, after, expected) in table {
            let observed = Observed::new(&lease(holder, seconds, "1"), None, t0);
            assert_eq!(step(Some(&observed), "a", t0 + s(after)), expected, "{holder} {seconds:?} after {after} s");
        }
        assert_eq!(step(None, "a", t0), Step::Acquire);
    }

    #[test]
    fn a_lease_that_changes_does_not_expire() {
        let t0 = Instant::now();
        let s = Duration::from_secs;
        let first = Observed::new(&lease("b", Some(15), "1"), None, t0);
        let same = Observed::new(&lease("b", Some(15), "1"), Some(&first), t0 + s(10));
        assert_eq!(same.since, t0);
        let renewed = Observed::new(&lease("b", Some(15), "2"), Some(&same), t0 + s(12));
        assert_eq!(step(Some(&renewed), "a", t0 + s(26)), Step::Wait(s(1)));
    }

    #[test]
    fn a_leader_stops_writing_before_others_may_begin() {
        assert!(RENEW_EVERY < RENEW_WITHIN && RENEW_WITHIN < DURATION);
    }
}
