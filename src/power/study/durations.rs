//! Releases that are judged by how long their requests take.

use super::super::{Known, Lag, Latency, Signal, Weather, World};
use super::{Case, LIMITS, Section, USUAL, hour};

/// A service of one kind of request, and one of many kinds.
const SERVICES: [Latency; 2] = [Latency::usual(60.0), Latency { median: 8.0, power: 1.5 }];
/// What the worse canaries are like: slower throughout, or slow in their tail alone.
const SLOWER: [Lag; 8] = [
    Lag::Longer { share: 1.0, times: 1.1 },
    Lag::Longer { share: 1.0, times: 1.25 },
    Lag::Longer { share: 1.0, times: 1.5 },
    Lag::Longer { share: 1.0, times: 2.0 },
    Lag::Longer { share: 1.0, times: 5.0 },
    Lag::Longer { share: 0.01, times: 10.0 },
    Lag::Longer { share: 0.02, times: 10.0 },
    Lag::Longer { share: 0.05, times: 10.0 },
];
/// The minutes before a release that a comparison asks for.
const BEFORE: Known = Known::Estimated(60);

pub(super) fn cases() -> Vec<Case> {
    let world = |rate, usual, canary| super::world(rate, Signal::Durations { usual, canary });
    let mut cases = Vec::new();
    let mut add = |section, world, known| cases.push(Case { section, world, known });
    for weather in Weather::ALL {
        for usual in SERVICES {
            for rate in [1.0, 10.0, 100.0, 200.0] {
                add(Section::Same, World { weather, ..world(rate, usual, Lag::NONE) }, Known::Not);
            }
        }
    }
    for usual in SERVICES {
        for rate in [10.0, 100.0] {
            add(Section::Tolerated, world(rate, usual, Lag::More(LIMITS.tolerated)), Known::Not);
        }
    }
    for dispersion in [3.0, 10.0] {
        for usual in SERVICES {
            for rate in [10.0, 100.0] {
                for known in [Known::Not, BEFORE, Known::Estimated(1440)] {
                    add(Section::Clumped, World { dispersion, ..world(rate, usual, Lag::NONE) }, known);
                }
            }
        }
    }
    let [usual, _] = SERVICES;
    let fast = |rate, canary| World { weights: hour(USUAL), ..world(rate, usual, canary) };
    for rate in [10.0, 100.0] {
        for canary in SLOWER {
            add(Section::Worse, fast(rate, canary), BEFORE);
        }
    }
    for dispersion in [3.0, 10.0] {
        for canary in [Lag::Longer { share: 1.0, times: 1.5 }, Lag::Longer { share: 0.02, times: 10.0 }] {
            add(Section::Worse, World { dispersion, ..fast(100.0, canary) }, Known::Estimated(1440));
        }
    }
    cases
}
