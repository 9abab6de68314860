//! The promises of the sequential tests, counted: false rollbacks of good canaries in every weather, and the time until
//! bad ones are found, beside others' judges on the same requests.

mod durations;
mod failures;

use super::{Aim, Found, Known, Range, Signal, Stream, Weather, World, played, tally};
use crate::judge::{Limits, Risk, Split};

/// What a row is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Section {
    /// The canary is as good as the primary.
    Same,
    /// The canary is exactly as bad as is still tolerated.
    Tolerated,
    /// The canary is as good as the primary, and failures come in clumps.
    Clumped,
    /// The canary is worse.
    Worse,
}

impl Section {
    /// A headline.
    pub const fn about(self, signal: &Signal) -> &'static str {
        match (signal, self) {
            (Signal::Failures { .. }, Self::Same) => "false rollbacks: a canary as good as the primary",
            (Signal::Failures { .. }, Self::Tolerated) => {
                "false rollbacks: a canary exactly 1.25 times as bad, which is tolerated"
            }
            (Signal::Failures { .. }, Self::Clumped) => {
                "false rollbacks: as good as the primary, failures in clumps (variance = clump x mean)"
            }
            (Signal::Failures { .. }, Self::Worse) => "found: a canary that is worse",
            (Signal::Durations { .. }, Self::Same) => "durations, false rollbacks: a canary as fast as the primary",
            (Signal::Durations { .. }, Self::Tolerated) => {
                "durations, false rollbacks: exactly 1.25 times as many requests above any bound, which is tolerated"
            }
            (Signal::Durations { .. }, Self::Clumped) => {
                "durations, false rollbacks: as fast as the primary, requests of a like duration in clumps"
            }
            (Signal::Durations { .. }, Self::Worse) => "durations, found: a canary that is slower",
        }
    }
}

/// One kind of release.
#[derive(Clone, PartialEq, Debug)]
pub struct Case {
    /// What is shown by it.
    pub section: Section,
    /// What happens.
    pub world: World,
    /// What is known of the dispersion.
    pub known: Known,
}

/// What must hold of the method that promises it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Limit {
    /// Harm is found in this share of the releases at most.
    AtMost(f64),
    /// Harm is found within so many intervals in half of the releases.
    Within(u32),
    /// Nothing is promised.
    None,
}

impl Limit {
    /// Whether it does.
    pub fn holds(self, found: Found) -> bool {
        match self {
            Self::AtMost(share) => found.share <= share,
            Self::Within(intervals) => found.median.is_some_and(|median| median <= intervals),
            Self::None => true,
        }
    }
}

/// What came of one case.
#[derive(Clone, PartialEq, Debug)]
pub struct Row {
    /// What was played.
    pub case: Case,
    /// In the order of the signal's methods.
    pub found: Vec<Found>,
    /// Share of the releases in which the requests were found to be shared otherwise than by weight. They never were. `None` where
    /// the requests themselves come in clumps, and not their failures.
    pub split: Option<f64>,
    /// What must hold.
    pub limit: Limit,
}

impl Row {
    /// What the method found that promises something.
    pub fn promised(&self) -> Option<Found> {
        let signal = &self.case.world.signal;
        let of = signal.methods().iter().zip(&self.found).find(|(method, _)| **method == signal.promised());
        of.map(|(_, found)| *found)
    }

    /// Whether the limit holds.
    pub fn holds(&self) -> bool {
        self.promised().is_some_and(|found| self.limit.holds(found))
    }
}

/// The ratios that are used throughout: up to 1.25 is tolerated, 2 is unacceptable.
pub const LIMITS: Limits = Limits { tolerated: 1.25, unacceptable: 2.0 };

/// Intervals of a day.
const DAY: usize = 1440;

/// A careful hour of a release, looked at once a minute.
fn world(rate: f64, signal: Signal) -> World {
    World { interval: 60.0, rate, signal, dispersion: 1.0, weights: hour(CAREFUL), weather: Weather::Calm }
}

