//! What a way of judging would find: seeded releases with a known truth, and how often and how soon each method sees it.
//!
//! Never a promise of its own: every figure is counted over played releases. Never a clock, or randomness without a seed.

mod curve;
mod method;
mod random;
mod rival;
mod seen;
mod signal;
mod stream;
mod study;

pub use curve::{Curve, Point, Sentence, curves, intervals, judged, sample};
pub use method::{Aim, Method};
pub(crate) use random::Random;
pub use rival::Range;
pub use seen::{Seen, Side};
pub use signal::{Lag, Latency, Signal};
pub use stream::{Weather, World};
pub use study::{Case, LIMITS, Limit, Row, Section, aim, study};

use crate::judge::{Finding, dispersion};
use crate::model::Buckets;
use method::Judge;
use stream::Stream;

/// What is known of the primary before a release.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Known {
    /// Nobody looked: the dispersion is taken for 1, and the first interval tells where the quantiles are.
    Not,
    /// Both are estimated from so many intervals of the primary.
    Estimated(usize),
}

/// The interval, from 1 on, after which each of `methods` found harm in one release; `None` where it never did.
fn found(world: &World, aim: &Aim, known: Known, methods: &[Method], seed: u64) -> Vec<Option<u32>> {
    let (aim, past, stream) = begun(world, aim, known, seed);
    let mut judges: Vec<_> = methods.iter().map(|method| (Judge::new(*method, &aim, &past), None)).collect();
    for (number, seen) in (1..).zip(stream) {
        for (judge, found) in judges.iter_mut().filter(|(_, found)| found.is_none()) {
            if judge.look(&seen, &aim) == Finding::Harm {
                *found = Some(number);
            }
        }
    }
    judges.into_iter().map(|(_, found)| found).collect()
}

/// A release that is about to begin: the aim with what is known of the primary, its durations, and what is to come.
fn begun<'a>(world: &'a World, aim: &Aim, known: Known, seed: u64) -> (Aim, Vec<Buckets>, Stream<'a>) {
    let mut stream = Stream::new(world, seed);
    let Known::Estimated(intervals) = known else { return (*aim, Vec::new(), stream) };
    let past = stream.past(intervals);
    let counts: Vec<_> = past.iter().map(|side| side.counts(aim.range.limit)).collect();
    (Aim { dispersion: dispersion(&counts), ..*aim }, past.into_iter().filter_map(Side::durations).collect(), stream)
}

/// `play` of each seed below `runs`, on every core; the order is that of the cores and means nothing.
pub(crate) fn played<T: Send>(runs: u32, play: impl Fn(u64) -> T + Sync) -> Vec<T> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let share = |core: usize| (0..u64::from(runs)).skip(core).step_by(cores).map(&play).collect::<Vec<T>>();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|core| scope.spawn(move || share(core))).collect();
        let join = |thread: std::thread::ScopedJoinHandle<'_, Vec<T>>| match thread.join() {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        threads.into_iter().flat_map(join).collect()
    })
}

/// How often harm was found, and when.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Found {
    /// Share of the releases, between 0 and 1.
    pub share: f64,
    /// Intervals after which it was found in half of all releases; `None` where it was in fewer.
    pub median: Option<u32>,
}

impl Found {
    fn of(mut found: Vec<Option<u32>>) -> Self {
        let runs = found.len();
        // What was never found comes last.
        found.sort_unstable_by_key(|at| at.unwrap_or(u32::MAX));
        let seen = found.iter().flatten().count();
        Self { share: seen as f64 / runs.max(1) as f64, median: found.get(runs / 2).copied().flatten() }
    }
}

/// Plays `runs` releases and counts for each method.
fn tally(world: &World, aim: &Aim, known: Known, methods: &[Method], runs: u32) -> Vec<Found> {
    let all = played(runs, |seed| found(world, aim, known, methods, seed));
    let column = |at: usize| Found::of(all.iter().map(|row| row.get(at).copied().flatten()).collect());
    (0..methods.len()).map(column).collect()
}

#[cfg(test)]
mod tests;
