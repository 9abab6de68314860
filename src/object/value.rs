//! Small readings and merges of JSON values.

use serde_json::{Map, Value};

/// Follows `path` through objects (and indices through lists).
pub fn at<'a>(value: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, step| match value {
        Value::Object(map) => map.get(*step),
        Value::Array(list) => step.parse::<usize>().ok().and_then(|i| list.get(i)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    })
}

/// The text at `path`.
pub fn text<'a>(value: &'a Value, path: &[&str]) -> Option<&'a str> {
    at(value, path).and_then(Value::as_str)
}

/// The whole number at `path`, if it is not negative and fits.
pub fn count(value: &Value, path: &[&str]) -> Option<u32> {
    at(value, path).and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok())
}

/// Whether the controller of an object has seen its newest spec.
pub fn is_observed(object: &Value) -> bool {
    let generation = |path: &[&str]| at(object, path).and_then(Value::as_i64).unwrap_or_default();
    generation(&["metadata", "generation"]) <= generation(&["status", "observedGeneration"])
}

/// Whether every field of `want` stands in `have` with the same value. Lists are compared whole.
pub fn contains(have: &Value, want: &Value) -> bool {
    match (have, want) {
        (Value::Object(have), Value::Object(want)) => {
            want.iter().all(|(key, want)| have.get(key).is_some_and(|have| contains(have, want)))
        }
        _ => have == want,
    }
}

/// JSON merge patch, RFC 7386: objects are merged, `null` removes, anything else replaces.
pub fn merge(have: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *have = patch.clone();
        return;
    };
    if !have.is_object() {
        *have = Value::Object(Map::new());
    }
    let Value::Object(have) = have else { return };
    for (key, change) in patch {
        if change.is_null() {
            have.shift_remove(key);
        } else {
            merge(have.entry(key.clone()).or_insert(Value::Null), change);
        }
    }
}

/// Adds the fields of `more`, its `null`s too: patches are put together so.
pub fn extend(patch: &mut Value, more: &Value) {
    match (patch, more) {
        (Value::Object(patch), Value::Object(more)) => {
            for (key, more) in more {
                extend(patch.entry(key.clone()).or_insert(Value::Null), more);
            }
        }
        (patch, more) => *patch = more.clone(),
    }
}

/// The merge patch that turns `have` into `want`: fields that only `have` has become `null`, lists are written whole. `None` where
/// nothing differs.
pub fn difference(have: &Value, want: &Value) -> Option<Value> {
    let (Value::Object(old), Value::Object(new)) = (have, want) else {
        return (have != want).then(|| want.clone());
    };
    let gone = old.keys().filter(|key| !new.contains_key(*key)).map(|key| (key.clone(), Value::Null));
    let changed = new.iter().filter_map(|(key, new)| {
        let patch = old.get(key).map_or_else(|| Some(new.clone()), |old| difference(old, new))?;
        Some((key.clone(), patch))
    });
    let patch: Map<String, Value> = gone.chain(changed).collect();
    (!patch.is_empty()).then_some(Value::Object(patch))
}

/// Removes everything unset: `null`, `{}` and `[]`, at any depth.
pub fn prune(value: &mut Value) {
    if let Value::Object(map) = value {
        map.values_mut().for_each(prune);
        map.retain(|_, v| !is_unset(v));
    } else if let Value::Array(list) = value {
        list.iter_mut().for_each(prune);
    }
}

/// Whether nothing is said: `null`, `{}` or `[]`.
pub fn is_unset(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(map) => map.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_merge_patch_removes_with_null_and_keeps_what_it_does_not_name() {
        let mut have = json!({"a": {"b": 1, "c": 2}, "d": [1, 2]});
        merge(&mut have, &json!({"a": {"b": null, "e": 3}, "d": [9]}));
        assert_eq!(have, json!({"a": {"c": 2, "e": 3}, "d": [9]}));
    }

    #[test]
    fn a_difference_is_the_merge_patch_from_one_to_the_other() {
        let have = json!({"a": {"b": 1, "c": 2}, "d": [1, 2], "e": 5});
        let want = json!({"a": {"c": 3, "f": {}}, "d": [2], "e": 5});
        let patch = difference(&have, &want).expect("they differ");
        assert_eq!(patch, json!({"a": {"b": null, "c": 3, "f": {}}, "d": [2]}));
        let mut patched = have.clone();
        merge(&mut patched, &patch);
        assert_eq!(patched, want);
        assert_eq!(difference(&have, &have), None);
    }

    #[test]
    fn containing_ignores_fields_that_were_not_asked_for_but_compares_lists_whole() {
        let have = json!({"a": 1, "b": [{"c": 1, "d": 2}]});
        assert!(contains(&have, &json!({"a": 1})));
        assert!(!contains(&have, &json!({"b": [{"c": 1}]})));
        assert!(!contains(&have, &json!({"x": 1})));
    }

    #[test]
    fn pruning_removes_what_became_empty() {
        let mut value = json!({"a": {"b": {}}, "c": null, "d": [{"e": null}], "f": 0});
        prune(&mut value);
        assert_eq!(value, json!({"d": [{}], "f": 0}));
    }
}
