//! Autoscalers: the user's, which scales the target, and its copy, which scales the primary.
//!
//! The copy follows the user's object at any time, without a release. During a release it may not go below what the primary needs
//! when its traffic returns. Of the user's object nothing is written but KEDA's annotation of a pause.

use serde_json::{Map, Value, json};

use super::{CANARY, Subject, hash, metadata};
use crate::api::{AutoscalerKind, AutoscalerRef};
use crate::model::{Hold, ScalerSeen, Shape};
use crate::object::kinds::{HPA, SCALED_OBJECT};
use crate::object::{Change, Kind, ObjectKey, Objects, value};

/// Annotation of the primary: the autoscaler that was made for it, to be found when the spec no longer names it.
const SCALER: &str = "serin.dev/scaler";

/// Annotation of the copy: how far it may not go down now, and for what.
const HOLD: &str = "serin.dev/hold";

/// Stands for all that we applied, as that of a Service does.
const SHAPE: &str = "serin.dev/shape";

/// How KEDA is told to keep a workload at so many pods.
const PAUSED: &str = "autoscaling.keda.sh/paused-replicas";

/// The label by which KEDA knows its objects.
const KEDAS: &str = "scaledobject.keda.sh/name";

/// Where the user's autoscaler is.
pub fn key(namespace: &str, wanted: &AutoscalerRef) -> ObjectKey {
    kind(wanted.kind).named(namespace, &wanted.name)
}

/// Where its copy for the primary is.
pub fn copy_of(key: &ObjectKey) -> ObjectKey {
    key.kind.named(&key.namespace, format!("{}-primary", key.name))
}

/// The autoscaler that was made for this primary.
pub fn made_for(primary: &Value) -> Option<ObjectKey> {
    let (kind, name) = value::text(primary, &["metadata", "annotations", SCALER])?.split_once('/')?;
    let kind = [HPA, SCALED_OBJECT].into_iter().find(|known| known.kind == kind)?;
    Some(kind.named(value::text(primary, &["metadata", "namespace"]).unwrap_or_default(), name))
}

/// What is seen of the autoscalers; `None` where the user's is missing.
pub fn seen(
    subject: &Subject<'_>,
    wanted: &AutoscalerRef,
    primary: Option<&Value>,
    have: &Objects,
) -> Option<ScalerSeen> {
    let users = key(subject.namespace, wanted);
    let source = have.find(&users)?;
    let copy = copy_of(&users);
    let hold = have.find(&copy).and_then(hold_of);
    let changes = primary.map(|primary| changes(subject, wanted, hold, primary, have)).unwrap_or_default();
    let shape = match (changes.is_empty(), have.find(&copy)) {
        (_, None) => Shape::Missing,
        (true, Some(_)) => Shape::AsWanted,
        (false, Some(_)) => Shape::Differs,
    };
    let [least, _] = bounds(wanted.kind);
    let (least, most) = (number(source, least).unwrap_or(1).max(1), most(wanted, source));
    Some(ScalerSeen { shape, hold, least, most })
}

/// The writes that make the primary's autoscaler the copy of the user's, but for `hold`; none where it is.
pub fn changes(
    subject: &Subject<'_>,
    wanted: &AutoscalerRef,
    hold: Option<Hold>,
    primary: &Value,
    have: &Objects,
) -> Vec<Change> {
    let users = key(subject.namespace, wanted);
    let Some(source) = have.find(&users) else { return Vec::new() };
    let copy = copy_of(&users);
    let mut changes = drop_stale(subject, primary, Some(&copy), have);
    let want = render(subject, wanted, &copy, source, hold);
    let found = have.find(&copy);
    let differs = !found.is_some_and(|found| is_as_wanted(found, &want));
    let name = format!("{}/{}", copy.kind.kind, copy.name);
    let noted = value::text(primary, &["metadata", "annotations", SCALER]) == Some(name.as_str());
    if !noted && (differs || found.is_some_and(|found| subject.marked(found))) {
        // Order: what leads to the copy before the copy, so that none is ever lost.
        let note = json!({"metadata": {"annotations": {SCALER: name}}});
        changes.push(Change::Merge(subject.primary(), note));
    }
    if differs {
        changes.push(Change::Apply(copy.kind, want));
    }
    changes
}

