use std::collections::BTreeSet;
use std::sync::Arc;

use kube::runtime::watcher::Event;
use serde_json::{Value, json};

use super::{Cache, Item, Look, Ripple, Seen, Sight, Standing};
use crate::api;
use crate::object::kinds::{BUDGET, CANARY, CONFIG_MAP, DEPLOYMENT, ENDPOINT_SLICE, HPA, NAMESPACE, POD};
use crate::object::{Kind, ObjectKey, value};
use crate::scene::{EVERY, GROUP, Labelled, Lookups};
use crate::workload::endpoints;
use crate::world::place::Place;

const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// A canary named `n` looks at its target and at the slices of the Service `n-canary`.
fn lookups(canary: &Seen<api::Canary>) -> Lookups {
    let canary = canary.stored.value();
    let target = value::text(&canary, &["spec", "target"]).unwrap_or_default();
    let (kind, value) = (ENDPOINT_SLICE, format!("{target}-canary"));
    let labelled = vec![Labelled { kind, namespace: "test".to_owned(), label: SERVICE_NAME, value }];
    Lookups { keys: vec![DEPLOYMENT.named("test", target)], labelled }
}

/// Leads to the ConfigMaps that the target's annotation `reads` lists.
fn further(sight: &Sight) -> Vec<ObjectKey> {
    let reads = |seen: &Seen<Value>| {
        value::text(&seen.value(), &["metadata", "annotations", "reads"]).map(|list| CONFIG_MAP.named("test", list))
    };
    sight.objects.iter().filter_map(|(_, seen)| reads(seen)).collect()
}

fn object(name: &str, version: u64, more: &Value) -> Item {
    let mut object = json!({"metadata": {"name": name, "namespace": "test", "resourceVersion": version.to_string()}});
    value::merge(&mut object, more);
    Item::new(object)
}

fn canary(name: &str, version: u64, target: &str) -> Item {
    let metadata = json!({"uid": name, "generation": version});
    object(name, version, &json!({"metadata": metadata, "spec": {"target": target}}))
}

fn slice(name: &str, version: u64, service: &str) -> Item {
    object(name, version, &json!({"metadata": {"labels": {SERVICE_NAME: service}}, "endpoints": []}))
}

fn list(cache: &Cache, kind: Kind, items: Vec<Item>) -> Ripple {
    cache.absorb(kind, Event::Init);
    for item in items {
        cache.absorb(kind, Event::InitApply(item));
    }
    cache.absorb(kind, Event::InitDone)
}

/// One canary `a` of the Deployment `a`, everything listed.
fn synced() -> Cache {
    let cache = Cache::new(Arc::new(lookups), Arc::new(further));
    list(&cache, CANARY, vec![canary("a", 1, "a")]);
    list(&cache, DEPLOYMENT, vec![object("a", 2, &json!({})), object("b", 3, &json!({}))]);
    list(&cache, ENDPOINT_SLICE, vec![slice("a-canary-x", 4, "a-canary")]);
    cache
}

fn place(name: &str) -> Place {
    Place::new("test", name)
}

fn places<const N: usize>(names: [&str; N]) -> BTreeSet<Place> {
    names.iter().map(|name| place(name)).collect()
}

fn seen(cache: &Cache, canary: &str) -> Vec<String> {
    match cache.look(&place(canary)) {
        Look::Seen(sight) => sight.objects.iter().map(|(key, _)| key.to_string()).collect(),
        other => vec![format!("{other:?}")],
    }
}

#[test]
fn kinds_are_watched_when_a_canary_needs_them_and_only_after_all_canaries_are_known() {
    let cache = Cache::new(Arc::new(lookups), Arc::new(further));
    assert_eq!(cache.absorb(CANARY, Event::Init).start, BTreeSet::new());
    assert_eq!(cache.absorb(CANARY, Event::InitApply(canary("a", 1, "a"))).start, BTreeSet::new());
    assert_eq!(cache.absorb(CANARY, Event::InitDone).start, BTreeSet::from([DEPLOYMENT, ENDPOINT_SLICE]));
    assert_eq!(cache.absorb(CANARY, Event::Apply(canary("b", 2, "b"))).start, BTreeSet::new());
}

