//! What buckets of both sides prove, and what they cannot say.

use super::super::{Distribution, Histogram};
use super::*;

const LIMITS: Limits = Limits { tolerated: 1.25, unacceptable: 2.0 };
const BOUNDS: [f64; 4] = [100.0, 250.0, 500.0, 1000.0];

/// Requests by the largest bound that they keep to; those of the last place keep to none.
fn took(counts: [f64; 5]) -> Buckets {
    let [fast @ .., slow] = counts;
    let mut sum = 0.0;
    let mut up_to = |count: f64| {
        sum += count;
        sum
    };
    let within = BOUNDS.into_iter().zip(fast.map(&mut up_to)).collect();
    Buckets { within, total: sum + slow }
}

/// So many requests of a service whose median is below 100 ms, and whose 99th percentile is below 500 ms.
fn usual(requests: f64) -> Buckets {
    took([0.8, 0.15, 0.045, 0.004, 0.001].map(|share| share * requests))
}

fn before() -> Vec<Buckets> {
    vec![usual(10_000.0); 60]
}

fn after(intervals: &[(Buckets, Buckets)]) -> Quantile {
    let mut test = Quantile::new(LIMITS);
    for (canary, primary) in intervals {
        test.update(canary, primary, &before()).unwrap();
    }
    test
}

fn harm(test: &Quantile) -> f64 {
    test.evidence().harm
}

#[test]
fn the_bounds_are_those_that_hold_the_primarys_quantiles_before_the_release() {
    let test = after(&[(usual(100.0), usual(900.0))]);
    let marks: Vec<_> = test.marks.iter().map(|mark| (mark.bound, mark.quantile)).collect();
    assert_eq!(marks, [(100.0, 0.5), (250.0, 0.9), (500.0, 0.99), (1000.0, 0.999)]);
    let tight = vec![took([1000.0, 0.0, 0.0, 0.0, 0.0])];
    let mut test = Quantile::new(LIMITS);
    test.update(&usual(100.0), &usual(900.0), &tight).unwrap();
    assert_eq!(test.marks.len(), 1, "all of them below one bound");
    assert_eq!((test.marks[0].bound, test.marks[0].quantile), (100.0, 0.999));
}

#[test]
fn a_longer_tail_is_harm_though_the_middle_is_the_same() {
    let tail = took([80.0, 15.0, 0.0, 0.0, 5.0]);
    let test = after(&[(tail.clone(), usual(900.0)), (tail, usual(900.0))]);
    assert_eq!(test.finding(Risk::default()), Finding::Harm);
    assert!(test.told().unwrap().bound >= 500.0);
    let slower = took([20.0, 75.0, 4.5, 0.4, 0.1]);
    let test = after(&[(slower.clone(), usual(900.0)), (slower, usual(900.0))]);
    assert_eq!((test.finding(Risk::default()), test.told().unwrap().bound), (Finding::Harm, 100.0));
    assert_eq!(test.told().unwrap().rates().map(Option::unwrap), [0.8, 0.2]);
}

#[test]
fn a_canary_that_is_as_fast_becomes_safe_once_every_bound_is() {
    let mut test = after(&vec![(usual(1000.0), usual(9000.0)); 3]);
    assert_eq!(test.finding(Risk::default()), Finding::Open, "three of 3,000 above the last bound say little");
    for _ in 0..60 {
        test.update(&usual(1000.0), &usual(9000.0), &[]).unwrap();
    }
    assert_eq!(test.finding(Risk::default()), Finding::Safe);
}

#[test]
fn an_incident_of_both_sides_while_weights_change_is_no_harm_and_one_curve_over_all_would_call_it_that() {
    let slow = |requests: f64| took([0.1, 0.1, 0.1, 0.1, 0.6].map(|share| share * requests));
    let calm = (usual(1000.0), usual(9000.0));
    let incident = (slow(5000.0), slow(5000.0));
    let intervals = [vec![calm; 5], vec![incident; 5]].concat();
    let test = after(&intervals);
    assert_ne!(test.finding(Risk::default()), Finding::Harm);
    assert!(harm(&test) < 0.0);
    let mut whole = Distribution::new(Limits { tolerated: 0.05, unacceptable: 0.2 }, Risk::default());
    let counts = |buckets: &Buckets| Histogram {
        within: buckets.within.iter().map(|(_, count)| *count).collect(),
        total: buckets.total,
    };
    intervals.iter().for_each(|(canary, primary)| whole.update(&counts(canary), &counts(primary)));
    assert_eq!(whole.finding(), Finding::Harm);
}

