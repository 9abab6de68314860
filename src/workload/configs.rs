//! The ConfigMaps and Secrets that pods read: part of what a revision is, copied for the primary.
//!
//! The canary's pods read the user's objects, the primary's pods copies of them (`<name>-primary`), which hold what was promoted. Only
//! checksums are known here; contents are copied from object to object at the moment of a write.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{CANARY, Subject, WorkloadError, metadata, snapshot, subject};
use crate::api::sentences;
use crate::model::Complaint;
use crate::object::kinds::{CONFIG_MAP, SECRET};
use crate::object::{Change, Content, Kind, ObjectKey, Objects, content, value};

/// The checksum of each ConfigMap and Secret of a revision.
pub type Configs = BTreeMap<ObjectKey, String>;

/// Annotation of the primary's pod template: stands for the configs, so that its pods start anew when only these change.
pub(super) const CONFIGS: &str = "serin.dev/configs";

/// The user's way to have an object shared by both sides: any value that begins with `disable`.
const OPT_OUT: &str = "flagger.app/config-tracking";

/// Types of Secrets that a person writes; those of other types are made by controllers, and copies would age.
const TYPES: [&str; 4] = ["Opaque", "kubernetes.io/basic-auth", "kubernetes.io/ssh-auth", "kubernetes.io/tls"];

/// A place in a pod template that names a ConfigMap or Secret.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Place {
    kind: Kind,
    name: String,
    /// JSON pointer to the name.
    at: String,
    optional: bool,
}

/// What the templates of pods in a namespace refer to, whether it is tracked or not.
pub fn referenced(namespace: &str, template: &Value) -> Vec<ObjectKey> {
    let mut keys: Vec<_> = places(template).into_iter().map(|place| place.kind.named(namespace, place.name)).collect();
    keys.sort();
    keys.dedup();
    keys
}

/// The configs of a template as they are now, and a complaint for each that must be there and is not.
pub fn tracked(namespace: &str, template: &Value, have: &Objects) -> (Configs, Vec<Complaint>) {
    let mut needed: BTreeMap<ObjectKey, bool> = BTreeMap::new();
    for place in places(template) {
        // One place that cannot do without it is enough.
        *needed.entry(place.kind.named(namespace, place.name)).or_default() |= !place.optional;
    }
    let (mut configs, mut complaints) = (Configs::new(), Vec::new());
    for (key, needed) in needed {
        match have.find(&key) {
            Some(object) if is_tracked(object) => {
                configs.insert(key, content::checksum(object));
            }
            None if needed => complaints.push(missing(&key)),
            Some(_) | None => {}
        }
    }
    (configs, complaints)
}

/// Where the primary's copy of a config is.
pub fn copy_of(key: &ObjectKey) -> ObjectKey {
    key.kind.named(&key.namespace, format!("{}-primary", key.name))
}

/// Whether the copies of these configs hold what they shall.
pub(super) fn are_copied(configs: &Configs, have: &Objects) -> bool {
    configs
        .iter()
        .all(|(key, checksum)| have.find(&copy_of(key)).is_some_and(|copy| content::checksum(copy) == *checksum))
}

/// Whether the copies hold what they shall, or can be made to: from the user's objects, or from what the snapshot keeps.
pub fn can_be_copied(configs: &Configs, snapshot: Option<&Value>, have: &Objects) -> bool {
    configs.iter().all(|(key, checksum)| {
        let is_there = |key: &ObjectKey| have.find(key).is_some_and(|object| content::checksum(object) == *checksum);
        is_there(&copy_of(key)) || is_there(key) || snapshot.is_some_and(|kept| snapshot::keeps(kept, key))
    })
}

