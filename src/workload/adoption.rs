//! A Service that the user made: taken over with the fewest changes, and given back as it was.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::services::{FLUX, pods, ports_of, selector};
use super::{Role, Subject, patch, ports};
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
    let mut before =
        remembered(have).unwrap_or_else(|| Before { selector: users_selector(subject, have), ..Before::default() });
    let mut patch = Map::new();
    if *selector(have) != pods {
        before.selector = selector(have).clone();
        patch.extend(value::difference(selector(have), &pods).map(|change| ("selector".to_owned(), change)));
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
    Some(patch::of(have, &json!({"annotations": annotations}), &Value::Object(patch)))
}

/// The patch that gives a Service back; `None` where nothing was taken.
pub(super) fn release(subject: &Subject<'_>, role: Role, have: &Value) -> Option<Value> {
    // Another selector was written by the user meanwhile, or nothing was ever taken.
    let is_taken = *selector(have) == pods(subject, role);
    let Some(before) = remembered(have) else {
        if role != Role::Apex {
            return None;
        }
        // Flagger remembers nothing.
        let change = value::difference(selector(have), &users_selector(subject, have)).filter(|_| is_taken)?;
        return Some(patch::of(have, &json!({}), &json!({"selector": change})));
    };
    let mut patch = Map::new();
    if is_taken {
        patch.extend(value::difference(selector(have), &before.selector).map(|change| ("selector".to_owned(), change)));
    }
    let ports = without_ports(have, &before);
    if ports != ports_of(have) {
        patch.insert("ports".to_owned(), json!(ports));
    }
    let mut annotations = before.annotations;
    annotations.insert(BEFORE.to_owned(), Value::Null);
    Some(patch::of(have, &json!({"annotations": annotations}), &Value::Object(patch)))
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

#[cfg(test)]
mod tests {
    use super::super::{samples, services};
    use super::*;
    use crate::api::CanaryService;
    use crate::object::{Change, FakeStore};

    /// The user's own Service, as `kubectl apply` wrote it.
    fn users(selector: &Value, ports: &Value) -> Value {
        json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"labels": {"team": "basket"}, "annotations": {"note": "x"}, "uid": "9"},
            "spec": {"type": "LoadBalancer", "clusterIP": "10.0.0.7", "selector": selector, "ports": ports},
        })
    }

    fn stored(have: Value) -> FakeStore {
        let mut store = FakeStore::default();
        store.put(samples::subject().service(Role::Apex), have);
        store
    }

    fn write(store: &mut FakeStore, changes: &[Change]) {
        changes.iter().for_each(|change| store.write(change).expect("no other hand wrote"));
    }

    fn adopt_apex(store: &mut FakeStore, service: &CanaryService) -> Vec<Change> {
        let changes = services::apex(&samples::subject(), service, &samples::deployment(), store.objects());
        write(store, &changes);
        changes
    }

    /// The apex without its version, which each write changes.
    fn apex(store: &FakeStore) -> Value {
        let mut apex =
            store.objects().find(&samples::subject().service(Role::Apex)).cloned().expect("it was put there");
        value::merge(&mut apex, &json!({"metadata": {"resourceVersion": null}}));
        apex
    }

    fn port_80() -> CanaryService {
        CanaryService { port: 80, ..CanaryService::default() }
    }

    #[test]
    fn of_the_users_service_only_the_selector_and_the_marks_change() {
        let ports = json!([{"name": "web", "port": 80, "targetPort": "http", "nodePort": 30080}]);
        let mut store = stored(users(&json!({"app": "cart", "tier": "front"}), &ports));
        adopt_apex(&mut store, &port_80());
        let mut adopted = apex(&store);
        let before = adopted["metadata"]["annotations"].as_object_mut().and_then(|a| a.remove(BEFORE));
        assert!(before.is_some());
        let mut expected = users(&json!({"app": "cart-primary"}), &ports);
        let named = json!({"metadata": {"name": "cart", "namespace": "shop", "annotations": FLUX.into_iter().collect::<std::collections::BTreeMap<_, _>>()}});
        value::merge(&mut expected, &named);
        assert_eq!(adopted, expected);
        assert_eq!(adopt_apex(&mut store, &port_80()), []);
    }

    #[test]
    fn a_port_that_is_missing_is_added_and_none_is_removed() {
        let mut store =
            stored(users(&json!({"app": "cart"}), &json!([{"port": 9000, "protocol": "TCP", "targetPort": 9000}])));
        let before = apex(&store);
        adopt_apex(&mut store, &port_80());
        let ports = json!([
            {"port": 9000, "protocol": "TCP", "targetPort": 9000, "name": "tcp-9000"},
            {"name": "http", "protocol": "TCP", "port": 80, "targetPort": 80},
        ]);
        assert_eq!(apex(&store)["spec"]["ports"], ports);
        assert_eq!(adopt_apex(&mut store, &port_80()), []);
        let release = services::release_apex(&samples::subject(), store.objects());
        write(&mut store, &release);
        assert_eq!(apex(&store), before);
    }

    #[test]
    fn an_edit_of_the_users_after_the_adoption_survives_the_release() {
        let mut store = stored(users(&json!({"app": "cart"}), &json!([{"name": "web", "port": 80}])));
        adopt_apex(&mut store, &port_80());
        let mut edited = apex(&store);
        edited["spec"]["selector"] = json!({"app": "cart", "tier": "front"});
        edited["metadata"]["labels"]["team"] = json!("till");
        store.put(samples::subject().service(Role::Apex), edited);
        adopt_apex(&mut store, &port_80());
        assert_eq!(apex(&store)["spec"]["selector"], json!({"app": "cart-primary"}));
        let release = services::release_apex(&samples::subject(), store.objects());
        write(&mut store, &release);
        assert_eq!(apex(&store)["spec"]["selector"], json!({"app": "cart", "tier": "front"}));
        assert_eq!(apex(&store)["metadata"]["labels"]["team"], "till");
        assert_eq!(services::release_apex(&samples::subject(), store.objects()), []);
    }

    #[test]
    fn a_selector_that_the_user_wrote_meanwhile_survives_the_release() {
        let mut store = stored(users(&json!({"app": "cart"}), &json!([{"name": "web", "port": 80}])));
        adopt_apex(&mut store, &port_80());
        let mut edited = apex(&store);
        edited["spec"]["selector"] = json!({"app": "other"});
        store.put(samples::subject().service(Role::Apex), edited);
        let release = services::release_apex(&samples::subject(), store.objects());
        write(&mut store, &release);
        assert_eq!(apex(&store)["spec"]["selector"], json!({"app": "other"}));
        assert_eq!(apex(&store)["metadata"]["annotations"], json!({"note": "x"}));
    }

    #[test]
    fn what_flagger_took_goes_back_as_it_was_applied_or_to_the_targets_pods() {
        let taken = users(&json!({"app": "cart-primary"}), &json!([{"name": "http", "port": 80}]));
        let mut store = stored(taken.clone());
        let release = services::release_apex(&samples::subject(), store.objects());
        write(&mut store, &release);
        assert_eq!(apex(&store)["spec"]["selector"], json!({"app": "cart"}));

        let mut applied = taken;
        let manifest = json!({"spec": {"selector": {"app": "cart", "tier": "front"}}}).to_string();
        applied["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"] = json!(manifest);
        let mut store = stored(applied);
        let release = services::release_apex(&samples::subject(), store.objects());
        write(&mut store, &release);
        assert_eq!(apex(&store)["spec"]["selector"], json!({"app": "cart", "tier": "front"}));
    }

    #[test]
    fn a_service_that_was_never_taken_is_not_touched() {
        let store = stored(users(&json!({"app": "other"}), &json!([{"port": 80}])));
        assert_eq!(services::release_apex(&samples::subject(), store.objects()), []);
        assert_eq!(services::release_apex(&samples::subject(), FakeStore::default().objects()), []);
    }
}