#[test]
fn evidence_of_harm_is_the_mean_over_the_bounds_and_of_safety_the_least() {
    let test = after(&[(took([60.0, 20.0, 15.0, 4.0, 1.0]), usual(900.0))]);
    let single = |bound: f64| {
        let past: Vec<_> = before().iter().map(|past| above(past, bound).unwrap()).collect();
        let mut ratio = RateRatio::new(LIMITS, dispersion(&past));
        let of = |buckets: &Buckets| above(buckets, bound).unwrap();
        ratio.update(Interval { canary: of(&took([60.0, 20.0, 15.0, 4.0, 1.0])), primary: of(&usual(900.0)) });
        ratio.evidence()
    };
    let each = BOUNDS.map(single);
    let mean = each.iter().map(|one| one.harm.exp()).sum::<f64>() / 4.0;
    assert!((harm(&test) - mean.ln()).abs() < 1e-9, "{} {}", harm(&test), mean.ln());
    let least = each.iter().map(|one| one.safe).fold(f64::INFINITY, f64::min);
    assert!((test.evidence().safe - least).abs() < 1e-12);
}

#[test]
fn without_a_past_the_first_interval_tells_where_the_quantiles_are_and_is_no_evidence() {
    let tail = took([80.0, 15.0, 0.0, 0.0, 5.0]);
    let mut test = Quantile::new(LIMITS);
    test.update(&tail, &Buckets { total: 0.0, ..took([0.0; 5]) }, &[]).unwrap();
    assert!(test.marks.is_empty(), "the primary had no request");
    test.update(&tail, &usual(900.0), &[]).unwrap();
    assert_eq!((test.marks.len(), harm(&test)), (4, 0.0));
    test.update(&tail, &usual(900.0), &[]).unwrap();
    assert!(harm(&test) > 1.0);
}

#[test]
fn buckets_that_differ_between_the_sides_are_compared_where_they_agree() {
    let mut other = took([80.0, 15.0, 0.0, 0.0, 5.0]);
    other.within.retain(|(bound, _)| *bound > 250.0);
    other.within.push((2000.0, 96.0));
    let test = after(&[(other.clone(), usual(900.0)), (other.clone(), usual(900.0))]);
    let bounds: Vec<_> = test.marks.iter().map(|mark| mark.bound).collect();
    assert_eq!(bounds, [500.0, 1000.0]);
    assert_eq!(test.finding(Risk::default()), Finding::Harm);
    // A bound that one side lost later says nothing more.
    let mut test = after(&[(usual(100.0), usual(900.0))]);
    let before = test.marks[0].clone();
    test.update(&other, &usual(900.0), &[]).unwrap();
    assert_eq!(test.marks[0], before);
    other.within.iter_mut().for_each(|(bound, _)| *bound += 1.0);
    let mut test = Quantile::new(LIMITS);
    assert_eq!(test.update(&other, &usual(900.0), &[]), Err(Blind::Apart));
}

#[test]
fn requests_above_the_last_bound_of_the_buckets_are_told_apart_from_no_difference() {
    let beyond = took([0.0, 0.0, 0.0, 0.0, 900.0]);
    let mut test = Quantile::new(LIMITS);
    assert_eq!(test.update(&beyond, &beyond, std::slice::from_ref(&beyond)), Err(Blind::Beyond(1000.0)));
    assert!(Blind::Beyond(1000.0).to_string().contains("above 1000, the last bound"));
    let mut test = after(&[(took([0.0, 0.0, 0.0, 0.0, 100.0]), usual(900.0))]);
    assert_eq!(test.finding(Risk::default()), Finding::Harm, "a canary all of whose requests lie there");
    // A tail that lies there is compared by the last bound.
    let long = took([500.0, 300.0, 0.0, 0.0, 200.0]);
    test = Quantile::new(LIMITS);
    test.update(&long, &long, std::slice::from_ref(&long)).unwrap();
    let marks: Vec<_> = test.marks.iter().map(|mark| (mark.bound, mark.quantile)).collect();
    assert_eq!(marks, [(100.0, 0.5), (1000.0, 0.5)]);
}

#[test]
fn counts_that_fell_are_no_counts_and_a_side_without_requests_adds_nothing() {
    let mut test = after(&[(usual(100.0), usual(900.0))]);
    let before = test.evidence();
    let mut reset = usual(100.0);
    reset.within[0].1 = -3.0;
    let mut mixed = usual(100.0);
    mixed.within[0].1 = 99.5;
    let nan = Buckets { total: f64::NAN, ..usual(100.0) };
    let none = took([0.0; 5]);
    for odd in [reset, mixed, nan, none] {
        test.update(&odd, &usual(900.0), &[]).unwrap();
        test.update(&usual(100.0), &odd, &[]).unwrap();
    }
    assert_eq!(test.evidence(), before);
}

#[test]
fn the_state_fits_in_a_status_and_a_restart_changes_no_bit() {
    let odd = (took([61.0, 20.0, 14.0, 4.0, 1.0]), took([701.0, 150.0, 40.0, 8.0, 1.0]));
    let intervals = vec![odd; 40];
    let whole = after(&intervals);
    let stored = serde_json::to_string(&after(&intervals[..20])).unwrap();
    assert!(stored.len() < 8000, "{} bytes, and a status has room for 8192", stored.len());
    let mut restored: Quantile = serde_json::from_str(&stored).unwrap();
    intervals[20..].iter().for_each(|(canary, primary)| restored.update(canary, primary, &[]).unwrap());
    assert_eq!(serde_json::to_string(&restored).unwrap(), serde_json::to_string(&whole).unwrap());
}
