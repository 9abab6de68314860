//! What keeps objects from being worked on: failures in a row, and what was already told about them.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::World;
use super::place::Place;
use super::tell::Subject;
use crate::object::kinds::CANARY;
use crate::object::{Kind, value};

/// The troubles of all canaries, and of the MetricTemplates that they name.
#[derive(Default)]
pub(crate) struct Troubles(Mutex<BTreeMap<(Kind, Place), Trouble>>);

#[derive(Default)]
struct Trouble {
    strikes: u32,
    told: String,
}

impl Troubles {
    /// One more failure in a row. Returns how many there are.
    pub(crate) fn strike(&self, canary: &Place) -> u32 {
        let mut all = self.all();
        let trouble = all.entry((CANARY, canary.clone())).or_default();
        trouble.strikes = trouble.strikes.saturating_add(1);
        trouble.strikes
    }

    /// All is well, or the object is gone.
    pub(crate) fn over(&self, kind: Kind, place: &Place) {
        self.all().remove(&(kind, place.clone()));
    }

    /// Tells a sentence on the object, once until another trouble comes or all is well.
    pub(crate) async fn tell(&self, world: &World, kind: Kind, place: &Place, reason: &str, sentence: &str) {
        if !self.is_news(kind, place, sentence) {
            return;
        }
        let stored = world.cache.held(kind, place).map(|stored| stored.value()).unwrap_or_default();
        let uid = value::text(&stored, &["metadata", "uid"]).unwrap_or_default();
        world.teller.warn(&Subject::new(kind, place.clone(), uid), reason, sentence).await;
    }

    fn is_news(&self, kind: Kind, place: &Place, sentence: &str) -> bool {
        let mut all = self.all();
        let trouble = all.entry((kind, place.clone())).or_default();
        if trouble.told == sentence {
            return false;
        }
        sentence.clone_into(&mut trouble.told);
        true
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<(Kind, Place), Trouble>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trouble_is_news_once_and_again_after_it_was_over() {
        let (troubles, canary) = (Troubles::default(), Place::new("test", "a"));
        assert!(troubles.is_news(CANARY, &canary, "x"));
        assert!(!troubles.is_news(CANARY, &canary, "x"));
        assert!(troubles.is_news(CANARY, &canary, "y"));
        troubles.over(CANARY, &canary);
        assert!(troubles.is_news(CANARY, &canary, "y"));
    }
}
