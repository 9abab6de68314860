//! The promises of the sequential tests, counted: false rollbacks of good canaries in every weather, and the time until
//! bad ones are found, beside others' judges on the same requests.

use super::{Aim, Found, Known, Method, Range, Stream, Weather, World, played, tally};
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
    /// Every section, in the order of the table.
    pub const ALL: [Self; 4] = [Self::Same, Self::Tolerated, Self::Clumped, Self::Worse];

    /// A headline.
    pub const fn about(self) -> &'static str {
        match self {
            Self::Same => "false rollbacks: a canary as good as the primary",
            Self::Tolerated => "false rollbacks: a canary exactly 1.25 times as bad, which is tolerated",
            Self::Clumped => "false rollbacks: as good as the primary, failures in clumps (variance = clump x mean)",
            Self::Worse => "found: a canary that is worse",
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

/// What must hold of `Method::Ratio`.
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
    /// In the order of `Method::ALL`.
    pub found: Vec<Found>,
    /// Share of the releases in which the requests were found to be shared otherwise than by weight. They never were.
    pub split: f64,
    /// What must hold.
    pub limit: Limit,
}

impl Row {
    /// What the ratio test found.
    pub fn ratio(&self) -> Option<Found> {
        Method::ALL.iter().zip(&self.found).find(|(method, _)| **method == Method::Ratio).map(|(_, found)| *found)
    }

    /// Whether the limit holds.
    pub fn holds(&self) -> bool {
        self.ratio().is_some_and(|found| self.limit.holds(found))
    }
}

/// The ratios that are used throughout: up to 1.25 is tolerated, 2 is unacceptable.
pub const LIMITS: Limits = Limits { tolerated: 1.25, unacceptable: 2.0 };

/// An hour at these weights, looked at once a minute.
fn hour<const N: usize>(weights: [f64; N]) -> Vec<f64> {
    weights.into_iter().flat_map(|weight| std::iter::repeat_n(weight, 60 / N)).collect()
}

/// From little to half of all requests.
const CAREFUL: [f64; 6] = [0.05, 0.1, 0.2, 0.3, 0.4, 0.5];
/// Flagger's own example.
const USUAL: [f64; 5] = [0.1, 0.2, 0.3, 0.4, 0.5];

fn cases() -> Vec<Case> {
    let world = |rate, base, ratio| World {
        interval: 60.0,
        rate,
        base,
        ratio,
        dispersion: 1.0,
        weights: hour(CAREFUL),
        weather: Weather::Calm,
    };
    let mut cases = Vec::new();
    let mut add = |section, world, known| cases.push(Case { section, world, known });
    for weather in Weather::ALL {
        for base in [0.0001, 0.001, 0.01, 0.1, 0.4] {
            for rate in [1.0, 10.0, 100.0, 200.0] {
                add(Section::Same, World { weather, ..world(rate, base, 1.0) }, Known::Not);
            }
        }
    }
    for base in [0.001, 0.01, 0.1, 0.4] {
        for rate in [10.0, 100.0] {
            add(Section::Tolerated, world(rate, base, LIMITS.tolerated), Known::Not);
        }
    }
    for dispersion in [3.0, 10.0] {
        for base in [0.001, 0.01, 0.1] {
            for rate in [10.0, 100.0] {
                for known in [Known::Not, Known::Estimated(60), Known::Estimated(1440)] {
                    add(Section::Clumped, World { dispersion, ..world(rate, base, 1.0) }, known);
                }
            }
        }
    }
    for base in [0.001, 0.01] {
        for ratio in [2.0, 3.0, 5.0, 20.0] {
            add(Section::Worse, World { weights: hour(USUAL), ..world(100.0, base, ratio) }, Known::Not);
        }
        add(Section::Worse, world(100.0, base, 5.0), Known::Not);
    }
    for dispersion in [3.0, 10.0] {
        for base in [0.001, 0.01] {
            add(
                Section::Worse,
                World { dispersion, weights: hour(USUAL), ..world(100.0, base, 5.0) },
                Known::Estimated(1440),
            );
        }
    }
    cases
}

/// Plays every case `runs` times, and a tenth of that with all that promises nothing here; `tell` hears of each row as
/// soon as it is there.
pub fn study(runs: u32, mut tell: impl FnMut(&Row)) {
    for case in cases() {
        let (aim, few) = (aim(case.world.base), runs.div_ceil(10));
        let mut found = tally(&case.world, &aim, case.known, &Method::ALL, few);
        let promised = tally(&case.world, &aim, case.known, &[Method::Ratio], runs);
        for (_, all) in Method::ALL.iter().zip(&mut found).filter(|(method, _)| **method == Method::Ratio) {
            *all = promised.first().copied().unwrap_or(*all);
        }
        let off = played(few, |seed| is_off(&case.world, aim.risk, seed));
        let split = off.iter().filter(|off| **off).count() as f64 / f64::from(few.max(1));
        let limit = limit(&case, aim.risk.harm, runs);
        tell(&Row { case, found, split, limit });
    }
}

/// Limits in absolute terms are set as people set them: at 1 % of failures, or at twice of what fails anyway.
pub fn aim(base: f64) -> Aim {
    let range = Range { limit: (2.0 * base).clamp(0.01, 0.95), threshold: 5, window: 1 };
    Aim { risk: Risk::default(), limits: LIMITS, base, range, dispersion: 1.0 }
}

fn limit(case: &Case, risk: f64, runs: u32) -> Limit {
    let sigma = (risk * (1.0 - risk) / f64::from(runs.max(1))).sqrt();
    match (case.section, case.known) {
        (Section::Same | Section::Tolerated, _) => Limit::AtMost(risk + 3.0 * sigma),
        (Section::Clumped, Known::Estimated(_)) => Limit::AtMost(1.5 * risk),
        (Section::Worse, Known::Not) if case.world.ratio >= 5.0 && case.world.weights == hour(USUAL) => {
            Limit::Within(if case.world.base < 0.01 { 5 } else { 1 })
        }
        (Section::Clumped | Section::Worse, _) => Limit::None,
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
            Some(interval) if stream.left_out == 0 => split.update(interval.canary.total(), interval.primary.total()),
            _ => {}
        }
    }
    split.is_off(risk.harm)
}
