//! Played releases tell the truth about the methods, and the same seed tells it twice.

mod durations;

use super::*;

fn world(ratio: f64) -> World {
    let signal = Signal::Failures { base: 0.01, ratio };
    let weights = vec![0.1; 30];
    World { interval: 60.0, rate: 100.0, signal, dispersion: 1.0, weights, weather: Weather::Calm }
}

fn shares(world: &World, known: Known, methods: &[Method], runs: u32) -> Vec<f64> {
    tally(world, &aim(&world.signal), known, methods, runs).iter().map(|found| found.share).collect()
}

#[test]
fn a_regression_is_found_and_a_good_canary_is_not_rolled_back() {
    let methods = [Method::Ratio, Method::Slo, Method::Sign];
    assert_eq!(shares(&world(5.0), Known::Not, &methods, 50), [1.0, 1.0, 1.0]);
    assert_eq!(shares(&world(1.0), Known::Not, &methods, 100), [0.0, 0.0, 0.0]);
}

#[test]
fn a_ratio_sees_through_an_incident_of_both_sides_that_a_range_does_not() {
    let world = World { weather: Weather::Incident, weights: vec![0.1; 60], ..world(1.0) };
    assert_eq!(shares(&world, Known::Not, &[Method::Range, Method::Ratio], 50), [1.0, 0.0]);
}

#[test]
fn a_dispersion_that_was_estimated_keeps_clumps_from_being_harm() {
    let world = World { dispersion: 10.0, ..world(1.0) };
    let share = |known| shares(&world, known, &[Method::Ratio], 200)[0];
    let (blind, told) = (share(Known::Not), share(Known::Estimated(120)));
    assert!(blind > 0.1 && told < 0.05, "{blind}, {told}");
}

#[test]
fn a_seed_always_plays_the_same_release() {
    for world in [world(2.0), durations::world(Lag::Longer { share: 1.0, times: 1.2 })] {
        let signal = world.signal;
        let found = |seed| found(&world, &aim(&signal), Known::Estimated(60), signal.methods(), seed);
        assert_eq!(found(3), found(3));
        assert_ne!((0..20).map(found).collect::<Vec<_>>(), (20..40).map(found).collect::<Vec<_>>());
    }
}

#[test]
fn a_check_without_a_request_fails_a_range_and_means_nothing_to_the_tests() {
    for world in [world(1.0), durations::world(Lag::NONE)] {
        let world = World { rate: 0.0001, ..world };
        let found = shares(&world, Known::Not, world.signal.methods(), 20);
        let (range, others) = found.split_first().unwrap();
        assert!(*range > 0.9 && others.iter().all(|share| *share <= 0.0), "{found:?}");
    }
}

#[test]
fn the_median_counts_the_releases_in_which_nothing_was_found() {
    let of = |found: &[Option<u32>]| Found::of(found.to_vec());
    assert_eq!(of(&[Some(4), None, Some(2)]), Found { share: 2.0 / 3.0, median: Some(4) });
    assert_eq!(of(&[None, None, Some(2)]).median, None);
    assert_eq!(of(&[]), Found { share: 0.0, median: None });
}

#[test]
fn curves_rise_with_the_regression() {
    for world in [world(1.0), durations::world(Lag::NONE)] {
        let promised = [world.signal.promised()];
        let curves = curves(&world, &aim(&world.signal), Known::Not, &promised, &[1.0, 1.2, 4.0], 60);
        let shares: Vec<_> = curves.iter().flat_map(|curve| &curve.points).map(|point| point.found.share).collect();
        assert!(shares.is_sorted() && shares.first() < shares.last(), "{shares:?}");
    }
}