#[test]
fn a_canary_is_not_looked_at_before_everything_it_needs_is_listed() {
    let cache = Cache::new(Arc::new(lookups), Arc::new(further));
    list(&cache, CANARY, vec![canary("a", 1, "a")]);
    list(&cache, DEPLOYMENT, vec![]);
    assert!(matches!(cache.look(&place("a")), Look::Waiting(ENDPOINT_SLICE)));
    assert_eq!(list(&cache, ENDPOINT_SLICE, vec![]).wake, places(["a"]));
    assert_eq!(seen(&cache, "a"), [] as [&str; 0]);
}

#[test]
fn a_change_wakes_those_who_look_at_the_object_and_nobody_else() {
    let cache = synced();
    cache.absorb(CANARY, Event::Apply(canary("z", 5, "z")));
    assert_eq!(cache.absorb(DEPLOYMENT, Event::Apply(object("a", 6, &json!({})))).wake, places(["a"]));
    assert_eq!(cache.absorb(DEPLOYMENT, Event::Apply(object("other", 7, &json!({})))).wake, places([]));
    assert_eq!(cache.absorb(DEPLOYMENT, Event::Apply(object("z", 8, &json!({})))).wake, places(["z"]));
    assert_eq!(cache.absorb(ENDPOINT_SLICE, Event::Apply(slice("y", 9, "z-canary"))).wake, places(["z"]));
    assert_eq!(cache.absorb(ENDPOINT_SLICE, Event::Apply(slice("y", 10, "a-canary"))).wake, places(["a", "z"]));
    assert_eq!(cache.absorb(ENDPOINT_SLICE, Event::Delete(slice("y", 11, "a-canary"))).wake, places(["a"]));
}

#[test]
fn what_is_relisted_unchanged_wakes_nobody_and_what_is_missing_is_gone() {
    let cache = synced();
    assert_eq!(list(&cache, DEPLOYMENT, vec![object("a", 2, &json!({}))]).wake, places([]));
    assert_eq!(seen(&cache, "a"), ["Deployment/a.test", "EndpointSlice/a-canary-x.test"]);
    assert_eq!(list(&cache, DEPLOYMENT, vec![]).wake, places(["a"]));
    assert_eq!(seen(&cache, "a"), ["EndpointSlice/a-canary-x.test"]);
    assert_eq!(list(&cache, CANARY, vec![]).wake, places(["a"]));
    assert!(matches!(cache.look(&place("a")), Look::Gone));
}

#[test]
fn an_object_that_nobody_named_before_is_read_once_and_watched_from_then_on() {
    let cache = synced();
    cache.absorb(CANARY, Event::Apply(canary("b", 5, "b")));
    let Look::Unread(keys) = cache.look(&place("b")) else { panic!("b is there, but was not kept") };
    assert_eq!(keys, [DEPLOYMENT.named("test", "b")]);
    cache.fill(&DEPLOYMENT.named("test", "b"), Some(object("b", 3, &json!({}))));
    assert_eq!(seen(&cache, "b"), ["Deployment/b.test"]);
    cache.absorb(DEPLOYMENT, Event::Delete(object("b", 6, &json!({}))));
    cache.fill(&DEPLOYMENT.named("test", "b"), Some(object("b", 3, &json!({}))));
    assert_eq!(seen(&cache, "b"), [] as [&str; 0], "an old read does not bring back what the watch saw go");
}

#[test]
fn a_canary_that_names_another_target_lets_the_old_one_go() {
    let cache = synced();
    cache.absorb(CANARY, Event::Apply(canary("a", 5, "c")));
    assert_eq!(cache.absorb(DEPLOYMENT, Event::Apply(object("a", 6, &json!({})))).wake, places([]));
    assert_eq!(cache.absorb(DEPLOYMENT, Event::Apply(object("c", 7, &json!({})))).wake, places(["a"]));
    cache.absorb(CANARY, Event::Apply(canary("a", 8, "a")));
    assert!(matches!(cache.look(&place("a")), Look::Unread(_)));
}

