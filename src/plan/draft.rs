//! A plan in the making: the moves that all phases share.

use std::time::Duration;

use super::{conditions, group, renewal, size};
use crate::model::{
    Answer, Effect, Facts, Journal, Notice, Percent, Phase, Plan, PrimaryMatch, PrimarySource, Revision, Scaling, Seen,
    Settings, Shape, Step, TargetSeen, Time, Unready,
};

/// Longest time that a canary without traffic is left running to finish its requests.
const MAX_DRAIN: Duration = Duration::from_secs(30);

/// Snapshots kept: the promoted revision and the two before it.
const SNAPSHOTS: usize = 3;

/// A plan in the making.
pub(super) struct Draft<'a> {
    pub(super) facts: &'a Facts,
    pub(super) answers: &'a [Answer],
    pub(super) now: Time,
    pub(super) journal: Journal,
    effects: Vec<Effect>,
    notices: Vec<Notice>,
    wake: Option<Time>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(facts: &'a Facts, answers: &'a [Answer], now: Time) -> Self {
        let journal = facts.journal.clone();
        Self { facts, answers, now, journal, effects: Vec::new(), notices: Vec::new(), wake: None }
    }

    /// Nothing to write, do or tell.
    pub(super) fn unchanged(self) -> Plan {
        Plan { journal: self.facts.journal.clone(), effects: Vec::new(), notices: Vec::new(), wake: None }
    }

    pub(super) fn finish(mut self) -> Plan {
        renewal::note(&mut self);
        self.note_size();
        self.calm_down();
        group::leave(&mut self);
        group::forget(&mut self);
        self.forget_wait();
        self.follow();
        conditions::settle(&mut self.journal, self.facts, self.now);
        self.notices.extend(conditions::news(self.facts));
        Plan { journal: self.journal, effects: self.effects, notices: self.notices, wake: self.wake }
    }

    pub(super) fn tell(&mut self, notice: Notice) {
        self.notices.push(notice);
    }

    /// Tells `notice` before what was told already.
    pub(super) fn tell_first(&mut self, notice: Notice) {
        self.notices.insert(0, notice);
    }

    pub(super) fn act(&mut self, effect: Effect) {
        // What is not ours to scale goes on as it is.
        if self.facts.scaling == Scaling::Foreign && matches!(effect, Effect::ScaleTarget(_)) {
            return;
        }
        self.effects.push(effect);
    }

    /// Looks again at `at`, or earlier where something else asked for it. A moment that has passed brings nothing new: what this
    /// round could not do waits for the cluster to change, or for another moment.
    pub(super) fn wake_at(&mut self, at: Time) {
        if at > self.now {
            self.wake = Some(self.wake.map_or(at, |earlier| earlier.min(at)));
        }
    }

    /// Moves to `phase` with the canary at `weight`; looks again after `check_in`.
    pub(super) fn enter(&mut self, phase: Phase, weight: Percent, check_in: Duration) {
        if self.journal.phase == Phase::WaitingPromotion && phase != Phase::WaitingPromotion {
            // The gate of the promotion is waited for, and told of, anew.
            self.journal.awaits = None;
        }
        if !matches!(phase, Phase::Progressing | Phase::WaitingPromotion) {
            self.journal.paused = None;
            self.journal.exempt = None;
        }
        if !matches!(phase, Phase::Waiting | Phase::Progressing | Phase::WaitingPromotion) {
            self.journal.waits = None;
        }
        if matches!(phase, Phase::Promoting | Phase::Finalising | Phase::Failed) {
            self.journal.opened = None;
        }
        if !matches!(phase, Phase::Finalising | Phase::Failed) {
            self.journal.bake = None;
        }
        self.journal.phase = phase;
        self.journal.weight = weight;
        let next = self.now.after(check_in);
        let course = self.journal.step.and_then(|step| step.course);
        self.journal.step = Some(Step {
            weight,
            started_at: self.now,
            next_check_at: next,
            waiting_since: None,
            held_since: None,
            course,
        });
        self.wake_at(next);
    }

    /// The analysis goes by the strategy of the spec from now on.
    pub(super) fn set_course(&mut self, settings: &Settings) {
        if let Some(step) = &mut self.journal.step {
            step.course = settings.strategy.course();
        }
    }

    /// Puts the next check off until `at`, if it is due sooner.
    pub(super) fn check_not_before(&mut self, at: Time) {
        if let Some(step) = &mut self.journal.step {
            step.next_check_at = step.next_check_at.max(at);
        }
    }

    /// Counts the time from now as spent waiting for a side.
    pub(super) fn wait(&mut self) {
        if let Some(step) = &mut self.journal.step {
            step.waiting_since.get_or_insert(self.now);
        }
    }

    /// Waits for a side that is not ready. `Err` when it has waited longer than the deadline, or its own has passed.
    pub(super) fn patience(
        &mut self,
        settings: &Settings,
        why: Unready,
        say: fn(Unready) -> Notice,
    ) -> Result<(), Unready> {
        self.wait();
        let deadline = self.journal.step.and_then(|s| s.waiting_since).unwrap_or(self.now).after(settings.deadline);
        if why == Unready::DeadlineExceeded || self.now >= deadline {
            return Err(why);
        }
        self.remind(settings, say(why));
        self.wake_at(deadline);
        Ok(())
    }

    /// Says `notice` once an interval, so that a healthy start is quiet and a stuck one is not.
    pub(super) fn remind(&mut self, settings: &Settings, notice: Notice) {
        self.wait();
        let Some(mut step) = self.journal.step else {
            self.enter(self.journal.phase, self.journal.weight, settings.interval);
            return self.wait();
        };
        if self.now >= step.next_check_at {
            step.next_check_at = self.now.after(settings.interval);
            self.journal.step = Some(step);
            self.tell(notice);
        }
        self.wake_at(step.next_check_at);
    }

    /// Whoever edits the spec, or ends its suspension, gets the whole deadline for what is waited for.
    pub(super) fn wait_anew_for_an_edited_spec(&mut self) {
        let edited = self.facts.journal.observed_generation != self.facts.canary.generation;
        if let Some(step) = self.journal.step.as_mut().filter(|step| edited && step.waiting_since.is_some()) {
            step.waiting_since = Some(self.now);
        }
    }

    /// Adds or removes our finalizer as the spec asks.
    pub(super) fn finalizer(&mut self, settings: &Settings) {
        match (settings.revert_on_deletion, self.facts.finalizer) {
            (true, false) => self.act(Effect::AddFinalizer),
            (false, true) => self.act(Effect::RemoveFinalizer),
            (true, true) | (false, false) => {}
        }
    }

    /// The Services of both sides.
    pub(super) fn sides(&mut self) {
        if self.facts.sides != Shape::AsWanted {
            self.act(Effect::Sides);
        }
    }

    /// Makes the primary anew if somebody removed it, and gives it `wanted` back if somebody changed it. What we have no snapshot
    /// of was not made by us: it stays as it is.
    pub(super) fn keep_primary(&mut self, target: &TargetSeen, wanted: Option<Revision>) {
        match &self.facts.primary {
            Seen::Missing => {
                let kept = wanted.and_then(|revision| self.source(&revision, target));
                // Without a snapshot the target is all there is: serving what was not analysed beats serving nothing.
                let source = kept.unwrap_or_else(|| PrimarySource::Target(target.revision.clone()));
                self.act(Effect::Primary(source));
                self.tell(Notice::PrimaryDrift);
            }
            Seen::Found(primary) => {
                let Some(wanted) = wanted.filter(|r| self.keeps(r)) else { return };
                if primary.runs.is(&wanted) && self.facts.copies != Shape::Missing {
                    return;
                }
                // What a failed promotion left there is no other hand's doing.
                let tried = self.journal.last_applied.as_ref().is_some_and(|r| primary.runs.is(r));
                if !(tried && self.journal.phase == Phase::Failed) {
                    self.tell(Notice::PrimaryDrift);
                }
                self.act(Effect::Primary(PrimarySource::Snapshot(wanted)));
            }
        }
    }

    /// After a failed promotion: the primary runs again what it ran before, if that was kept.
    pub(super) fn restore_primary(&mut self) {
        let promoted = self.journal.last_promoted.clone();
        if let Some(promoted) = promoted.filter(|r| self.keeps(r)) {
            self.act(Effect::Primary(PrimarySource::Snapshot(promoted)));
        }
    }

    /// Where the template of exactly this revision can be had.
    pub(super) fn source(&self, revision: &Revision, target: &TargetSeen) -> Option<PrimarySource> {
        if target.revision == *revision {
            Some(PrimarySource::Target(revision.clone()))
        } else {
            self.keeps(revision).then(|| PrimarySource::Snapshot(revision.clone()))
        }
    }

    /// Whether the primary can be made to run a revision that the target has left.
    pub(super) fn keeps(&self, revision: &Revision) -> bool {
        self.facts.snapshots.contains(revision) && !self.facts.lost.contains(revision)
    }

    /// Keeps the template that the target runs now.
    pub(super) fn snapshot(&mut self, revision: &Revision) {
        if !self.facts.snapshots.contains(revision) {
            self.act(Effect::Snapshot(revision.clone()));
        }
    }

    /// Drops the oldest snapshots.
    pub(super) fn forget(&mut self) {
        let keep = [&self.journal.last_promoted, &self.journal.last_applied];
        // The promoted one, and those that a way back may lead to.
        let known = self.facts.settings.as_ref().map_or(0, |settings| settings.rollback.window + 1);
        let surplus = self.facts.snapshots.len().saturating_sub(SNAPSHOTS.max(known));
        let old = self.facts.snapshots.iter().take(surplus).filter(|r| !keep.contains(&&Some((*r).clone())));
        self.effects.extend(old.map(|r| Effect::Forget(r.clone())));
    }

    /// Scales the target up to what the primary runs, or to what the spec asks for, if it stands at zero. Not before its last pods are gone: for a moment the
    /// status counts them as pods of the new scale, and nobody could tell who is available.
    pub(super) fn scale_up(&mut self, target: &TargetSeen) {
        if !self.resize(target) && target.replicas == 0 && target.rollout.total == 0 {
            let as_primary = self.facts.primary.found().map_or(1, |p| p.replicas.max(1));
            let replicas = match &self.facts.scaling {
                // It starts small and grows with its traffic, unless it gets all of it at once.
                Scaling::Auto(scaler) if !self.facts.deleting => scaler.least,
                Scaling::Auto(_) | Scaling::Fixed | Scaling::Orphaned | Scaling::Foreign => as_primary,
            };
            self.act(Effect::ScaleTarget(replicas));
        }
    }

    /// How long a canary that lost its traffic may still finish requests.
    pub(super) fn drain(&self) -> Duration {
        self.facts.target.found().map_or(MAX_DRAIN, |t| t.grace.min(MAX_DRAIN))
    }

    /// Whether the canary can serve, now and at its next weight.
    pub(super) fn canary_ready(&self, settings: &Settings, target: &TargetSeen) -> Result<(), Unready> {
        size::ready(self.facts, settings, target)
    }

    /// Whether the primary can serve `revision` (any, where `None`).
    pub(super) fn primary_ready(&self, settings: &Settings, revision: Option<&Revision>) -> Result<(), Unready> {
        let Seen::Found(primary) = &self.facts.primary else { return Err(Unready::NotObserved) };
        if revision.is_some_and(|r| !primary.runs.is(r)) {
            return Err(Unready::NotObserved);
        }
        primary.rollout.readiness(settings.primary_ready)?;
        if self.facts.endpoints.primary == 0 { Err(Unready::NoEndpoints) } else { Ok(()) }
    }

    /// The revision of the primary, where it is one that we know.
    pub(super) fn primary_revision(&self) -> Option<&Revision> {
        match &self.facts.primary.found()?.runs {
            PrimaryMatch::Revision(revision) => Some(revision),
            PrimaryMatch::Unknown => None,
        }
    }
}
