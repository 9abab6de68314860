//! What holds a release besides its hooks: a schedule that is closed.
//!
//! It holds the beginning of a release and each of its moves. Never a check, never a rollback, never a promotion that has begun,
//! and nothing that is done by request.

use std::time::Duration;

use super::draft::Draft;
use crate::model::{Journal, Moment, Notice, Phase, Settings, Time, Wait};
use crate::schedule;

/// What holds the next move.
pub(super) fn of_move(settings: &Settings, now: Time) -> Option<Wait> {
    settings.schedule.as_ref().and_then(|schedule| schedule::wait(schedule, now))
}

/// What holds the beginning of a release, and of what it is given. Where a failed promotion left its traffic on the canary, users
/// meet the fix whether it waits or not: it is begun, which brings the primary back.
pub(super) fn of_start(journal: &Journal, settings: &Settings, now: Time) -> Option<Wait> {
    of_move(settings, now).filter(|_| journal.weight.is_zero())
}

impl Draft<'_> {
    /// Whether the next move has to wait. Tells once for what, and looks again when it is over.
    pub(super) fn is_held(&mut self, settings: &Settings) -> bool {
        self.heed(of_move(settings, self.now))
    }

    /// The same before a release begins, which waits in a phase of its own.
    pub(super) fn waits_to_begin(&mut self, settings: &Settings) -> bool {
        let Some(wait) = of_start(&self.journal, settings, self.now) else { return self.heed(None) };
        let known = self.journal.phase == Phase::Waiting && self.journal.waits.as_ref() == Some(&wait);
        let until = wait.until.map_or(self.drain(), |until| until.since(self.now));
        self.heed(Some(wait));
        if !known {
            self.look_again(Phase::Waiting, until);
        }
        self.hear_rollbacks(settings);
        true
    }

    /// The canary is ready and held by no fault of its own: its deadline does not run meanwhile.
    pub(super) fn stand_by(&mut self, settings: &Settings) {
        if self.journal.step.is_some_and(|step| step.waiting_since.is_some()) {
            self.enter(self.journal.phase, self.journal.weight, Duration::ZERO);
        }
        self.route();
        self.hear_rollbacks(settings);
    }

    /// The check passed, and its move is held: the same step is checked again, or at once when nothing holds it any more.
    pub(super) fn hold_step(&mut self, settings: &Settings) {
        let until = self.journal.waits.as_ref().and_then(|wait| wait.until);
        let next = until.map_or(settings.interval, |until| until.since(self.now).min(settings.interval));
        self.look_again(self.journal.phase, next);
    }

    /// What nothing holds any more waits for nothing, also where its next check is not due yet.
    pub(super) fn forget_wait(&mut self) {
        let now = self.now;
        let settings = self.facts.settings.as_ref();
        self.journal.waits.take_if(|_| settings.is_some_and(|settings| of_move(settings, now).is_none()));
    }

    fn heed(&mut self, found: Option<Wait>) -> bool {
        if let Some(wait) = &found {
            if self.journal.waits.as_ref() != Some(wait) {
                self.tell(Notice::Held(wait.clone()));
            }
            wait.until.into_iter().for_each(|at| self.wake_at(at));
            // A gate is asked, and its deadline counts, once nothing else holds the move.
            self.journal.awaits = None;
        }
        self.journal.waits = found;
        self.journal.waits.is_some()
    }

    /// Whoever may call a release off is asked while it waits.
    fn hear_rollbacks(&mut self, settings: &Settings) {
        if settings.hooks.iter().any(|hook| hook.moment == Moment::Rollback) {
            self.await_replies(settings);
        }
    }
}
