//! The bands' constants, and what two histograms prove.

use super::super::vectors::near;
use super::*;

const LIMITS: Limits = Limits { tolerated: 0.01, unacceptable: 0.1 };

fn histogram(within: &[f64], total: f64) -> Histogram {
    Histogram { within: within.to_vec(), total }
}

#[test]
fn constants_of_the_band_are_those_of_the_proof() {
    // Known to three decimals, independently by a grid over η in 20 digits: the bound fails with the risk asked for.
    for (risk, expected) in [(0.1, 7.623), (0.05, 8.123), (0.01, 9.284), (0.001, 10.943)] {
        assert!((constant(risk) - expected).abs() < 6e-4, "{risk}: {}", constant(risk));
    }
    near(failure(constant(0.01)), 0.01);
}

#[test]
fn widths_shrink_as_published() {
    let constant = constant(0.05);
    for (n, width) in [(100.0, 0.242), (1e3, 0.082), (1e4, 0.027), (1e5, 0.0086)] {
        assert!((band(n, constant) - width).abs() < 6e-4, "{n}: {}", band(n, constant));
    }
    assert!(band(99.0, constant) >= 1.0);
}

#[test]
fn slower_requests_are_harm_and_equal_ones_safe() {
    let risk = Risk::default();
    let mut slower = Distribution::new(LIMITS, risk);
    slower.update(&histogram(&[500.0, 4000.0], 10_000.0), &histogram(&[5000.0, 9000.0], 10_000.0));
    assert_eq!(slower.finding(), Finding::Harm);
    near(slower.opinion().estimate.unwrap().value, 0.5);
    let mut equal = Distribution::new(LIMITS, risk);
    equal.update(&histogram(&[5000.0, 9000.0], 10_000.0), &histogram(&[5000.0, 9000.0], 10_000.0));
    assert_eq!(equal.finding(), Finding::Safe);
}

#[test]
fn buckets_that_cannot_be_counts_are_left_out() {
    let mut test = Distribution::new(LIMITS, Risk::default());
    let good = histogram(&[50.0, 90.0], 100.0);
    test.update(&good, &good);
    let before = test.clone();
    for bad in [[90.0, 50.0].as_slice(), &[-1.0, 50.0], &[50.0, 101.0], &[50.0, f64::NAN], &[50.0]] {
        test.update(&histogram(bad, 100.0), &good);
        test.update(&good, &histogram(bad, 100.0));
    }
    assert_eq!(test, before);
}
