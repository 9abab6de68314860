//! The apiserver of the simulated cluster: versions, generations, finalizers and owners around the store of objects.

use serde_json::{Value, json};

use crate::object::kinds::{CANARY, CONTROLLER_REVISION, DAEMON_SET, DEPLOYMENT, STATEFUL_SET};
use crate::object::{Change, Conflict, FakeStore, Kind, ObjectKey, Objects, value};

/// When an object was deleted does not matter here, only that it was.
const DELETED_AT: &str = "2026-01-01T00:00:00Z";

/// Kinds whose changes of spec are counted.
const COUNTED: [Kind; 4] = [CANARY, DEPLOYMENT, STATEFUL_SET, DAEMON_SET];

/// Annotation of a DaemonSet that counts the changes of its template.
const TEMPLATES: &str = "deprecated.daemonset.template.generation";

/// Objects and the rules by which they change.
#[derive(Clone, Debug, Default)]
pub(super) struct Apiserver {
    store: FakeStore,
    /// Counts the changes.
    revision: u64,
}

impl Apiserver {
    pub(super) const fn objects(&self) -> &Objects {
        self.store.objects()
    }

    /// Another number after each change.
    pub(super) const fn revision(&self) -> u64 {
        self.revision
    }

    pub(super) fn find(&self, key: &ObjectKey) -> Option<&Value> {
        self.store.objects().find(key)
    }

    /// A write of the operator.
    pub(super) fn write(&mut self, change: &Change) -> Result<(), Conflict> {
        let Some(key) = change.key() else { return Ok(()) };
        if matches!(change, Change::Delete(_)) {
            self.delete(&key);
            return Ok(());
        }
        if let Change::DeleteThis(key, uid) = change {
            let same = self.find(key).and_then(|have| value::text(have, &["metadata", "uid"])) == Some(uid);
            if same {
                self.delete(key);
            }
            return Ok(());
        }
        let before = self.spec(&key);
        self.store.write(change)?;
        self.admit(&key, before.as_ref());
        Ok(())
    }

    /// A write of the operator to the status subresource, which fails unless `seen` is the newest version.
    pub(super) fn write_status(&mut self, key: &ObjectKey, seen: &str, status: &Value) -> Result<(), Conflict> {
        let Some(have) = self.find(key) else { return Err(Conflict { key: key.clone() }) };
        if value::text(have, &["metadata", "resourceVersion"]) != Some(seen) {
            return Err(Conflict { key: key.clone() });
        }
        self.set(key, &["status"], status.clone());
        Ok(())
    }

    /// A whole object, written by another hand.
    pub(super) fn put(&mut self, key: &ObjectKey, object: Value) {
        let before = self.spec(key);
        self.store.put(key.clone(), object);
        self.admit(key, before.as_ref());
    }

    /// Some fields of an object, written by another hand; nothing where the object is not there.
    pub(super) fn edit(&mut self, key: &ObjectKey, patch: &Value) {
        let Some(mut object) = self.find(key).cloned() else { return };
        value::merge(&mut object, patch);
        self.put(key, object);
    }

    /// Replaces what stands at `path`, and writes nothing where it stands there already.
    pub(super) fn set(&mut self, key: &ObjectKey, path: &[&str], new: Value) {
        if self.find(key).and_then(|o| value::at(o, path)) == Some(&new) {
            return;
        }
        let Some(mut object) = self.find(key).cloned() else { return };
        let place = path.iter().try_fold(&mut object, |place, step| {
            place.as_object_mut().map(|map| map.entry((*step).to_owned()).or_insert_with(|| json!({})))
        });
        if let Some(place) = place {
            *place = new;
        }
        self.put(key, object);
    }

    /// Deletes an object, or marks it where finalizers hold it.
    pub(super) fn delete(&mut self, key: &ObjectKey) {
        match self.find(key) {
            Some(object) if holds(object) => {
                self.edit(key, &json!({"metadata": {"deletionTimestamp": DELETED_AT}}));
            }
            Some(_) | None => self.remove(key),
        }
    }

