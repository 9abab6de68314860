//! A core Service as target: whoever fills it, each side has a copy of it, and the primary's is the promoted one.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::whole::{Place, Whole, one};
use super::{CANARY, WorkloadError, hash, metadata};
use crate::model::{Complaint, Endpoints, PrimaryMatch, PrimarySeen, Replacement, Revision, Seen, TargetSeen};
use crate::object::kinds::SERVICE;
use crate::object::{Change, ObjectKey, value};

/// Annotation of the primary's copy: the revision that it was made of.
const REVISION: &str = "serin.dev/revision";

/// Fields that the cluster assigns to one Service alone.
const ASSIGNED: [&str; 6] =
    ["clusterIP", "clusterIPs", "healthCheckNodePort", "loadBalancerIP", "loadBalancerClass", "externalIPs"];

/// Nothing is known of who answers behind it.
const GRACE: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(super) struct CoreService;

impl Whole for CoreService {
    fn target(&self, at: &Place<'_>) -> Result<TargetSeen, Complaint> {
        Ok(TargetSeen {
            revision: revision(at.target),
            replicas: 1,
            rollout: one(true),
            grace: GRACE,
            replacement: Replacement::Rolling,
        })
    }

    fn primary(&self, at: &Place<'_>) -> Seen<PrimarySeen> {
        let Some(copy) = at.objects.find(&key(at, "-primary")) else { return Seen::Missing };
        Seen::Found(PrimarySeen { runs: PrimaryMatch::Revision(revision(copy)), replicas: 1, rollout: one(true) })
    }

    fn endpoints(&self, at: &Place<'_>) -> Endpoints {
        let there = |side| u32::from(at.objects.find(&key(at, side)).is_some());
        Endpoints { primary: there("-primary"), canary: there("-canary"), ..Endpoints::default() }
    }

    fn kept(&self, _at: &Place<'_>) -> Vec<Revision> {
        Vec::new()
    }

    fn sides(&self, at: &Place<'_>) -> Vec<Change> {
        mend(at, "-canary").into_iter().collect()
    }

    fn promote(&self, at: &Place<'_>, wanted: &Revision) -> Result<Vec<Change>, WorkloadError> {
        let found = revision(at.target);
        if found == *wanted {
            return Ok(mend(at, "-primary").into_iter().collect());
        }
        Err(WorkloadError::OtherRevision { object: format!("Service/{}", at.name), wanted: wanted.clone(), found })
    }

    fn discard(&self, at: &Place<'_>) -> Vec<Change> {
        let made = |key: &ObjectKey| at.objects.find(key).is_some_and(|copy| is_ours(at, copy));
        ["-primary", "-canary"].map(|side| key(at, side)).into_iter().filter(made).map(Change::Delete).collect()
    }
}

/// The copy of a side: routes lead to the name of the apex.
fn key(at: &Place<'_>, side: &str) -> ObjectKey {
    SERVICE.named(at.namespace, format!("{}{side}", at.apex))
}

/// The write that makes the copy of a side what the target is; `None` where it is.
fn mend(at: &Place<'_>, side: &str) -> Option<Change> {
    let key = key(at, side);
    let want = spec(at.target);
    let found = at.objects.find(&key);
    if found.is_some_and(|copy| spec(copy) == want) {
        return None;
    }
    let mut annotations = Value::Object(metadata::annotations(at.target));
    value::merge(&mut annotations, &json!({CANARY: at.canary, REVISION: revision(at.target).as_str()}));
    let object = json!({
        "apiVersion": SERVICE.api_version(),
        "kind": SERVICE.kind,
        "metadata": {
            "name": key.name,
            "namespace": key.namespace,
            "labels": metadata::labels(at.target, &["*".to_owned()]),
            "annotations": annotations,
        },
        "spec": want,
    });
    Some(Change::Apply(SERVICE, object))
}

/// What of a Service is the user's: without what the cluster gave it, and reachable from inside alone.
fn spec(service: &Value) -> Map<String, Value> {
    let mut spec = value::at(service, &["spec"]).and_then(Value::as_object).cloned().unwrap_or_default();
    let headless = spec.get("clusterIP").and_then(Value::as_str) == Some("None");
    spec.retain(|field, _| !ASSIGNED.contains(&field.as_str()));
    if headless {
        spec.insert("clusterIP".to_owned(), json!("None"));
    }
    let is_external = spec.get("type").and_then(Value::as_str) == Some("ExternalName");
    spec.insert("type".to_owned(), json!(if is_external { "ExternalName" } else { "ClusterIP" }));
    for port in spec.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(port) = port.as_object_mut() {
            port.shift_remove("nodePort");
        }
    }
    spec
}

