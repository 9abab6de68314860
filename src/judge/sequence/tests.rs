//! The confidence sequence against published numbers and against the mixture's integral.

use super::super::vectors::near;
use super::*;

const LIMITS: Limits = Limits { tolerated: 0.0, unacceptable: 1.0 };

#[test]
fn v5_radius_of_the_asymptotic_confidence_sequence() {
    near(spread(10.0, 0.05).sqrt(), 0.890_851);
    near(radius(10.0, spread(10.0, 0.05), 0.05), 0.959_817);
    near(radius(30.0, spread(10.0, 0.05), 0.05), 0.565_366);
    // Independently, from the same formulas in 40 digits.
    near(radius(10.0, spread(10.0, 0.01), 0.01), 1.129_448_567);
    near(radius(100.0, spread(10.0, 0.01), 0.01), 0.375_338_920_4);
}

#[test]
fn the_mixture_is_the_integral_over_its_normal_prior() {
    // Independently: the likelihood ratio integrated over means from N(0, mixed), in 40 digits.
    near(ln_mixture(10.0, 0.5, 1.0, 0.8), 0.012_498_822_443);
    near(ln_mixture(30.0, 0.2, 2.0, 0.1), -0.278_145_365_937);
    near(ln_mixture(5.0, 0.0, 1.0, 1.0), -0.895_879_734_614);
}

#[test]
fn the_interval_leaves_a_limit_out_exactly_where_the_mixture_refutes_it() {
    let (pairs, spread, risk) = (25.0, spread(10.0, 0.01), 0.01);
    near(ln_mixture(pairs, radius(pairs, spread, risk) * 3.0, 9.0, spread * 9.0), enough(risk));
}

#[test]
fn nothing_is_said_before_the_tenth_pair_nor_of_values_that_never_vary() {
    let (mut difference, mut constant) =
        (Difference::new(LIMITS, Risk::default()), Difference::new(LIMITS, Risk::default()));
    for pair in 0..9 {
        difference.update(100.0 + f64::from(pair % 2), 0.0);
    }
    assert_eq!(difference.finding(Risk::default()), Finding::Open);
    difference.update(100.0, 0.0);
    assert_eq!(difference.finding(Risk::default()), Finding::Harm);
    for _ in 0..50 {
        constant.update(1.0, 0.5);
    }
    assert_eq!((constant.finding(Risk::default()), constant.opinion(Risk::default()).estimate), (Finding::Open, None));
}

#[test]
fn what_is_no_number_leaves_everything_as_it_is() {
    let mut difference = Difference::new(LIMITS, Risk::default());
    difference.update(1.0, 2.0);
    let before = difference.clone();
    difference.update(f64::NAN, 1.0);
    difference.update(1.0, f64::INFINITY);
    assert_eq!(difference, before);
}
