//! The laws that every router obeys, over every router in `ALL` and any input. A new router needs no edit here.

mod strategies;

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::strategy::ValueTree;
use serde_json::{Value, json};

use self::strategies::{Subject, foreign, json_values, routings, store, subjects, within};
use super::{ALL, Access, Router, find, unknown};
use crate::model::{Affinity, Mirror, Percent, Routing};
use crate::object::{Change, FakeStore, ObjectKey, Objects, value};

/// One router's routing of one canary in one cluster.
struct Case<'a> {
    router: &'a dyn Router,
    subject: Subject,
    want: Routing,
    store: FakeStore,
}

impl Case<'_> {
    fn keys(&self) -> Vec<ObjectKey> {
        self.router.objects(&self.subject.target(self.router))
    }

    fn read(&self) -> Option<Routing> {
        self.router.read(&self.subject.target(self.router), self.store.objects()).expect("reading never fails")
    }

    /// Renders and writes; returns what was written.
    fn route(&mut self) -> Vec<Change> {
        let target = self.subject.target(self.router);
        let changes = self.router.render(&target, &self.want, self.store.objects());
        let changes = changes.expect("what a router can do is rendered");
        self.write(&changes);
        changes
    }

    fn before_pods(&self) -> Vec<Change> {
        let target = self.subject.target(self.router);
        self.router.before_pods(&target, self.store.objects()).expect("it is a part of what was rendered")
    }

    fn release(&mut self) -> Vec<Change> {
        let changes = self.router.release(&self.subject.target(self.router), self.store.objects());
        self.write(&changes);
        changes
    }

    fn leave(&mut self) -> Vec<Change> {
        let changes = self.router.leave(&self.subject.target(self.router), self.store.objects());
        self.write(&changes);
        changes
    }

    fn write(&mut self, changes: &[Change]) {
        for change in changes {
            self.store.write(change).expect("nobody else has written meanwhile");
        }
    }
}

/// The same for every router that takes these options, as far as it can.
fn cases(subject: &Subject, want: &Routing, objects: &[Option<Value>]) -> Vec<Case<'static>> {
    let case = |router: &&'static dyn Router| {
        let (subject, want) = within(*router, subject.clone(), want)?;
        let store = store(*router, &subject.target(*router), objects);
        Some(Case { router: *router, subject, want, store })
    };
    ALL.iter().filter_map(case).collect()
}