/// An hour at these weights, looked at once a minute.
fn hour<const N: usize>(weights: [f64; N]) -> Vec<f64> {
    weights.into_iter().flat_map(|weight| std::iter::repeat_n(weight, 60 / N)).collect()
}

/// From little to half of all requests.
const CAREFUL: [f64; 6] = [0.05, 0.1, 0.2, 0.3, 0.4, 0.5];
/// Flagger's own example.
const USUAL: [f64; 5] = [0.1, 0.2, 0.3, 0.4, 0.5];

/// Plays every case `runs` times, and a tenth of that with all that promises nothing here; `tell` hears of each row as
/// soon as it is there.
pub fn study(runs: u32, mut tell: impl FnMut(&Row)) {
    for case in failures::cases().into_iter().chain(durations::cases()) {
        let signal = case.world.signal;
        let (aim, few) = (aim(&signal), runs.div_ceil(10));
        let mut found = tally(&case.world, &aim, case.known, signal.methods(), few);
        let promised = tally(&case.world, &aim, case.known, &[signal.promised()], runs);
        for (_, all) in signal.methods().iter().zip(&mut found).filter(|(method, _)| **method == signal.promised()) {
            *all = promised.first().copied().unwrap_or(*all);
        }
        let split = matches!(signal, Signal::Failures { .. }).then(|| {
            let off = played(few, |seed| is_off(&case.world, aim.risk, seed));
            off.iter().filter(|off| **off).count() as f64 / f64::from(few.max(1))
        });
        let limit = limit(&case, aim.risk.harm, runs);
        tell(&Row { case, found, split, limit });
    }
}

/// Limits in absolute terms are set as people set them: at 1 % of failures, or at twice of what fails anyway; at half a second, as
/// Flagger's own example has it.
pub fn aim(signal: &Signal) -> Aim {
    let (base, limit) = match *signal {
        Signal::Failures { base, .. } => (base, (2.0 * base).clamp(0.01, 0.95)),
        Signal::Durations { usual, .. } => (usual.percentile(), 500.0),
    };
    Aim {
        risk: Risk::default(),
        limits: LIMITS,
        base,
        range: Range { limit, threshold: 5, window: 1 },
        dispersion: 1.0,
    }
}

fn limit(case: &Case, risk: f64, runs: u32) -> Limit {
    let sigma = (risk * (1.0 - risk) / f64::from(runs.max(1))).sqrt();
    match (case.section, case.known, case.world.signal) {
        (Section::Same | Section::Tolerated, _, _) => Limit::AtMost(risk + 3.0 * sigma),
        // In an hour few requests tell of the clumps above the last bounds.
        (Section::Clumped, Known::Estimated(intervals), Signal::Durations { .. }) if intervals < DAY => {
            Limit::AtMost(2.0 * risk)
        }
        (Section::Clumped, Known::Estimated(_), _) => Limit::AtMost(1.5 * risk),
        (Section::Worse, Known::Not, Signal::Failures { base, ratio })
            if ratio >= 5.0 && case.world.weights == hour(USUAL) =>
        {
            Limit::Within(if base < 0.01 { 5 } else { 1 })
        }
        (Section::Clumped | Section::Worse, _, _) => Limit::None,
    }
}

/// Whether the shares of the requests were found to be others than the weights.
fn is_off(world: &World, risk: Risk, seed: u64) -> bool {
    let mut stream = Stream::new(world, seed);
    let mut expected = world.weights.first().copied().unwrap_or_default();
    let mut split = Split::new(expected);
    for weight in &world.weights {
        if weight.total_cmp(&expected).is_ne() {
            split.expect(*weight);
            expected = *weight;
        }
        // A series without its requests would pass for a missing share.
        match stream.next() {
            Some(seen) if stream.left_out == 0 => split.update(seen.canary.total(), seen.primary.total()),
            _ => {}
        }
    }
    split.is_off(risk.harm)
}