fn revision(service: &Value) -> Revision {
    Revision::new(format!("{}{}", Revision::SCHEME, hash::fingerprint(Value::Object(spec(service)))))
}

fn is_ours(at: &Place<'_>, copy: &Value) -> bool {
    value::text(copy, &["metadata", "annotations", CANARY]) == Some(at.canary)
        || super::subject::owners(copy).any(|owner| value::text(owner, &["name"]) == Some(at.canary))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::FakeStore;

    fn service(host: &str) -> Value {
        json!({"metadata": {"labels": {"team": "basket"}}, "spec": {"type": "ExternalName", "externalName": host}})
    }

    fn load_balancer() -> Value {
        json!({"spec": {
            "type": "LoadBalancer", "clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"], "selector": {"app": "cart"},
            "ports": [{"port": 80, "nodePort": 30080}],
        }})
    }

    fn place<'a>(target: &'a Value, store: &'a FakeStore) -> Place<'a> {
        Place { namespace: "shop", canary: "cart", name: "cart", apex: "cart", target, objects: store.objects() }
    }

    fn write(store: &mut FakeStore, changes: &[Change]) {
        changes.iter().for_each(|change| store.write(change).expect("no other hand wrote"));
    }

    #[test]
    fn the_canary_follows_the_target_and_the_primary_only_a_promotion() {
        let (mut store, first, second) = (FakeStore::default(), service("a.example.com"), service("b.example.com"));
        let sides = CoreService.sides(&place(&first, &store));
        let promoted = CoreService.promote(&place(&first, &store), &revision(&first)).expect("it is this one");
        write(&mut store, &sides);
        write(&mut store, &promoted);
        assert_eq!(
            CoreService.endpoints(&place(&first, &store)),
            Endpoints { primary: 1, canary: 1, ..Endpoints::default() }
        );
        let sides = CoreService.sides(&place(&second, &store));
        write(&mut store, &sides);
        let host = |store: &FakeStore, side: &str| {
            store
                .objects()
                .find(&SERVICE.named("shop", format!("cart{side}")))
                .map(|s| s["spec"]["externalName"].clone())
        };
        assert_eq!(host(&store, "-canary"), Some(json!("b.example.com")));
        assert_eq!(host(&store, "-primary"), Some(json!("a.example.com")));
        let Seen::Found(primary) = CoreService.primary(&place(&second, &store)) else { panic!("it is there") };
        assert!(primary.runs.is(&revision(&first)));
        assert!(CoreService.promote(&place(&second, &store), &revision(&first)).is_err(), "the target has moved on");
    }

    #[test]
    fn the_copies_are_named_after_the_apex_that_routes_lead_to() {
        let (store, target) = (FakeStore::default(), service("a.example.com"));
        let at = Place { apex: "shop", ..place(&target, &store) };
        let made = [CoreService.sides(&at), CoreService.promote(&at, &revision(&target)).expect("it is this one")];
        let names: Vec<_> = made.concat().iter().filter_map(Change::key).map(|key| key.name).collect();
        assert_eq!(names, ["shop-canary", "shop-primary"]);
    }

    #[test]
    fn what_the_cluster_gave_one_service_is_neither_copied_nor_a_change() {
        let (mut store, target) = (FakeStore::default(), load_balancer());
        let sides = CoreService.sides(&place(&target, &store));
        write(&mut store, &sides);
        let copy = store.objects().find(&SERVICE.named("shop", "cart-canary")).cloned().expect("it was made");
        let expected = json!({"type": "ClusterIP", "selector": {"app": "cart"}, "ports": [{"port": 80}]});
        assert_eq!(copy["spec"], expected);
        let mut moved = load_balancer();
        moved["spec"]["clusterIP"] = json!("10.0.0.2");
        assert_eq!(revision(&moved), revision(&target));
        assert_eq!(CoreService.sides(&place(&moved, &store)), []);
    }

    #[test]
    fn only_copies_of_ours_are_taken_away() {
        let (mut store, target) = (FakeStore::default(), service("a.example.com"));
        let sides = CoreService.sides(&place(&target, &store));
        write(&mut store, &sides);
        store.put(SERVICE.named("shop", "cart-primary"), service("theirs"));
        let gone = CoreService.discard(&place(&target, &store));
        assert_eq!(gone, [Change::Delete(SERVICE.named("shop", "cart-canary"))]);
    }
}
