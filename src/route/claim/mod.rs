//! The fields of one object that a router writes, in an object that may be the user's: how they are taken and given back.
//!
//! What stood there is remembered in annotations of the object itself, so that nothing else has to survive for the user
//! to get it back. Never writes what is already as wanted, and never touches a field that was not claimed.

mod before;

pub(super) use before::original_spec;
pub use before::{BEFORE, ORIGINAL};

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{RouteError, Target};
use crate::object::{Change, ObjectKey, Objects, value};

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
    /// Annotations that it shall carry; a `None` shall not be there.
    pub(super) annotations: BTreeMap<String, Option<String>>,
    /// Fields of `spec`, each compared and written whole; a `null` shall not be there.
    pub(super) spec: Map<String, Value>,
    /// Fields beside `spec`: never compared, but written along, because an apply without them would take them away.
    pub(super) beside_spec: Map<String, Value>,
}

impl Claim {
    /// The fields of an object that the user did not ask to be marked.
    pub(super) fn plain(key: ObjectKey, spec: Map<String, Value>) -> Self {
        Self { key, labels: BTreeMap::new(), annotations: BTreeMap::new(), spec, beside_spec: Map::new() }
    }

    /// The fields of the object that routes the apex: with the metadata that the user asked for, and left alone by Flux.
    pub(super) fn of_apex(key: ObjectKey, target: &Target<'_>, spec: Map<String, Value>) -> Self {
        let apex = target.service.apex.clone().unwrap_or_default();
        let annotations = apex.annotations.unwrap_or_default().into_iter();
        let annotations = annotations.chain(KEEP_FLUX_AWAY.map(|(name, value)| (name.to_owned(), value.to_owned())));
        Self {
            key,
            labels: apex.labels.unwrap_or_default(),
            annotations: annotations.map(|(name, value)| (name, Some(value))).collect(),
            spec,
            beside_spec: Map::new(),
        }
    }

    /// The one write that makes the object hold the claim; `None` when it does.
    ///
    /// An apply where that suffices. Where a field has to go that an apply would leave (it is not ours), a merge patch.
    pub(super) fn write(&self, have: &Objects) -> Result<Option<Change>, RouteError> {
        let Some(have) = have.find(&self.key) else {
            return Ok(Some(Change::Apply(self.key.kind, self.object(&before::nothing(), None, self.fields()))));
        };
        let spec = spec_of(&self.key, have)?;
        let patch = value::difference(&select(&spec, self.spec.keys()), &self.fields());
        let unwanted = self.unwanted(have);
        if value::contains(have, &self.metadata(&BTreeMap::new())) && patch.is_none() && unwanted.is_none() {
            return Ok(None);
        }
        let notes = before::notes(self, have, &spec);
        // The first write to the user's object holds only for what was read: what it remembers must be what stood there.
        let version =
            if before::is_untouched(have) { value::text(have, &["metadata", "resourceVersion"]) } else { None };
        let removes = patch.as_ref().is_some_and(removes) || drops(&spec, &self.fields());
        if unwanted.is_none() && !removes {
            return Ok(Some(Change::Apply(self.key.kind, self.object(&notes, version, self.fields()))));
        }
        let mut object = self.object(&notes, version, patch.unwrap_or_else(|| json!({})));
        value::extend(&mut object, &unwanted.unwrap_or_else(|| json!({})));
        Ok(Some(Change::Merge(self.key.clone(), object)))
    }

    /// The merge patch that takes away the annotations which shall not be there; `None` where there are none.
    fn unwanted(&self, have: &Value) -> Option<Value> {
        let there = |name: &str| value::at(have, &["metadata", "annotations", name]).is_some();
        let unwanted = self.annotations.iter().filter(|(name, wanted)| wanted.is_none() && there(name));
        let unwanted: Map<_, _> = unwanted.map(|(name, _)| (name.clone(), Value::Null)).collect();
        (!unwanted.is_empty()).then(|| json!({"metadata": {"annotations": unwanted}}))
    }

