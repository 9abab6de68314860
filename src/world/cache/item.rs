//! One object as it comes from a watch, and the compact form in which it is kept.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use kube::Resource;
use kube::api::ObjectMeta;
use kube::core::{ApiResource, DynamicResourceScope};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, json};

use super::super::clock;
use super::super::malformed;
use super::super::place::Place;
use crate::object::kinds::{
    BUDGET, CANARY, CONFIG_MAP, CONTROLLER_REVISION, DAEMON_SET, DELIVERY_POLICY, DEPLOYMENT, ENDPOINT_SLICE, HPA,
    METRIC_TEMPLATE, NAMESPACE, POD, SCALED_OBJECT, SECRET, SERVICE,
};
use crate::object::{FIELD_MANAGER, Kind, content, value};
use crate::scene;
use crate::workload::endpoints;

const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Any object of any kind: it decodes whatever the apiserver sends, so one malformed object never stops a watch.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    meta: ObjectMeta,
    value: Value,
}

/// An object at rest: JSON text without what nobody reads.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    /// `metadata.resourceVersion`; 0 where it is not a number.
    pub(crate) version: u64,
    /// The object.
    pub(crate) json: Arc<[u8]>,
}

impl Item {
    pub(crate) fn new(value: Value) -> Self {
        let text = |path: &[&str]| value::text(&value, path).map(str::to_owned);
        let meta = ObjectMeta {
            name: text(&["metadata", "name"]),
            namespace: text(&["metadata", "namespace"]),
            resource_version: text(&["metadata", "resourceVersion"]),
            ..ObjectMeta::default()
        };
        Self { meta, value }
    }

    /// The object as it came.
    pub(crate) fn into_value(self) -> Value {
        self.value
    }

    pub(crate) fn place(&self) -> Place {
        Place::new(self.meta.namespace.as_deref().unwrap_or_default(), self.meta.name.as_deref().unwrap_or_default())
    }

    /// The value of a label.
    pub(crate) fn label(&self, label: &str) -> Option<&str> {
        scene::label(&self.value, label)
    }

    pub(crate) fn version(&self) -> u64 {
        self.meta.resource_version.as_deref().and_then(|v| v.parse().ok()).unwrap_or(0)
    }

    /// Notes what only somebody who watches can know of an object that comes after `before`.
    pub(super) fn note(&mut self, kind: Kind, before: Option<&Stored>, listed: bool) {
        if kind == ENDPOINT_SLICE {
            endpoints::note_since(&mut self.value, before.map(Stored::value).as_ref(), listed, clock::now());
        }
    }

    /// The compact form. Drops managedFields, but for who wrote a Canary's status, and who else wrote a route last; the last-applied annotation too,
    /// except on routing objects, whose routers look for it; of a Namespace everything but its labels; of an EndpointSlice everything that does not help to count its
    /// ready pods; the data of ConfigMaps and Secrets, of which the checksum stays.
    pub(crate) fn store(mut self, kind: Kind) -> Stored {
        let version = self.version();
        if let Some(meta) = self.value.get_mut("metadata").and_then(Value::as_object_mut) {
            if let Some(Value::Array(writers)) = meta.shift_remove("managedFields") {
                let kept = match kind {
                    CANARY => scene::writers(writers),
                    routes if !is_ours_to_prune(routes) => last_other_writer(&writers),
                    _ => Vec::new(),
                };
                if !kept.is_empty() {
                    meta.insert("managedFields".to_owned(), Value::Array(kept));
                }
            }
            let annotations = meta.get_mut("annotations").and_then(Value::as_object_mut);
            if let Some(annotations) = annotations.filter(|_| is_ours_to_prune(kind)) {
                annotations.shift_remove(LAST_APPLIED);
            }
        }
        if kind == ENDPOINT_SLICE {
            prune_slice(&mut self.value);
        } else if kind == POD {
            prune_pod(&mut self.value);
        } else if kind == NAMESPACE {
            prune_namespace(&mut self.value);
        } else if kind == HPA || kind == SCALED_OBJECT || kind == BUDGET {
            prune_scaler(&mut self.value);
        } else if content::is_held_by(kind) {
            content::seal(&mut self.value);
        } else if kind == CONTROLLER_REVISION {
            let configs = self.value.pointer_mut("/data/configs").and_then(Value::as_object_mut);
            configs.into_iter().flat_map(|configs| configs.values_mut()).for_each(content::seal);
        }
        Stored { version, json: self.value.to_string().into_bytes().into() }
    }
}

