//! A write to one object.

use serde_json::Value;

use super::{Kind, ObjectKey};

/// A write to one object. Each can be repeated without harm.
#[derive(Clone, PartialEq, Debug)]
pub enum Change {
    /// Server-side apply under our field manager, forced: the fields in it become ours, those that we owned before and are no
    /// longer in it go, everything else stays. A `metadata.resourceVersion` in it makes the write fail if the object
    /// has changed meanwhile.
    Apply(Kind, Value),
    /// JSON merge patch (RFC 7386), for single fields of objects that belong to others. A `metadata.resourceVersion`
    /// in it makes the write fail if the object has changed meanwhile.
    Merge(ObjectKey, Value),
    /// Create; that it is already there is success.
    Create(Kind, Value),
    /// Delete; that it is already gone is success.
    Delete(ObjectKey),
}

impl Change {
    /// Which object it writes.
    pub fn key(&self) -> Option<ObjectKey> {
        match self {
            Self::Apply(kind, object) | Self::Create(kind, object) => ObjectKey::of(*kind, object),
            Self::Merge(key, _) | Self::Delete(key) => Some(key.clone()),
        }
    }
}