    fn spec(&self, key: &ObjectKey) -> Option<Value> {
        let counted = COUNTED.contains(&key.kind);
        self.find(key).filter(|_| counted).and_then(|o| value::at(o, &["spec"])).cloned()
    }

    /// What the apiserver does to each write: uid, generation, and the end of an object that nothing holds any more.
    fn admit(&mut self, key: &ObjectKey, before: Option<&Value>) {
        self.revision += 1;
        if !COUNTED.contains(&key.kind) {
            return;
        }
        let Some(object) = self.find(key) else { return };
        let deleted = value::text(object, &["metadata", "deletionTimestamp"]).is_some();
        if deleted && !holds(object) {
            return self.remove(key);
        }
        if before == value::at(object, &["spec"]) {
            return;
        }
        let generation = value::count(object, &["metadata", "generation"]).unwrap_or(0) + 1;
        let version = value::text(object, &["metadata", "resourceVersion"]).unwrap_or_default();
        let uid = value::text(object, &["metadata", "uid"]).map_or_else(|| format!("uid-{version}"), str::to_owned);
        let mut object = object.clone();
        let template = |spec: Option<&Value>| spec.and_then(|spec| spec.get("template")).cloned();
        if key.kind == DAEMON_SET && template(before) != template(object.get("spec")) {
            let count = (template_generation(&object) + 1).to_string();
            value::merge(&mut object, &json!({"metadata": {"annotations": {TEMPLATES: count}}}));
        }
        value::merge(&mut object, &json!({"metadata": {"generation": generation, "uid": uid}}));
        self.store.put(key.clone(), object);
    }

    fn remove(&mut self, key: &ObjectKey) {
        self.revision += 1;
        self.store.remove(key);
        if key.kind == CANARY {
            let owned = self.objects().of_kind(CONTROLLER_REVISION).filter(|(_, o)| {
                value::text(o, &["metadata", "ownerReferences", "0", "name"]) == Some(key.name.as_str())
            });
            let owned: Vec<_> = owned.map(|(k, _)| k.clone()).collect();
            owned.iter().for_each(|k| self.store.remove(k));
        }
    }
}

/// How often the template of a DaemonSet has changed.
pub(super) fn template_generation(object: &Value) -> u32 {
    let count = value::text(object, &["metadata", "annotations", TEMPLATES]);
    count.and_then(|count| count.parse().ok()).unwrap_or(0)
}

fn holds(object: &Value) -> bool {
    value::at(object, &["metadata", "finalizers"]).and_then(Value::as_array).is_some_and(|f| !f.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finalizer_holds_a_deleted_object_until_it_is_taken_away() {
        let mut api = Apiserver::default();
        let key = CANARY.named("n", "a");
        api.put(&key, json!({"metadata": {"finalizers": ["f"]}, "spec": {}}));
        api.delete(&key);
        assert!(api.find(&key).is_some());
        api.edit(&key, &json!({"metadata": {"finalizers": []}}));
        assert!(api.find(&key).is_none());
    }

    #[test]
    fn only_the_spec_moves_the_generation() {
        let mut api = Apiserver::default();
        let key = DEPLOYMENT.named("n", "a");
        let generation = |api: &Apiserver| api.find(&key).and_then(|o| value::count(o, &["metadata", "generation"]));
        api.put(&key, json!({"spec": {"replicas": 1}}));
        api.set(&key, &["status"], json!({"replicas": 1}));
        assert_eq!(generation(&api), Some(1));
        api.edit(&key, &json!({"spec": {"replicas": 2}}));
        assert_eq!(generation(&api), Some(2));
    }

    #[test]
    fn a_status_from_an_old_version_is_refused() {
        let mut api = Apiserver::default();
        let key = CANARY.named("n", "a");
        api.put(&key, json!({"spec": {}}));
        assert!(api.write_status(&key, "0", &json!({})).is_err());
    }
}