/// An object that somebody looks at. It is decoded once for all who read it, since that is most of what a look costs.
#[derive(Clone, Debug)]
pub(crate) struct Seen<T> {
    pub(crate) stored: Stored,
    decoded: OnceLock<Result<Arc<T>, String>>,
}

impl<T> From<Stored> for Seen<T> {
    fn from(stored: Stored) -> Self {
        Self { stored, decoded: OnceLock::new() }
    }
}

impl<T: DeserializeOwned> Seen<T> {
    /// The object.
    ///
    /// # Errors
    /// A sentence that names the field that cannot be read.
    pub(crate) fn read(&self) -> Result<Arc<T>, String> {
        self.decoded.get_or_init(|| malformed::decode(&self.stored).map(Arc::new)).clone()
    }

    /// The same, without a copy where nobody else holds it.
    pub(crate) fn into_read(self) -> Result<T, String>
    where
        T: Clone,
    {
        let decoded = self.decoded.into_inner();
        decoded.unwrap_or_else(|| malformed::decode(&self.stored).map(Arc::new)).map(Arc::unwrap_or_clone)
    }
}

impl Seen<Value> {
    /// The object, which any text that was kept can be read as.
    pub(crate) fn value(&self) -> Arc<Value> {
        self.read().unwrap_or_default()
    }
}

impl Stored {
    /// The object, decoded.
    pub(crate) fn value(&self) -> Value {
        serde_json::from_slice(&self.json).unwrap_or_default()
    }
}

fn is_ours_to_prune(kind: Kind) -> bool {
    [
        BUDGET,
        CANARY,
        CONFIG_MAP,
        CONTROLLER_REVISION,
        DAEMON_SET,
        DELIVERY_POLICY,
        DEPLOYMENT,
        ENDPOINT_SLICE,
        HPA,
        METRIC_TEMPLATE,
        NAMESPACE,
        POD,
        SCALED_OBJECT,
        SECRET,
        SERVICE,
    ]
    .contains(&kind)
}

/// Who set the weights of a route that are not ours is told by name.
fn last_other_writer(writers: &[Value]) -> Vec<Value> {
    let text = |writer: &Value, field| value::text(writer, &[field]).unwrap_or_default().to_owned();
    let others = writers
        .iter()
        .filter(|writer| text(writer, "manager") != FIELD_MANAGER && text(writer, "subresource").is_empty());
    let last = others.max_by_key(|writer| text(writer, "time"));
    last.map(|writer| json!({"manager": text(writer, "manager"), "time": text(writer, "time")})).into_iter().collect()
}

/// An autoscaler writes what it measures many times a minute, and a budget is told of each pod.
fn prune_scaler(scaler: &mut Value) {
    if let Some(fields) = scaler.as_object_mut() {
        fields.shift_remove("status");
    }
    if let Some(meta) = scaler.get_mut("metadata").and_then(Value::as_object_mut) {
        meta.shift_remove("resourceVersion");
    }
}

/// Of a pod it matters whose it is, which revision it is of and whether it answers.
fn prune_pod(pod: &mut Value) {
    let Some(fields) = pod.as_object_mut() else { return };
    fields.retain(|key, _| matches!(key.as_str(), "metadata" | "status"));
    if let Some(meta) = fields.get_mut("metadata").and_then(Value::as_object_mut) {
        meta.retain(|key, _| {
            matches!(
                key.as_str(),
                "name" | "namespace" | "resourceVersion" | "uid" | "labels" | "deletionTimestamp" | "ownerReferences"
            )
        });
    }
    if let Some(status) = fields.get_mut("status").and_then(Value::as_object_mut) {
        status.retain(|key, _| key == "conditions");
    }
    let conditions = pod.pointer_mut("/status/conditions").and_then(Value::as_array_mut);
    for condition in conditions.into_iter().flatten().filter_map(Value::as_object_mut) {
        condition.retain(|key, _| matches!(key.as_str(), "type" | "status"));
    }
}

/// Of a namespace its labels matter.
fn prune_namespace(namespace: &mut Value) {
    let Some(fields) = namespace.as_object_mut() else { return };
    fields.retain(|key, _| key == "metadata");
    if let Some(meta) = fields.get_mut("metadata").and_then(Value::as_object_mut) {
        meta.retain(|key, _| matches!(key.as_str(), "name" | "labels"));
    }
}