/// The writes that take the primary's autoscaler away, since the spec names none any more.
pub fn orphaned(subject: &Subject<'_>, primary: &Value, have: &Objects) -> Vec<Change> {
    let mut changes = drop_stale(subject, primary, None, have);
    if made_for(primary).is_some() {
        let note = json!({"metadata": {"annotations": {SCALER: null}}});
        changes.push(Change::Merge(subject.primary(), note));
    }
    changes
}

/// An autoscaler of another name or kind would go on scaling the primary.
fn drop_stale(subject: &Subject<'_>, primary: &Value, kept: Option<&ObjectKey>, have: &Objects) -> Vec<Change> {
    let stale = made_for(primary).filter(|key| Some(key) != kept);
    stale.filter(|key| have.find(key).is_some_and(|copy| subject.made(copy))).map(Change::Delete).into_iter().collect()
}

/// Tells KEDA to leave the target alone, or to scale it again. An HPA needs no such word: it does nothing at 0 pods.
pub fn pause(users: &ObjectKey, have: &Objects, pause: Pause) -> Vec<Change> {
    let Some(object) = have.find(users).filter(|_| users.kind == SCALED_OBJECT) else { return Vec::new() };
    let is_paused = value::text(object, &["metadata", "annotations", PAUSED]) == Some("0");
    let note = match (pause, is_paused) {
        (Pause::AtZero, false) => json!("0"),
        (Pause::Over, true) => Value::Null,
        (Pause::AtZero, true) | (Pause::Over, false) => return Vec::new(),
    };
    vec![Change::Merge(users.clone(), json!({"metadata": {"annotations": {PAUSED: note}}}))]
}

/// Whether the user's autoscaler shall leave the target alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pause {
    /// The target stands at zero.
    AtZero,
    /// It is scaled again.
    Over,
}

const fn kind(of: AutoscalerKind) -> Kind {
    match of {
        AutoscalerKind::HorizontalPodAutoscaler => HPA,
        AutoscalerKind::ScaledObject => SCALED_OBJECT,
    }
}

/// Fields of `spec` that bound the pods.
const fn bounds(of: AutoscalerKind) -> [&'static str; 2] {
    match of {
        AutoscalerKind::HorizontalPodAutoscaler => ["minReplicas", "maxReplicas"],
        AutoscalerKind::ScaledObject => ["minReplicaCount", "maxReplicaCount"],
    }
}

fn number(object: &Value, field: &str) -> Option<u32> {
    value::count(object, &["spec", field])
}

/// Most pods that the copy may make. KEDA's own default is 100; an HPA must say it.
fn most(wanted: &AutoscalerRef, source: &Value) -> u32 {
    let [_, most] = bounds(wanted.kind);
    let replicas = wanted.primary_scaler_replicas.as_ref().and_then(|replicas| replicas.max_replicas);
    replicas.and_then(|most| u32::try_from(most).ok()).or_else(|| number(source, most)).unwrap_or(100)
}

fn render(subject: &Subject<'_>, wanted: &AutoscalerRef, key: &ObjectKey, source: &Value, hold: Option<Hold>) -> Value {
    let mut spec = value::at(source, &["spec"]).cloned().unwrap_or_else(|| json!({}));
    spec["scaleTargetRef"]["name"] = json!(subject.primary().name);
    let [least, most_of] = bounds(wanted.kind);
    let replicas = wanted.primary_scaler_replicas.clone().unwrap_or_default();
    for (field, replicas) in [(least, replicas.min_replicas), (most_of, replicas.max_replicas)] {
        if let Some(replicas) = replicas {
            spec[field] = json!(replicas);
        }
    }
    if let Some(hold) = hold {
        let usual = value::count(&spec, &[least]).unwrap_or_default();
        spec[least] = json!(usual.max(hold.pods().min(most(wanted, source))));
    }
    if wanted.kind == AutoscalerKind::ScaledObject {
        of_keda(&mut spec, subject, wanted);
    }
    let mut labels = metadata::labels(source, &["*".to_owned()]);
    labels.shift_remove(KEDAS);
    let mut annotations = match wanted.kind {
        AutoscalerKind::HorizontalPodAutoscaler => Map::new(),
        AutoscalerKind::ScaledObject => metadata::annotations(source),
    };
    annotations.insert(CANARY.to_owned(), json!(subject.canary));
    annotations.extend(hold.map(|hold| (HOLD.to_owned(), json!(written(hold)))));
    let mut object = json!({
        "apiVersion": key.kind.api_version(),
        "kind": key.kind.kind,
        "metadata": {"name": key.name, "namespace": key.namespace, "labels": labels, "annotations": annotations},
        "spec": spec,
    });
    object["metadata"]["annotations"][SHAPE] = json!(hash::fingerprint(object.clone()));
    object
}

