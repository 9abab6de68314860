//! A store of objects with the apiserver's rules for our writes: the simulator and the laws of routers write to it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::{Change, Kind, ObjectKey, Objects, value};

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
            Change::Apply(kind, object) => self.apply(*kind, object)?,
            Change::Merge(key, patch) => {
                let Some(have) = self.objects.find(key) else { return Ok(()) };
                check_version(key, Some(have), patch)?;
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

    fn apply(&mut self, kind: Kind, object: &Value) -> Result<(), Conflict> {
        let Some(key) = ObjectKey::of(kind, object) else { return Ok(()) };
        let have = self.objects.find(&key);
        check_version(&key, have, object)?;
        let mut fields = object.clone();
        value::merge(&mut fields, &json!({"metadata": {"resourceVersion": null}}));
        let mut merged = have.cloned().unwrap_or_else(
            || json!({"apiVersion": kind.api_version(), "kind": kind.kind, "metadata": {}, "spec": {}}),
        );
        if let Some(before) = self.applied.get(&key) {
            drop_unowned(&mut merged, before, &fields);
        }
        merge_fields(&mut merged, &fields);
        self.applied.insert(key.clone(), fields);
        self.put_if_changed(key, merged);
        Ok(())
    }

    fn put_if_changed(&mut self, key: ObjectKey, object: Value) {
        if self.objects.find(&key) != Some(&object) {
            self.put(key, object);
        }
    }
}

/// A version in a write is a condition: the object must still be that one.
fn check_version(key: &ObjectKey, have: Option<&Value>, write: &Value) -> Result<(), Conflict> {
    const VERSION: [&str; 2] = ["metadata", "resourceVersion"];
    let wanted = value::text(write, &VERSION);
    let found = have.and_then(|have| value::text(have, &VERSION));
    if wanted.is_some() && wanted != found { Err(Conflict { key: key.clone() }) } else { Ok(()) }
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

/// Fields of the last apply that are not in this one go, unless they are maps that hold something else or another hand
/// has changed them since: then they are that hand's.
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
            (Some(inner), None) if inner == before => {
                have.shift_remove(key);
            }
            (Some(_) | None, _) => {}
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
    fn an_apply_leaves_what_another_hand_has_changed_since() {
        let mut store = FakeStore::default();
        let key = SERVICE.named("n", "a");
        assert_eq!(store.write(&service(json!({"x": 1, "y": 2}))), Ok(()));
        assert_eq!(store.write(&Change::Merge(key.clone(), json!({"spec": {"x": 9}}))), Ok(()));
        assert_eq!(store.write(&service(json!({}))), Ok(()));
        assert_eq!(store.objects().find(&key).map(|o| &o["spec"]), Some(&json!({"x": 9})));
    }

    #[test]
    fn an_apply_from_an_old_version_conflicts() {
        let mut store = FakeStore::default();
        let key = SERVICE.named("n", "a");
        store.put(key.clone(), json!({"spec": {"x": 1}}));
        let old = json!({"metadata": {"name": "a", "namespace": "n", "resourceVersion": "0"}, "spec": {"x": 2}});
        assert_eq!(store.write(&Change::Apply(SERVICE, old)), Err(Conflict { key }));
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
