//! A store of objects with the apiserver's rules for our writes: the simulator and the laws of routers write to it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::{Change, ObjectKey, Objects, value};

/// The object has changed since it was read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{key} has changed meanwhile")]
pub struct Conflict {
    /// Which object.
    pub key: ObjectKey,
}

/// Objects with versions, and who applied which fields of them.
#[derive(Clone, Debug, Default)]
pub struct FakeStore {
    objects: Objects,
    applied: BTreeMap<ObjectKey, Value>,
    version: u64,
}

impl FakeStore {
    /// What is stored now.
    pub const fn objects(&self) -> &Objects {
        &self.objects
    }

    /// Writes an object as another hand would, whole.
    pub fn put(&mut self, key: ObjectKey, mut object: Value) {
        self.version += 1;
        let meta = json!({"metadata": {"name": key.name, "namespace": key.namespace, "resourceVersion": self.version.to_string()}});
        value::merge(&mut object, &meta);
        self.objects.insert(key, Arc::new(object));
    }

    /// Deletes an object as another hand would.
    pub fn remove(&mut self, key: &ObjectKey) {
        self.objects.remove(key);
        self.applied.remove(key);
    }

    /// Carries a change out as the apiserver would.
    pub fn write(&mut self, change: &Change) -> Result<(), Conflict> {
        match change {
            Change::Apply(kind, object) => {
                let Some(key) = ObjectKey::of(*kind, object) else { return Ok(()) };
                let mut merged = self.objects.find(&key).cloned().unwrap_or_else(
                    || json!({"apiVersion": kind.api_version(), "kind": kind.kind, "metadata": {}, "spec": {}}),
                );
                if let Some(before) = self.applied.get(&key) {
                    drop_unowned(&mut merged, before, object);
                }
                merge_fields(&mut merged, object);
                self.applied.insert(key.clone(), object.clone());
                self.put_if_changed(key, merged);
            }
            Change::Merge(key, patch) => {
                let Some(have) = self.objects.find(key) else { return Ok(()) };
                let wanted = value::text(patch, &["metadata", "resourceVersion"]);
                if wanted.is_some_and(|v| value::text(have, &["metadata", "resourceVersion"]) != Some(v)) {
                    return Err(Conflict { key: key.clone() });
                }
                let mut merged = have.clone();
                value::merge(&mut merged, patch);
                self.put_if_changed(key.clone(), merged);
            }
            Change::Create(kind, object) => {
                let Some(key) = ObjectKey::of(*kind, object) else { return Ok(()) };
                if self.objects.find(&key).is_none() {
                    self.put(key, object.clone());
                }
            }
            Change::Delete(key) => self.remove(key),
        }
        Ok(())
    }

    fn put_if_changed(&mut self, key: ObjectKey, object: Value) {
        if self.objects.find(&key) != Some(&object) {
            self.put(key, object);
        }
    }
}

/// Server-side apply: maps are merged, lists are replaced (true for the atomic lists that routers write).
fn merge_fields(have: &mut Value, want: &Value) {
    match (have, want) {
        (Value::Object(have), Value::Object(want)) => {
            for (key, want) in want {
                merge_fields(have.entry(key.clone()).or_insert(Value::Null), want);
            }
        }
        (have, want) => *have = want.clone(),
    }
}

/// Fields of the last apply that are not in this one go, unless they are maps that hold something else.
fn drop_unowned(have: &mut Value, before: &Value, now: &Value) {
    let (Value::Object(have), Value::Object(before)) = (have, before) else { return };
    for (key, before) in before {
        match (have.get_mut(key), now.get(key)) {
            (Some(have), Some(now)) => drop_unowned(have, before, now),
            (Some(inner), None) if before.is_object() => {
                drop_unowned(inner, before, &json!({}));
                if inner.as_object().is_some_and(serde_json::Map::is_empty) {
                    have.shift_remove(key);
                }
            }
            (Some(_), None) => {
                have.shift_remove(key);
            }
            (None, _) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::kinds::SERVICE;
    use super::*;

    fn service(spec: Value) -> Change {
        Change::Apply(SERVICE, json!({"metadata": {"name": "a", "namespace": "n"}, "spec": spec}))
    }

    #[test]
    fn an_apply_drops_what_it_owned_before_and_keeps_what_others_wrote() {
        let mut store = FakeStore::default();
        let key = SERVICE.named("n", "a");
        store.put(key.clone(), json!({"spec": {"theirs": 1}}));
        assert_eq!(store.write(&service(json!({"x": 1, "y": {"z": 2}}))), Ok(()));
        assert_eq!(store.write(&service(json!({"x": 3}))), Ok(()));
        assert_eq!(store.objects().find(&key).map(|o| &o["spec"]), Some(&json!({"theirs": 1, "x": 3})));
    }

    #[test]
    fn a_merge_from_an_old_version_conflicts() {
        let mut store = FakeStore::default();
        let key = SERVICE.named("n", "a");
        store.put(key.clone(), json!({"spec": {"x": 1}}));
        let old = json!({"metadata": {"resourceVersion": "0"}, "spec": {"x": 2}});
        assert_eq!(store.write(&Change::Merge(key.clone(), old)), Err(Conflict { key }));
    }
}
