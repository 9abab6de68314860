//! What the operator has seen: a copy of the objects that watches keep up to date, each kind by itself.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::apiserver::Apiserver;
use crate::model::Time;
use crate::object::kinds::ENDPOINT_SLICE;
use crate::object::{Kind, ObjectKey, Objects, value};
use crate::workload::endpoints::note_since;

/// Copies of objects, some of which may be old.
#[derive(Clone, Debug, Default)]
pub(super) struct Cache {
    seen: Objects,
    /// The state of the apiserver that was seen.
    at: Option<u64>,
    /// Whether everything was seen once.
    listed: bool,
    /// Kinds whose watch is stuck, and until when.
    stuck: BTreeMap<Kind, Time>,
    /// Versions that our own writes made: nothing is decided on less.
    written: BTreeMap<ObjectKey, u64>,
    /// When that was.
    wrote_at: Option<Time>,
}

/// So long a round waits for its own writes to come back, as in `world`.
const PATIENCE: Duration = Duration::from_secs(5);

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
        self.note(&mut next, now);
        self.seen = next;
        self.listed = true;
        true
    }

    /// Notes of each slice that has come since when it has had endpoints, as `world` does: what the first list brings may have had them for
    /// longer than can be known.
    fn note(&self, next: &mut Objects, now: Time) {
        let slices: Vec<_> = next.of_kind(ENDPOINT_SLICE).map(|(key, slice)| (key.clone(), version(slice))).collect();
        for (key, fresh) in slices {
            let before = self.seen.find(&key);
            let noted = match before {
                Some(before) if version(before) == fresh => before.clone(),
                _ => {
                    let Some(mut slice) = next.find(&key).cloned() else { continue };
                    note_since(&mut slice, before, !self.listed, now);
                    slice
                }
            };
            next.insert(key, Arc::new(noted));
        }
    }

    /// The watch of a kind brings nothing new until `until`.
    pub(super) fn stick(&mut self, kind: Kind, until: Time) {
        self.stuck.insert(kind, until);
    }

    /// No watch brings anything new until `until`.
    pub(super) fn stick_all(&mut self, until: Time) {
        let kinds: BTreeSet<_> = self.seen.iter().map(|(key, _)| key.kind).collect();
        self.stuck.extend(kinds.into_iter().map(|kind| (kind, until)));
    }

    /// Every watch goes on, and what it has missed is seen in the next round.
    pub(super) fn catch_up(&mut self) {
        self.stuck.clear();
        self.at = None;
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
    pub(super) fn wrote(&mut self, key: &ObjectKey, fresh: &Objects, now: Time) {
        self.wrote_at = Some(now);
        match fresh.find(key) {
            Some(object) => self.written.insert(key.clone(), version(object)),
            None => self.written.remove(key),
        };
    }

    /// Whether a write of our own has not come back yet, and may still.
    pub(super) fn is_behind(&self, now: Time) -> bool {
        let patient = self.wrote_at.is_some_and(|at| now < at.after(PATIENCE));
        patient && self.written.iter().any(|(key, wrote)| self.seen.find(key).is_some_and(|o| version(o) < *wrote))
    }
}

fn version(object: &serde_json::Value) -> u64 {
    value::text(object, &["metadata", "resourceVersion"]).and_then(|v| v.parse().ok()).unwrap_or(0)
}
