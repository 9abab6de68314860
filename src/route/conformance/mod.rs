//! The laws that every router obeys, over every router in `ALL` and any input. A new router needs no edit here.

mod strategies;

use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};

use self::strategies::{Subject, foreign, json_values, routings, store, subjects, within};
use super::{ALL, Router, find, unknown};
use crate::model::{Affinity, Mirror, Routing};
use crate::object::{Change, FakeStore, ObjectKey, value};

/// Renders and writes; returns what was written.
fn route(router: &dyn Router, subject: &Subject, want: &Routing, store: &mut FakeStore) -> Vec<Change> {
    let changes = router.render(&subject.target(), want, store.objects()).expect("what a router can do is rendered");
    write(store, &changes);
    changes
}

fn write(store: &mut FakeStore, changes: &[Change]) {
    for change in changes {
        store.write(change).expect("nobody else has written meanwhile");
    }
}

proptest! {
    #[test]
    fn what_was_rendered_reads_back(subject in subjects(), want in routings(), objects in foreign()) {
        for router in ALL {
            let (subject, want) = within(router.capabilities(&subject.service), subject.clone(), want.clone());
            let mut store = store(&router.objects(&subject.target()), &objects);
            route(*router, &subject, &want, &mut store);
            prop_assert_eq!(router.read(&subject.target(), store.objects()), Ok(Some(want)));
        }
    }

    #[test]
    fn a_second_rendering_has_nothing_to_write(subject in subjects(), want in routings(), objects in foreign()) {
        for router in ALL {
            let (subject, want) = within(router.capabilities(&subject.service), subject.clone(), want.clone());
            let mut store = store(&router.objects(&subject.target()), &objects);
            route(*router, &subject, &want, &mut store);
            prop_assert_eq!(route(*router, &subject, &want, &mut store), vec![]);
        }
    }

    #[test]
    fn a_new_route_is_one_write(subject in subjects(), first in routings(), second in routings(), objects in foreign()) {
        for router in ALL {
            let can = router.capabilities(&subject.service);
            let (subject, first) = within(can, subject.clone(), first.clone());
            let (subject, second) = within(can, subject, second.clone());
            let mut store = store(&router.objects(&subject.target()), &objects);
            route(*router, &subject, &first, &mut store);
            let changes = route(*router, &subject, &second, &mut store);
            prop_assert_eq!(changes.len(), usize::from(first != second), "{:?}", changes);
        }
    }

    #[test]
    fn weights_sum_to_100_and_backends_are_the_two_sides(subject in subjects(), want in routings()) {
        for router in ALL {
            let (subject, want) = within(router.capabilities(&subject.service), subject.clone(), want.clone());
            for change in route(*router, &subject, &want, &mut FakeStore::default()) {
                let (Change::Apply(_, object) | Change::Create(_, object) | Change::Merge(_, object)) = &change else {
                    continue;
                };
                for weights in weights(object) {
                    prop_assert_eq!(weights.iter().sum::<u64>(), 100, "{}", object);
                }
                for host in texts_under(object, "host") {
                    prop_assert!(subject.target().sides().contains(&host), "{}", host);
                }
            }
        }
    }

    #[test]
    fn everything_else_stays_as_it_was(subject in subjects(), want in routings(), objects in foreign()) {
        for router in ALL {
            let (subject, want) = within(router.capabilities(&subject.service), subject.clone(), want.clone());
            let keys = router.objects(&subject.target());
            let mut store = store(&keys, &objects);
            let before = store.clone();
            route(*router, &subject, &want, &mut store);
            for key in keys {
                let rest = |store: &FakeStore| store.objects().find(&key).map(|o| without_ours(*router, &subject, &key, o));
                if let Some(before) = rest(&before) {
                    prop_assert_eq!(Some(before), rest(&store));
                }
            }
        }
    }

    #[test]
    fn a_release_gives_back_what_the_user_had(
        subjects in prop::collection::vec((subjects(), routings()), 1..4), objects in foreign()
    ) {
        for router in ALL {
            let keys = router.objects(&subjects[0].0.target());
            let mut store = store(&keys, &objects);
            let before = store.clone();
            for (subject, want) in &subjects {
                let (subject, want) = within(router.capabilities(&subject.service), subject.clone(), want.clone());
                route(*router, &subject, &want, &mut store);
            }
            let ours = store.clone();
            let last = subjects[subjects.len() - 1].0.target();
            let changes = router.release(&last, store.objects());
            write(&mut store, &changes);
            for key in keys {
                let expected = before.objects().find(&key).or_else(|| ours.objects().find(&key)).map(unversioned);
                prop_assert_eq!(store.objects().find(&key).map(unversioned), expected);
            }
            prop_assert_eq!(router.release(&last, store.objects()), vec![]);
        }
    }

    #[test]
    fn what_was_never_taken_is_not_given_back(subject in subjects(), objects in foreign()) {
        for router in ALL {
            let store = store(&router.objects(&subject.target()), &objects);
            prop_assert_eq!(router.release(&subject.target(), store.objects()), vec![]);
        }
    }

    #[test]
    fn what_a_data_plane_cannot_do_is_refused(subject in subjects(), want in routings()) {
        for router in ALL {
            let can = router.capabilities(&subject.service);
            let matches = subject.analysis.match_.as_ref().is_some_and(|m| !m.is_empty());
            let beyond = (matches && !can.matches)
                || (want.mirror != Mirror::Off && !can.mirror)
                || (want.affinity != Affinity::None && !can.affinity);
            let rendered = router.render(&subject.target(), &want, FakeStore::default().objects());
            prop_assert_eq!(rendered.map_err(|e| e.reason).err(), beyond.then_some("UnsupportedRouting"));
        }
    }

    #[test]
    fn an_edit_by_another_hand_is_read_and_mended(
        subject in subjects(), want in routings(), objects in foreign(),
        which in any::<Index>(), place in any::<Index>(), edit in prop::option::of(json_values()),
    ) {
        for router in ALL {
            let (subject, want) = within(router.capabilities(&subject.service), subject.clone(), want.clone());
            let keys = router.objects(&subject.target());
            let mut store = store(&keys, &objects);
            route(*router, &subject, &want, &mut store);
            let key = which.get(&keys);
            let mut object = store.objects().find(key).cloned().expect("it was just written");
            edit_at(&mut object["spec"], place, edit.clone());
            store.put(key.clone(), object);
            prop_assert!(router.read(&subject.target(), store.objects()).is_ok());
            route(*router, &subject, &want, &mut store);
            prop_assert_eq!(router.read(&subject.target(), store.objects()), Ok(Some(want.clone())));
            prop_assert_eq!(route(*router, &subject, &want, &mut store), vec![]);
        }
    }

    #[test]
    fn no_object_makes_a_router_panic(
        subject in subjects(), want in routings(), objects in prop::collection::vec(json_values(), 3),
        notes in prop::collection::btree_map(notes(), "(absent|\\{\\}|\\{\"labels\":\\{\\}\\}|null|[a-z]{0,3})", 0..4),
    ) {
        for router in ALL {
            let target = subject.target();
            let annotated = |object: Value| json!({"metadata": {"annotations": notes}, "spec": object});
            let objects: Vec<_> = objects.iter().cloned().map(annotated).map(Some).collect();
            let store = store(&router.objects(&target), &objects);
            let _ = router.render(&target, &want, store.objects());
            let _ = router.read(&target, store.objects());
            let _ = router.release(&target, store.objects());
        }
    }
}