#[test]
fn a_kind_that_the_cluster_does_not_have_is_said_so_and_its_coming_wakes_everybody() {
    let cache = synced();
    assert_eq!(cache.stand(DEPLOYMENT, Standing::Unserved).wake, places(["a"]));
    assert_eq!(cache.stand(DEPLOYMENT, Standing::Unserved).wake, places([]), "told once");
    let Look::Seen(sight) = cache.look(&place("a")) else { panic!("what is not served is not waited for") };
    assert_eq!(sight.unserved, BTreeSet::from([DEPLOYMENT]));
    assert_eq!(list(&cache, DEPLOYMENT, vec![object("a", 9, &json!({}))]).wake, places(["a"]));
}

#[test]
fn a_canary_made_anew_under_its_old_name_is_indexed_anew() {
    let cache = synced();
    let again = object("a", 5, &json!({"metadata": {"uid": "other", "generation": 1}, "spec": {"target": "c"}}));
    cache.absorb(CANARY, Event::Apply(again));
    assert_eq!(cache.absorb(DEPLOYMENT, Event::Apply(object("c", 6, &json!({})))).wake, places(["a"]));
}

#[test]
fn everything_up_to_the_newest_event_is_known() {
    let cache = synced();
    assert_eq!(cache.seen(DEPLOYMENT), 3);
    cache.absorb(DEPLOYMENT, Event::Delete(object("unrelated", 12, &json!({}))));
    assert_eq!(cache.seen(DEPLOYMENT), 12);
}

#[test]
fn a_config_that_the_target_names_is_read_once_for_each_change_and_kept_without_its_data() {
    let cache = synced();
    let reads = json!({"metadata": {"annotations": {"reads": "app"}}});
    cache.absorb(DEPLOYMENT, Event::Apply(object("a", 5, &reads)));
    assert!(matches!(cache.look(&place("a")), Look::Waiting(CONFIG_MAP)));
    assert_eq!(cache.unstarted(), BTreeSet::from([CONFIG_MAP]));
    list(&cache, CONFIG_MAP, vec![object("app", 6, &json!({})), object("other", 7, &json!({}))]);

    let key = CONFIG_MAP.named("test", "app");
    let unread = |look: Look| matches!(look, Look::Unread(keys) if keys == [key.clone()]);
    assert!(unread(cache.look(&place("a"))));
    cache.fill(&key, Some(object("app", 6, &json!({"data": {"color": "red"}}))));
    let Look::Seen(sight) = cache.look(&place("a")) else { panic!("it was read") };
    let stored = sight.objects.iter().find(|(found, _)| *found == key).map(|(_, stored)| stored.value());
    let stored = stored.expect("it is seen");
    assert!(stored.get("data").is_none() && stored.get("digest").is_some(), "{stored}");

    let woken = cache.absorb(CONFIG_MAP, Event::Apply(object("app", 8, &json!({})))).wake;
    assert_eq!(woken, places(["a"]));
    assert!(unread(cache.look(&place("a"))));
    assert_eq!(cache.absorb(CONFIG_MAP, Event::Apply(object("other", 9, &json!({})))).wake, places([]));
}

#[test]
fn a_config_that_is_named_no_more_wakes_nobody() {
    let cache = synced();
    cache.absorb(DEPLOYMENT, Event::Apply(object("a", 5, &json!({"metadata": {"annotations": {"reads": "app"}}}))));
    cache.look(&place("a"));
    list(&cache, CONFIG_MAP, vec![object("app", 6, &json!({}))]);
    cache.absorb(DEPLOYMENT, Event::Apply(object("a", 7, &json!({}))));
    assert!(matches!(cache.look(&place("a")), Look::Seen(_)));
    assert_eq!(cache.absorb(CONFIG_MAP, Event::Apply(object("app", 8, &json!({})))).wake, places([]));
}

