//! What the operator has seen: a copy of the objects that watches keep up to date, each kind by itself.

use std::collections::BTreeMap;

use super::apiserver::Apiserver;
use crate::model::Time;
use crate::object::{Kind, ObjectKey, Objects, value};

/// Copies of objects, some of which may be old.
#[derive(Clone, Debug, Default)]
pub(super) struct Cache {
    seen: Objects,
    /// The state of the apiserver that was seen.
    at: Option<u64>,
    /// Kinds whose watch is stuck, and until when.
    stuck: BTreeMap<Kind, Time>,
    /// Versions that our own writes made: nothing is decided on less.
    written: BTreeMap<ObjectKey, u64>,
}

impl Cache {
    /// What was seen.
    pub(super) const fn objects(&self) -> &Objects {
        &self.seen
    }

    /// Takes over what has arrived. Whether anything may have.
    pub(super) fn refresh(&mut self, api: &Apiserver, now: Time) -> bool {
        let stuck = self.stuck.len();
        self.stuck.retain(|_, until| *until > now);
        if self.at == Some(api.revision()) && stuck == self.stuck.len() {
            return false;
        }
        self.at = Some(api.revision());
        let mut next = api.objects().clone();
        for kind in self.stuck.keys() {
            next.copy_kind(*kind, &self.seen);
        }
        self.seen = next;
        true
    }

    /// The watch of a kind brings nothing new until `until`.
    pub(super) fn stick(&mut self, kind: Kind, until: Time) {
        self.stuck.insert(kind, until);
    }

    /// Sees the objects of a kind as they once were.
    pub(super) fn copy(&mut self, kind: Kind, past: &Objects) {
        self.seen.copy_kind(kind, past);
    }

    /// When the next stuck watch goes on.
    pub(super) fn next(&self) -> Option<Time> {
        self.stuck.values().min().copied()
    }

    /// Remembers what a write of ours made.
    pub(super) fn wrote(&mut self, key: &ObjectKey, fresh: &Objects) {
        match fresh.find(key) {
            Some(object) => self.written.insert(key.clone(), version(object)),
            None => self.written.remove(key),
        };
    }

    /// Whether a write of our own has not come back yet.
    pub(super) fn is_behind(&self) -> bool {
        self.written.iter().any(|(key, wrote)| self.seen.find(key).is_some_and(|o| version(o) < *wrote))
    }
}

fn version(object: &serde_json::Value) -> u64 {
    value::text(object, &["metadata", "resourceVersion"]).and_then(|v| v.parse().ok()).unwrap_or(0)
}
