//! When each canary is to be looked at next.
//!
//! One canary never runs twice at once, and never more often than its wakes may come, whatever wakes it. Never decides what
//! a round does.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::place::Place;

/// Shortest time from the start of one round to another one because of a change. The first change after a quiet time is
/// acted on at once; a burst, such as the events of our own writes or of a rollout, becomes one round.
const CALM: Duration = Duration::from_millis(200);
/// Shortest time from the start of one round to a planned one, so that no plan can run hot.
const FLOOR: Duration = Duration::from_millis(50);

/// The queue of all canaries. Shared by the watches, which wake, and the rounds, which plan ahead.
#[derive(Default)]
pub(crate) struct Queue {
    agenda: Mutex<Agenda>,
    changed: Notify,
}

impl Queue {
    /// Something has changed: asks for a round now.
    pub(crate) fn wake(&self, place: &Place) {
        self.agenda().wake(place, Instant::now(), CALM);
        self.changed.notify_one();
    }

    /// A round decided that the next one is due at `at`. Replaces what was planned before.
    pub(crate) fn plan(&self, place: &Place, at: Instant) {
        self.agenda().plan(place, at);
        self.changed.notify_one();
    }

    /// The round of this canary is over.
    pub(crate) fn done(&self, place: &Place) {
        self.agenda().done(place);
        self.changed.notify_one();
    }

    /// The round of this canary is over, and there is no canary any more.
    pub(crate) fn forget(&self, place: &Place) {
        self.agenda().forget(place);
        self.changed.notify_one();
    }

    /// Waits for the next canary whose round is due.
    pub(crate) async fn next(&self) -> Turn {
        loop {
            let changed = self.changed.notified();
            let due = self.agenda().next(Instant::now());
            match due {
                Due::Now(turn) => return turn,
                Due::At(at) => tokio::select! { () = sleep_until(at) => {}, () = changed => {} },
                Due::Never => changed.await,
            }
        }
    }

    fn agenda(&self) -> MutexGuard<'_, Agenda> {
        self.agenda.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A round that is to start.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Turn {
    /// Of which canary.
    pub(crate) place: Place,
    /// When the last round wanted this one; a change may have asked for it earlier.
    pub(crate) planned: Option<Instant>,
}

#[derive(PartialEq, Eq, Debug)]
enum Due {
    Now(Turn),
    At(Instant),
    Never,
}

/// The times, without a clock.
#[derive(Default)]
struct Agenda {
    times: BTreeSet<(Instant, Place)>,
    slots: BTreeMap<Place, Slot>,
}

#[derive(Default)]
struct Slot {
    due: Option<Instant>,
    planned: Option<Instant>,
    running: bool,
    last: Option<Instant>,
}

impl Agenda {
    fn plan(&mut self, place: &Place, at: Instant) {
        self.slots.entry(place.clone()).or_default().planned = Some(at);
        self.wake(place, at, FLOOR);
    }

    fn wake(&mut self, place: &Place, at: Instant, spacing: Duration) {
        let slot = self.slots.entry(place.clone()).or_default();
        let at = slot.last.map_or(at, |last| at.max(last + spacing));
        if slot.due.is_some_and(|due| due <= at) {
            return;
        }
        if let Some(due) = slot.due.replace(at) {
            self.times.remove(&(due, place.clone()));
        }
        if !slot.running {
            self.times.insert((at, place.clone()));
        }
    }

    fn next(&mut self, now: Instant) -> Due {
        match self.times.first() {
            None => Due::Never,
            Some((at, _)) if *at > now => Due::At(*at),
            Some(_) => self.times.pop_first().map_or(Due::Never, |(_, place)| {
                let slot = Slot { due: None, planned: None, running: true, last: Some(now) };
                let before = self.slots.insert(place.clone(), slot);
                Due::Now(Turn { place, planned: before.and_then(|slot| slot.planned) })
            }),
        }
    }

    fn done(&mut self, place: &Place) {
        let Some(slot) = self.slots.get_mut(place) else { return };
        slot.running = false;
        if let Some(due) = slot.due {
            self.times.insert((due, place.clone()));
        }
    }

