//! The three Services: the apex, which users call, and one for each side.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{CANARY, Role, Subject, adoption, hash, ports};
use crate::api::{CanaryService, Metadata};
use crate::object::kinds::SERVICE;
use crate::object::{Change, Objects, value};

/// The writes that make the Services of both sides as wanted; none where they are.
pub fn sides(subject: &Subject<'_>, service: &CanaryService, target: &Value, have: &Objects) -> Vec<Change> {
    let roles = [Role::Canary, Role::Primary];
    roles.into_iter().flat_map(|role| mend(subject, service, target, role, have)).collect()
}

/// The writes that make the apex Service select the primary's pods; none where it does.
///
/// Of a Service that the user made only the selector changes, and ports that it lacks are added.
pub fn apex(subject: &Subject<'_>, service: &CanaryService, target: &Value, have: &Objects) -> Vec<Change> {
    mend(subject, service, target, Role::Apex, have)
}

/// The writes that make the apex Service select the target's pods again; none where it does.
///
/// A Service that the user made is as it was before. One that we made stays, since somebody calls it.
pub fn release_apex(subject: &Subject<'_>, have: &Objects) -> Vec<Change> {
    let key = subject.service(Role::Apex);
    let Some(service) = have.find(&key) else { return Vec::new() };
    let patch = if subject.made(service) {
        value::difference(selector(service), &subject.selector.target_pods()).map(|selector| {
            let version = value::at(service, &["metadata", "resourceVersion"]);
            json!({"metadata": {"resourceVersion": version}, "spec": {"selector": selector}})
        })
    } else {
        adoption::release(subject, service)
    };
    patch.map(|patch| Change::Merge(key, patch)).into_iter().collect()
}

/// What tells Flux to leave an object alone.
pub(super) const FLUX: [(&str, &str); 2] =
    [("kustomize.toolkit.fluxcd.io/reconcile", "disabled"), ("helm.toolkit.fluxcd.io/driftDetection", "disabled")];

/// Stands for all that we applied: a field that is no longer wanted is noticed by it, and the next apply drops that field.
const SHAPE: &str = "serin.dev/shape";

fn mend(subject: &Subject<'_>, service: &CanaryService, target: &Value, role: Role, have: &Objects) -> Vec<Change> {
    let key = subject.service(role);
    let wanted_ports = ports::wanted(service, target);
    let have = have.find(&key);
    if let Some(foreign) = have.filter(|have| !subject.made(have)) {
        let patch = adoption::adopt(subject, role, foreign, &wanted_ports);
        return patch.map(|patch| Change::Merge(key, patch)).into_iter().collect();
    }
    let want = render(subject, service, role, &wanted_ports, have);
    if have.is_some_and(|have| is_as_wanted(have, &want)) {
        return Vec::new();
    }
    // Order: a port in the way is not ours alone, so that an apply would not drop it but fail.
    let cleared = have.and_then(|have| without_ports_in_the_way(have, &wanted_ports));
    cleared.map(|patch| Change::Merge(key, patch)).into_iter().chain([Change::Apply(SERVICE, want)]).collect()
}

fn render(subject: &Subject<'_>, service: &CanaryService, role: Role, ports: &[Value], have: Option<&Value>) -> Value {
    let key = subject.service(role);
    let unmanaged = service.unmanaged_metadata.as_ref();
    let metadata = metadata_of(service, role);
    let labels = entries(
        metadata.and_then(|metadata| metadata.labels.as_ref()),
        unmanaged.and_then(|unmanaged| unmanaged.labels.as_deref()),
        &[(&subject.selector.label, &key.name)],
    );
    // What Flagger made is known by its owner; it stays as it is until something else is to be written.
    let mark = have.is_none_or(|have| subject.marked(have)).then_some((CANARY, subject.canary));
    let ours: Vec<(&str, &str)> = FLUX.into_iter().chain(mark).collect();
    let annotations = entries(
        metadata.and_then(|metadata| metadata.annotations.as_ref()),
        unmanaged.and_then(|unmanaged| unmanaged.annotations.as_deref()),
        &ours,
    );
    let mut spec = json!({"selector": pods(subject, role), "ports": ports});
    // A Service can neither become headless nor cease to be.
    let headless = have.map(|have| value::text(have, &["spec", "clusterIP"]) == Some("None"));
    if headless.unwrap_or(service.headless == Some(true)) {
        spec["clusterIP"] = json!("None");
    }
    if let Some(distribution) = service.traffic_distribution {
        spec["trafficDistribution"] = json!(distribution);
    }
    let mut object = json!({
        "apiVersion": SERVICE.api_version(),
        "kind": SERVICE.kind,
        "metadata": {"name": key.name, "namespace": key.namespace, "labels": labels, "annotations": annotations},
        "spec": spec,
    });
    object["metadata"]["annotations"][SHAPE] = json!(hash::fingerprint(object.clone()));
    object
}