    fn object(&self, notes: &BTreeMap<String, String>, version: Option<&str>, spec: Value) -> Value {
        let mut object = json!({"apiVersion": self.key.kind.api_version(), "kind": self.key.kind.kind});
        value::merge(&mut object, &json!(self.beside_spec));
        value::merge(&mut object, &self.metadata(notes));
        value::merge(&mut object, &json!({"metadata": {"name": self.key.name}}));
        if !self.key.namespace.is_empty() {
            value::merge(&mut object, &json!({"metadata": {"namespace": self.key.namespace}}));
        }
        if let Some(version) = version {
            value::merge(&mut object, &json!({"metadata": {"resourceVersion": version}}));
        }
        set_spec(&mut object, spec);
        object
    }

    fn metadata(&self, notes: &BTreeMap<String, String>) -> Value {
        let wanted = self.annotations.iter().filter_map(|(name, wanted)| Some((name.clone(), wanted.clone()?)));
        let annotations: BTreeMap<_, _> = wanted.chain(notes.clone()).collect();
        let mut metadata = json!({"labels": self.labels, "annotations": annotations});
        value::prune(&mut metadata);
        json!({ "metadata": metadata })
    }

    fn fields(&self) -> Value {
        self.spec.iter().filter(|(_, wanted)| !wanted.is_null()).map(|(k, v)| (k.clone(), v.clone())).collect()
    }
}

/// What becomes of an object that we made when nobody asks for it any more.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Made {
    /// It goes: requests find their way without it.
    Deleted,
    /// It stays as an object of the user's and holds these fields of `spec`.
    Kept(Map<String, Value>),
}

/// The write after which the object is the user's alone: the claimed `fields` of its spec as they were, and its labels and
/// annotations; where we made it, what `made` says. `None` where we never wrote to it.
pub(super) fn release(key: &ObjectKey, fields: &[&str], made: Made, have: &Objects) -> Option<Change> {
    let have = have.find(key)?;
    let wanted = match (before::is_made(have), made) {
        (true, Made::Deleted) => return Some(Change::Delete(key.clone())),
        (true, Made::Kept(spec)) => Value::Object(spec),
        (false, _) => select(&before::original_spec(have)?, fields.iter()),
    };
    let spec = spec_of(key, have).ok()?;
    let mut patch = json!({"metadata": before::released(have)});
    if let Some(spec) = value::difference(&select(&spec, fields.iter()), &wanted) {
        set_spec(&mut patch, spec);
    }
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

/// Whether the object is there and was the user's before it was ours.
pub(super) fn is_users(key: &ObjectKey, have: &Objects) -> bool {
    have.find(key).is_some_and(|have| !before::is_made(have))
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

/// As it is: in a patch, `null` has a meaning.
fn set_spec(object: &mut Value, spec: Value) {
    if let Some(object) = object.as_object_mut() {
        object.insert("spec".to_owned(), spec);
    }
}

fn select<K: AsRef<str>>(spec: &Value, fields: impl Iterator<Item = K>) -> Value {
    fields.filter_map(|field| Some((field.as_ref().to_owned(), spec.get(field.as_ref())?.clone()))).collect()
}

fn removes(patch: &Value) -> bool {
    patch.is_null() || patch.as_object().is_some_and(|fields| fields.values().any(removes))
}

/// Whether an entry of a list has to go that has a name: an apply merges lists whose entries go by their names.
fn drops(have: &Value, want: &Value) -> bool {
    match (have, want) {
        (Value::Object(have), Value::Object(want)) => {
            want.iter().any(|(field, want)| have.get(field).is_some_and(|have| drops(have, want)))
        }
        (Value::Array(have), Value::Array(want)) => have.iter().any(|entry| {
            let name = value::text(entry, &["name"]);
            name.is_some() && !want.iter().any(|wanted| value::text(wanted, &["name"]) == name)
        }),
        _ => false,
    }
}
