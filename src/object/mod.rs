//! Kubernetes objects as JSON values, their keys, and the changes that we make to them.
//!
//! Objects stay JSON so that fields which we do not know survive. Never a client: `world` carries changes out.

mod change;
pub mod content;
pub mod daemon;
pub mod divided;
mod fake;
mod kind;
mod mark;
pub mod stateful;
pub mod value;

pub use change::Change;
pub use content::Content;
pub use fake::{Conflict, FakeStore};
pub use kind::{Kind, ObjectKey, kinds};
pub use mark::is_mark;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

/// Who we are in `managedFields`: the owner of the fields that we write.
pub const FIELD_MANAGER: &str = "serin";

/// Objects by key, as they were at one moment.
#[derive(Clone, Debug, Default)]
pub struct Objects(BTreeMap<ObjectKey, Arc<Value>>);

impl Objects {
    /// The object, if it was there.
    pub fn find(&self, key: &ObjectKey) -> Option<&Value> {
        self.0.get(key).map(Arc::as_ref)
    }

    /// Every object of a kind, by name.
    pub fn of_kind(&self, kind: Kind) -> impl Iterator<Item = (&ObjectKey, &Value)> {
        self.0.iter().filter(move |(key, _)| key.kind == kind).map(|(key, value)| (key, value.as_ref()))
    }

    /// Adds or replaces an object.
    pub fn insert(&mut self, key: ObjectKey, object: Arc<Value>) {
        self.0.insert(key, object);
    }

    /// Takes an object away.
    pub fn remove(&mut self, key: &ObjectKey) {
        self.0.remove(key);
    }

    /// Those that are to be kept.
    #[must_use]
    pub fn filter(&self, mut keep: impl FnMut(&ObjectKey, &Value) -> bool) -> Self {
        let kept = self.0.iter().filter(|(key, object)| keep(key, object));
        Self(kept.map(|(key, object)| (key.clone(), Arc::clone(object))).collect())
    }

    /// Makes the objects of one kind those that `other` has.
    pub fn copy_kind(&mut self, kind: Kind, other: &Self) {
        self.0.retain(|key, _| key.kind != kind);
        let theirs = other.0.iter().filter(|(key, _)| key.kind == kind);
        self.0.extend(theirs.map(|(key, object)| (key.clone(), Arc::clone(object))));
    }

    /// All of them, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&ObjectKey, &Value)> {
        self.0.iter().map(|(key, value)| (key, value.as_ref()))
    }
}
