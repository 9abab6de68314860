//! What the watches have told of the cluster, and which canary looks at what.
//!
//! A canary names objects by key or by label (`scene::lookups`); the index turns a change of an object into wake-ups of
//! just those canaries. Objects that no canary names are known to be there and nothing more, so a large cluster costs
//! little; the moment a canary names one, it is read once by name and watched from then on. Never decides, never writes
//! into itself what we wrote to the apiserver: only the watches fill it.

mod item;
mod shelf;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use kube::runtime::watcher::Event;
use serde_json::Value;

pub(crate) use item::{Item, Stored};
pub(crate) use shelf::Standing;
use shelf::{Content, Keep, Shelf};

use super::place::Place;
use crate::object::kinds::CANARY;
use crate::object::{Kind, ObjectKey, value};
use crate::scene::Lookups;

/// What to read for the canary in this JSON. A function of its spec: equal generations look at equal things.
pub(crate) type LookupsOf = Box<dyn Fn(&Stored) -> Lookups + Send + Sync>;

/// All watched objects.
pub(crate) struct Cache {
    state: Mutex<State>,
}

/// What a change means for the others.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Ripple {
    /// Canaries that look at what has changed.
    pub(crate) wake: BTreeSet<Place>,
    /// Kinds that are looked at and have no watch yet.
    pub(crate) start: BTreeSet<Kind>,
}

/// What can be seen of a canary.
#[derive(Debug)]
pub(crate) enum Look {
    /// It is gone.
    Gone,
    /// A kind that it needs is not listed yet; it will be woken.
    Waiting(Kind),
    /// A kind that it needs may not be read: what to grant.
    Forbidden(String),
    /// These objects are there but were never needed before: read them, `fill` them in, look again.
    Unread(Vec<ObjectKey>),
    /// Everything.
    Seen(Sight),
}

/// A canary and everything that it looks at.
#[derive(Debug)]
pub(crate) struct Sight {
    pub(crate) canary: Stored,
    pub(crate) objects: Vec<(ObjectKey, Stored)>,
    pub(crate) unserved: BTreeSet<Kind>,
}

impl Cache {
    pub(crate) fn new(lookups: LookupsOf) -> Self {
        let shelves = BTreeMap::from([(CANARY, Shelf::new(CANARY, Keep::All))]);
        Self { state: Mutex::new(State { shelves, lookups, started: BTreeSet::from([CANARY]) }) }
    }

    /// Takes in what a watch says.
    pub(crate) fn absorb(&self, kind: Kind, event: Event<Item>) -> Ripple {
        let mut state = self.state();
        let wake = match event {
            Event::Init => state.begin_list(kind),
            Event::InitApply(item) | Event::Apply(item) => state.put(kind, item),
            Event::Delete(item) => state.remove(kind, &item.place(), item.version()),
            Event::InitDone => state.end_list(kind),
        };
        Ripple { wake, start: state.unstarted() }
    }

    /// A watch cannot read its kind.
    pub(crate) fn stand(&self, kind: Kind, standing: Standing) -> Ripple {
        let mut state = self.state();
        let mut wake = BTreeSet::new();
        if kind == CANARY {
            let all: Vec<Place> = state.shelf(kind).map(|shelf| shelf.held().cloned().collect()).unwrap_or_default();
            wake.extend(all.iter().flat_map(|place| state.remove(kind, place, 0)));
        }
        wake.extend(state.shelf(kind).map(|shelf| shelf.stand(standing)).unwrap_or_default());
        Ripple { wake, start: BTreeSet::new() }
    }

    /// Takes in an object that was `Unread`; `None` if it is not there any more.
    pub(crate) fn fill(&self, key: &ObjectKey, item: Option<Item>) {
        if let Some(shelf) = self.state().shelf(key.kind) {
            shelf.fill(&place_of(key), item);
        }
    }

    /// What can be seen of a canary now.
    pub(crate) fn look(&self, canary: &Place) -> Look {
        self.state().look(canary)
    }

    /// One object, as it was seen last.
    pub(crate) fn held(&self, kind: Kind, place: &Place) -> Option<Stored> {
        match self.state().content(kind, place) {
            Content::Held(stored) => Some(stored),
            Content::Absent | Content::Unheld => None,
        }
    }

    /// Newest resourceVersion that is known of a kind; 0 before its first list.
    pub(crate) fn seen(&self, kind: Kind) -> u64 {
        self.state().shelves.get(&kind).map_or(0, |shelf| shelf.seen)
    }

    /// Kinds whose first list has not come through, for /readyz.
    pub(crate) fn waiting_for(&self) -> Vec<Kind> {
        let syncing = |shelf: &Shelf| shelf.standing == Standing::Syncing;
        self.state().shelves.iter().filter(|(_, shelf)| syncing(shelf)).map(|(kind, _)| *kind).collect()
    }