proptest! {
    #[test]
    fn what_was_rendered_reads_back(subject in subjects(), want in routings(), objects in foreign()) {
        for mut case in cases(&subject, &want, &objects) {
            case.route();
            prop_assert_eq!(case.read(), Some(case.want));
        }
    }

    #[test]
    fn a_second_rendering_has_nothing_to_write(subject in subjects(), want in routings(), objects in foreign()) {
        for mut case in cases(&subject, &want, &objects) {
            case.route();
            prop_assert_eq!(case.route(), vec![]);
            prop_assert_eq!(case.before_pods(), vec![]);
        }
    }

    #[test]
    fn a_new_route_is_one_write(subject in subjects(), first in routings(), second in routings(), objects in foreign()) {
        for mut case in cases(&subject, &first, &objects) {
            case.route();
            let first = case.want.clone();
            (case.subject, case.want) = within(case.router, case.subject, &second).expect("it took the same options before");
            let changes = case.route();
            prop_assert_eq!(changes.len(), usize::from(first != case.want), "{:?}", changes);
        }
    }

    #[test]
    fn weights_sum_to_100_and_lead_to_the_two_sides(subject in subjects(), want in routings()) {
        for mut case in cases(&subject, &want, &[]) {
            for change in case.route() {
                let (Change::Apply(_, object) | Change::Create(_, object) | Change::Merge(_, object)) = &change else {
                    continue;
                };
                for shares in shares(object) {
                    let sum = shares.iter().filter_map(weight).sum::<u64>();
                    prop_assert!(sum == 100 || sum == 10_000 && !case.want.canary.is_whole(), "{}", object);
                    let sides = case.subject.target(case.router).sides();
                    for share in shares {
                        let named = sides.iter().filter(|side| share.to_string().contains(*side)).count();
                        prop_assert!(case.router.access(key(&change).kind) == Access::Edit || named == 1, "{}", share);
                    }
                }
            }
        }
    }

    #[test]
    fn everything_else_stays_as_it_was(subject in subjects(), want in routings(), objects in foreign()) {
        for mut case in cases(&subject, &want, &objects) {
            let before = case.store.clone();
            case.route();
            for key in case.keys() {
                let rest = |store: &FakeStore| store.objects().find(&key).map(|o| without_ours(&case, &key, o));
                if let (Some(before), after) = (rest(&before), rest(&case.store)) {
                    prop_assert!(after.as_ref().is_some_and(|after| value::contains(after, &before)), "{:?}", after);
                }
            }
        }
    }

    #[test]
    fn a_release_gives_back_what_the_user_had_and_leads_the_rest_to_the_apex(
        subjects in prop::collection::vec((subjects(), routings()), 1..4), objects in foreign()
    ) {
        for mut case in cases(&subjects[0].0, &subjects[0].1, &objects) {
            let before = case.store.clone();
            for (subject, want) in &subjects {
                let Some((subject, want)) = within(case.router, subject.clone(), want) else { continue };
                (case.subject, case.want) = (subject, want);
                case.route();
            }
            let keys = case.keys();
            case.release();
            for key in keys {
                let left = case.store.objects().find(&key).map(unversioned);
                match before.objects().find(&key).map(unversioned) {
                    Some(theirs) => prop_assert_eq!(left, Some(theirs)),
                    None => prop_assert!(left.is_none_or(|left| !names_a_side(&case, &left))),
                }
            }
            prop_assert_eq!(case.release(), vec![]);
        }
    }

    #[test]
    fn the_way_back_ends_where_a_release_does(subject in subjects(), want in routings(), objects in foreign()) {
        for mut case in cases(&subject, &want, &objects) {
            case.route();
            let mut straight = case.store.clone();
            for change in case.router.release(&case.subject.target(case.router), straight.objects()) {
                straight.write(&change).expect("nobody else has written meanwhile");
            }
            let steps = (0..5).take_while(|_| !case.leave().is_empty()).count();
            prop_assert!(steps < 5, "it never ends");
            for key in case.keys() {
                let left = |store: &FakeStore| store.objects().find(&key).map(unversioned);
                prop_assert_eq!(left(&case.store), left(&straight));
            }
        }
    }

    #[test]
    fn what_was_never_taken_is_not_given_back(subject in subjects(), objects in foreign()) {
        for mut case in cases(&subject, &Routing::PRIMARY, &objects) {
            prop_assert_eq!(case.release(), vec![]);
        }
    }

    #[test]
    fn what_a_data_plane_cannot_do_is_refused(subject in subjects(), want in routings()) {
        for router in ALL {
            let target = subject.target(*router);
            let can = router.capabilities(&subject.service);
            let beyond = (!target.conditions().is_empty() && !can.matches)
                || (want.mirror != Mirror::Off && !can.mirror)
                || (want.affinity != Affinity::None && !can.affinity)
                || (want.preview && !can.preview)
                || (!want.canary.is_zero() && !can.weights)
                || (!want.canary.is_whole() && !can.fine)
                || (!subject.service.further_ports().is_empty() && can.weights && !can.ports)
                || (!target.conditions().is_empty() && can.whole_matches && !want.canary.is_zero() && want.canary != Percent::FULL);
            let expected = router.check(&target).err().map(|e| e.reason).or(beyond.then_some("UnsupportedRouting"));
            let objects = store(*router, &target, &[]);
            let rendered = router.render(&target, &want, objects.objects());
            prop_assert_eq!(rendered.map_err(|e| e.reason).err(), expected);
        }
    }

    #[test]
    fn an_edit_by_another_hand_is_read_and_mended(
        subject in subjects(), want in routings(), objects in foreign(),
        which in any::<Index>(), place in any::<Index>(), edit in prop::option::of(json_values()),
    ) {
        for mut case in cases(&subject, &want, &objects) {
            case.route();
            let written: Vec<_> = case.keys().into_iter().filter(|key| is_written(&case, key)).collect();
            if written.is_empty() {
                continue;
            }
            let key = which.get(&written);
            let mut object = case.store.objects().find(key).cloned().expect("it was just written");
            edit_at(&mut object["spec"], place, edit.clone());
            case.store.put(key.clone(), object);
            case.read();
            case.route();
            prop_assert_eq!(case.read(), Some(case.want.clone()));
            prop_assert_eq!(case.route(), vec![]);
        }
    }

    #[test]
    fn no_object_makes_a_router_panic(
        subject in subjects(), want in routings(), objects in prop::collection::vec(json_values(), 3),
        notes in prop::collection::btree_map(notes(), "(absent|\\{\\}|\\{\"labels\":\\{\\}\\}|null|[a-z]{0,3})", 0..4),
    ) {
        let annotated = |object: &Value| json!({"metadata": {"annotations": notes}, "spec": object, "status": object});
        for router in ALL {
            let target = subject.target(*router);
            let mut have = Objects::default();
            for (key, object) in router.objects(&target).into_iter().zip(objects.iter().cycle()) {
                have.insert(key, annotated(object).into());
            }
            let _ = router.render(&target, &want, &have);
            let _ = router.read(&target, &have);
            let _ = router.acceptance(&target, &have);
            let _ = router.release(&target, &have);
        }
    }
}

