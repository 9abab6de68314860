//! What the watches have told of the cluster, and which canary looks at what.
//!
//! A canary names objects by key or by label (`scene::lookups`); the index turns a change of an object into wake-ups of
//! just those canaries. Objects that no canary names are known to be there and nothing more, so a large cluster costs
//! little; the moment a canary names one, it is read once by name and watched from then on. Never decides, never writes
//! into itself what we wrote to the apiserver: only the watches fill it.

mod index;
mod item;
mod shelf;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kube::runtime::watcher::Event;
use serde_json::Value;

use index::{Index, place_of};
pub(crate) use item::{Item, Seen, Stored};
pub(crate) use shelf::Standing;
use shelf::{Content, Shelf};

use super::place::Place;
use crate::api;
use crate::object::kinds::CANARY;
use crate::object::{Kind, ObjectKey};
use crate::scene::Lookups;

/// What to read for this canary. A function of its spec: equal generations look at equal things.
pub(crate) type LookupsOf = Arc<dyn Fn(&Seen<api::Canary>) -> Lookups + Send + Sync>;

/// What else to read for a canary, told by what its lookups brought.
pub(crate) type FurtherOf = Arc<dyn Fn(&Sight) -> Vec<ObjectKey> + Send + Sync>;

/// All watched objects.
pub(crate) struct Cache {
    index: Mutex<Index>,
    lookups: LookupsOf,
    further: FurtherOf,
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
    pub(crate) canary: Seen<api::Canary>,
    pub(crate) objects: Vec<(ObjectKey, Seen<Value>)>,
    pub(crate) unserved: BTreeSet<Kind>,
    /// Other canaries that look at the same workloads.
    pub(crate) beside: BTreeSet<Place>,
}

impl Cache {
    pub(crate) fn new(lookups: LookupsOf, further: FurtherOf) -> Self {
        Self { index: Mutex::new(Index::new(Arc::clone(&lookups))), lookups, further }
    }

    /// Takes in what a watch says.
    pub(crate) fn absorb(&self, kind: Kind, event: Event<Item>) -> Ripple {
        let mut index = self.index();
        let wake = match event {
            Event::Init => index.begin_list(kind),
            Event::InitApply(item) | Event::Apply(item) => index.put(kind, item),
            Event::Delete(item) => index.remove(kind, &item.place(), item.version()),
            Event::InitDone => index.end_list(kind),
        };
        Ripple { wake, start: index.unstarted() }
    }

    /// A watch cannot read its kind.
    pub(crate) fn stand(&self, kind: Kind, standing: Standing) -> Ripple {
        let mut index = self.index();
        let mut wake = BTreeSet::new();
        if kind == CANARY {
            let all: Vec<Place> = index.shelf(kind).map(|shelf| shelf.held().cloned().collect()).unwrap_or_default();
            wake.extend(all.iter().flat_map(|place| index.remove(kind, place, 0)));
        }
        wake.extend(index.shelf(kind).map(|shelf| shelf.stand(standing)).unwrap_or_default());
        Ripple { wake, start: BTreeSet::new() }
    }

    /// Takes in an object that was `Unread`; `None` if it is not there any more.
    pub(crate) fn fill(&self, key: &ObjectKey, item: Option<Item>) {
        if let Some(shelf) = self.index().shelf(key.kind) {
            shelf.fill(&place_of(key), item);
        }
    }

    /// What can be seen of a canary now.
    pub(crate) fn look(&self, canary: &Place) -> Look {
        let Some(stored) = self.held(CANARY, canary) else { return Look::Gone };
        let seen = Seen::from(stored);
        // Decoding takes long enough not to do it under the lock.
        let lookups = (self.lookups)(&seen);
        let look = self.index().look(canary, seen, lookups);
        let Look::Seen(sight) = look else { return look };
        let mut further = (self.further)(&sight);
        further.extend(sight.beside.iter().map(|other| CANARY.named(other.namespace(), other.name())));
        self.index().look_further(canary, sight, further)
    }

    /// Kinds that need a watch from now on, since a canary has just begun to look at them.
    pub(crate) fn unstarted(&self) -> BTreeSet<Kind> {
        self.index().unstarted()
    }

    /// One object, as it was seen last.
    pub(crate) fn held(&self, kind: Kind, place: &Place) -> Option<Stored> {
        match self.index().content(kind, place) {
            Content::Held(stored) => Some(stored),
            Content::Absent | Content::Unheld => None,
        }
    }

    /// Newest resourceVersion that is known of a kind; 0 before its first list.
    pub(crate) fn seen(&self, kind: Kind) -> u64 {
        self.index().shelves.get(&kind).map_or(0, |shelf| shelf.seen)
    }

    /// Kinds without which no work is possible, for /readyz: those whose first list has not come through, and Canaries
    /// where the CRD or the right to read them is missing.
    pub(crate) fn waiting_for(&self) -> Vec<Kind> {
        let waits = |kind: Kind, shelf: &Shelf| match shelf.standing {
            Standing::Synced => false,
            Standing::Syncing => true,
            Standing::Unserved | Standing::Forbidden(_) => kind == CANARY,
        };
        self.index().shelves.iter().filter(|(kind, shelf)| waits(**kind, shelf)).map(|(kind, _)| *kind).collect()
    }

    /// Every canary.
    pub(crate) fn canaries(&self) -> Vec<Place> {
        self.index().shelves.get(&CANARY).map(|shelf| shelf.held().cloned().collect()).unwrap_or_default()
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
