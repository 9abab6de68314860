//! What a decision still has to ask: hooks in the order of their moments, and the KPIs between them.
//!
//! A question is put only when every answer before it allows the next move, so nobody is asked to approve what fails anyway.

use super::{bake, check, first, group, holds, hooks, looks, moves, settled, turns, waiting};
use crate::model::{Answer, Facts, Moment, Phase, Question, Settings, Strategy, TargetSeen, Time};
use hooks::Consent;

/// The questions that `answers` leave open.
pub(super) fn questions(
    facts: &Facts,
    settings: &Settings,
    target: &TargetSeen,
    answers: &[Answer],
    now: Time,
) -> Vec<Question> {
    let inquiry = Inquiry { facts, settings, target, answers, now };
    match facts.journal.phase {
        Phase::Initialized | Phase::Succeeded | Phase::Failed => inquiry.between_releases(),
        Phase::Waiting => inquiry.waiting(),
        Phase::Progressing | Phase::WaitingPromotion => inquiry.in_release(),
        Phase::Finalising => bake::questions(&inquiry),
        Phase::Initializing => first::questions(&inquiry),
        Phase::Promoting | Phase::Terminating | Phase::Terminated => Vec::new(),
    }
}

/// What is known, and what was asked already.
pub(super) struct Inquiry<'a> {
    pub(super) facts: &'a Facts,
    pub(super) settings: &'a Settings,
    pub(super) target: &'a TargetSeen,
    pub(super) answers: &'a [Answer],
    pub(super) now: Time,
}

impl Inquiry<'_> {
    fn between_releases(&self) -> Vec<Question> {
        let mut asked = Vec::new();
        if hooks::follows(self.facts) {
            asked.extend(self.hook(Moment::PostRollout));
        }
        let new = settled::is_new(&self.facts.journal, &self.target.revision);
        if new || group::comes_again(self.facts, self.target) {
            asked.extend(self.beginning());
        }
        asked
    }

    fn waiting(&self) -> Vec<Question> {
        let mut asked = self.rollbacks();
        if waiting::is_due(&self.facts.journal, self.now) {
            asked.extend(self.beginning());
        }
        asked
    }

    /// Before a release: its turn, once nothing else holds it, and then whoever has to confirm it.
    fn beginning(&self) -> Vec<Question> {
        let Self { facts, settings, answers, now, .. } = *self;
        if holds::of_start(facts, &facts.journal, settings, now).is_some() {
            return Vec::new();
        }
        if let Some(turn) = turns::question(facts, settings, answers) {
            return vec![turn];
        }
        if turns::of_start(facts, settings, answers, now).is_some() {
            return Vec::new();
        }
        self.hook(Moment::ConfirmRollout)
    }

    fn in_release(&self) -> Vec<Question> {
        let journal = &self.facts.journal;
        if group::has_voted(journal) {
            return Vec::new();
        }
        let other = journal.last_applied.as_ref() != Some(&self.target.revision) || journal.paused.is_some();
        if other || journal.failed_checks >= self.settings.threshold || self.settings.strategy == Strategy::Skip {
            return Vec::new();
        }
        let mut asked = self.rollbacks();
        let ready = check::ready(self.facts, self.settings, self.target);
        if ready && !journal.has_begun() {
            asked.extend(self.before_the_first_move());
        } else if check::due(self.facts, self.settings, self.target, self.now) {
            asked.extend(self.in_check());
        } else if !self.has_measured() && looks::due(self.facts, self.settings, self.target, self.now) {
            asked.extend(looks::questions(self.facts, self.settings, self.now));
        }
        asked
    }

    fn before_the_first_move(&self) -> Vec<Question> {
        let journal = &self.facts.journal;
        if journal.step.is_some_and(|step| step.waiting_since.is_some()) || !self.is_due() {
            return Vec::new();
        }
        if journal.weight.is_zero() && holds::of_move(journal, self.settings, self.now).is_some() {
            return Vec::new();
        }
        if journal.prepared != journal.last_applied
            && let Some(open) = self.unsettled(Moment::PreRollout)
        {
            return open;
        }
        if journal.weight.is_zero() { self.gate() } else { Vec::new() }
    }

    fn in_check(&self) -> Vec<Question> {
        if let Some(open) = self.unsettled(Moment::Rollout) {
            return open;
        }
        if !self.has_measured() && !self.settings.kpis.is_empty() {
            let kpis = self.settings.kpis.iter().enumerate();
            return kpis.map(|(at, kpi)| looks::question(self.facts, self.settings, at, kpi, self.now)).collect();
        }
        let goes_on = holds::of_move(&self.facts.journal, self.settings, self.now).is_none();
        if goes_on && check::passes(self.facts, self.settings, self.answers, self.now) {
            self.gate()
        } else {
            Vec::new()
        }
    }

    fn has_measured(&self) -> bool {
        looks::measurements(self.answers).next().is_some()
    }

    /// The gate of the next move.
    fn gate(&self) -> Vec<Question> {
        let (journal, strategy) = (&self.facts.journal, &self.settings.strategy);
        let next = moves::next(strategy, journal, &self.facts.route);
        moves::gate(next, strategy, journal).map(|moment| self.hook(moment)).unwrap_or_default()
    }

    /// What is still to be asked of the hooks of a moment, while they do not all agree.
    pub(super) fn unsettled(&self, moment: Moment) -> Option<Vec<Question>> {
        let open = self.hook(moment);
        let agreed = hooks::consent(self.settings, self.answers, moment) == Consent::Given;
        (!agreed || !open.is_empty()).then_some(open)
    }

    pub(super) fn rollbacks(&self) -> Vec<Question> {
        hooks::rollbacks(self.facts, self.settings, self.answers, self.now)
    }

    fn hook(&self, moment: Moment) -> Vec<Question> {
        let check = self.facts.journal.step.map(|step| step.next_check_at);
        hooks::next(self.facts, self.settings, self.answers, moment, check).into_iter().collect()
    }

    fn is_due(&self) -> bool {
        self.facts.journal.step.is_none_or(|step| self.now >= step.next_check_at)
    }
}
