//! The requests of a release, as two sides count them: weights that change, weather that both sides share, pods that
//! start again.

use std::collections::BTreeMap;
use std::f64::consts::PI;

use super::random::Random;
use super::{Lag, Latency, Seen, Side, Signal};
use crate::judge::{Counts, growth};
use crate::model::Buckets;

/// A service, its canary, and a release of it.
#[derive(Clone, PartialEq, Debug)]
pub struct World {
    /// Seconds between two looks.
    pub interval: f64,
    /// Requests a second, to both sides together.
    pub rate: f64,
    /// What is told of each of them.
    pub signal: Signal,
    /// Variance of the failures, or of the requests in a bucket, over their mean; 1 where they are independent.
    pub dispersion: f64,
    /// Share of the requests that go to the canary in each interval, in their order.
    pub weights: Vec<f64>,
    /// What happens to both sides.
    pub weather: Weather,
}

impl World {
    /// The same with a canary that fails so many times as often, or whose requests take so many times as long.
    #[must_use]
    pub fn worse(&self, times: f64) -> Self {
        Self { signal: self.signal.worse(times), ..self.clone() }
    }
}

/// What happens to both sides alike.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Weather {
    /// Nothing.
    Calm,
    /// From a third of the release on, for a tenth of it, eight times as many requests fail, or each takes eight times as long.
    Incident,
    /// Load, and failures or durations with it, rise and fall by 80 % in the course of the release.
    Wave,
}

impl Weather {
    /// Every weather.
    pub const ALL: [Self; 3] = [Self::Calm, Self::Incident, Self::Wave];

    /// A word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Calm => "calm",
            Self::Incident => "incident",
            Self::Wave => "wave",
        }
    }

    /// Factors on load, and on the share that fails or how long requests take, `at` of the release.
    fn factors(self, at: f64, phase: f64) -> (f64, f64) {
        match self {
            Self::Calm => (1.0, 1.0),
            Self::Incident if (0.33..0.43).contains(&at) => (1.0, 8.0),
            Self::Incident => (1.0, 1.0),
            Self::Wave => {
                let wave = 1.0 + 0.8 * (2.0 * PI * (at + phase)).sin();
                (wave, wave)
            }
        }
    }
}

/// Pods of each side, each with counters of its own.
const PODS: u8 = 2;
/// How likely a pod starts again within an interval, and its counters with it.
const RESTARTS: f64 = 0.005;
/// The buckets of client libraries, in milliseconds.
const BOUNDS: [f64; 11] = [5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0, 5000.0, 10_000.0];

/// The intervals of one release.
pub(super) struct Stream<'a> {
    world: &'a World,
    random: Random,
    phase: f64,
    at: usize,
    counters: [BTreeMap<u8, Counts>; 2],
    /// Series that the last interval leaves out.
    pub(super) left_out: usize,
}

impl<'a> Stream<'a> {
    pub(super) fn new(world: &'a World, seed: u64) -> Self {
        let mut random = Random::new(seed.wrapping_mul(0x2545_f491_4f6c_dd1d));
        let phase = random.uniform();
        let zero = || (0..PODS).map(|pod| (pod, Counts::default())).collect();
        Self { world, random, phase, at: 0, counters: [zero(), zero()], left_out: 0 }
    }

    /// So many intervals of the primary alone, before the release.
    pub(super) fn past(&mut self, intervals: usize) -> Vec<Side> {
        let requests = self.world.rate * self.world.interval;
        let one = |_| match self.world.signal {
            Signal::Failures { base, .. } => Side::Failures(self.failed(requests, base)),
            Signal::Durations { usual, .. } => Side::Durations(self.took(requests, |bound| usual.slower(bound))),
        };
        (0..intervals).map(one).collect()
    }

    fn failed(&mut self, requests: f64, failing: f64) -> Counts {
        let bad = self.random.clumped(requests * failing, self.world.dispersion);
        let good = self.random.poisson(requests * (1.0 - failing));
        Counts::new(bad, bad + good).unwrap_or_default()
    }

    /// Requests by how long they took, where this share takes longer than a bound.
    fn took(&mut self, requests: f64, slower: impl Fn(f64) -> f64) -> Buckets {
        let (mut above, mut total) = (1.0, 0.0);
        let mut up_to = |share: f64| {
            total += self.random.clumped(requests * (above - share), self.world.dispersion);
            above = share;
            total
        };
        let within = BOUNDS.iter().map(|bound| (*bound, up_to(slower(*bound)))).collect();
        Buckets { within, total: up_to(0.0) }
    }

    /// The counters of a side after it answered so many requests more.
    fn side(&mut self, counters: &BTreeMap<u8, Counts>, requests: f64, failing: f64) -> BTreeMap<u8, Counts> {
        let mut now = counters.clone();
        for counted in now.values_mut() {
            if self.random.uniform() < RESTARTS {
                *counted = Counts::default();
            }
            *counted = counted.and(self.failed(requests / f64::from(PODS), failing));
        }
        now
    }

    /// What both sides failed by, at so many requests to each.
    fn failures(&mut self, [to_canary, to_primary]: [f64; 2], base: f64, ratio: f64) -> Seen {
        let [canary, primary] = std::mem::take(&mut self.counters);
        let canary_now = self.side(&canary, to_canary, (base * ratio).min(1.0));
        let primary_now = self.side(&primary, to_primary, base);
        let (canary, primary) = (growth(&canary, &canary_now), growth(&primary, &primary_now));
        self.counters = [canary_now, primary_now];
        self.left_out = canary.left_out + primary.left_out;
        Seen { canary: Side::Failures(canary.counts), primary: Side::Failures(primary.counts) }
    }

    /// How long both sides took, at so many requests to each. A pod that started again is left out, as where buckets are asked for.
    fn durations(&mut self, requests: [f64; 2], usual: Latency, canary: Lag) -> Seen {
        let mut side = |requests: f64, lag: Lag| {
            let answering = (0..PODS).filter(|_| self.random.uniform() >= RESTARTS).count();
            let told = requests * answering as f64 / f64::from(PODS);
            Side::Durations(self.took(told, |bound| lag.slower(usual, bound)))
        };
        let [to_canary, to_primary] = requests;
        Seen { canary: side(to_canary, canary), primary: side(to_primary, Lag::NONE) }
    }
}

impl Iterator for Stream<'_> {
    type Item = Seen;

    fn next(&mut self) -> Option<Seen> {
        let World { interval, rate, signal, ref weights, weather, .. } = *self.world;
        let weight = *weights.get(self.at)?;
        let (load, worse) = weather.factors(self.at as f64 / weights.len() as f64, self.phase);
        self.at += 1;
        let requests = interval * rate * load;
        let shared = [requests * weight, requests * (1.0 - weight)];
        Some(match signal {
            Signal::Failures { base, ratio } => self.failures(shared, (base * worse).min(1.0), ratio),
            Signal::Durations { usual, canary } => self.durations(shared, usual.times(worse), canary),
        })
    }
}