    /// Every canary.
    pub(crate) fn canaries(&self) -> Vec<Place> {
        self.state().shelves.get(&CANARY).map(|shelf| shelf.held().cloned().collect()).unwrap_or_default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct State {
    shelves: BTreeMap<Kind, Shelf>,
    started: BTreeSet<Kind>,
    lookups: LookupsOf,
}

impl State {
    fn shelf(&mut self, kind: Kind) -> Option<&mut Shelf> {
        self.shelves.get_mut(&kind)
    }

    fn put(&mut self, kind: Kind, item: Item) -> BTreeSet<Place> {
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

    fn remove(&mut self, kind: Kind, place: &Place, version: u64) -> BTreeSet<Place> {
        let before = self.content(kind, place);
        let mut woken = BTreeSet::from_iter(self.shelf(kind).map(|s| s.remove(place, version)).unwrap_or_default());
        if kind == CANARY {
            self.reindex(place, &before, &Content::Absent);
            woken.insert(place.clone());
        }
        woken
    }

    fn begin_list(&mut self, kind: Kind) -> BTreeSet<Place> {
        self.shelf(kind).map(Shelf::begin_list);
        BTreeSet::new()
    }

    fn end_list(&mut self, kind: Kind) -> BTreeSet<Place> {
        let gone = self.shelf(kind).map(Shelf::end_list).unwrap_or_default();
        let mut woken: BTreeSet<Place> = gone.iter().flat_map(|place| self.remove(kind, place, 0)).collect();
        woken.extend(self.shelf(kind).map(|shelf| shelf.stand(Standing::Synced)).unwrap_or_default());
        woken
    }

    /// Order: the new references come first, so that what both generations name is not let go in between.
    fn reindex(&mut self, canary: &Place, before: &Content, after: &Content) {
        let of = |content: &Content, lookups: &LookupsOf| match content {
            Content::Held(stored) => lookups(stored),
            Content::Absent | Content::Unheld => Lookups::default(),
        };
        let (before, after) = (of(before, &self.lookups), of(after, &self.lookups));
        for key in &after.keys {
            self.shelf_for(key.kind, Keep::Named).refer(&place_of(key), canary);
        }
        for group in &after.labelled {
            let shelf = self.shelf_for(group.kind, Keep::Labelled(group.label));
            shelf.refer_group(&Place::new(&group.namespace, &group.value), canary);
        }
        for key in &before.keys {
            self.shelf_for(key.kind, Keep::Named).unrefer(&place_of(key), canary);
        }
        for group in &before.labelled {
            let shelf = self.shelf_for(group.kind, Keep::Labelled(group.label));
            shelf.unrefer_group(&Place::new(&group.namespace, &group.value), canary);
        }
    }

    fn shelf_for(&mut self, kind: Kind, keep: Keep) -> &mut Shelf {
        self.shelves.entry(kind).or_insert_with(|| Shelf::new(kind, keep))
    }

    /// Kinds to be watched from now on. None before all canaries are listed: by then it is known which objects matter,
    /// and none is read twice.
    fn unstarted(&mut self) -> BTreeSet<Kind> {
        if self.shelves.get(&CANARY).is_none_or(|shelf| shelf.standing != Standing::Synced) {
            return BTreeSet::new();
        }
        let kinds: BTreeSet<Kind> = self.shelves.keys().copied().collect();
        let fresh = &kinds - &self.started;
        self.started = kinds;
        fresh
    }

    fn look(&self, canary: &Place) -> Look {
        let Content::Held(stored) = self.content(CANARY, canary) else { return Look::Gone };
        let lookups = (self.lookups)(&stored);
        let kinds: BTreeSet<Kind> =
            lookups.keys.iter().map(|key| key.kind).chain(lookups.labelled.iter().map(|group| group.kind)).collect();
        let mut sight = Sight { canary: stored, objects: Vec::new(), unserved: BTreeSet::new() };
        for kind in kinds {
            match self.shelves.get(&kind).map(|shelf| &shelf.standing) {
                Some(Standing::Synced) => {}
                Some(Standing::Unserved) => drop(sight.unserved.insert(kind)),
                Some(Standing::Forbidden(sentence)) => return Look::Forbidden(sentence.clone()),
                Some(Standing::Syncing) | None => return Look::Waiting(kind),
            }
        }
        let mut unread = Vec::new();
        for key in lookups.keys {
            match self.content(key.kind, &place_of(&key)) {
                Content::Held(stored) => sight.objects.push((key, stored)),
                Content::Unheld => unread.push(key),
                Content::Absent => {}
            }
        }
        if !unread.is_empty() {
            return Look::Unread(unread);
        }
        for group in lookups.labelled {
            let Some(shelf) = self.shelves.get(&group.kind) else { continue };
            for (place, stored) in shelf.members(&Place::new(&group.namespace, &group.value)) {
                sight.objects.push((group.kind.named(place.namespace(), place.name()), stored.clone()));
            }
        }
        Look::Seen(sight)
    }

    fn content(&self, kind: Kind, place: &Place) -> Content {
        self.shelves.get(&kind).map(|shelf| shelf.content(place)).unwrap_or_default()
    }
}

fn place_of(key: &ObjectKey) -> Place {
    Place::new(&key.namespace, &key.name)
}

const fn version(content: &Content) -> Option<u64> {
    match content {
        Content::Held(stored) => Some(stored.version),
        Content::Absent | Content::Unheld => None,
    }
}

/// uid and generation: a canary that was made anew under its old name counts as another one.
fn generation(content: &Content) -> Option<(String, i64)> {
    let Content::Held(stored) = content else { return None };
    let object = stored.value();
    let uid = value::text(&object, &["metadata", "uid"]).unwrap_or_default().to_owned();
    let generation = value::at(&object, &["metadata", "generation"]).and_then(Value::as_i64).unwrap_or(0);
    Some((uid, generation))
}

#[cfg(test)]
mod tests;