/// What KEDA measures for the target is measured for the primary.
fn of_keda(spec: &mut Value, subject: &Subject<'_>, wanted: &AutoscalerRef) {
    let queries = &wanted.primary_scaler_queries;
    for trigger in spec.get_mut("triggers").and_then(Value::as_array_mut).into_iter().flatten() {
        let own = value::text(trigger, &["name"]).and_then(|name| queries.get(name)).cloned();
        if let Some(query) = trigger.pointer_mut("/metadata/query") {
            if let Some(own) = own {
                *query = json!(own);
            } else if queries.is_empty() {
                *query = json!(of_primary(query.as_str().unwrap_or_default(), subject.target));
            }
        }
    }
    if let Some(name) = spec.pointer_mut("/advanced/horizontalPodAutoscalerConfig/name") {
        *name = json!(format!("{}-primary", name.as_str().unwrap_or_default()));
    }
}

/// A query about the target or its canary, asked about the primary. A name in quotes is always meant; elsewhere only as a whole word
/// that is not the name of a label.
fn of_primary(query: &str, target: &str) -> String {
    let mut said = String::new();
    let (mut rest, mut quote) = (query, None);
    while let Some(sign) = rest.chars().next() {
        let after = rest.strip_prefix(target).filter(|_| !target.is_empty());
        if let Some(after) = after.filter(|after| quote.is_some() || is_word(&said, after)) {
            said.push_str(target);
            said.push_str("-primary");
            rest = ["-canary", "-primary"].into_iter().find_map(|side| after.strip_prefix(side)).unwrap_or(after);
            continue;
        }
        match quote {
            Some(open) if open == sign => quote = None,
            None if matches!(sign, '"' | '\'' | '`') => quote = Some(sign),
            Some(_) | None => {}
        }
        said.push(sign);
        rest = rest.get(sign.len_utf8()..).unwrap_or_default();
    }
    said
}

fn is_word(before: &str, after: &str) -> bool {
    let within = |sign: char| sign.is_alphanumeric() || sign == '_';
    let is_label = ["=", "!=", "!~"].iter().any(|sign| after.trim_start().starts_with(sign));
    !before.ends_with(within) && !after.starts_with(within) && !is_label
}

fn is_as_wanted(have: &Value, want: &Value) -> bool {
    let shape = |object| value::text(object, &["metadata", "annotations", SHAPE]);
    let fits = |field: &str| {
        let of = |object| value::at(object, &[field]).unwrap_or(&Value::Null);
        value::contains(of(have), of(want))
    };
    match shape(have) {
        Some(_) => shape(have) == shape(want) && fits("metadata") && fits("spec"),
        // Flagger's: what is there is enough, until there is something to change.
        None => value::at(want, &["metadata", "annotations", HOLD]).is_none() && fits("spec"),
    }
}

fn written(hold: Hold) -> String {
    match hold {
        Hold::Release(pods) => format!("release/{pods}"),
        Hold::Promotion(pods) => format!("promotion/{pods}"),
    }
}

fn hold_of(copy: &Value) -> Option<Hold> {
    let (what, pods) = value::text(copy, &["metadata", "annotations", HOLD])?.split_once('/')?;
    let pods = pods.parse().ok()?;
    match what {
        "release" => Some(Hold::Release(pods)),
        "promotion" => Some(Hold::Promotion(pods)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
