//! What holds a release besides its hooks: a schedule that is closed, canaries that come first, a group whose round it is not, the
//! releases that fill a limit, and a way back that is to stay quick.
//!
//! The schedule holds the beginning of a release and each of its moves, the others its beginning or its end. Never a check, never a
//! rollback, never a promotion that has begun, and nothing that is done by request.

use std::time::Duration;

use super::draft::Draft;
use super::{group, turns};
use crate::model::{Facts, Journal, Moment, Notice, Phase, Settings, Standing, Time, Wait};
use crate::schedule;

/// What holds the next move.
pub(super) fn of_move(journal: &Journal, settings: &Settings, now: Time) -> Option<Wait> {
    of_schedule(settings, now).or_else(|| of_promotion(journal, settings, now))
}

/// Of the calendars that are closed the one that opens last: before that nothing goes on.
fn of_schedule(settings: &Settings, now: Time) -> Option<Wait> {
    let waits = settings.calendars.iter().filter_map(|calendar| schedule::wait(calendar, now));
    waits.max_by_key(|wait| (wait.until.is_none(), wait.until))
}

/// The canary has everything, and the primary is to run the revision before for a while, so that the way back is a weight.
fn of_promotion(journal: &Journal, settings: &Settings, now: Time) -> Option<Wait> {
    let ready = matches!(journal.phase, Phase::Progressing | Phase::WaitingPromotion);
    let step = journal.step.filter(|_| ready && journal.has_taken_over(&settings.strategy))?;
    let until = step.started_at.after(settings.keep_warm);
    (now < until).then(|| Wait::new(WARM, Some(until)))
}

const WARM: &str = "the canary serves everybody, and the primary keeps the revision before for a way back at once";

/// Long enough for a sync that changes several targets at once: whoever comes first has noticed its own by then.
const SYNC: Duration = Duration::from_secs(5);

/// What holds the beginning of a release. Where a failed promotion left its traffic on the canary, users meet the fix whether it
/// waits or not: it is begun, which brings the primary back.
pub(super) fn of_start(facts: &Facts, journal: &Journal, settings: &Settings, now: Time) -> Option<Wait> {
    if !journal.weight.is_zero() {
        return None;
    }
    let first = of_schedule(settings, now).or_else(|| elders(facts, journal, settings, now));
    first.or_else(|| group::of_start(facts, journal, settings))
}

/// The first of the canaries that come first and is not settled.
fn elders(facts: &Facts, journal: &Journal, settings: &Settings, now: Time) -> Option<Wait> {
    let standing = |name: &String| facts.standings.get(name).copied().unwrap_or(Standing::Missing);
    let mut unsettled = settings.depends_on.iter().map(|name| (name, standing(name)));
    if let Some((name, standing)) = unsettled.find(|(_, standing)| *standing != Standing::Settled) {
        let why = match standing {
            Standing::Settled | Standing::Releasing => "has a release that is not over",
            Standing::Failed => "has failed its last release",
            Standing::Missing => "is not there",
        };
        return Some(Wait::new(format!("canary {name} of spec.dependsOn comes first and {why}"), None));
    }
    let new = journal.phase != Phase::Waiting && !settings.depends_on.is_empty();
    let syncing = journal.waits.as_ref().filter(|wait| wait.reason == SYNCING && wait.until.is_some_and(|at| now < at));
    syncing.cloned().or_else(|| new.then(|| Wait::new(SYNCING, Some(now.after(SYNC)))))
}

const SYNCING: &str = "what spec.dependsOn names may have been changed along with it, and comes first";

impl Draft<'_> {
    /// Whether the next move has to wait. Tells once for what, and looks again when it is over.
    pub(super) fn is_held(&mut self, settings: &Settings) -> bool {
        self.heed(of_move(&self.journal, settings, self.now))
    }

    /// The same before a release begins, which waits in a phase of its own.
    pub(super) fn waits_to_begin(&mut self, settings: &Settings) -> bool {
        let wait = of_start(self.facts, &self.journal, settings, self.now)
            .or_else(|| turns::of_start(self.facts, settings, self.answers, self.now));
        let Some(wait) = wait else { return self.heed(None) };
        let like = self.journal.waits.as_ref().is_some_and(|before| before.is_like(&wait));
        let known = self.journal.phase == Phase::Waiting && like;
        self.look_at_queue(&wait);
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
        let Some(settings) = &self.facts.settings else { return };
        let held = match self.journal.phase {
            Phase::Waiting if turns::waits(&self.journal, settings) => return,
            Phase::Waiting => of_start(self.facts, &self.journal, settings, self.now),
            _ => of_move(&self.journal, settings, self.now)
                .or_else(|| group::of_vote(self.facts, &self.journal))
                .or_else(|| group::of_start(self.facts, &self.journal, settings)),
        };
        self.journal.waits.take_if(|_| held.is_none());
    }

    fn heed(&mut self, found: Option<Wait>) -> bool {
        if let Some(wait) = &found {
            if !self.journal.waits.as_ref().is_some_and(|before| before.is_like(wait)) {
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
    pub(super) fn hear_rollbacks(&mut self, settings: &Settings) {
        if settings.hooks.iter().any(|hook| hook.moment == Moment::Rollback) {
            self.await_replies(settings);
        }
    }
}
