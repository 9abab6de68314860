//! The fields of one object that a router writes, in an object that may be the user's: how they are taken and given back.
//!
//! What stood there is remembered in annotations of the object itself, so that nothing else has to survive for the user
//! to get it back. Never writes what is already as wanted, and never touches a field that was not claimed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::RouteError;
use crate::object::{Change, ObjectKey, Objects, value};

/// The mark on an object of ours: `absent` where nothing stood before; otherwise the labels and annotations that the user
/// had under the keys that we wrote, as JSON.
pub const BEFORE: &str = "serin.dev/before";
/// The user's `spec` as it was when we first wrote, as JSON. Flagger's name, so that either operator can give it back.
pub const ORIGINAL: &str = "flagger.kubernetes.io/original-configuration";

const ABSENT: &str = "absent";
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Annotations that keep Flux from writing an object back while we share its traffic.
pub(super) const KEEP_FLUX_AWAY: [(&str, &str); 2] =
    [("helm.toolkit.fluxcd.io/driftDetection", "disabled"), ("kustomize.toolkit.fluxcd.io/reconcile", "disabled")];

/// What one object shall hold. There are no owner references: losing the Canary must not take the route along.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Claim {
    /// Which object.
    pub(super) key: ObjectKey,
    /// Labels that it shall carry.
    pub(super) labels: BTreeMap<String, String>,
    /// Annotations that it shall carry.
    pub(super) annotations: BTreeMap<String, String>,
    /// Fields of `spec`, each compared and written whole; a `null` shall not be there.
    pub(super) spec: Map<String, Value>,
}

impl Claim {
    /// The one write that makes the object hold the claim; `None` when it does.
    ///
    /// An apply where that suffices. Where a field has to go that an apply would leave (it is not ours), a merge patch.
    pub(super) fn write(&self, have: &Objects) -> Result<Option<Change>, RouteError> {
        let Some(have) = have.find(&self.key) else {
            let mark = BTreeMap::from([(BEFORE.to_owned(), ABSENT.to_owned())]);
            return Ok(Some(Change::Apply(self.key.kind, self.object(&mark, None, self.fields()))));
        };
        let spec = spec_of(&self.key, have)?;
        let patch = difference(&set_fields(&select(&spec, self.spec.keys())), &self.fields());
        if value::contains(have, &self.metadata(&BTreeMap::new())) && is_empty(&patch) {
            return Ok(None);
        }
        let memory = self.memory(have, &spec);
        // The first write to the user's object holds only for what was read: what it remembers must be what stood there.
        let version = if is_untouched(have) { value::text(have, &["metadata", "resourceVersion"]) } else { None };
        Ok(Some(if removes(&patch) {
            Change::Merge(self.key.clone(), self.object(&memory, version, patch))
        } else {
            Change::Apply(self.key.kind, self.object(&memory, version, self.fields()))
        }))
    }

    fn object(&self, memory: &BTreeMap<String, String>, version: Option<&str>, spec: Value) -> Value {
        let mut object = json!({"apiVersion": self.key.kind.api_version(), "kind": self.key.kind.kind});
        value::merge(&mut object, &self.metadata(memory));
        value::merge(&mut object, &json!({"metadata": {"name": self.key.name, "namespace": self.key.namespace}}));
        if let Some(version) = version {
            value::merge(&mut object, &json!({"metadata": {"resourceVersion": version}}));
        }
        if let Some(object) = object.as_object_mut() {
            object.insert("spec".to_owned(), spec);
        }
        object
    }

    fn metadata(&self, memory: &BTreeMap<String, String>) -> Value {
        let mut annotations = self.annotations.clone();
        annotations.extend(memory.clone());
        let mut metadata = json!({"labels": self.labels, "annotations": annotations});
        value::prune(&mut metadata);
        json!({ "metadata": metadata })
    }

    fn fields(&self) -> Value {
        self.spec.iter().filter(|(_, wanted)| !wanted.is_null()).map(|(k, v)| (k.clone(), v.clone())).collect()
    }

    /// The annotations that say what stood there before us.
    fn memory(&self, have: &Value, spec: &Value) -> BTreeMap<String, String> {
        if annotation(have, BEFORE) == Some(ABSENT) {
            return BTreeMap::from([(BEFORE.to_owned(), ABSENT.to_owned())]);
        }
        if made_by_flagger(have) {
            return BTreeMap::new();
        }
        let mut before = Before::of(have);
        before.remember(self, &users_metadata(have));
        let mut memory = BTreeMap::from([(BEFORE.to_owned(), json!(before).to_string())]);
        if let Some(kept) = annotation(have, ORIGINAL) {
            memory.insert(ORIGINAL.to_owned(), kept.to_owned());
        } else if is_untouched(have) && annotation(have, LAST_APPLIED).is_none() {
            memory.insert(ORIGINAL.to_owned(), spec.to_string());
        }
        memory
    }
}

/// The write that gives the user's object back: the claimed `fields` of its spec as they were, and its labels and
/// annotations. `None` where we made the object (it stays as it is) or never wrote to it.
pub(super) fn give_back(key: &ObjectKey, fields: &[&str], have: &Objects) -> Option<Change> {
    let have = have.find(key)?;
    let original = original_spec(have).filter(|_| is_taken(have))?;
    let spec = spec_of(key, have).ok()?;
    let spec = difference(&select(&spec, fields.iter()), &select(&original, fields.iter()));
    let mut patch = json!({"metadata": Before::of(have).restored(&users_metadata(have)), "spec": spec});
    let mut given_back = have.clone();
    value::merge(&mut given_back, &patch);
    if given_back == *have {
        return None;
    }
    if let Some(version) = value::text(have, &["metadata", "resourceVersion"]) {
        value::merge(&mut patch, &json!({"metadata": {"resourceVersion": version}}));
    }
    Some(Change::Merge(key.clone(), patch))
}