    /// A wake that came meanwhile is kept: the canary may have been made anew.
    fn forget(&mut self, place: &Place) {
        self.done(place);
        if self.slots.get(place).is_some_and(|slot| slot.due.is_none()) {
            self.slots.remove(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> Place {
        Place::new("test", "podinfo")
    }

    fn turn(planned: Option<Instant>) -> Due {
        Due::Now(Turn { place: place(), planned })
    }

    #[test]
    fn the_earlier_of_two_wakes_counts() {
        let (mut agenda, t0) = (Agenda::default(), Instant::now());
        let ms = |n| t0 + Duration::from_millis(n);
        agenda.wake(&place(), ms(500), CALM);
        agenda.wake(&place(), ms(200), CALM);
        agenda.wake(&place(), ms(900), CALM);
        assert_eq!(agenda.next(ms(199)), Due::At(ms(200)));
        assert_eq!(agenda.next(ms(203)), turn(None));
        agenda.done(&place());
        assert_eq!(agenda.next(ms(1000)), Due::Never);
    }

    #[test]
    fn a_turn_knows_for_when_it_was_planned_and_each_round_plans_anew() {
        let (mut agenda, t0) = (Agenda::default(), Instant::now());
        let ms = |n| t0 + Duration::from_millis(n);
        agenda.plan(&place(), ms(500));
        assert_eq!(agenda.next(ms(503)), turn(Some(ms(500))));
        agenda.plan(&place(), ms(900));
        agenda.done(&place());
        agenda.wake(&place(), ms(800), CALM);
        assert_eq!(agenda.next(ms(800)), turn(Some(ms(900))));
        agenda.done(&place());
        assert_eq!(agenda.next(ms(900)), Due::Never);
    }

    #[test]
    fn a_canary_never_runs_twice_at_once_and_a_wake_in_between_is_kept() {
        let (mut agenda, t0) = (Agenda::default(), Instant::now());
        let ms = |n| t0 + Duration::from_millis(n);
        agenda.wake(&place(), t0, CALM);
        assert_eq!(agenda.next(t0), turn(None));
        agenda.wake(&place(), ms(60), CALM);
        assert_eq!(agenda.next(t0 + CALM), Due::Never);
        agenda.done(&place());
        assert_eq!(agenda.next(t0 + CALM), turn(None));
    }

    #[test]
    fn a_storm_of_events_costs_five_rounds_a_second_and_delays_no_plan() {
        let (mut agenda, t0) = (Agenda::default(), Instant::now());
        let mut rounds = 0;
        for tick in 0..1000 {
            let now = t0 + Duration::from_millis(tick);
            agenda.wake(&place(), now, CALM);
            if matches!(agenda.next(now), Due::Now(_)) {
                rounds += 1;
                agenda.done(&place());
            }
        }
        assert_eq!(rounds, 5);
        let ms = |n| t0 + Duration::from_millis(n);
        agenda.plan(&place(), ms(1005));
        assert_eq!(agenda.next(ms(1005)), turn(Some(ms(1005))));
    }

    #[test]
    fn a_canary_that_is_gone_leaves_nothing_behind_unless_it_was_made_anew() {
        let (mut agenda, t0) = (Agenda::default(), Instant::now());
        agenda.wake(&place(), t0, CALM);
        assert_eq!(agenda.next(t0), turn(None));
        agenda.forget(&place());
        assert!(agenda.slots.is_empty());
        agenda.wake(&place(), t0, CALM);
        assert_eq!(agenda.next(t0), turn(None));
        agenda.wake(&place(), t0, CALM);
        agenda.forget(&place());
        assert_eq!(agenda.next(t0 + CALM), turn(None));
    }

    #[tokio::test(start_paused = true)]
    async fn an_earlier_wake_interrupts_the_wait_for_a_later_one() {
        let (queue, t0) = (Queue::default(), Instant::now());
        queue.plan(&place(), t0 + Duration::from_secs(60));
        let sooner = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            queue.wake(&place());
        };
        let (turn, ()) = tokio::join!(queue.next(), sooner);
        assert_eq!(turn.planned, Some(t0 + Duration::from_secs(60)));
        assert_eq!(Instant::now() - t0, Duration::from_secs(1));
    }
}