#[test]
fn what_an_autoscaler_measures_wakes_nobody() {
    let lookups = |_: &Seen<api::Canary>| Lookups { keys: vec![HPA.named("test", "a")], labelled: vec![] };
    let cache = Cache::new(Arc::new(lookups), Arc::new(further));
    list(&cache, CANARY, vec![canary("a", 1, "a")]);
    let hpa = |version, cpu: u32, most: u32| {
        object("a", version, &json!({"spec": {"maxReplicas": most}, "status": {"currentMetrics": cpu}}))
    };
    list(&cache, HPA, vec![hpa(2, 50, 9)]);
    assert_eq!(cache.absorb(HPA, Event::Apply(hpa(3, 60, 9))).wake, places([]));
    assert_eq!(cache.seen(HPA), 3);
    assert_eq!(cache.absorb(HPA, Event::Apply(hpa(4, 60, 8))).wake, places(["a"]));
}

#[test]
fn of_two_canaries_of_one_target_each_sees_the_other_and_its_end() {
    let cache = synced();
    cache.absorb(CANARY, Event::Apply(canary("c", 5, "a")));
    let beside = |name: &str| match cache.look(&place(name)) {
        Look::Seen(sight) => {
            sight.objects.into_iter().filter(|(key, _)| key.kind == CANARY).map(|(key, _)| key.name).collect()
        }
        look => panic!("{look:?}"),
    };
    assert_eq!((beside("a"), beside("c")), (vec!["c".to_owned()], vec!["a".to_owned()]));
    let woken = cache.absorb(CANARY, Event::Delete(canary("c", 6, "a"))).wake;
    assert_eq!(woken, places(["a", "c"]));
    assert_eq!(beside("a"), Vec::<String>::new());
}

#[test]
fn every_canary_of_a_namespace_looks_at_its_budgets_and_no_count_of_pods_wakes_one() {
    let every = |canary: &Seen<api::Canary>| {
        let (kind, namespace) = (BUDGET, "test".to_owned());
        let all = Labelled { kind, namespace, label: EVERY, value: String::new() };
        Lookups { labelled: vec![all], ..lookups(canary) }
    };
    let cache = Cache::new(Arc::new(every), Arc::new(further));
    list(&cache, CANARY, vec![canary("a", 1, "a"), canary("b", 2, "b")]);
    list(&cache, DEPLOYMENT, vec![]);
    list(&cache, BUDGET, vec![object("any", 3, &json!({"metadata": {"labels": {"team": "basket"}}}))]);
    assert_eq!(seen(&cache, "a"), ["PodDisruptionBudget/any.test"]);
    let put = |version, more: &Value| cache.absorb(BUDGET, Event::Apply(object("any", version, more))).wake;
    assert_eq!(put(4, &json!({"spec": {"minAvailable": 1}})), places(["a", "b"]));
    assert_eq!(put(5, &json!({"spec": {"minAvailable": 1}, "status": {"currentHealthy": 2}})), places([]));
}

#[test]
fn the_moment_of_the_first_ready_endpoint_is_kept_while_there_is_one() {
    let cache = synced();
    let ready = |version, pods: &Value| {
        let labels = json!({SERVICE_NAME: "a-canary"});
        object("a-canary-x", version, &json!({"metadata": {"labels": labels}, "endpoints": pods}))
    };
    let since = || {
        let Look::Seen(sight) = cache.look(&place("a")) else { panic!("it is seen") };
        let slice = sight.objects.iter().find(|(key, _)| key.kind == ENDPOINT_SLICE).map(|(_, stored)| stored.value());
        endpoints::since(&[&slice.expect("it is there")], "a-canary")
    };
    cache.absorb(ENDPOINT_SLICE, Event::Apply(ready(10, &json!([]))));
    assert_eq!(since(), None);
    cache.absorb(ENDPOINT_SLICE, Event::Apply(ready(11, &json!([{"addresses": ["10.0.0.1"]}]))));
    let first = since();
    assert!(first.is_some());
    let two = json!([{"addresses": ["10.0.0.1"]}, {"addresses": ["10.0.0.2"]}]);
    list(&cache, ENDPOINT_SLICE, vec![ready(12, &two)]);
    assert_eq!(since(), first);
}

