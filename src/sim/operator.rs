//! One replica of the operator: the loop of `world`, with the same order of reads and writes and without its IO.

use std::collections::VecDeque;
use std::time::Duration;

use super::cache::Cache;
use super::cluster::Cluster;
use super::corner;
use super::faults::Fault;
use super::invariants::Invariants;
use super::provider::Others;
use crate::model::{Answer, CanaryRef, Complaint, Facts, Journal, Plan, Time};
use crate::object::Change;
use crate::plan;
use crate::scene::Scene;

/// How long a round that failed waits before the next.
const BACKOFF: Duration = Duration::from_secs(1);

/// Plans that a report shows.
const REMEMBERED: usize = 10;

/// How a round ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Round {
    /// Everything was written.
    Done,
    /// A write was refused, or what was seen is too old: again later.
    Again,
    /// The process died in the middle.
    Crashed,
}

/// A replica: what it has seen, and when it looks again. Nothing else is kept in memory.
#[derive(Clone, Debug, Default)]
pub(super) struct Operator {
    pub(super) cache: Cache,
    /// When the next round is due.
    pub(super) due: Option<Time>,
    /// Writes left until the process dies.
    pub(super) dies_after: Option<u32>,
    /// By how many milliseconds its clock is ahead.
    pub(super) skew: i64,
}

/// A plan, and when it was made.
#[derive(Clone, PartialEq, Debug)]
pub struct Decided {
    /// When.
    pub at: Time,
    /// Whose.
    pub who: CanaryRef,
    /// What.
    pub plan: Plan,
    /// Whether KPIs were asked for it.
    pub checked: bool,
}

/// What a decision is made on.
#[derive(Clone, PartialEq, Debug)]
pub struct Decision {
    /// What was seen.
    pub facts: Facts,
    /// What was answered.
    pub answers: Vec<Answer>,
    /// When.
    pub now: Time,
}

/// How many plans are remembered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Keep {
    /// What a report shows.
    #[default]
    Last,
    /// Every one.
    All,
}

/// What outlives every replica: rules and records of the run.
#[derive(Debug, Default)]
pub(super) struct Record {
    pub(super) invariants: Invariants,
    /// The plans that changed something: all of them in a story, the last ones in a seeded run.
    pub(super) plans: VecDeque<Decided>,
    pub(super) keep: Keep,
    /// What every decision was made on, where that is kept.
    pub(super) decisions: Option<Vec<Decision>>,
    /// What befell the run, where everything is kept.
    pub(super) events: Vec<(Time, Fault)>,
    pub(super) rounds: u32,
    pub(super) writes: u32,
}

impl Operator {
    /// Looks again at `at`, or earlier where something else asked for it.
    pub(super) fn wake_at(&mut self, at: Time) {
        self.due = Some(self.due.map_or(at, |earlier| earlier.min(at)));
    }

    /// Observe, ask, decide, record, perform.
    pub(super) fn round(&mut self, cluster: &mut Cluster, others: &Others, record: &mut Record) -> Round {
        self.due = None;
        record.rounds += 1;
        self.cache.refresh(&cluster.api, cluster.now);
        if self.cache.is_behind(cluster.now) {
            self.wake_at(cluster.now.after(BACKOFF));
            return Round::Again;
        }
        let Some(scene) = corner::scene(&cluster.names, self.cache.objects()) else { return Round::Done };
        let now = Time::from_millis(cluster.now.as_millis() + self.skew);
        let mut facts = scene.facts();
        // When endpoints came, whoever saw them noted by its own clock.
        let own = |at: Time| Time::from_millis(at.as_millis() + self.skew);
        facts.endpoints.primary_since = facts.endpoints.primary_since.map(own);
        facts.endpoints.canary_since = facts.endpoints.canary_since.map(own);
        let answers = inquire(cluster, others, &facts, now);
        let mut plan = plan::decide(&facts, &answers, now);
        let mut changes = scene.changes(&plan.effects);
        if let Err(complaint) = changes {
            facts.complaints.push(complaint);
            plan = plan::decide(&facts, &[], now);
            changes = scene.changes(&plan.effects);
        }
        record.invariants.planned(cluster, &facts, &answers, &plan, now);
        if let Some(decisions) = &mut record.decisions {
            decisions.push(Decision { facts: facts.clone(), answers: answers.clone(), now });
        }
        if plan.journal != facts.journal || !plan.effects.is_empty() {
            let checked = answers.iter().any(|answer| matches!(answer, Answer::Measured(..)));
            let who = facts.canary.clone();
            record.plans.push_back(Decided { at: cluster.now, who, plan: plan.clone(), checked });
            if record.keep == Keep::Last {
                record.plans.drain(..record.plans.len().saturating_sub(REMEMBERED));
            }
        }
        let round = self.carry_out(cluster, record, &scene, &facts.journal, &plan, changes);
        match round {
            Round::Done => plan.wake.into_iter().for_each(|at| self.wake_at(cluster.now.after(at.since(now)))),
            Round::Again => self.wake_at(cluster.now.after(BACKOFF)),
            Round::Crashed => {}
        }
        round
    }

    fn carry_out(
        &mut self,
        cluster: &mut Cluster,
        record: &mut Record,
        scene: &Scene,
        before: &Journal,
        plan: &Plan,
        changes: Result<Vec<Change>, Complaint>,
    ) -> Round {
        if let Some(status) = corner::status(scene, plan, cluster.now) {
            if self.dies(record) {
                return Round::Crashed;
            }
            let seen = scene.canary.metadata.resource_version.as_deref().unwrap_or_default();
            if cluster.write_status(seen, &status).is_err() {
                return Round::Again;
            }
            record.invariants.recorded(before, &plan.journal);
            self.cache.wrote(&corner::canary_key(&cluster.names), cluster.api.objects(), cluster.now);
        }
        let done = changes.map_or(Round::Again, |changes| self.perform(cluster, record, plan, changes));
        if done != Round::Crashed {
            record.invariants.told(&plan.notices);
        }
        done
    }

    fn perform(&mut self, cluster: &mut Cluster, record: &mut Record, plan: &Plan, changes: Vec<Change>) -> Round {
        for change in changes {
            if self.dies(record) {
                return Round::Crashed;
            }
            if cluster.write(&change).is_err() {
                return Round::Again;
            }
            if let Some(key) = change.key() {
                self.cache.wrote(&key, cluster.api.objects(), cluster.now);
            }
            record.invariants.written(cluster, plan, &change);
        }
        Round::Done
    }

    /// Counts a write. Whether the process dies before it.
    fn dies(&mut self, record: &mut Record) -> bool {
        record.writes += 1;
        match &mut self.dies_after {
            Some(0) => true,
            Some(left) => {
                *left -= 1;
                false
            }
            None => false,
        }
    }
}

/// Asks until the decision knows all that it needs.
fn inquire(cluster: &Cluster, others: &Others, facts: &Facts, now: Time) -> Vec<Answer> {
    let mut answers = Vec::new();
    loop {
        let questions = plan::questions(facts, &answers, now);
        if questions.is_empty() {
            return answers;
        }
        answers.extend(others.answers(cluster, &questions));
    }
}
