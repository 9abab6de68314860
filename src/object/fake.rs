//! A store of objects with the apiserver's rules for our writes: the simulator and the laws of routers write to it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::{Change, Content, Kind, ObjectKey, Objects, value};

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
            Change::Replace(kind, object) => {
                let Some(key) = ObjectKey::of(*kind, object) else { return Ok(()) };
                check_version(&key, self.objects.find(&key), object)?;
                self.put(key, object.clone());
            }
            Change::Delete(key) => self.remove(key),
            Change::DeleteThis(key, uid) => {
                let found = self.objects.find(key).and_then(|have| value::text(have, &["metadata", "uid"]));
                if found == Some(uid) {
                    self.remove(key);
                }
            }
            Change::Filled(change, contents) => {
                let filled = self.fill(change.as_ref().clone(), contents)?;
                self.write(&filled)?;
            }
        }
        Ok(())
    }

    /// Fills contents in as `world` does.
    fn fill(&self, change: Change, contents: &[Content]) -> Result<Change, Conflict> {
        contents.iter().try_fold(change, |change, content| {
            let conflict = || Conflict { key: content.source.clone() };
            let fields =
                self.objects.find(&content.source).and_then(|source| content.read(source)).ok_or_else(conflict)?;
            Ok(change.with(|object| content.fill(object, fields)))
        })
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

/// Server-side apply: maps are merged, lists are replaced (true for the atomic lists that routers write). A Service's selector is
/// atomic though it is a map, and its ports are merged though they are a list.
fn merge_fields(have: &mut Value, want: &Value) {
    match (have, want) {
        (Value::Object(have), Value::Object(want)) => {
            for (key, want) in want {
                let have = have.entry(key.clone()).or_insert(Value::Null);
                match (key.as_str(), have.as_array_mut(), want.as_array()) {
                    ("selector", ..) => *have = want.clone(),
                    ("ports", Some(have), Some(want)) => merge_ports(have, want),
                    _ => merge_fields(have, want),
                }
            }
        }
        (have, want) => *have = want.clone(),
    }
}

fn merge_ports(have: &mut Vec<Value>, want: &[Value]) {
    for port in want {
        match have.iter_mut().find(|other| port_key(other) == port_key(port)) {
            Some(have) => merge_fields(have, port),
            None => have.push(port.clone()),
        }
    }
}

fn port_key(port: &Value) -> (Option<u32>, Option<&str>) {
    (value::count(port, &["port"]), value::text(port, &["protocol"]))
}

/// Fields of the last apply that are not in this one go, unless they are maps that hold something else or another hand
/// has changed them since: then they are that hand's.
fn drop_unowned(have: &mut Value, before: &Value, now: &Value) {
    let (Value::Object(have), Value::Object(before)) = (have, before) else { return };
    for (key, before) in before {
        if let ("ports", Some(have), Some(before), Some(now)) = (
            key.as_str(),
            have.get_mut(key).and_then(Value::as_array_mut),
            before.as_array(),
            now.get(key).and_then(Value::as_array),
        ) {
            have.retain(|port| now.iter().any(|now| port_key(now) == port_key(port)) || !before.contains(port));
            continue;
        }
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

    fn service(spec: &Value) -> Change {
        Change::Apply(SERVICE, json!({"metadata": {"name": "a", "namespace": "n"}, "spec": spec}))
    }

    #[test]
    fn an_apply_drops_what_it_owned_before_and_keeps_what_others_wrote() {
        let mut store = FakeStore::default();
        let key = SERVICE.named("n", "a");
        store.put(key.clone(), json!({"spec": {"theirs": 1}}));
        assert_eq!(store.write(&service(&json!({"x": 1, "y": {"z": 2}}))), Ok(()));
        assert_eq!(store.write(&service(&json!({"x": 3}))), Ok(()));
        assert_eq!(store.objects().find(&key).map(|o| &o["spec"]), Some(&json!({"theirs": 1, "x": 3})));
    }

    #[test]
    fn an_apply_leaves_what_another_hand_has_changed_since() {
        let mut store = FakeStore::default();
        let key = SERVICE.named("n", "a");
        assert_eq!(store.write(&service(&json!({"x": 1, "y": 2}))), Ok(()));
        assert_eq!(store.write(&Change::Merge(key.clone(), json!({"spec": {"x": 9}}))), Ok(()));
        assert_eq!(store.write(&service(&json!({}))), Ok(()));
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
    fn a_service_keeps_the_ports_of_others_but_not_their_selector() {
        let mut store = FakeStore::default();
        let key = SERVICE.named("n", "a");
        let port = |number: u32| json!({"port": number, "protocol": "TCP"});
        store.put(key.clone(), json!({"spec": {"selector": {"theirs": "x"}, "ports": [port(1)]}}));
        assert_eq!(store.write(&service(&json!({"selector": {"ours": "x"}, "ports": [port(2)]}))), Ok(()));
        let spec = json!({"selector": {"ours": "x"}, "ports": [port(1), port(2)]});
        assert_eq!(store.objects().find(&key).map(|o| &o["spec"]), Some(&spec));
        assert_eq!(store.write(&service(&json!({"selector": {"ours": "x"}, "ports": [port(3)]}))), Ok(()));
        let spec = json!({"selector": {"ours": "x"}, "ports": [port(1), port(3)]});
        assert_eq!(store.objects().find(&key).map(|o| &o["spec"]), Some(&spec));
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
