//! How often quantiles are called worse that are not, and how often those that are.

use super::*;
use crate::judge::Risk;

const RUNS: u32 = 300;
const RISK: f64 = 0.05;
/// As a comparison asks for.
const BEFORE: Known = Known::Estimated(60);

/// A release at 50 requests a second, with rising weights.
pub(super) fn world(canary: Lag) -> World {
    let weights = (0..30).map(|minute| 0.1 * f64::from(minute / 6 + 1)).collect();
    let signal = Signal::Durations { usual: Latency::usual(60.0), canary };
    World { interval: 60.0, rate: 50.0, signal, dispersion: 1.0, weights, weather: Weather::Calm }
}

/// How often quantiles are called worse, at a larger risk than is usual: what is rare is seen in many releases only.
fn called_worse(world: &World, known: Known) -> f64 {
    let aim = Aim { risk: Risk { harm: RISK, ..Risk::default() }, ..aim(&world.signal) };
    tally(world, &aim, known, &[Method::Quantile], RUNS)[0].share
}

#[test]
fn quantiles_that_are_the_same_are_called_worse_within_the_risk_whatever_both_sides_go_through() {
    let limit = RISK + 3.0 * (RISK * (1.0 - RISK) / f64::from(RUNS)).sqrt();
    // A quarter more requests above every bound are within its margin.
    for (canary, known) in [(Lag::NONE, Known::Not), (Lag::More(1.25), BEFORE)] {
        for weather in Weather::ALL {
            let share = called_worse(&World { weather, ..world(canary) }, known);
            assert!(share <= limit, "{canary:?}, {weather:?}: {share}");
        }
    }
}

#[test]
fn a_canary_that_is_slower_in_its_tail_alone_is_found_where_a_limit_of_the_99th_percentile_finds_nothing() {
    // Two requests in a thousand take twenty times as long: the 99th percentile stays below half a second.
    let world = world(Lag::Longer { share: 0.002, times: 20.0 });
    let methods = [Method::Range, Method::Quantile];
    let found = shares(&World { rate: 200.0, ..world }, BEFORE, &methods, 40);
    assert!(found[0] < 0.1 && found[1] > 0.9, "{found:?}");
}

#[test]
fn clumps_that_the_hour_before_tells_of_are_no_harm() {
    let world = World { dispersion: 10.0, ..world(Lag::NONE) };
    let (blind, told) = (called_worse(&world, Known::Not), called_worse(&world, BEFORE));
    assert!(blind > 0.3 && told <= 1.5 * RISK, "{blind}, {told}");
}

#[test]
fn an_incident_of_both_sides_breaks_a_limit_of_the_99th_percentile_and_no_quantile() {
    let world = World { weather: Weather::Incident, weights: vec![0.1; 60], ..world(Lag::NONE) };
    assert_eq!(shares(&world, BEFORE, &[Method::Range, Method::Quantile], 30), [1.0, 0.0]);
}

#[test]
fn requests_are_spread_over_the_buckets_as_the_distribution_says() {
    let canary = Lag::Longer { share: 0.1, times: 10.0 };
    let world = World { rate: 1000.0, weights: vec![0.5; 20], ..world(canary) };
    let seen: Vec<Seen> = intervals(&world);
    let usual = Latency::usual(60.0);
    let sum = |side: fn(&Seen) -> &Side, bound: f64| {
        let counts = seen.iter().map(|seen| side(seen).counts(bound)).reduce(|sum, one| sum.and(one));
        counts.and_then(|counts| counts.rate()).unwrap()
    };
    for (bound, slower) in [(50.0, 0.612), (100.0, 0.218), (500.0, 0.005)] {
        let (of_canary, of_primary) = (sum(|seen| &seen.canary, bound), sum(|seen| &seen.primary, bound));
        assert!((of_primary / slower - 1.0).abs() < 0.05, "{bound}: {of_primary}");
        let longer = 0.9 * slower + 0.1 * usual.times(10.0).slower(bound);
        assert!((of_canary / longer - 1.0).abs() < 0.05, "{bound}: {of_canary} for {longer}");
    }
}
