//! Our own writes that the watches have not shown yet.
//!
//! A decision on facts older than our last write would undo or repeat it, so a round waits until the cache has caught up.
//! Nothing is ever written into the cache by ourselves.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::cluster::Written;
use super::place::Place;
use crate::object::Kind;

/// So long a round waits for the watch at most. A write may never show up, for example when the object was deleted right
/// after it.
const PATIENCE: Duration = Duration::from_secs(5);

/// The writes of all canaries.
#[derive(Default)]
pub(crate) struct Writes(Mutex<BTreeMap<Place, Pending>>);

struct Pending {
    versions: BTreeMap<Kind, u64>,
    until: Instant,
}

impl Writes {
    /// Remembers a write for `canary`.
    pub(crate) fn note(&self, canary: &Place, written: Written, now: Instant) {
        let mut all = self.all();
        let fresh = || Pending { versions: BTreeMap::new(), until: now };
        let pending = all.entry(canary.clone()).or_insert_with(fresh);
        let version = pending.versions.entry(written.kind).or_default();
        *version = written.version.max(*version);
        pending.until = now + PATIENCE;
    }

    /// Until when to wait for the watches; `None` once `seen`, the newest version known of a kind, covers every write.
    pub(crate) fn unseen(&self, canary: &Place, seen: impl Fn(Kind) -> u64, now: Instant) -> Option<Instant> {
        let mut all = self.all();
        let pending = all.get(canary)?;
        let behind = pending.versions.iter().any(|(kind, version)| seen(*kind) < *version);
        if behind && now < pending.until {
            return Some(pending.until);
        }
        all.remove(canary);
        None
    }

    /// The canary is gone.
    pub(crate) fn forget(&self, canary: &Place) {
        self.all().remove(canary);
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<Place, Pending>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::kinds::{CANARY, SERVICE};

    #[test]
    fn a_round_waits_until_every_write_is_seen_but_not_for_ever() {
        let (writes, place, now) = (Writes::default(), Place::new("test", "a"), Instant::now());
        writes.note(&place, Written { kind: SERVICE, version: 7 }, now);
        writes.note(&place, Written { kind: CANARY, version: 9 }, now);
        writes.note(&place, Written { kind: CANARY, version: 0 }, now);
        let deadline = now + PATIENCE;
        assert_eq!(writes.unseen(&place, |_| 8, now), Some(deadline));
        assert_eq!(writes.unseen(&place, |_| 9, now), None);
        assert_eq!(writes.unseen(&place, |_| 0, now), None, "what was seen once is forgotten");
        writes.note(&place, Written { kind: SERVICE, version: 7 }, now);
        assert_eq!(writes.unseen(&place, |_| 0, deadline), None);
    }

    #[test]
    fn the_writes_of_one_canary_do_not_hold_up_another() {
        let (writes, now) = (Writes::default(), Instant::now());
        writes.note(&Place::new("test", "a"), Written { kind: SERVICE, version: 7 }, now);
        assert_eq!(writes.unseen(&Place::new("test", "b"), |_| 0, now), None);
    }
}
