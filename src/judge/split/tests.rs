//! Shares as the weights say are never off, and a change of the weight keeps what was found.

use super::*;

#[test]
fn shares_as_expected_are_not_off_and_others_soon_are() {
    let mut split = Split::new(0.1);
    for _ in 0..100 {
        split.update(100.0, 900.0);
    }
    split.expect(0.2);
    for _ in 0..100 {
        split.update(200.0, 800.0);
    }
    assert!(!split.is_off(0.01));
    split.expect(0.5);
    split.update(200.0, 800.0);
    assert!(split.is_off(0.01), "the weight never arrived");
}

#[test]
fn what_was_off_at_an_earlier_weight_stays_found() {
    let mut split = Split::new(0.1);
    split.update(0.0, 1000.0);
    let found = split.ln_odds();
    split.expect(0.2);
    assert!(found > 1.0 && (split.ln_odds() - found).abs() < 1e-9);
    split.update(200.0, 800.0);
    assert!(split.is_off(0.01));
}

#[test]
fn what_is_no_number_leaves_everything_as_it_is() {
    let mut split = Split::new(0.1);
    let before = split.clone();
    for (canary, primary) in [(f64::NAN, 1.0), (1.0, f64::INFINITY), (-1.0, 2.0), (0.0, 0.0)] {
        split.update(canary, primary);
    }
    assert_eq!(split, before);
}
