//! The controller of EndpointSlices: which ready pods each Service means.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::apiserver::Apiserver;
use super::pods::Pod;
use crate::model::Time;
use crate::object::kinds::{ENDPOINT_SLICE, SERVICE};
use crate::object::{ObjectKey, Objects, value};
use crate::workload::endpoints::{TRIGGERED, note_since, since};

const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// Brings every slice up to date.
pub(super) fn tick(api: &mut Apiserver, pods: &[Pod], now: Time) {
    let mut wanted = BTreeMap::new();
    for (key, service) in api.objects().of_kind(SERVICE) {
        let ready = value::at(service, &["spec", "selector"])
            .map_or(0, |selector| pods.iter().filter(|p| p.is_ready(now) && p.matches(selector)).count());
        wanted.insert(slice_key(key), (key.name.clone(), ready));
    }
    let gone = api.objects().of_kind(ENDPOINT_SLICE).map(|(k, _)| k.clone()).filter(|k| !wanted.contains_key(k));
    for key in gone.collect::<Vec<_>>() {
        api.delete(&key);
    }
    for (key, (service, ready)) in wanted {
        let before = api.find(&key).cloned();
        if before.as_ref().and_then(|o| o.get("endpoints")).and_then(Value::as_array).map(Vec::len) == Some(ready) {
            continue;
        }
        let endpoints: Vec<_> = (0..ready)
            .map(|i| json!({"addresses": [format!("10.0.0.{i}")], "conditions": {"ready": true, "serving": true}}))
            .collect();
        let metadata = json!({"labels": {SERVICE_NAME: service}, "annotations": {TRIGGERED: now.to_string()}});
        let mut slice = json!({"metadata": metadata, "addressType": "IPv4", "endpoints": endpoints});
        // The nodes know it to the second; the operator notes what it sees itself.
        note_since(&mut slice, before.as_ref(), false, now);
        api.put(&key, slice);
    }
}

fn slice_key(service: &ObjectKey) -> ObjectKey {
    ENDPOINT_SLICE.named(&service.namespace, format!("{}-s1", service.name))
}

/// Ready endpoints of a Service; `None` where the Service is not there.
pub(super) fn ready(objects: &Objects, namespace: &str, service: &str) -> Option<usize> {
    let key = SERVICE.named(namespace, service);
    objects.find(&key)?;
    objects.find(&slice_key(&key)).and_then(|o| o.get("endpoints")).and_then(Value::as_array).map(Vec::len)
}

/// How long kube-proxy gathers changes before it writes them.
const GATHERED: Duration = Duration::from_secs(1);

/// Whether nobody answers at the address of a Service: it has no ready endpoint, or no node knows yet that it has one.
pub(super) fn is_dead(objects: &Objects, namespace: &str, service: &str, now: Time) -> bool {
    let slice = objects.find(&slice_key(&SERVICE.named(namespace, service)));
    let fresh = slice.and_then(|slice| since(&[slice], service)).is_some_and(|since| now.since(since) < GATHERED);
    fresh || ready(objects, namespace, service).unwrap_or(0) == 0
}