/// The writes that make the primary's copies hold exactly these configs; none where they do.
pub fn copies(
    subject: &Subject<'_>,
    configs: &Configs,
    snapshot: Option<&Value>,
    have: &Objects,
) -> Result<Vec<Change>, WorkloadError> {
    let mut changes = Vec::new();
    for (key, checksum) in configs {
        let copy = have.find(&copy_of(key));
        let of = |object: Option<&Value>| object.is_some_and(|object| content::checksum(object) == *checksum);
        if of(copy) {
            continue;
        }
        let source = if of(have.find(key)) {
            (key.clone(), Vec::new())
        } else {
            let lost = || WorkloadError::ConfigLost { object: format!("{}/{}", key.kind.kind, key.name) };
            let kept = snapshot.filter(|kept| snapshot::keeps(kept, key)).and_then(snapshot::own_key);
            (kept.ok_or_else(lost)?, snapshot::place_of(key))
        };
        let content = Content { source: source.0, from: source.1, checksum: checksum.clone(), into: Vec::new() };
        changes.extend(copy_change(subject, key, have, copy, content));
    }
    Ok(changes)
}

fn copy_change(
    subject: &Subject<'_>,
    key: &ObjectKey,
    have: &Objects,
    copy: Option<&Value>,
    content: Content,
) -> Vec<Change> {
    let target = copy_of(key);
    let object = render(subject, &target, have.find(key), copy);
    let filled = |change| Change::Filled(Box::new(change), vec![content]);
    let Some(copy) = copy else { return vec![filled(Change::Create(key.kind, object))] };
    // Neither an immutable object nor the type of a Secret can be changed.
    let kind_of_secret = |object: Option<&Value>| object.and_then(|o| value::text(o, &["type"])).map(str::to_owned);
    let is_fixed = value::at(copy, &["immutable"]) == Some(&Value::Bool(true))
        || key.kind == SECRET
            && kind_of_secret(have.find(key)).is_some_and(|is| Some(is) != kind_of_secret(Some(copy)));
    if !is_fixed {
        return vec![filled(Change::Replace(key.kind, object))];
    }
    let fresh = Change::Create(key.kind, object).with(|object| {
        value::merge(object, &json!({"metadata": {"resourceVersion": null, "uid": null, "creationTimestamp": null}}));
    });
    vec![Change::Delete(target), filled(fresh)]
}

/// The copy without its content. What others wrote into its metadata stays; it has no owner, for the reason that the primary has none.
fn render(subject: &Subject<'_>, key: &ObjectKey, source: Option<&Value>, copy: Option<&Value>) -> Value {
    let mut meta = copy.and_then(|copy| value::at(copy, &["metadata"])).cloned().unwrap_or_else(|| json!({}));
    let labels: Map<_, _> = source.map(|source| metadata::labels(source, subject.label_prefixes)).unwrap_or_default();
    let users = users(copy, Some(subject.canary));
    value::merge(&mut meta, &json!({"name": key.name, "namespace": key.namespace, "annotations": {CANARY: users}}));
    if !labels.is_empty() {
        value::merge(&mut meta, &json!({"labels": labels}));
    }
    if let Some(owners) = meta.get_mut("ownerReferences").and_then(Value::as_array_mut) {
        owners.retain(|owner| !subject::is_canary(owner));
    }
    json!({"apiVersion": key.kind.api_version(), "kind": key.kind.kind, "metadata": meta})
}

/// The Canaries that use a copy, as its annotation lists them, with one more.
fn users(copy: Option<&Value>, canary: Option<&str>) -> String {
    let listed = copy.and_then(|copy| value::text(copy, &["metadata", "annotations", CANARY])).unwrap_or_default();
    let mut users: Vec<&str> = listed.split(',').filter(|user| !user.is_empty()).chain(canary).collect();
    users.sort_unstable();
    users.dedup();
    users.join(",")
}

/// The writes that give up the copies of these configs: a copy goes with the last Canary that uses it.
pub fn give_up<'a>(canary: &str, configs: impl Iterator<Item = &'a ObjectKey>, have: &Objects) -> Vec<Change> {
    let given_up = |key: &ObjectKey| {
        let key = copy_of(key);
        let copy = have.find(&key)?;
        let listed = users(Some(copy), None);
        let mut left: Vec<&str> = listed.split(',').collect();
        let before = left.len();
        left.retain(|user| *user != canary);
        if left.len() == before {
            return None;
        }
        let rest = json!({"metadata": {"annotations": {CANARY: left.join(",")}}});
        Some(if left.is_empty() { Change::Delete(key) } else { Change::Merge(key, rest) })
    };
    configs.filter_map(given_up).collect()
}