fn prune_slice(slice: &mut Value) {
    let Some(fields) = slice.as_object_mut() else { return };
    fields.retain(|key, _| matches!(key.as_str(), "metadata" | "endpoints" | endpoints::SINCE));
    if let Some(meta) = fields.get_mut("metadata").and_then(Value::as_object_mut) {
        meta.retain(|key, _| matches!(key.as_str(), "name" | "namespace" | "resourceVersion" | "labels"));
    }
    for endpoint in fields.get_mut("endpoints").and_then(Value::as_array_mut).into_iter().flatten() {
        let Some(endpoint) = endpoint.as_object_mut() else { continue };
        endpoint.retain(|key, _| matches!(key.as_str(), "conditions" | "targetRef" | "addresses"));
        if let Some(pod) =
            endpoint.get_mut("targetRef").and_then(Value::as_object_mut).filter(|p| p.contains_key("uid"))
        {
            pod.retain(|key, _| key == "uid");
            endpoint.shift_remove("addresses");
        }
    }
}

impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(Self::new)
    }
}

impl Serialize for Item {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(serializer)
    }
}

impl Resource for Item {
    type DynamicType = ApiResource;
    type Scope = DynamicResourceScope;

    fn kind(resource: &ApiResource) -> Cow<'_, str> {
        resource.kind.as_str().into()
    }

    fn group(resource: &ApiResource) -> Cow<'_, str> {
        resource.group.as_str().into()
    }

    fn version(resource: &ApiResource) -> Cow<'_, str> {
        resource.version.as_str().into()
    }

    fn plural(resource: &ApiResource) -> Cow<'_, str> {
        resource.plural.as_str().into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.meta
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.meta
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn stored(kind: Kind, object: Value) -> Value {
        Item::new(object).store(kind).value()
    }

    #[test]
    fn what_nobody_reads_is_not_kept() {
        let meta = json!({"name": "a", "managedFields": [{}], "annotations": {LAST_APPLIED: "{}", "mine": "1"}});
        let kept = stored(SERVICE, json!({"metadata": meta, "spec": {"x": 1}}));
        assert_eq!(kept, json!({"metadata": {"name": "a", "annotations": {"mine": "1"}}, "spec": {"x": 1}}));
    }

    #[test]
    fn a_routing_object_keeps_its_last_applied_annotation() {
        let kind = Kind {
            group: "networking.istio.io",
            version: "v1beta1",
            kind: "VirtualService",
            plural: "virtualservices",
        };
        let object = json!({"metadata": {"name": "a", "annotations": {LAST_APPLIED: "{}"}}});
        assert_eq!(stored(kind, object.clone()), object);
    }

    #[test]
    fn a_pod_keeps_whose_it_is_and_whether_it_answers() {
        let owners = json!([{"uid": "u", "controller": true}]);
        let meta = json!({"name": "a", "uid": "p", "labels": {"x": "y"}, "ownerReferences": owners});
        let ready = json!({"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"});
        let mut pod = json!({"metadata": meta, "spec": {}, "status": {"conditions": [ready], "podIP": "10.0.0.1"}});
        pod["metadata"]["annotations"] = json!({"mine": "1"});
        let kept = json!({"metadata": meta, "status": {"conditions": [{"type": "Ready", "status": "True"}]}});
        assert_eq!(stored(POD, pod), kept);
    }

    #[test]
    fn a_slice_keeps_just_what_tells_its_ready_pods() {
        let meta = json!({"name": "a", "labels": {"kubernetes.io/service-name": "s"}, "uid": "u"});
        let pod = |uid| json!({"kind": "Pod", "name": "p", "namespace": "test", "uid": uid});
        let endpoints = json!([
            {"addresses": ["10.0.0.1"], "conditions": {"ready": true}, "nodeName": "n", "targetRef": pod("1")},
            {"addresses": ["fd00::1"], "conditions": {"ready": true}, "nodeName": "n", "targetRef": pod("1")},
            {"addresses": ["10.0.0.2"], "conditions": {"ready": false}, "targetRef": pod("2")},
            {"addresses": ["10.0.0.3"], "zone": "z"},
        ]);
        let slice = json!({"metadata": meta, "endpoints": endpoints, "ports": [{}]});
        let kept = stored(ENDPOINT_SLICE, slice.clone());
        let ready = |slice: &Value| crate::workload::endpoints::ready(&[slice], "s");
        assert_eq!((ready(&kept), ready(&slice)), (2, 2));
        assert!(kept.to_string().len() * 3 < slice.to_string().len() * 2, "{kept}");
    }
}
