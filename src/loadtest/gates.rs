//! Gates that people and pipelines open and close by a call. They are kept in memory: a pod that starts has all of them
//! closed.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What a gate holds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Gate {
    /// A release, until it is opened.
    Release,
    /// A rollback: open, it rolls back.
    Rollback,
}

/// The gates that are open, by canary.
#[derive(Debug, Default)]
pub(super) struct Gates(Mutex<BTreeSet<(Gate, String)>>);

impl Gates {
    pub(super) fn is_open(&self, gate: Gate, canary: &str) -> bool {
        self.all().contains(&(gate, canary.to_owned()))
    }

    pub(super) fn open(&self, gate: Gate, canary: String) {
        tracing::info!(%canary, ?gate, "a gate was opened");
        self.all().insert((gate, canary));
    }

    pub(super) fn close(&self, gate: Gate, canary: String) {
        tracing::info!(%canary, ?gate, "a gate was closed");
        self.all().remove(&(gate, canary));
    }

    fn all(&self) -> MutexGuard<'_, BTreeSet<(Gate, String)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