/// Names the copies where a template names one of these configs.
pub(super) fn name_copies(template: &mut Value, configs: &Configs) {
    for place in places(template) {
        let is_copied = configs.keys().any(|key| key.kind == place.kind && key.name == place.name);
        if let Some(name) = template.pointer_mut(&place.at).filter(|_| is_copied) {
            *name = json!(format!("{}-primary", place.name));
        }
    }
}

/// Names the user's objects where a template names copies: what `name_copies` does, undone for every name.
pub(super) fn name_originals(template: &mut Value) {
    for place in places(template) {
        if let (Some(name), Some(original)) = (template.pointer_mut(&place.at), place.name.strip_suffix("-primary")) {
            *name = json!(original);
        }
    }
}

/// Whether an object is tracked: its owner did not opt out, and it is one that people write.
fn is_tracked(object: &Value) -> bool {
    let opted_out =
        value::text(object, &["metadata", "annotations", OPT_OUT]).is_some_and(|said| said.starts_with("disable"));
    let type_of = value::text(object, &["type"]);
    !opted_out && type_of.is_none_or(|type_of| TYPES.contains(&type_of))
}

fn missing(key: &ObjectKey) -> Complaint {
    let values = [("kind", key.kind.kind), ("name", &*key.name), ("namespace", &*key.namespace)];
    Complaint::blocks(sentences::CAN063.reason, sentences::CAN063.say(&values))
}

/// Every place of a pod template that names a ConfigMap or Secret: volumes, and the environment of containers.
fn places(template: &Value) -> Vec<Place> {
    let mut found = Vec::new();
    let spec = template.get("spec").unwrap_or(&Value::Null);
    for (index, volume) in list(spec, "volumes").iter().enumerate() {
        let at = format!("/spec/volumes/{index}");
        found.extend(place(volume, &at, "configMap", "name", CONFIG_MAP));
        found.extend(place(volume, &at, "secret", "secretName", SECRET));
        let sources = volume.get("projected").map_or(&[][..], |projected| list(projected, "sources"));
        for (source, holder) in sources.iter().enumerate() {
            let at = format!("{at}/projected/sources/{source}");
            found.extend(place(holder, &at, "configMap", "name", CONFIG_MAP));
            found.extend(place(holder, &at, "secret", "name", SECRET));
        }
    }
    for field in ["initContainers", "containers"] {
        for (index, container) in list(spec, field).iter().enumerate() {
            let at = format!("/spec/{field}/{index}");
            for (env, holder) in list(container, "env").iter().enumerate() {
                let Some(holder) = holder.get("valueFrom") else { continue };
                let at = format!("{at}/env/{env}/valueFrom");
                found.extend(place(holder, &at, "configMapKeyRef", "name", CONFIG_MAP));
                found.extend(place(holder, &at, "secretKeyRef", "name", SECRET));
            }
            for (env, holder) in list(container, "envFrom").iter().enumerate() {
                let at = format!("{at}/envFrom/{env}");
                found.extend(place(holder, &at, "configMapRef", "name", CONFIG_MAP));
                found.extend(place(holder, &at, "secretRef", "name", SECRET));
            }
        }
    }
    found
}

fn list<'a>(of: &'a Value, field: &str) -> &'a [Value] {
    of.get(field).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn place(holder: &Value, at: &str, field: &str, name: &str, kind: Kind) -> Option<Place> {
    let reference = holder.get(field)?;
    let optional = value::at(reference, &["optional"]) == Some(&Value::Bool(true));
    let name_of = value::text(reference, &[name])?.to_owned();
    Some(Place { kind, name: name_of, at: format!("{at}/{field}/{name}"), optional })
}

#[cfg(test)]
mod tests;
