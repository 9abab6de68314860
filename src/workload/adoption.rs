//! A Service that the user made: taken over with the fewest changes, and given back as it was.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::services::{FLUX, pods, ports_of, selector};
use super::{Role, Subject, ports};
use crate::object::value;

/// Annotation that remembers what was there before: the user gets it back.
const BEFORE: &str = "serin.dev/before";

/// What we changed of a Service, as it was before.
#[derive(Serialize, Deserialize, Default)]
struct Before {
    selector: Value,
    /// Ports that we added, by number and protocol.
    added: Vec<(u32, String)>,
    /// Ports that had no name, which only a single port may lack.
    unnamed: Vec<(u32, String)>,
    /// Annotations that we set; `null` where there was none.
    annotations: Map<String, Value>,
}

/// The patch after which the Service selects the pods of this role and has the wanted ports; `None` where it does.
///
/// A port that is there already stays as the user wrote it, and no port is removed.
pub(super) fn adopt(subject: &Subject<'_>, role: Role, have: &Value, wanted: &[Value]) -> Option<Value> {
    let pods = pods(subject, role);
    let mut before = remembered(have).unwrap_or_default();
    let mut patch = Map::new();
    if *selector(have) != pods {
        before.selector = selector(have).clone();
        patch.extend(value::difference(selector(have), &pods).map(|change| ("selector".to_owned(), change)));
    } else if before.selector.is_null() {
        before.selector = users_selector(subject, have);
    }
    let ports = with_ports(have, wanted, &mut before);
    if ports != ports_of(have) {
        patch.insert("ports".to_owned(), json!(ports));
    }
    let mut annotations = Map::new();
    for (key, wanted) in FLUX {
        let old = value::at(have, &["metadata", "annotations", key]);
        if old.and_then(Value::as_str) != Some(wanted) {
            before.annotations.entry(key).or_insert(json!(old));
            annotations.insert(key.to_owned(), json!(wanted));
        }
    }
    if patch.is_empty() && annotations.is_empty() {
        return None;
    }
    annotations.insert(BEFORE.to_owned(), json!(json!(before).to_string()));
    Some(patch_of(have, annotations, patch))
}

/// The patch that gives the Service back; `None` where nothing was taken.
pub(super) fn release(subject: &Subject<'_>, have: &Value) -> Option<Value> {
    let Some(before) = remembered(have) else {
        // Taken by Flagger, which remembers nothing, or never taken.
        if *selector(have) != subject.selector.primary_pods() {
            return None;
        }
        let change = value::difference(selector(have), &users_selector(subject, have))?;
        return Some(patch_of(have, Map::new(), Map::from_iter([("selector".to_owned(), change)])));
    };
    let mut patch = Map::new();
    // A selector that is no longer ours was written by the user meanwhile.
    if *selector(have) == subject.selector.primary_pods() {
        patch.extend(value::difference(selector(have), &before.selector).map(|change| ("selector".to_owned(), change)));
    }
    let ports = without_ports(have, &before);
    if ports != ports_of(have) {
        patch.insert("ports".to_owned(), json!(ports));
    }
    let mut annotations = before.annotations;
    annotations.insert(BEFORE.to_owned(), Value::Null);
    Some(patch_of(have, annotations, patch))
}

fn patch_of(have: &Value, annotations: Map<String, Value>, spec: Map<String, Value>) -> Value {
    let version = value::at(have, &["metadata", "resourceVersion"]);
    let mut patch = json!({"metadata": {"resourceVersion": version, "annotations": annotations}, "spec": spec});
    value::prune_empty(&mut patch);
    patch
}

fn remembered(have: &Value) -> Option<Before> {
    value::text(have, &["metadata", "annotations", BEFORE]).and_then(|text| serde_json::from_str(text).ok())
}

/// What the user's Service selected before somebody made it select the primary: as `kubectl apply` wrote it, or the target's pods.
fn users_selector(subject: &Subject<'_>, have: &Value) -> Value {
    let applied = value::text(have, &["metadata", "annotations", "kubectl.kubernetes.io/last-applied-configuration"]);
    let applied: Option<Value> = applied.and_then(|text| serde_json::from_str(text).ok());
    let selector = applied.as_ref().map(selector).filter(|selector| selector.is_object());
    selector.cloned().unwrap_or_else(|| subject.selector.target_pods())
}

fn with_ports(have: &Value, wanted: &[Value], before: &mut Before) -> Vec<Value> {
    let mut list = ports_of(have).to_vec();
    for port in wanted {
        let count = list.len();
        ports::add(&mut list, port.clone());
        if list.len() > count {
            before.added.push(owned_key(port));
        }
    }
    if list.len() > 1 {
        for port in list.iter_mut().filter(|port| value::text(port, &["name"]).is_none_or(str::is_empty)) {
            let (number, protocol) = owned_key(port);
            port["name"] = json!(format!("{}-{number}", protocol.to_lowercase()));
            before.unnamed.push((number, protocol));
        }
    }
    list
}

fn without_ports(have: &Value, before: &Before) -> Vec<Value> {
    let mut list = ports_of(have).to_vec();
    list.retain(|port| !before.added.contains(&owned_key(port)));
    if let [port] = &mut list[..]
        && before.unnamed.contains(&owned_key(port))
        && let Some(port) = port.as_object_mut()
    {
        port.shift_remove("name");
    }
    list
}

fn owned_key(port: &Value) -> (u32, String) {
    let (number, protocol) = ports::key(port);
    (number, protocol.to_owned())
}
