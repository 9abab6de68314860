//! Merge patches of objects that others write too.

use serde_json::{Value, json};

use crate::object::value;

/// A merge patch of `metadata` and `spec` that fails if the object has changed since `have` was read.
pub(super) fn of(have: &Value, metadata: &Value, spec: &Value) -> Value {
    let version = value::at(have, &["metadata", "resourceVersion"]);
    let mut patch = json!({"metadata": metadata, "spec": spec});
    value::merge(&mut patch, &json!({"metadata": {"resourceVersion": version}}));
    if let Some(fields) = patch.as_object_mut() {
        fields.retain(|_, fields| fields.as_object().is_none_or(|fields| !fields.is_empty()));
    }
    patch
}