/// The user's metadata under the keys that we wrote; `None` where there was nothing.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug, Default)]
struct Before {
    #[serde(default)]
    labels: BTreeMap<String, Option<String>>,
    #[serde(default)]
    annotations: BTreeMap<String, Option<String>>,
}

impl Before {
    fn of(have: &Value) -> Self {
        annotation(have, BEFORE).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }

    /// Adds the keys of a claim that were not written before.
    fn remember(&mut self, claim: &Claim, theirs: &Value) {
        let of = |kind: &str, key: &String| value::text(theirs, &[kind, key]).map(str::to_owned);
        for key in claim.labels.keys() {
            self.labels.entry(key.clone()).or_insert_with(|| of("labels", key));
        }
        for key in claim.annotations.keys() {
            self.annotations.entry(key.clone()).or_insert_with(|| of("annotations", key));
        }
    }

    /// The merge patch of `metadata` that puts it back and takes our own annotations away.
    fn restored(mut self, theirs: &Value) -> Value {
        for (key, _) in KEEP_FLUX_AWAY {
            let before = || value::text(theirs, &["annotations", key]).map(str::to_owned);
            self.annotations.entry(key.to_owned()).or_insert_with(before);
        }
        self.annotations.extend([BEFORE, ORIGINAL].map(|ours| (ours.to_owned(), None)));
        json!(self)
    }
}

/// The labels and annotations that are the user's own: what kubectl last applied; nothing where Flagger has overwritten
/// them; otherwise those of the object.
fn users_metadata(have: &Value) -> Value {
    match last_applied(have) {
        Some(applied) => applied.get("metadata").cloned().unwrap_or_default(),
        None if annotation(have, ORIGINAL).is_some() && annotation(have, BEFORE).is_none() => Value::Null,
        None => have.get("metadata").cloned().unwrap_or_default(),
    }
}

/// The user's spec: what kubectl last applied is newer than what was stored when the object was taken.
fn original_spec(have: &Value) -> Option<Value> {
    let applied = last_applied(have).and_then(|applied| applied.get("spec").cloned());
    let stored = || annotation(have, ORIGINAL).and_then(|text| serde_json::from_str(text).ok());
    applied.or_else(stored).filter(Value::is_object)
}

fn last_applied(have: &Value) -> Option<Value> {
    annotation(have, LAST_APPLIED).and_then(|text| serde_json::from_str(text).ok())
}

/// Whether serin or Flagger wrote to the user's object. Flagger's only trace beside a kubectl object is that it keeps Flux away.
fn is_taken(have: &Value) -> bool {
    let theirs = users_metadata(have);
    let added = |name| annotation(have, name).is_some() && value::text(&theirs, &["annotations", name]).is_none();
    annotation(have, BEFORE).is_some()
        || annotation(have, ORIGINAL).is_some()
        || KEEP_FLUX_AWAY.iter().all(|(name, _)| added(name))
}

fn is_untouched(have: &Value) -> bool {
    annotation(have, BEFORE).is_none() && annotation(have, ORIGINAL).is_none() && !made_by_flagger(have)
}

/// Flagger leaves no annotation on what it makes, but the Canary owns it.
fn made_by_flagger(have: &Value) -> bool {
    let owners = value::at(have, &["metadata", "ownerReferences"]).and_then(Value::as_array);
    owners.into_iter().flatten().any(|owner| {
        let group = value::text(owner, &["apiVersion"]).is_some_and(|version| version.starts_with("flagger.app/"));
        group && value::text(owner, &["kind"]) == Some("Canary")
    })
}

fn annotation<'a>(have: &'a Value, name: &str) -> Option<&'a str> {
    value::text(have, &["metadata", "annotations", name])
}

fn spec_of(key: &ObjectKey, have: &Value) -> Result<Value, RouteError> {
    match have.get("spec") {
        None | Some(Value::Null) => Ok(json!({})),
        Some(spec) if spec.is_object() => Ok(spec.clone()),
        Some(spec) => Err(RouteError {
            reason: "UnreadableRoute",
            sentence: format!(
                "{key}: spec is {spec}, so no traffic can be routed by it; make spec an object or delete it"
            ),
        }),
    }
}

fn select<K: AsRef<str>>(spec: &Value, fields: impl Iterator<Item = K>) -> Value {
    fields.filter_map(|field| Some((field.as_ref().to_owned(), spec.get(field.as_ref())?.clone()))).collect()
}

/// The merge patch between two specs; an empty one where nothing differs.
fn difference(have: &Value, want: &Value) -> Value {
    value::difference(have, want).unwrap_or_else(|| json!({}))
}

/// An empty list counts as unset: the apiserver keeps either, and to a mesh both are the same.
fn set_fields(spec: &Value) -> Value {
    let is_set = |value: &Value| !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty());
    let fields = spec.as_object().into_iter().flatten();
    fields.filter(|(_, value)| is_set(value)).map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn is_empty(patch: &Value) -> bool {
    patch.as_object().is_some_and(Map::is_empty)
}

fn removes(patch: &Value) -> bool {
    patch.is_null() || patch.as_object().is_some_and(|fields| fields.values().any(removes))
}
