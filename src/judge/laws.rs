//! What holds for every stream of counts.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const LIMITS: Limits = Limits { tolerated: 1.25, unacceptable: 2.0 };

fn counts() -> impl Strategy<Value = Counts> {
    (0.0..1.0_f64, 0..5_000_u32).prop_map(|(share, total)| {
        let total = f64::from(total);
        Counts::new((total * share * share).floor(), total).unwrap_or_default()
    })
}

fn intervals() -> impl Strategy<Value = Vec<Interval>> {
    prop::collection::vec((counts(), counts()).prop_map(|(canary, primary)| Interval { canary, primary }), 1..20)
}

fn after<'a>(intervals: impl IntoIterator<Item = &'a Interval>) -> RateRatio {
    let mut test = RateRatio::new(LIMITS, 1.5);
    intervals.into_iter().for_each(|interval| test.update(*interval));
    test
}

fn close(a: Evidence, b: Evidence) -> bool {
    let near = |a: f64, b: f64| (a - b).abs() <= 1e-9 * a.abs().max(1.0);
    near(a.harm, b.harm) && near(a.safe, b.safe)
}

fn half(counts: Counts) -> Counts {
    Counts::new(counts.bad() / 2.0, counts.total() / 2.0).unwrap_or_default()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_order_of_intervals_does_not_matter(intervals in intervals()) {
        prop_assert!(close(after(&intervals).evidence(), after(intervals.iter().rev()).evidence()));
    }

    #[test]
    fn an_interval_may_be_split_where_the_shares_stay_the_same(intervals in intervals()) {
        let halves: Vec<Interval> = intervals
            .iter()
            .map(|both| Interval { canary: half(both.canary), primary: half(both.primary) })
            .flat_map(|half| [half, half])
            .collect();
        prop_assert!(close(after(&intervals).evidence(), after(&halves).evidence()));
    }

    #[test]
    fn a_restart_at_any_moment_changes_no_bit(intervals in intervals(), at in 0..20_usize) {
        let (before, rest) = intervals.split_at(at.min(intervals.len()));
        let stored = serde_json::to_string(&after(before)).unwrap();
        // As it comes from an apiserver: text, then a document, then the type.
        let document: serde_json::Value = serde_json::from_str(&stored).unwrap();
        let mut restored: RateRatio = serde_json::from_value(document).unwrap();
        rest.iter().for_each(|interval| restored.update(*interval));
        prop_assert_eq!(serde_json::to_string(&restored).unwrap(), serde_json::to_string(&after(&intervals)).unwrap());
    }

    #[test]
    fn the_interval_holds_the_estimate_and_harm_lies_above_what_is_tolerated(intervals in intervals()) {
        let opinion = after(&intervals).opinion(Risk::default());
        if let Some(Estimate { value, low, high }) = opinion.estimate {
            prop_assert!(low.is_none_or(|low| low <= value) && high.is_none_or(|high| value <= high));
        }
        prop_assert!(opinion.evidence.harm.is_finite() && opinion.evidence.safe.is_finite());
    }

    #[test]
    fn growth_is_never_negative_whatever_counters_do(before in prop::collection::vec(counts(), 3), now in prop::collection::vec(counts(), 4)) {
        let series = |counts: Vec<Counts>| counts.into_iter().enumerate().collect::<BTreeMap<_, _>>();
        let grown = growth(&series(before), &series(now)).counts;
        prop_assert!(grown.bad() >= 0.0 && grown.bad() <= grown.total());
    }
}

fn of(bad: f64, total: f64) -> Counts {
    Counts::new(bad, total).unwrap_or_default()
}

#[test]
fn a_counter_that_was_reset_leaves_its_interval_out_and_the_others_count() {
    let before = BTreeMap::from([("a", of(5.0, 100.0)), ("b", of(5.0, 100.0))]);
    let now = BTreeMap::from([("a", of(1.0, 10.0)), ("b", of(6.0, 150.0)), ("new", of(9.0, 9.0))]);
    assert_eq!(growth(&before, &now), Growth { counts: of(1.0, 50.0), left_out: 2 });
}

