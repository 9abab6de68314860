//! The objects of one kind, and which canaries look at which of them.

use std::collections::{BTreeMap, BTreeSet};

use super::super::place::Place;
use super::item::{Item, Stored};
use crate::object::Kind;

/// Whether what a shelf holds can be relied on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Standing {
    /// The first list has not come through yet.
    Syncing,
    /// It holds what the apiserver holds, up to the delay of a watch.
    Synced,
    /// The cluster does not have this kind.
    Unserved,
    /// We may not read it; the sentence says what to grant.
    Forbidden(String),
}

/// Which objects of a kind are kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Keep {
    /// Those that a canary names; of the others only that they are there.
    Named,
    /// Those that a canary names, without their data, of which the watch tells only that it has changed.
    Sealed,
    /// All of them, found by the value of this label too.
    Labelled(&'static str),
}

/// The objects of one kind.
#[derive(Debug)]
pub(crate) struct Shelf {
    kind: Kind,
    keep: Keep,
    pub(crate) standing: Standing,
    /// Newest resourceVersion that the watch has delivered: everything up to it is known.
    pub(crate) seen: u64,
    entries: BTreeMap<Place, Entry>,
    groups: BTreeMap<Place, Group>,
    listed: Option<BTreeSet<Place>>,
}

#[derive(Debug, Default)]
struct Entry {
    content: Content,
    canaries: Vec<Place>,
}

/// What is known of one object.
#[derive(Clone, Debug, Default)]
pub(crate) enum Content {
    /// It is not there.
    #[default]
    Absent,
    /// It is there; nobody needed more until now.
    Unheld,
    /// It is there.
    Held(Stored),
}

/// Objects with one value of the label.
#[derive(Debug, Default)]
struct Group {
    members: BTreeSet<Place>,
    canaries: Vec<Place>,
}

impl Shelf {
    pub(crate) fn new(kind: Kind, keep: Keep) -> Self {
        let (entries, groups) = (BTreeMap::new(), BTreeMap::new());
        Self { kind, keep, standing: Standing::Syncing, seen: 0, entries, groups, listed: None }
    }

    /// What is known of the object at `place`.
    pub(crate) fn content(&self, place: &Place) -> Content {
        self.entries.get(place).map(|entry| entry.content.clone()).unwrap_or_default()
    }

    /// The objects with this value of the label, in `place`'s namespace.
    pub(crate) fn members(&self, group: &Place) -> impl Iterator<Item = (&Place, &Stored)> {
        let members = self.groups.get(group).map(|group| group.members.iter()).into_iter().flatten();
        members.filter_map(|place| match &self.entries.get(place)?.content {
            Content::Held(stored) => Some((place, stored)),
            Content::Absent | Content::Unheld => None,
        })
    }

    /// The canaries that look at the object at `place`.
    pub(crate) fn canaries(&self, place: &Place) -> &[Place] {
        self.entries.get(place).map_or(&[], |entry| &entry.canaries)
    }

    /// Everything that is held.
    pub(crate) fn held(&self) -> impl Iterator<Item = &Place> {
        self.entries.iter().filter(|(_, entry)| matches!(entry.content, Content::Held(_))).map(|(place, _)| place)
    }

    /// Takes in an object that is new or has changed. Returns the canaries that look at it.
    pub(crate) fn put(&mut self, mut item: Item) -> Vec<Place> {
        let place = item.place();
        self.seen = self.seen.max(item.version());
        if let Some(listed) = &mut self.listed {
            listed.insert(place.clone());
        }
        let entry = self.entries.entry(place.clone()).or_default();
        if matches!(&entry.content, Content::Held(have) if have.version == item.version() && have.version > 0) {
            return Vec::new();
        }
        let mut woken = entry.canaries.clone();
        if self.keep == Keep::Sealed || self.keep == Keep::Named && entry.canaries.is_empty() {
            entry.content = Content::Unheld;
            return woken;
        }
        let group = match self.keep {
            Keep::Labelled(label) => item.label(label).map(|value| Place::new(place.namespace(), value)),
            Keep::Named | Keep::Sealed => None,
        };
        let before = if let Content::Held(have) = &entry.content { Some(have) } else { None };
        item.note(self.kind, before, self.listed.is_some());
        let stored = item.store(self.kind);
        if let Content::Held(have) = &mut entry.content
            && have.json == stored.json
        {
            // Nothing that anybody reads has changed.
            have.version = stored.version;
            return Vec::new();
        }
        if let Keep::Labelled(label) = self.keep {
            let before = label_of(&entry.content, label, &place);
            woken.extend(regroup(&mut self.groups, &place, before.as_ref(), group.as_ref()));
        }
        entry.content = Content::Held(stored);
        woken
    }