/// The pods that a Service of this role selects.
pub(super) fn pods(subject: &Subject<'_>, role: Role) -> Value {
    match role {
        Role::Apex | Role::Primary => subject.selector.primary_pods(),
        Role::Canary => subject.selector.target_pods(),
    }
}

const fn metadata_of(service: &CanaryService, role: Role) -> Option<&Metadata> {
    match role {
        Role::Apex => service.apex.as_ref(),
        Role::Primary => service.primary.as_ref(),
        Role::Canary => service.canary.as_ref(),
    }
}

/// What the user wants, but for the keys that somebody else writes, and what we need.
fn entries(
    wanted: Option<&BTreeMap<String, String>>,
    unmanaged: Option<&[String]>,
    ours: &[(&str, &str)],
) -> BTreeMap<String, String> {
    let is_managed = |key: &String| !unmanaged.is_some_and(|unmanaged| unmanaged.contains(key));
    let wanted = wanted.into_iter().flatten().filter(|(key, _)| is_managed(key));
    let wanted = wanted.map(|(key, value)| (key.clone(), value.clone()));
    wanted.chain(ours.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))).collect()
}

/// Whether an apply of `want` would change nothing. Metadata and ports of others do not count; the selector does as a whole.
fn is_as_wanted(have: &Value, want: &Value) -> bool {
    let shape = |object| value::text(object, &["metadata", "annotations", SHAPE]);
    if shape(have).is_some() {
        return shape(have) == shape(want) && fits(have, want);
    }
    // Never applied by us: what is there is enough.
    let mut want = want.clone();
    if let Some(annotations) = want.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
        annotations.shift_remove(SHAPE);
    }
    fits(have, &want)
}

fn fits(have: &Value, want: &Value) -> bool {
    let spec_fits = |(field, want): (&String, &Value)| match field.as_str() {
        "ports" => want.as_array().into_iter().flatten().all(|port| ports::contain(ports_of(have), port)),
        "selector" => selector(have) == want,
        _ => value::at(have, &["spec", field]) == Some(want),
    };
    let spec = value::at(want, &["spec"]).and_then(Value::as_object);
    let metadata = (value::at(have, &["metadata"]), value::at(want, &["metadata"]));
    spec.into_iter().flatten().all(spec_fits)
        && matches!(metadata, (Some(have), Some(want)) if value::contains(have, want))
}

/// The patch that clears away ports whose name one of the wanted ports needs; `None` where there is none.
fn without_ports_in_the_way(have: &Value, wanted: &[Value]) -> Option<Value> {
    let name = |port: &Value| value::text(port, &["name"]).map(ToOwned::to_owned);
    let is_in_the_way =
        |port: &Value| wanted.iter().any(|want| ports::key(want) != ports::key(port) && name(want) == name(port));
    if !ports_of(have).iter().any(is_in_the_way) {
        return None;
    }
    let mut kept: Vec<Value> = ports_of(have).iter().filter(|port| !is_in_the_way(port)).cloned().collect();
    wanted.iter().for_each(|port| ports::add(&mut kept, port.clone()));
    let version = value::at(have, &["metadata", "resourceVersion"]);
    Some(json!({"metadata": {"resourceVersion": version}, "spec": {"ports": kept}}))
}

pub(super) fn ports_of(service: &Value) -> &[Value] {
    value::at(service, &["spec", "ports"]).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

pub(super) fn selector(service: &Value) -> &Value {
    value::at(service, &["spec", "selector"]).unwrap_or(&Value::Null)
}