#[test]
fn intervals_without_an_error_or_without_a_side_add_nothing() {
    let both = |canary, primary| Interval { canary, primary };
    let mut test = after(&[both(of(3.0, 100.0), of(2.0, 900.0))]);
    let before = test.evidence();
    test.update(both(of(0.0, 100.0), of(0.0, 900.0)));
    test.update(both(of(0.0, 0.0), of(50.0, 900.0)));
    test.update(both(of(50.0, 100.0), of(0.0, 0.0)));
    test.update(both(of(0.0, 0.0), of(0.0, 0.0)));
    assert_eq!(test.evidence(), before);
}

#[test]
fn what_cannot_be_counted_is_refused() {
    for (bad, total) in [(f64::NAN, 1.0), (0.0, f64::NAN), (-1.0, 1.0), (2.0, 1.0), (0.0, f64::INFINITY)] {
        assert_eq!(Counts::new(bad, total), None, "{bad} of {total}");
    }
}

#[test]
fn a_finding_stays_when_the_evidence_fades() {
    let bad = Interval { canary: of(40.0, 600.0), primary: of(6.0, 5400.0) };
    let good = Interval { canary: of(0.0, 6000.0), primary: of(600.0, 5400.0) };
    let test = after([&bad, &good, &good]);
    assert!(test.evidence().harm < 0.0);
    assert_eq!(test.finding(Risk::default()), Finding::Harm);
}

#[test]
fn what_is_needed_decides_when_it_comes_as_before() {
    let slight = Interval { canary: of(2.0, 600.0), primary: of(6.0, 5400.0) };
    let mut test = after([&slight; 3]);
    let needs = test.opinion(Risk::default()).needs.unwrap();
    let mut taken = 0.0;
    while taken < needs * 1.05 {
        test.update(slight);
        taken += slight.canary.total();
    }
    assert_ne!(test.finding(Risk::default()), Finding::Open);
}

#[test]
fn the_shares_of_metrics_sum_to_the_risk_of_the_release() {
    let weights = [1.0, 2.0, 0.5, 0.0];
    let all = weights.iter().sum();
    let sum: f64 = weights.iter().map(|weight| Risk::default().share(*weight, all).harm).sum();
    assert!((sum - Risk::default().harm).abs() < 1e-12);
    assert!(Risk::default().share(f64::NAN, all).harm <= 0.0);
}

#[test]
fn dispersion_is_one_of_independent_counts_and_capped_for_wild_ones() {
    let steady = [of(9.0, 1000.0), of(11.0, 1000.0), of(10.0, 1000.0), of(0.0, 0.0)];
    let spread = |bad: f64| dispersion(&[of(bad, 1000.0), of(0.0, 1000.0), of(bad, 1000.0), of(0.0, 1000.0)]);
    assert!((dispersion(&steady) - 1.0).abs() < 1e-12);
    // Independently: the mean is 5, each square 25, so 4 * 25 / 5 / 3.
    assert!((spread(10.0) - 20.0 / 3.0).abs() < 1e-12);
    assert!((spread(900.0) - 20.0).abs() < 1e-12);
    assert!((dispersion(&[]) - 1.0).abs() < 1e-12);
}

#[test]
fn sentences_say_what_was_seen_and_what_is_missing() {
    let row = |bad, total, primary, all| Interval { canary: of(bad, total), primary: of(primary, all) };
    let said = |rows: &[Interval]| explain("errors", Unit::Ratio, &after(rows).opinion(Risk::default()));
    assert_eq!(said(&[]), "errors: nothing to compare yet; no decision in sight");
    let open = said(&[row(4.0, 600.0, 12.0, 5400.0)]);
    assert_eq!(
        open,
        "errors 3.00 times the primary's (at least 0.13); about 6,700 more requests to the canary decide it"
    );
    let harm = said(&[row(40.0, 600.0, 36.0, 5400.0)]);
    assert_eq!(
        harm,
        "errors 10.00 times the primary's (at least 3.15); certainly worse, chance alone shows this at most once in 1,000,000,000"
    );
}
