//! Merge patches of objects that others write too.

use serde_json::{Map, Value, json};

use crate::object::value;

/// A merge patch of fields of `metadata` and `spec` that fails if the object has changed since `have` was read.
pub(super) fn of(have: &Value, mut metadata: Map<String, Value>, spec: Map<String, Value>) -> Value {
    let version = value::at(have, &["metadata", "resourceVersion"]);
    metadata.extend(version.map(|version| ("resourceVersion".to_owned(), version.clone())));
    let mut patch = json!({"metadata": metadata, "spec": spec});
    if let Some(fields) = patch.as_object_mut() {
        fields.retain(|_, fields| fields.as_object().is_none_or(|fields| !fields.is_empty()));
    }
    patch
}
