//! Releases that are judged by their failures.

use super::super::{Known, Signal, Weather, World};
use super::{Case, LIMITS, Section, USUAL, hour};

pub(super) fn cases() -> Vec<Case> {
    let world = |rate, base, ratio| super::world(rate, Signal::Failures { base, ratio });
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
