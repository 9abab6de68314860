//! Turns of releases where a DeliveryPolicy limits how many run at once.
//!
//! Who runs and who waits stands in the statuses, which the cache shows a moment late; what was said in that moment is kept here, so
//! that two canaries do not both get the last turn. Lost with the process, and nothing hangs on it: the next one reads the statuses.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::cache::Cache;
use super::place::Place;
use super::queue::Queue;
use crate::model::{Entrant, Phase, Stands, Turn};
use crate::object::kinds::{CANARY, NAMESPACE};
use crate::plan;
use crate::scene::{self, Ration, Scene};

/// So long the cache may show less than was said or written. Whatever it shows then is what is.
const LATE: Duration = Duration::from_secs(60);
/// So long a turn is kept for the one that is first in a queue. If it does not take it (it is suspended, or cannot be read), the others
/// pass it.
const PATIENCE: Duration = Duration::from_secs(30);

/// What was said and cannot be read from the cache yet.
#[derive(Default)]
pub(crate) struct Turns(Mutex<Ledger>);

#[derive(Default)]
struct Ledger {
    /// How canaries stand that the cache may not show so yet.
    said: BTreeMap<Place, Said>,
    /// Those that are first in a queue and have a turn, since when.
    offered: BTreeMap<Place, Instant>,
    /// Those that were told to wait since the last release was over.
    waiting: BTreeSet<Place>,
}

struct Said {
    stands: Stands,
    /// From this version of the Canary on the cache knows better; `None` where nothing was written yet.
    version: Option<u64>,
    at: Instant,
}

/// A canary as the cache shows it.
struct Shown {
    entrant: Entrant,
    version: u64,
}

impl Turns {
    /// Whether the release of a canary may begin now. Whoever has a turn and has not taken it is woken.
    pub(crate) fn ask(&self, cache: &Cache, queue: &Queue, own: &Place, scene: &Scene) -> Turn {
        let rations = scene.rations();
        let all = entrants(cache);
        let namespaces = namespaces(cache, all.keys());
        let mut ledger = self.ledger();
        ledger.offered.remove(own);
        ledger.forget(&all);
        let mut turn = Turn::Given;
        for ration in rations {
            let covered = |place: &Place| {
                namespaces
                    .get(place.namespace())
                    .is_some_and(|object| ration.covers(place.namespace(), object.as_ref()))
            };
            let (position, first) = ledger.position(own, &all, covered, &ration);
            first.iter().filter(|place| ledger.offer(place)).for_each(|place| queue.wake(place));
            if let Some(position) = position {
                turn = Turn::After { limit: ration.limit, position };
                break;
            }
        }
        match turn {
            Turn::Given => ledger.say(own, Stands::Runs, None),
            Turn::After { .. } => _ = ledger.waiting.insert(own.clone()),
        }
        turn
    }

    /// Notes what became of a round that began in the phase `before`: the phase and the version of the Canary that were written, if any
    /// were. When a release is over, or does not begin after all, those that wait look again.
    pub(crate) fn settle(&self, queue: &Queue, own: &Place, before: Phase, written: Option<(Phase, u64)>) {
        let mut ledger = self.ledger();
        let begun = ledger.said.get(own).is_some_and(|said| said.version.is_none());
        match written {
            Some((after, version)) if scene::runs(after) => {
                if begun || !scene::runs(before) {
                    ledger.say(own, Stands::Runs, Some(version));
                }
                return;
            }
            Some((_, version)) if begun || scene::runs(before) => ledger.say(own, Stands::Aside, Some(version)),
            None if begun => _ = ledger.said.remove(own),
            Some(_) | None => return,
        }
        ledger.wake(queue);
    }

    /// A canary is gone.
    pub(crate) fn forget(&self, queue: &Queue, own: &Place) {
        let mut ledger = self.ledger();
        ledger.said.remove(own);
        ledger.wake(queue);
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ledger {
    fn say(&mut self, place: &Place, stands: Stands, version: Option<u64>) {
        self.said.insert(place.clone(), Said { stands, version, at: Instant::now() });
    }

    fn wake(&mut self, queue: &Queue) {
        std::mem::take(&mut self.waiting).iter().for_each(|place| queue.wake(place));
    }

    /// Forgets what the cache shows by now, or should.
    fn forget(&mut self, all: &BTreeMap<Place, Shown>) {
        let shown = |place: &Place, said: &Said| {
            all.get(place).zip(said.version).is_some_and(|(shown, version)| shown.version >= version)
        };
        self.said.retain(|place, said| !shown(place, said) && said.at.elapsed() < LATE);
        self.offered.retain(|place, _| all.contains_key(place));
    }

    /// The place of `own` in the queue, and those before it that have a turn.
    fn position(
        &self,
        own: &Place,
        all: &BTreeMap<Place, Shown>,
        covered: impl Fn(&Place) -> bool,
        ration: &Ration,
    ) -> (Option<u32>, Vec<Place>) {
        let Some(Shown { entrant, .. }) = all.get(own) else { return (None, Vec::new()) };
        let known: Vec<_> = all.iter().filter(|(place, _)| *place != own && covered(place)).collect();
        let others: Vec<_> = known.iter().map(|(place, shown)| self.seen(place, &shown.entrant)).collect();
        let position = plan::position(entrant, &others, ration.limit.most);
        let has_turn = |entrant: &Entrant| plan::position(entrant, &others, ration.limit.most).is_none();
        let waits = |entrant: &&Entrant| matches!(entrant.stands, Stands::Waits(_));
        let first =
            known.iter().zip(&others).filter(|(_, entrant)| position.is_some() && waits(entrant) && has_turn(entrant));
        (position, first.map(|((place, _), _)| (*place).clone()).collect())
    }

    /// A canary as it is, where the cache may be late.
    fn seen(&self, place: &Place, entrant: &Entrant) -> Entrant {
        let passed = self.offered.get(place).is_some_and(|since| since.elapsed() >= PATIENCE);
        let stands = match entrant.stands {
            Stands::Waits(_) if passed => Stands::Aside,
            stands => stands,
        };
        let stands = self.said.get(place).map_or(stands, |said| said.stands);
        Entrant { stands, ..entrant.clone() }
    }

    /// Whether a turn is offered for the first time.
    fn offer(&mut self, place: &Place) -> bool {
        let new = !self.offered.contains_key(place);
        self.offered.entry(place.clone()).or_insert_with(Instant::now);
        new
    }
}

fn entrants(cache: &Cache) -> BTreeMap<Place, Shown> {
    let read = |place: Place| {
        let stored = cache.held(CANARY, &place)?;
        Some((place, Shown { entrant: scene::entrant(&stored.json)?, version: stored.version }))
    };
    cache.canaries().into_iter().filter_map(read).collect()
}

/// The Namespaces of these canaries, where they can be read.
fn namespaces<'a>(
    cache: &Cache,
    places: impl Iterator<Item = &'a Place>,
) -> BTreeMap<String, Option<serde_json::Value>> {
    let names: BTreeSet<&str> = places.map(Place::namespace).collect();
    let object = |name: &str| cache.held(NAMESPACE, &Place::new("", name)).map(|stored| stored.value());
    names.into_iter().map(|name| (name.to_owned(), object(name))).collect()
}

#[cfg(test)]
mod tests;
