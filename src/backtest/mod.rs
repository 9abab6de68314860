//! What a rule would have done with releases that are over: replayed on what was recorded of them, and how often it would be
//! wrong, by resampling.
//!
//! Never a look at a server or a file: what was recorded comes as numbers. Never a judgement of its own: `judge` says what a
//! measurement means, in a replay as in a release.

mod bounds;
mod history;
mod panel;
mod propose;
mod release;
mod replay;
mod resample;
mod rule;
#[cfg(test)]
mod tests;

pub use history::{History, Track};
pub use propose::{Bound, Proposal};
pub use release::{End, Release};
pub use replay::{Decided, Decision};
pub use resample::{RATIOS, Rates, Row};
pub use rule::Name;

use crate::model::{Settings, Time};
use rule::Rule;

/// How the rules are resampled.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Resampling {
    /// Share of the releases of a good canary that may be rolled back; between 0 and 1.
    pub risk: f64,
    /// Releases that are played.
    pub runs: u32,
    /// The same seed plays the same releases.
    pub seed: u64,
}

/// What came of it.
#[derive(Clone, PartialEq, Debug)]
pub struct Report {
    /// In their order.
    pub releases: Vec<Past>,
    /// How often each rule would be wrong; `None` where nothing was recorded to resample.
    pub rates: Option<Rates>,
    /// Thresholds for the KPIs that a range decides about.
    pub proposals: Vec<Proposal>,
}

/// One past release, and what each rule would have done with it.
#[derive(Clone, PartialEq, Debug)]
pub struct Past {
    /// What happened.
    pub release: Release,
    /// What the rules say, that of the file first; none where nothing was recorded of the release.
    pub decisions: Vec<(Name, Decision)>,
}

impl Past {
    /// What the file's own rule says.
    pub fn of_the_file(&self) -> Option<&Decision> {
        self.decisions.iter().find(|(name, _)| *name == Name::File).map(|(_, decision)| decision)
    }

    /// Whether that is something else than what happened. A release whose end is not known differs from nothing.
    pub fn differs(&self) -> bool {
        self.of_the_file().is_some_and(|decision| match self.release.end {
            End::Promoted => decision.decided == Decided::RolledBack,
            End::RolledBack => decision.decided != Decided::RolledBack,
            End::Overtaken | End::Unknown => false,
        })
    }
}

/// Replays the rules on the releases that were recorded, or on what lies between the `given` times, and resamples them.
pub fn backtest(settings: &Settings, history: &History, given: &[(Time, Time)], how: Resampling) -> Report {
    let releases = match given {
        [] => release::find(history),
        given => given.iter().map(|(from, to)| release::between(history, *from, *to)).collect(),
    };
    let rules = Rule::all(settings, history, how.risk);
    let past = |release: Release| {
        let is_recorded = history.is_recorded(release.from, release.to);
        let rules = rules.iter().filter(|_| is_recorded);
        let decisions = rules.map(|rule| (rule.name, replay::replay(rule, history, &release))).collect();
        Past { release, decisions }
    };
    let releases: Vec<Past> = releases.into_iter().map(past).collect();
    let (rates, proposals) = resample::resample(settings, history, &rules, &releases, how);
    Report { releases, rates, proposals }
}
