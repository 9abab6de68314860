//! The shelves of all kinds, and the index that ties them to the canaries.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::shelf::{Content, Keep, Shelf};
use super::{Item, Look, LookupsOf, Seen, Sight, Standing};
use crate::api;
use crate::object::kinds::{CANARY, DAEMON_SET, DEPLOYMENT, NAMESPACE, POD, STATEFUL_SET};
use crate::object::{Kind, ObjectKey, content};
use crate::scene::{EVERY, GROUP, Lookups};
use crate::world::place::Place;

/// What the watches have told, ordered for both ways of asking: what a canary sees, and which canaries see a thing.
pub(super) struct Index {
    pub(super) shelves: BTreeMap<Kind, Shelf>,
    started: BTreeSet<Kind>,
    lookups: LookupsOf,
    /// What each canary looks at besides its lookups.
    followed: BTreeMap<Place, BTreeSet<ObjectKey>>,
}

impl Index {
    pub(super) fn new(lookups: LookupsOf) -> Self {
        let shelves = BTreeMap::from([(CANARY, Shelf::new(CANARY, Keep::Labelled(GROUP)))]);
        Self { shelves, started: BTreeSet::from([CANARY]), lookups, followed: BTreeMap::new() }
    }

    pub(super) fn shelf(&mut self, kind: Kind) -> Option<&mut Shelf> {
        self.shelves.get_mut(&kind)
    }

    /// Takes in an object. Returns the canaries that this concerns, as the next two do.
    pub(super) fn put(&mut self, kind: Kind, item: Item) -> BTreeSet<Place> {
        let place = item.place();
        let before = self.content(kind, &place);
        let mut woken = BTreeSet::from_iter(self.shelf(kind).map(|shelf| shelf.put(item)).unwrap_or_default());
        let after = self.content(kind, &place);
        if kind == CANARY && version(&before) != version(&after) {
            if generation(&before) != generation(&after) {
                self.reindex(&place, &before, &after);
            }
            woken.insert(place);
        }
        woken
    }

    /// Takes an object away.
    pub(super) fn remove(&mut self, kind: Kind, place: &Place, version: u64) -> BTreeSet<Place> {
        let before = self.content(kind, place);
        let mut woken = BTreeSet::from_iter(self.shelf(kind).map(|s| s.remove(place, version)).unwrap_or_default());
        if kind == CANARY {
            self.reindex(place, &before, &Content::Absent);
            self.follow(place, BTreeSet::new());
            woken.insert(place.clone());
        }
        woken
    }

    /// A list begins.
    pub(super) fn begin_list(&mut self, kind: Kind) -> BTreeSet<Place> {
        if let Some(shelf) = self.shelf(kind) {
            shelf.begin_list();
        }
        BTreeSet::new()
    }

    /// A list is complete.
    pub(super) fn end_list(&mut self, kind: Kind) -> BTreeSet<Place> {
        let gone = self.shelf(kind).map(Shelf::end_list).unwrap_or_default();
        let mut woken: BTreeSet<Place> = gone.iter().flat_map(|place| self.remove(kind, place, 0)).collect();
        woken.extend(self.shelf(kind).map(|shelf| shelf.stand(Standing::Synced)).unwrap_or_default());
        woken
    }

    /// Order: the new references come first, so that what both generations name is not let go in between.
    fn reindex(&mut self, canary: &Place, before: &Content, after: &Content) {
        let of = |content: &Content, lookups: &LookupsOf| match content {
            Content::Held(stored) => lookups(&stored.clone().into()),
            Content::Absent | Content::Unheld => Lookups::default(),
        };
        let (before, after) = (of(before, &self.lookups), of(after, &self.lookups));
        for key in &after.keys {
            self.shelf_for(key.kind, keep(key.kind)).refer(&place_of(key), canary);
        }
        for group in &after.labelled {
            let shelf = self.shelf_for(group.kind, Keep::Labelled(group.label));
            shelf.refer_group(&Place::new(&group.namespace, &group.value), canary);
        }
        for key in &before.keys {
            self.shelf_for(key.kind, keep(key.kind)).unrefer(&place_of(key), canary);
        }
        for group in &before.labelled {
            let shelf = self.shelf_for(group.kind, Keep::Labelled(group.label));
            shelf.unrefer_group(&Place::new(&group.namespace, &group.value), canary);
        }
    }

    /// The canary looks at these besides its lookups from now on. The order is that of `reindex`.
    fn follow(&mut self, canary: &Place, keys: BTreeSet<ObjectKey>) {
        let before = self.followed.remove(canary).unwrap_or_default();
        for key in keys.difference(&before) {
            self.shelf_for(key.kind, keep(key.kind)).refer(&place_of(key), canary);
        }
        for key in before.difference(&keys) {
            self.shelf_for(key.kind, keep(key.kind)).unrefer(&place_of(key), canary);
        }
        if !keys.is_empty() {
            self.followed.insert(canary.clone(), keys);
        }
    }

