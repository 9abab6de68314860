//! The requests of a release, as two sides count them: weights that change, weather that both sides share, pods that
//! start again.

use std::collections::BTreeMap;
use std::f64::consts::PI;

use super::random::Random;
use crate::judge::{Counts, Interval, growth};

/// A service, its canary, and a release of it.
#[derive(Clone, PartialEq, Debug)]
pub struct World {
    /// Seconds between two looks.
    pub interval: f64,
    /// Requests a second, to both sides together.
    pub rate: f64,
    /// Share of the primary's requests that fail, between 0 and 1.
    pub base: f64,
    /// How many times as often the canary's fail.
    pub ratio: f64,
    /// Variance of the failures over their mean; 1 where they are independent.
    pub dispersion: f64,
    /// Share of the requests that go to the canary in each interval, in their order.
    pub weights: Vec<f64>,
    /// What happens to both sides.
    pub weather: Weather,
}

/// What happens to both sides alike.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Weather {
    /// Nothing.
    Calm,
    /// From a third of the release on, for a tenth of it, eight times as many requests fail.
    Incident,
    /// Load and failures rise and fall by 80 % in the course of the release.
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

    /// Factors on load and on the share that fails, `at` of the release.
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
    pub(super) fn past(&mut self, intervals: usize) -> Vec<Counts> {
        let (requests, base) = (self.world.rate * self.world.interval, self.world.base);
        (0..intervals).map(|_| self.requests(requests, base)).collect()
    }

    fn requests(&mut self, requests: f64, failing: f64) -> Counts {
        let bad = self.random.clumped(requests * failing, self.world.dispersion);
        let good = self.random.poisson(requests * (1.0 - failing));
        Counts::new(bad, bad + good).unwrap_or_default()
    }

    /// The counters of a side after it answered so many requests more.
    fn side(&mut self, counters: &BTreeMap<u8, Counts>, requests: f64, failing: f64) -> BTreeMap<u8, Counts> {
        let mut now = counters.clone();
        for counted in now.values_mut() {
            if self.random.uniform() < RESTARTS {
                *counted = Counts::default();
            }
            *counted = counted.and(self.requests(requests / f64::from(PODS), failing));
        }
        now
    }
}

impl Iterator for Stream<'_> {
    type Item = Interval;

    fn next(&mut self) -> Option<Interval> {
        let World { interval, rate, base, ratio, ref weights, weather, .. } = *self.world;
        let weight = *weights.get(self.at)?;
        let (load, failing) = weather.factors(self.at as f64 / weights.len() as f64, self.phase);
        self.at += 1;
        let (requests, base) = (interval * rate * load, (base * failing).min(1.0));
        let [canary, primary] = std::mem::take(&mut self.counters);
        let canary_now = self.side(&canary, requests * weight, (base * ratio).min(1.0));
        let primary_now = self.side(&primary, requests * (1.0 - weight), base);
        let (canary, primary) = (growth(&canary, &canary_now), growth(&primary, &primary_now));
        self.counters = [canary_now, primary_now];
        self.left_out = canary.left_out + primary.left_out;
        Some(Interval { canary: canary.counts, primary: primary.counts })
    }
}
