//! What stood where a router writes: kept in annotations of the object itself, read back from them, and from what kubectl
//! and Flagger leave behind.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Claim, KEEP_FLUX_AWAY};
use crate::object::value;

/// The mark on an object of ours: `absent` where nothing stood before; otherwise the labels and annotations that the user
/// had under the keys that we wrote, as JSON.
pub const BEFORE: &str = "serin.dev/before";
/// The user's `spec` as it was when we first wrote, as JSON. Flagger's name, so that either operator can give it back.
pub const ORIGINAL: &str = "flagger.kubernetes.io/original-configuration";

const ABSENT: &str = "absent";
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The notes on an object that is made where nothing stood.
pub(super) fn nothing() -> BTreeMap<String, String> {
    BTreeMap::from([(BEFORE.to_owned(), ABSENT.to_owned())])
}

/// The notes that an object shall carry from this write on. The user's spec is noted once, and not where kubectl keeps it.
pub(super) fn notes(claim: &Claim, have: &Value, spec: &Value) -> BTreeMap<String, String> {
    if is_made(have) {
        return nothing();
    }
    let mut notes = BTreeMap::from([(BEFORE.to_owned(), json!(Before::of(have).with(claim, have)).to_string())]);
    if let Some(kept) = annotation(have, ORIGINAL) {
        notes.insert(ORIGINAL.to_owned(), kept.to_owned());
    } else if is_untouched(have) && annotation(have, LAST_APPLIED).is_none() {
        notes.insert(ORIGINAL.to_owned(), spec.to_string());
    }
    notes
}

/// Whether we or Flagger made the object.
pub(super) fn is_made(have: &Value) -> bool {
    annotation(have, BEFORE) == Some(ABSENT) || made_by_flagger(have)
}

/// Whether nobody but the user has written to the object.
pub(super) fn is_untouched(have: &Value) -> bool {
    annotation(have, BEFORE).is_none() && annotation(have, ORIGINAL).is_none() && !made_by_flagger(have)
}

/// The user's spec of an object that was taken: what kubectl last applied is newer than what was noted when we came.
pub(in super::super) fn original_spec(have: &Value) -> Option<Value> {
    let applied = last_applied(have).and_then(|applied| applied.get("spec").cloned());
    let noted = || annotation(have, ORIGINAL).and_then(|text| serde_json::from_str(text).ok());
    applied.or_else(noted).filter(|spec| spec.is_object() && is_taken(have))
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
    fn with(mut self, claim: &Claim, have: &Value) -> Self {
        let theirs = users_metadata(have);
        let of = |kind: &str, key: &String| value::text(&theirs, &[kind, key]).map(str::to_owned);
        for key in claim.labels.keys() {
            self.labels.entry(key.clone()).or_insert_with(|| of("labels", key));
        }
        for key in claim.annotations.keys() {
            self.annotations.entry(key.clone()).or_insert_with(|| of("annotations", key));
        }
        self
    }

    /// The merge patch of `metadata` that puts it back and takes our own annotations away.
    fn restored(mut self, have: &Value) -> Value {
        let theirs = users_metadata(have);
        for (key, _) in KEEP_FLUX_AWAY {
            let before = || value::text(&theirs, &["annotations", key]).map(str::to_owned);
            self.annotations.entry(key.to_owned()).or_insert_with(before);
        }
        self.annotations.extend([BEFORE, ORIGINAL].map(|ours| (ours.to_owned(), None)));
        json!(self)
    }
}

/// The merge patch of `metadata` after which the object is nobody's but the user's.
pub(super) fn released(have: &Value) -> Value {
    if !is_made(have) {
        return Before::of(have).restored(have);
    }
    let ours = KEEP_FLUX_AWAY.map(|(name, _)| name).into_iter().chain([BEFORE, ORIGINAL]);
    let mut patch = json!({"annotations": ours.map(|name| (name.to_owned(), Value::Null)).collect::<Value>()});
    let owners = owners(have);
    if owners.iter().any(is_canary) {
        // The apiserver would delete it together with the Canary.
        let others: Vec<_> = owners.iter().filter(|owner| !is_canary(owner)).collect();
        value::merge(&mut patch, &json!({ "ownerReferences": others }));
    }
    patch
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

/// Flagger leaves no annotation on what it makes, but the Canary owns it.
fn made_by_flagger(have: &Value) -> bool {
    owners(have).iter().any(is_canary)
}

fn owners(have: &Value) -> &[Value] {
    let owners = value::at(have, &["metadata", "ownerReferences"]).and_then(Value::as_array);
    owners.map(Vec::as_slice).unwrap_or_default()
}

fn is_canary(owner: &Value) -> bool {
    let group = value::text(owner, &["apiVersion"]).is_some_and(|version| version.starts_with("flagger.app/"));
    group && value::text(owner, &["kind"]) == Some("Canary")
}

fn annotation<'a>(have: &'a Value, name: &str) -> Option<&'a str> {
    value::text(have, &["metadata", "annotations", name])
}