    fn shelf_for(&mut self, kind: Kind, keep: Keep) -> &mut Shelf {
        self.shelves.entry(kind).or_insert_with(|| Shelf::new(kind, keep))
    }

    /// Kinds to be watched from now on. None before all canaries are listed: by then it is known which objects matter,
    /// and none is read twice.
    pub(super) fn unstarted(&mut self) -> BTreeSet<Kind> {
        if self.shelves.get(&CANARY).is_none_or(|shelf| shelf.standing != Standing::Synced) {
            return BTreeSet::new();
        }
        let kinds: BTreeSet<Kind> = self.shelves.keys().copied().collect();
        let fresh = &kinds - &self.started;
        self.started = kinds;
        fresh
    }

    /// What `canary`, which looks at `lookups`, sees now.
    pub(super) fn look(&self, own: &Place, canary: Seen<api::Canary>, lookups: Lookups) -> Look {
        let kinds = lookups.keys.iter().map(|key| key.kind).chain(lookups.labelled.iter().map(|group| group.kind));
        let workloads = lookups.keys.iter().filter(|key| [DEPLOYMENT, DAEMON_SET, STATEFUL_SET].contains(&key.kind));
        let beside = workloads.flat_map(|key| self.shelves.get(&key.kind).map(|shelf| shelf.canaries(&place_of(key))));
        let beside = beside.flatten().filter(|other| *other != own).cloned().collect();
        let sight = Sight { canary, objects: Vec::new(), unserved: BTreeSet::new(), beside };
        let mut sight = match self.gather(sight, kinds.collect(), lookups.keys) {
            Look::Seen(sight) => sight,
            other => return other,
        };
        for group in lookups.labelled {
            let Some(shelf) = self.shelves.get(&group.kind) else { continue };
            for (place, stored) in shelf.members(&Place::new(&group.namespace, &group.value)) {
                sight.objects.push((group.kind.named(place.namespace(), place.name()), stored.clone().into()));
            }
        }
        Look::Seen(sight)
    }

    /// What the canary sees besides, where its lookups led it.
    pub(super) fn look_further(&mut self, canary: &Place, sight: Sight, keys: Vec<ObjectKey>) -> Look {
        if matches!(self.content(CANARY, canary), Content::Absent) {
            return Look::Gone;
        }
        self.follow(canary, keys.iter().cloned().collect());
        self.gather(sight, keys.iter().map(|key| key.kind).collect(), keys)
    }

    fn gather(&self, mut sight: Sight, kinds: BTreeSet<Kind>, keys: Vec<ObjectKey>) -> Look {
        for kind in kinds {
            match self.shelves.get(&kind).map(|shelf| &shelf.standing) {
                Some(Standing::Synced) => {}
                Some(Standing::Unserved) => {
                    sight.unserved.insert(kind);
                }
                // Releases that nobody may hold go on.
                Some(Standing::Forbidden(_)) if kind.is_of_cluster() => {
                    sight.unserved.insert(kind);
                }
                Some(Standing::Forbidden(sentence)) => return Look::Forbidden(sentence.clone()),
                Some(Standing::Syncing) | None => return Look::Waiting(kind),
            }
        }
        let mut unread = Vec::new();
        for key in keys {
            match self.content(key.kind, &place_of(&key)) {
                Content::Held(stored) => sight.objects.push((key, stored.into())),
                Content::Unheld => unread.push(key),
                Content::Absent => {}
            }
        }
        if unread.is_empty() { Look::Seen(sight) } else { Look::Unread(unread) }
    }

    pub(super) fn content(&self, kind: Kind, place: &Place) -> Content {
        self.shelves.get(&kind).map(|shelf| shelf.content(place)).unwrap_or_default()
    }
}

/// How the objects of a kind that canaries name are kept. Nobody needs the contents of all ConfigMaps and Secrets.
fn keep(kind: Kind) -> Keep {
    match kind {
        // Some canaries know theirs by name, the others find them among all of their namespace.
        POD => Keep::Labelled(EVERY),
        // Small, and each is looked at by whatever comes into it.
        NAMESPACE => Keep::Labelled(EVERY),
        kind if content::is_held_by(kind) => Keep::Sealed,
        _ => Keep::Named,
    }
}

pub(super) fn place_of(key: &ObjectKey) -> Place {
    Place::new(&key.namespace, &key.name)
}

const fn version(content: &Content) -> Option<u64> {
    match content {
        Content::Held(stored) => Some(stored.version),
        Content::Absent | Content::Unheld => None,
    }
}

/// uid and generation: a canary that was made anew under its old name counts as another one. Reads nothing else, since
/// this is asked at each change of a status.
fn generation(content: &Content) -> Option<(String, i64)> {
    let Content::Held(stored) = content else { return None };
    let Head { metadata } = serde_json::from_slice(&stored.json).unwrap_or_default();
    Some((metadata.uid, metadata.generation))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Head {
    metadata: HeadMeta,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct HeadMeta {
    uid: String,
    generation: i64,
}
