//! The controller of EndpointSlices: which ready pods each Service means.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::apiserver::Apiserver;
use super::pods::Pod;
use crate::model::Time;
use crate::object::kinds::{ENDPOINT_SLICE, SERVICE};
use crate::object::{ObjectKey, Objects, value};

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
        if api.find(&key).and_then(|o| o.get("endpoints")).and_then(Value::as_array).map(Vec::len) == Some(ready) {
            continue;
        }
        let endpoints: Vec<_> = (0..ready)
            .map(|i| json!({"addresses": [format!("10.0.0.{i}")], "conditions": {"ready": true, "serving": true}}))
            .collect();
        let labels = json!({SERVICE_NAME: service});
        api.put(&key, json!({"metadata": {"labels": labels}, "addressType": "IPv4", "endpoints": endpoints}));
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
