//! What the operator has seen: a copy of the objects that watches keep up to date, each kind by itself.

use std::collections::BTreeMap;

use super::random::Random;
use crate::model::Time;
use crate::object::{Kind, ObjectKey, Objects, value};

/// Copies of objects, some of which may be old.
#[derive(Clone, Debug, Default)]
pub(super) struct Cache {
    seen: Objects,
    /// Kinds whose watch is stuck, and until when.
    stuck: BTreeMap<Kind, Time>,
    /// Versions that our own writes made: nothing is decided on less.
    written: BTreeMap<ObjectKey, u64>,
}

impl Cache {
    /// Takes over what arrived. Whether anything did.
    pub(super) fn refresh(&mut self, fresh: &Objects, now: Time) -> bool {
        self.stuck.retain(|_, until| *until > now);
        let mut next = fresh.clone();
        for kind in self.stuck.keys() {
            next.replace_kind(*kind, &self.seen);
        }
        let same = next.iter().eq_by_version(&self.seen);
        self.seen = next;
        !same
    }
}
