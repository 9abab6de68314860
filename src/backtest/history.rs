//! What was recorded of one canary, at equal steps.

use std::ops::Range;
use std::time::Duration;

use crate::judge::Counts;
use crate::model::{Buckets, Tally, Time};

/// Everything that was recorded: moment number `i` is `from + i * step`. Each series may be shorter than the others.
#[derive(Clone, PartialEq, Debug)]
pub struct History {
    /// The first moment.
    pub from: Time,
    /// Between two moments; above 0.
    pub step: Duration,
    /// Share of the traffic that the canary had, in percent; NaN where nothing was recorded.
    pub weights: Vec<f64>,
    /// Flagger's number of the phase: 0 while a release goes on, 2 after a rollback, 1 otherwise; NaN where nothing was recorded.
    pub statuses: Vec<f64>,
    /// One for each KPI of the settings, in their order.
    pub tracks: Vec<Track>,
}

/// What was recorded of one KPI.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Track {
    /// What its query gave for the canary, in its unit; NaN where it gave nothing.
    pub canary: Vec<f64>,
    /// The same query for the primary.
    pub primary: Vec<f64>,
    /// Requests of the canary and of the primary in the step that ends there; empty where the query counts none.
    pub counts: Vec<[Option<Tally>; 2]>,
    /// The same by how long they took; empty but for a KPI whose quantiles are compared.
    pub buckets: Vec<[Option<Buckets>; 2]>,
}

impl Track {
    /// The same without what a primary seems to count at the moment from which on it was recorded: its pods had served before, and
    /// all that they ever counted would pass for one step.
    #[must_use]
    pub fn settled(mut self) -> Self {
        settle(&mut self.counts);
        settle(&mut self.buckets);
        self
    }

    /// What both sides counted in some steps; `None` for a side of which nothing was recorded in any of them.
    pub(super) fn counted(&self, steps: Range<usize>) -> [Option<Counts>; 2] {
        let mut sums: [Option<Counts>; 2] = [None, None];
        for tallies in
            self.counts.get(steps.start.min(self.counts.len())..).unwrap_or_default().iter().take(steps.len())
        {
            for (sum, tally) in sums.iter_mut().zip(tallies) {
                if let Some(counts) = tally.and_then(|tally| Counts::new(tally.bad.min(tally.total), tally.total)) {
                    *sum = Some(sum.unwrap_or_default().and(counts));
                }
            }
        }
        sums
    }

    /// The same by how long they took.
    pub(super) fn bucketed(&self, steps: Range<usize>) -> [Option<Buckets>; 2] {
        let mut sums: [Option<Buckets>; 2] = [None, None];
        for sides in
            self.buckets.get(steps.start.min(self.buckets.len())..).unwrap_or_default().iter().take(steps.len())
        {
            for (sum, more) in sums.iter_mut().zip(sides) {
                if let Some(more) = more {
                    *sum = Some(sum.as_ref().map_or_else(|| more.clone(), |sum| sum.and(more)));
                }
            }
        }
        sums
    }

    /// The values of both sides at a moment.
    pub(super) fn valued(&self, at: usize) -> [f64; 2] {
        [&self.canary, &self.primary].map(|side| side.get(at).copied().unwrap_or(f64::NAN))
    }
}

fn settle<T>(moments: &mut [[Option<T>; 2]]) {
    let mut before = false;
    for [_, primary] in moments {
        let is_there = primary.is_some();
        if !before {
            *primary = None;
        }
        before = is_there;
    }
}

impl History {
    /// Number of the last moment that is not after `time`; 0 before the first one.
    pub(super) fn at(&self, time: Time) -> usize {
        let steps = time.since(self.from).as_millis() / self.step.as_millis().max(1);
        usize::try_from(steps).unwrap_or(usize::MAX)
    }

    /// The moment of this number.
    pub(super) fn time(&self, at: usize) -> Time {
        self.from.after(self.step.saturating_mul(u32::try_from(at).unwrap_or(u32::MAX)))
    }

    /// How many steps a length of time has; at least 1.
    pub(super) fn steps(&self, length: Duration) -> usize {
        usize::try_from(length.as_millis() / self.step.as_millis().max(1)).unwrap_or(usize::MAX).max(1)
    }

    /// How many moments there are.
    pub(super) fn len(&self) -> usize {
        let tracks =
            self.tracks.iter().map(|track| track.canary.len().max(track.counts.len()).max(track.buckets.len()));
        tracks.chain([self.weights.len(), self.statuses.len()]).max().unwrap_or_default()
    }

    /// Whether anything of the canary was recorded between these times.
    pub(super) fn is_recorded(&self, from: Time, to: Time) -> bool {
        let (first, last) = (self.at(from), self.at(to));
        self.tracks.iter().any(|track| {
            let valued = (first..=last).any(|at| track.valued(at).first().is_some_and(|value| value.is_finite()));
            let steps = || first..last.saturating_add(1);
            let counted = || track.counted(steps()).first().is_some_and(Option::is_some);
            valued || counted() || track.bucketed(steps()).first().is_some_and(Option::is_some)
        })
    }
}