#[test]
fn an_unknown_provider_is_refused_with_the_known_names() {
    assert!(find("istoi").is_none());
    let sentence = unknown("istoi").to_string();
    let begin = "spec.provider is \"istoi\", which no router serves, so no traffic is moved; write one of: ";
    assert!(sentence.starts_with(begin), "{sentence}");
}

#[test]
fn a_provider_with_options_behind_a_colon_means_the_router_before_it() {
    let name = |provider| find(provider).map(|router| router.providers()[0]);
    assert_eq!(name("traefik:v2"), Some("traefik"));
    assert_eq!(name("traefik2"), None);
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

#[test]
fn every_router_takes_most_of_what_may_be_asked() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let drawn: Vec<_> = (0..64).map(|_| subjects().new_tree(&mut runner).expect("a subject").current()).collect();
    for router in ALL {
        let taken = drawn.iter().filter(|subject| within(*router, (*subject).clone(), &Routing::PRIMARY).is_some());
        let count = taken.count();
        assert!(count >= 16, "{} takes only {count} of 64, so the laws say little of it", router.providers()[0]);
    }
}

#[test]
fn the_schema_names_every_router_that_can_copy_requests() {
    let can = |router: &&&dyn Router| router.capabilities(&crate::api::CanaryService::default()).mirror;
    let names: Vec<_> = ALL.iter().filter(can).flat_map(|router| router.providers()).copied().collect();
    let sentence = crate::api::sentences::CAN015.text;
    assert!(sentence.ends_with(&format!("use one of: {}", names.join(", "))), "{names:?}");
}

fn notes() -> impl Strategy<Value = String> {
    let names = [super::BEFORE, super::ORIGINAL, "kubectl.kubernetes.io/last-applied-configuration"];
    prop::sample::select(names.to_vec()).prop_map(str::to_owned)
}

fn key(change: &Change) -> ObjectKey {
    change.key().expect("a change names its object")
}

/// Whether the router writes this object; others it only reads.
fn is_written(case: &Case<'_>, key: &ObjectKey) -> bool {
    let have = case.store.objects().find(key);
    have.is_some_and(|have| value::at(have, &["metadata", "annotations", super::BEFORE]).is_some())
}

fn names_a_side(case: &Case<'_>, object: &Value) -> bool {
    let spec = object.get("spec").cloned().unwrap_or_default().to_string();
    case.subject.target(case.router).sides().iter().any(|side| spec.contains(side))
}

/// The object without what a router may write: its fields of `spec`, the apex metadata and the notes about it.
fn without_ours(case: &Case<'_>, key: &ObjectKey, object: &Value) -> Value {
    let mut rest = unversioned(object);
    let fields = case.router.fields(key.kind).iter();
    let spec = fields.map(|field| ((*field).to_owned(), Value::Null)).collect::<Value>();
    let apex = case.subject.service.apex.clone().unwrap_or_default();
    let nothing = |keys: Vec<String>| keys.into_iter().map(|key| (key, Value::Null)).collect::<Value>();
    let labels = nothing(apex.labels.unwrap_or_default().into_keys().collect());
    let notes = [super::BEFORE, super::ORIGINAL].into_iter().chain(case.router.annotations().iter().copied());
    let flux = super::claim::KEEP_FLUX_AWAY.map(|(name, _)| name);
    let annotations = apex.annotations.unwrap_or_default().into_keys().chain(notes.chain(flux).map(str::to_owned));
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

/// Every list of weighted things.
fn shares(value: &Value) -> Vec<&Vec<Value>> {
    let copies = value.get("mirrors");
    let mut found: Vec<_> = children(value).filter(|child| Some(*child) != copies).flat_map(shares).collect();
    found.extend(value.as_array().filter(|list| !list.is_empty() && list.iter().all(|item| weight(item).is_some())));
    // Copies are counted beside the requests.
    found.retain(|list| list.iter().all(|item| item.get("mirror").is_none()));
    found
}

/// A number, or a text as in the first version of SMI.
fn weight(item: &Value) -> Option<u64> {
    let weight = item.get("weight").or_else(|| item.get("percent"))?;
    weight.as_u64().or_else(|| weight.as_str()?.parse().ok())
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