    /// Takes an object away. Returns the canaries that look at it.
    pub(crate) fn remove(&mut self, place: &Place, version: u64) -> Vec<Place> {
        self.seen = self.seen.max(version);
        let Some(entry) = self.entries.get_mut(place) else { return Vec::new() };
        let mut woken = entry.canaries.clone();
        if let Keep::Labelled(label) = self.keep {
            let before = label_of(&entry.content, label, place);
            woken.extend(regroup(&mut self.groups, place, before.as_ref(), None));
        }
        entry.content = Content::Absent;
        self.tidy(place);
        woken
    }

    /// Takes in an object that was read by name because nobody needed it before. What the watch said meanwhile wins.
    pub(crate) fn fill(&mut self, place: &Place, item: Option<Item>) {
        let Some(entry) = self.entries.get_mut(place) else { return };
        if matches!(entry.content, Content::Unheld) {
            entry.content = item.map_or(Content::Absent, |item| Content::Held(item.store(self.kind)));
        }
    }

    /// A list begins: what does not come up in it is gone.
    pub(crate) fn begin_list(&mut self) {
        self.listed = Some(BTreeSet::new());
    }

    /// The list is complete. Returns what is here but did not come up in it.
    pub(crate) fn end_list(&mut self) -> Vec<Place> {
        let listed = self.listed.take().unwrap_or_default();
        let there = |entry: &Entry| !matches!(entry.content, Content::Absent);
        self.entries.iter().filter(|(p, e)| there(e) && !listed.contains(*p)).map(|(p, _)| p.clone()).collect()
    }

    /// Changes the standing. Returns all canaries that look at this kind, if that is news.
    pub(crate) fn stand(&mut self, standing: Standing) -> Vec<Place> {
        if self.standing == standing {
            return Vec::new();
        }
        self.standing = standing;
        if self.standing != Standing::Synced {
            self.empty();
        }
        self.observers().cloned().collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// A canary begins to look at the object at `place`.
    pub(crate) fn refer(&mut self, place: &Place, canary: &Place) {
        let entry = self.entries.entry(place.clone()).or_default();
        entry.canaries.push(canary.clone());
    }

    /// A canary begins to look at the objects of a group.
    pub(crate) fn refer_group(&mut self, group: &Place, canary: &Place) {
        self.groups.entry(group.clone()).or_default().canaries.push(canary.clone());
    }

    /// A canary looks at the object at `place` no more.
    pub(crate) fn unrefer(&mut self, place: &Place, canary: &Place) {
        let Some(entry) = self.entries.get_mut(place) else { return };
        remove_one(&mut entry.canaries, canary);
        let forgets = matches!(self.keep, Keep::Named | Keep::Sealed);
        if entry.canaries.is_empty() && forgets && matches!(entry.content, Content::Held(_)) {
            entry.content = Content::Unheld;
        }
        self.tidy(place);
    }

    /// A canary looks at the objects of a group no more.
    pub(crate) fn unrefer_group(&mut self, group: &Place, canary: &Place) {
        let Some(found) = self.groups.get_mut(group) else { return };
        remove_one(&mut found.canaries, canary);
        if found.canaries.is_empty() && found.members.is_empty() {
            self.groups.remove(group);
        }
    }

    fn observers(&self) -> impl Iterator<Item = &Place> {
        let named = self.entries.values().flat_map(|entry| &entry.canaries);
        named.chain(self.groups.values().flat_map(|group| &group.canaries))
    }

    fn empty(&mut self) {
        self.seen = 0;
        self.entries.retain(|_, entry| !entry.canaries.is_empty());
        self.entries.values_mut().for_each(|entry| entry.content = Content::Absent);
        self.groups.retain(|_, group| !group.canaries.is_empty());
        self.groups.values_mut().for_each(|group| group.members.clear());
    }

    /// An entry stays while the object is there or somebody waits for it.
    fn tidy(&mut self, place: &Place) {
        let idle = |entry: &Entry| entry.canaries.is_empty() && matches!(entry.content, Content::Absent);
        if self.entries.get(place).is_some_and(idle) {
            self.entries.remove(place);
        }
    }
}

fn remove_one(canaries: &mut Vec<Place>, canary: &Place) {
    if let Some(index) = canaries.iter().position(|c| c == canary) {
        canaries.swap_remove(index);
    }
}

fn label_of(content: &Content, label: &str, place: &Place) -> Option<Place> {
    let Content::Held(stored) = content else { return None };
    Item::new(stored.value()).label(label).map(|value| Place::new(place.namespace(), value))
}

/// Moves an object from one group to another. Returns the canaries that look at either.
fn regroup(
    groups: &mut BTreeMap<Place, Group>,
    place: &Place,
    before: Option<&Place>,
    after: Option<&Place>,
) -> Vec<Place> {
    let mut woken = Vec::new();
    if let Some(group) = before
        && let Some(found) = groups.get_mut(group)
    {
        found.members.remove(place);
        woken.extend(found.canaries.iter().cloned());
        if found.canaries.is_empty() && found.members.is_empty() {
            groups.remove(group);
        }
    }
    if let Some(group) = after {
        let found = groups.entry(group.clone()).or_default();
        found.members.insert(place.clone());
        woken.extend(found.canaries.iter().cloned());
    }
    woken
}