#[test]
fn an_unknown_provider_is_refused_with_the_known_names() {
    assert!(find("istoi").is_none());
    assert_eq!(
        unknown("istoi").to_string(),
        "spec.provider is \"istoi\", which no router serves, so no traffic is moved; write one of: istio"
    );
}

#[test]
fn every_provider_name_means_one_router() {
    let mut names: Vec<_> = ALL.iter().flat_map(|router| router.providers()).collect();
    assert!(names.iter().all(|name| find(name).is_some()));
    let count = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), count);
}

fn notes() -> impl Strategy<Value = String> {
    let names = [super::BEFORE, super::ORIGINAL, "kubectl.kubernetes.io/last-applied-configuration"];
    prop::sample::select(names.to_vec()).prop_map(str::to_owned)
}

/// The object without what a router may write: its fields of `spec`, the apex metadata and the notes about it.
fn without_ours(router: &dyn Router, subject: &Subject, key: &ObjectKey, object: &Value) -> Value {
    let mut rest = unversioned(object);
    let spec = router.fields(key.kind).iter().map(|field| ((*field).to_owned(), Value::Null)).collect::<Value>();
    let apex = subject.service.apex.clone().unwrap_or_default();
    let nothing = |keys: Vec<String>| keys.into_iter().map(|key| (key, Value::Null)).collect::<Value>();
    let labels = nothing(apex.labels.unwrap_or_default().into_keys().collect());
    let notes = [super::BEFORE, super::ORIGINAL].map(str::to_owned);
    let flux = super::claim::KEEP_FLUX_AWAY.map(|(name, _)| name.to_owned());
    let annotations = apex.annotations.unwrap_or_default().into_keys().chain(notes).chain(flux);
    value::merge(
        &mut rest,
        &json!({
            "apiVersion": null, "kind": null, "spec": spec,
            "metadata": {"labels": labels, "annotations": nothing(annotations.collect())},
        }),
    );
    value::prune(&mut rest["metadata"]);
    rest
}

