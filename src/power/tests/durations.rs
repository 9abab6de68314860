//! How often quantiles are called worse that are not, and how often those that are.

use crate::judge::{Finding, Limits, Quantile, Risk};
use crate::model::Buckets;
use crate::power::{Random, played};

const RUNS: u32 = 400;
const RISK: f64 = 0.05;
const BOUNDS: [f64; 4] = [100.0, 250.0, 500.0, 1000.0];
/// Shares of the requests that keep to no smaller bound, the last ones to none.
const USUAL: [f64; 5] = [0.8, 0.15, 0.045, 0.004, 0.001];
const SLOW: [f64; 5] = [0.1, 0.2, 0.3, 0.2, 0.2];
/// The same as usual but for the tail.
const TAIL: [f64; 5] = [0.8, 0.15, 0.03, 0.004, 0.016];

fn drawn(random: &mut Random, requests: f64, shares: [f64; 5]) -> Buckets {
    let (mut left, mut chance, mut sum) = (requests, 1.0, 0.0);
    let within = BOUNDS.into_iter().zip(shares).map(|(bound, share)| {
        let count = random.binomial(left, share / chance);
        (left, chance, sum) = (left - count, chance - share, sum + count);
        (bound, sum)
    });
    Buckets { within: within.collect(), total: requests }
}

/// A release at 50 requests a second with rising weights, in whose middle both sides are slow for some minutes.
fn is_harmed(canary: [f64; 5], seed: u64) -> bool {
    let mut random = Random::new(seed);
    let mut test = Quantile::new(Limits { tolerated: 1.25, unacceptable: 2.0 });
    let before: Vec<Buckets> = (0..60).map(|_| drawn(&mut random, 3000.0, USUAL)).collect();
    for minute in 0..30 {
        let weight = 0.1 * f64::from(minute / 6 + 1);
        let incident = (12..16).contains(&minute);
        let mut side =
            |share: f64, shares| drawn(&mut random, (3000.0 * share).round(), if incident { SLOW } else { shares });
        let (canary, primary) = (side(weight, canary), side(1.0 - weight, USUAL));
        test.update(&canary, &primary, if minute == 0 { &before } else { &[] }).unwrap();
    }
    test.finding(Risk { harm: RISK, ..Risk::default() }) == Finding::Harm
}

fn share(canary: [f64; 5]) -> f64 {
    let found = played(RUNS, |seed| is_harmed(canary, seed));
    found.iter().filter(|harmed| **harmed).count() as f64 / f64::from(RUNS)
}

#[test]
fn quantiles_that_are_the_same_are_called_worse_within_the_risk_whatever_both_sides_go_through() {
    let limit = RISK + 3.0 * (RISK * (1.0 - RISK) / f64::from(RUNS)).sqrt();
    // Within the margin of every bound: a quarter more requests are slower.
    let tolerated = [0.75, 0.1875, 0.05625, 0.005, 0.00125];
    for (name, canary) in [("same", USUAL), ("tolerated", tolerated)] {
        let harmed = share(canary);
        assert!(harmed <= limit, "{name}: {harmed}");
    }
}

#[test]
fn a_longer_tail_is_found_in_the_course_of_a_release() {
    let harmed = share(TAIL);
    assert!(harmed > 0.95, "{harmed}");
}
