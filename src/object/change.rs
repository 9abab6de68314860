//! A write to one object.

use serde_json::Value;

use super::{Content, Kind, ObjectKey};

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
    /// Update: the object becomes exactly this. A `metadata.resourceVersion` in it makes the write fail if the object has
    /// changed meanwhile.
    Replace(Kind, Value),
    /// Delete; that it is already gone is success.
    Delete(ObjectKey),
    /// Delete the object of this uid; that it is gone is success, also where another one has its name by now.
    DeleteThis(ObjectKey, String),
    /// Another write, into which the contents of other objects are filled at its very moment: what is large or secret
    /// passes through no decision. It fails as if the object had changed meanwhile where one of them has.
    Filled(Box<Self>, Vec<Content>),
}

impl Change {
    /// Which object it writes.
    pub fn key(&self) -> Option<ObjectKey> {
        match self {
            Self::Apply(kind, object) | Self::Create(kind, object) | Self::Replace(kind, object) => {
                ObjectKey::of(*kind, object)
            }
            Self::Merge(key, _) | Self::Delete(key) | Self::DeleteThis(key, _) => Some(key.clone()),
            Self::Filled(change, _) => change.key(),
        }
    }

    /// The same write of the object that `edit` makes of its own; nothing where it writes no object.
    #[must_use]
    pub fn with(self, edit: impl FnOnce(&mut Value)) -> Self {
        match self {
            Self::Apply(kind, mut object) => {
                edit(&mut object);
                Self::Apply(kind, object)
            }
            Self::Create(kind, mut object) => {
                edit(&mut object);
                Self::Create(kind, object)
            }
            Self::Replace(kind, mut object) => {
                edit(&mut object);
                Self::Replace(kind, object)
            }
            Self::Merge(key, mut object) => {
                edit(&mut object);
                Self::Merge(key, object)
            }
            Self::Filled(change, contents) => Self::Filled(Box::new(change.with(edit)), contents),
            Self::Delete(_) | Self::DeleteThis(..) => self,
        }
    }
}