fn unversioned(object: &Value) -> Value {
    let mut object = object.clone();
    value::merge(&mut object, &json!({"apiVersion": null, "kind": null, "metadata": {"resourceVersion": null}}));
    value::prune(&mut object["metadata"]);
    object
}

/// The weights of every list of weighted things.
fn weights(value: &Value) -> Vec<Vec<u64>> {
    let mut found: Vec<_> = children(value).flat_map(weights).collect();
    let weight = |item: &Value| item.get("weight").and_then(Value::as_u64);
    if let Some(weights) = value.as_array().and_then(|list| list.iter().map(weight).collect::<Option<Vec<_>>>()) {
        found.extend((!weights.is_empty()).then_some(weights));
    }
    found
}

/// The texts under this name, at any depth.
fn texts_under(value: &Value, name: &str) -> Vec<String> {
    let mut found: Vec<_> = children(value).flat_map(|child| texts_under(child, name)).collect();
    found.extend(value::text(value, &[name]).map(str::to_owned));
    found
}

fn children(value: &Value) -> Box<dyn Iterator<Item = &Value> + '_> {
    match value {
        Value::Array(list) => Box::new(list.iter()),
        Value::Object(map) => Box::new(map.values()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Box::new(std::iter::empty()),
    }
}

/// Replaces or removes one of all the values below `root`.
fn edit_at(root: &mut Value, place: Index, edit: Option<Value>) {
    let mut pointers = Vec::new();
    collect_pointers(root, "", &mut pointers);
    if pointers.is_empty() {
        return;
    }
    let pointer = place.get(&pointers);
    let (parent, child) = pointer.rsplit_once('/').expect("a pointer starts with a slash");
    let child = child.replace("~1", "/").replace("~0", "~");
    match (root.pointer_mut(parent), edit) {
        (Some(Value::Object(map)), Some(edit)) => drop(map.insert(child, edit)),
        (Some(Value::Object(map)), None) => drop(map.shift_remove(&child)),
        (Some(Value::Array(list)), Some(edit)) => list[child.parse::<usize>().expect("an index")] = edit,
        (Some(Value::Array(list)), None) => drop(list.remove(child.parse().expect("an index"))),
        _ => unreachable!("only lists and maps have children"),
    }
}

fn collect_pointers(value: &Value, here: &str, found: &mut Vec<String>) {
    let named: Vec<(String, &Value)> = match value {
        Value::Array(list) => list.iter().enumerate().map(|(i, item)| (i.to_string(), item)).collect(),
        Value::Object(map) => map.iter().map(|(k, v)| (k.replace('~', "~0").replace('/', "~1"), v)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    };
    for (name, child) in named {
        let pointer = format!("{here}/{name}");
        collect_pointers(child, &pointer, found);
        found.push(pointer);
    }
}
