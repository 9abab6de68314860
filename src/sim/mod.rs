//! The real decision core in a simulated cluster: seeded faults, and invariants at every write.
//!
//! Everything here is decided by a seed or by a scenario. Never a wall clock, a thread, a socket, or randomness from outside.

mod apiserver;
mod app;
mod cache;
mod cluster;
mod corner;
mod ending;
mod endpoints;
mod faults;
mod fixture;
mod group;
mod hands;
mod hooks;
mod invariants;
mod operator;
mod pods;
mod provider;
mod random;
mod scenario;
mod stage;
mod story;
mod summary;
#[cfg(test)]
mod tests;
mod timeline;
mod traffic;
mod trial;

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

pub use invariants::Violation;
pub use operator::{Decided, Decision};
pub use scenario::{Behaviour, Event, Scenario, Yes};
pub use story::{Exposure, Outcome, StoryError, Verdict, play};
pub use summary::Summary;
pub use timeline::Entry;

use ending::Ending;
use random::Random;
use trial::Trial;

/// What became of one seeded run.
#[derive(Debug)]
pub struct Report {
    /// The seed: the same one plays the same run.
    pub seed: u64,
    /// Rounds of the operator.
    pub rounds: u32,
    /// How long the run was, in simulated time.
    pub took: Duration,
    /// The rule that did not hold, if there is one.
    pub broken: Option<Violation>,
    /// Phases, changes of phase, notices and faults that the run reached.
    pub reached: BTreeSet<String>,
    /// The last plans that changed something.
    pub plans: Vec<Decided>,
}

/// Plays the run of a seed: faults first, then an end without faults, whose outcome must be right.
pub fn run(seed: u64) -> Report {
    if seed >= group::GROUPS {
        return group::run(seed);
    }
    let mut trial = Trial::new(seed);
    let began = trial.cluster.now;
    let ending = Ending::any(&mut Random::new(seed.wrapping_add(2))).or_regret(&mut Random::new(seed.wrapping_add(6)));
    trial.play_faults();
    trial.end(ending);
    Report {
        seed,
        rounds: trial.record.rounds,
        took: trial.cluster.now.since(began),
        broken: trial.record.invariants.broken,
        reached: trial.record.invariants.reached,
        plans: trial.record.plans.into_iter().collect(),
    }
}

/// What the decisions of a seed's run are made on: for a benchmark of the decisions alone.
pub fn decisions(seed: u64) -> Vec<Decision> {
    let mut trial = Trial::new(seed);
    trial.record.decisions = Some(Vec::new());
    trial.play_faults();
    trial.record.decisions.unwrap_or_default()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, rounds, took, broken, plans, .. } = self;
        writeln!(f, "seed {seed}: {rounds} rounds in {} s of simulated time", took.as_secs())?;
        let Some(violation) = broken else { return writeln!(f, "every invariant held") };
        for Decided { at, plan, .. } in plans {
            let journal = &plan.journal;
            writeln!(
                f,
                "{at}  {} weight {} failed {} step {:?}",
                journal.phase, journal.weight, journal.failed_checks, journal.step
            )?;
            writeln!(f, "    effects {:?}", plan.effects)?;
            writeln!(f, "    notices {:?}", plan.notices)?;
        }
        writeln!(f, "{violation}")?;
        writeln!(f, "play it again: serin simulate --seed {seed}")
    }
}