#[test]
fn a_change_of_a_member_wakes_its_group_and_each_sees_the_others() {
    let grouped = |canary: &Seen<api::Canary>| {
        let group = value::text(&canary.stored.value(), &["spec", "group"]).map(str::to_owned);
        let group = group.map(|value| Labelled { kind: CANARY, namespace: "test".to_owned(), label: GROUP, value });
        Lookups { labelled: group.into_iter().collect(), ..Lookups::default() }
    };
    let cache = Cache::new(Arc::new(grouped), Arc::new(|_: &Sight| Vec::new()));
    let member = |name: &str, version: u64, group: &str| {
        let metadata = json!({"uid": name, "generation": version});
        object(name, version, &json!({"metadata": metadata, "spec": {"group": group}}))
    };
    list(&cache, CANARY, vec![member("a", 1, "shop"), member("b", 2, "shop"), member("c", 3, "bank")]);
    assert_eq!(seen(&cache, "a"), ["Canary/a.test", "Canary/b.test"]);
    let status =
        object("b", 4, &json!({"metadata": {"uid": "b", "generation": 2}, "spec": {"group": "shop"}, "status": {}}));
    assert_eq!(cache.absorb(CANARY, Event::Apply(status)).wake, places(["a", "b"]));
    assert_eq!(cache.absorb(CANARY, Event::Apply(member("b", 5, "bank"))).wake, places(["a", "b", "c"]), "it moved");
    assert_eq!((seen(&cache, "a").len(), seen(&cache, "c").len()), (1, 2));
    assert_eq!(cache.absorb(CANARY, Event::Delete(member("b", 6, "bank"))).wake, places(["b", "c"]));
}

#[test]
fn a_pod_is_found_by_its_name_and_among_all_of_its_namespace_whoever_asks_first() {
    let pods = || Labelled { kind: POD, namespace: "test".to_owned(), label: EVERY, value: String::new() };
    for first in ["by-name", "by-group"] {
        let looks = move |canary: &Seen<api::Canary>| match value::text(&canary.stored.value(), &["metadata", "name"]) {
            Some("by-name") => Lookups { keys: vec![POD.named("test", "p")], labelled: Vec::new() },
            _ => Lookups { keys: Vec::new(), labelled: vec![pods()] },
        };
        let cache = Cache::new(Arc::new(looks), Arc::new(|_: &Sight| Vec::new()));
        let second = if first == "by-name" { "by-group" } else { "by-name" };
        list(&cache, CANARY, vec![canary(first, 1, "t"), canary(second, 2, "t")]);
        list(&cache, POD, vec![object("p", 3, &json!({}))]);
        for name in [first, second] {
            let Look::Seen(sight) = cache.look(&Place::new("test", name)) else { panic!("{name} sees nothing") };
            let seen: Vec<_> = sight.objects.iter().map(|(key, _)| key.clone()).collect();
            assert_eq!(seen, [POD.named("test", "p")], "{name} after {first}");
        }
    }
}

#[test]
fn of_a_namespace_only_its_labels_wake_its_canaries() {
    let looks = |_: &Seen<api::Canary>| Lookups { keys: vec![NAMESPACE.named("", "test")], labelled: vec![] };
    let cache = Cache::new(Arc::new(looks), Arc::new(|_: &_| Vec::new()));
    list(&cache, CANARY, vec![canary("a", 1, "a")]);
    let namespace = |version: u64, stage: &str, status: &str| {
        let metadata = json!({"name": "test", "resourceVersion": version.to_string(), "labels": {"stage": stage}});
        Item::new(json!({"metadata": metadata, "status": {"phase": status}}))
    };
    list(&cache, NAMESPACE, vec![namespace(1, "staging", "Active")]);
    let woken = |item| cache.absorb(NAMESPACE, Event::Apply(item)).wake;
    assert_eq!(woken(namespace(2, "staging", "Terminating")), places([]));
    assert_eq!(woken(namespace(3, "production", "Terminating")), places(["a"]));
}
