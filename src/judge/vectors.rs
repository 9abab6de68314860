//! Numbers that were worked out elsewhere. Those marked "independently" come from the defining formulas, products or
//! integrals in 40 digits (mpmath), not from the closed forms and recurrences that the code uses.

use super::*;

const LIMITS: Limits = Limits { tolerated: 1.25, unacceptable: 2.0 };
/// Canary bad, primary bad, canary total, primary total.
type Row = (f64, f64, f64, f64);
const BAD: [Row; 4] =
    [(6.0, 6.0, 600.0, 5400.0), (9.0, 5.0, 600.0, 5400.0), (14.0, 10.0, 1200.0, 4800.0), (16.0, 9.0, 1200.0, 4800.0)];
const GOOD: [Row; 6] = [
    (1.0, 6.0, 600.0, 5400.0),
    (0.0, 5.0, 600.0, 5400.0),
    (2.0, 10.0, 1200.0, 4800.0),
    (3.0, 9.0, 1200.0, 4800.0),
    (4.0, 7.0, 1800.0, 4200.0),
    (3.0, 8.0, 1800.0, 4200.0),
];

fn interval((bad, primary_bad, total, primary_total): Row) -> Interval {
    Interval { canary: Counts::new(bad, total).unwrap(), primary: Counts::new(primary_bad, primary_total).unwrap() }
}

fn run(limits: Limits, dispersion: f64, rows: &[Row]) -> Vec<Evidence> {
    let mut test = RateRatio::new(limits, dispersion);
    let step = |row: &Row| {
        test.update(interval(*row));
        test.evidence()
    };
    rows.iter().map(step).collect()
}

#[track_caller]
pub(super) fn near(is: f64, expected: f64) {
    assert!((is - expected).abs() <= 1e-6 * expected.abs().max(1.0), "{is} is not {expected}");
}

#[track_caller]
fn all_near(is: impl IntoIterator<Item = f64>, expected: &[f64]) {
    let is: Vec<f64> = is.into_iter().collect();
    assert_eq!(is.len(), expected.len());
    is.into_iter().zip(expected).for_each(|(is, expected)| near(is, *expected));
}

#[test]
fn v1_a_bad_canary_is_found_in_the_second_interval() {
    let evidence = run(LIMITS, 1.0, &BAD);
    all_near(evidence.iter().map(|e| e.harm), &[4.299_365, 14.086_717, 19.455_152, 28.267_691]);
    let findings: Vec<_> = evidence.iter().map(|e| e.finding(Risk::default())).collect();
    assert_eq!(findings.first(), Some(&Finding::Open));
    assert!(findings.iter().skip(1).all(|finding| *finding == Finding::Harm));
}

#[test]
fn v1_a_good_canary_gathers_evidence_for_safety_only() {
    let evidence = run(LIMITS, 1.0, &GOOD);
    let harm = [-0.668_267, -1.193_208, -1.695_928, -1.772_835, -1.829_672, -2.032_315];
    let safe = [-0.364_412, 0.189_611, 0.674_130, 0.410_062, 0.347_128, 1.000_974];
    all_near(evidence.iter().map(|e| e.harm), &harm);
    all_near(evidence.iter().map(|e| e.safe), &safe);
}

#[test]
fn tempered_evidence_is_that_of_likelihoods_divided_by_the_dispersion() {
    // Independently: the products of the definition, each log-likelihood ratio divided by 3.
    let harm = run(LIMITS, 3.0, &BAD).into_iter().map(|e| e.harm);
    all_near(harm, &[1.301_193_271, 4.299_305_629, 6.060_148_942, 8.894_315_723]);
    let safe = run(LIMITS, 3.0, &GOOD).into_iter().map(|e| e.safe);
    let expected =
        [-0.143_852_205_8, 0.054_846_960_77, 0.170_575_489_6, -0.039_495_033_69, -0.185_629_374_4, -0.013_751_217_67];
    all_near(safe, &expected);
}

#[test]
fn other_limits_have_grids_of_their_own() {
    // Independently: the definition with tolerated ratio 1.5 and unacceptable ratio 3.
    let limits = Limits { tolerated: 1.5, unacceptable: 3.0 };
    let harm = run(limits, 1.0, &BAD).into_iter().map(|e| e.harm);
    all_near(harm, &[3.530_617_842, 12.035_768_75, 15.912_052_02, 22.969_292_68]);
    let safe = run(limits, 1.0, &GOOD).into_iter().map(|e| e.safe);
    let expected = [-0.052_279_460_58, 0.815_937_035_7, 2.336_376_094, 2.711_444_973, 3.296_471_241, 5.017_790_534];
    all_near(safe, &expected);
}

#[test]
fn a_handful_of_errors_is_enough_where_the_primary_has_none() {
    // Independently; ln 100 = 4.605 lies between the two of each pair.
    let few = [
        (0.05, 2.0, 2.958_661_609, 4.763_750_911),
        (0.1, 3.0, 3.871_723_006, 5.396_905_855),
        (0.25, 5.0, 4.234_116_353, 5.201_727_755),
        (0.5, 10.0, 4.335_041_438, 4.819_411_518),
    ];
    for (weight, errors, before, after) in few {
        let harm = |errors| {
            let rows = [(errors, 0.0, 1000.0 * weight, 1000.0 * (1.0 - weight))];
            run(LIMITS, 1.0, &rows).first().map_or(f64::NAN, |e| e.harm)
        };
        near(harm(errors), before);
        near(harm(errors + 1.0), after);
    }
}

#[test]
fn signs_are_weighed_as_the_integral_over_their_prior_says() {
    // Independently: 2^n times the integral of 2 p^u (1-p)^(n-u) from one half to one.
    let rows = [
        (8, 8, 4.039_145_012_87),
        (9, 9, 4.627_909_672_96),
        (5, 10, -0.995_852_554_71),
        (3, 10, -1.738_649_643_91),
        (40, 60, 2.194_248_001_41),
        (700, 1000, 79.660_076_696_8),
    ];
    for (worse, intervals, expected) in rows {
        let mut sign = Sign::new(LIMITS);
        for interval in 0..intervals {
            sign.update(if interval < worse { 3.0 } else { 1.0 }, 1.0);
        }
        near(sign.evidence().harm, expected);
        near(sign.evidence().safe, mirrored(intervals - worse, worse));
    }
}

/// ln E of a `Sign` that saw the sides the other way around.
fn mirrored(below: u32, above: u32) -> f64 {
    let mut sign = Sign::new(LIMITS);
    for interval in 0..below + above {
        sign.update(if interval < below { 3.0 } else { 1.0 }, 1.0);
    }
    sign.evidence().harm
}

#[test]
fn nine_lost_intervals_in_a_row_are_harm_and_eight_are_not() {
    let mut sign = Sign::new(LIMITS);
    for lost in 1..=9 {
        sign.update(2.0, 1.0);
        assert_eq!(sign.finding(Risk::default()) == Finding::Harm, lost == 9, "{lost}");
    }
}

#[test]
fn v7_an_slo_is_judged_by_the_beta_binomial_mixture() {
    let seen = Proportion::counted(30.0, 1000.0);
    near(seen.ln_e(0.01), 9.480_579);
    let (low, high) = seen.bounds(0.05);
    near(low.unwrap(), 0.014_279);
    near(high.unwrap(), 0.054_018);
}

#[test]
fn one_sided_slo_evidence_is_the_integral_over_its_half_of_the_prior() {
    // Independently: the integral of the likelihood over the prior above, and below, the limit.
    let rows = [
        (30.0, 1000.0, 0.01, 9.546_471_551_21, -3.741_229_776_49),
        (5.0, 1000.0, 0.01, -5.185_661_638_35, 0.565_644_340_754),
        (3.0, 40.0, 0.2, -3.462_949_725_38, 1.546_403_426_04),
        (400.0, 1000.0, 0.35, 2.222_357_606_87, -4.966_792_580_82),
    ];
    for (bad, total, limit, above, below) in rows {
        let seen = Proportion::counted(bad, total);
        near(seen.ln_e_above(limit), above);
        near(seen.ln_e_below(limit), below);
    }
}

#[test]
fn v2_shares_beside_the_weights_are_found() {
    let odds = |share: f64, canary: f64, primary: f64| {
        let mut split = Split::new(share);
        split.update(canary, primary);
        split.ln_odds()
    };
    near(odds(0.1, 900.0, 9100.0), 3.401_299);
    near(odds(0.1, 700.0, 9300.0), 52.508_181);
    // Independently: the ratio of gamma functions of the definition.
    near(odds(0.5, 10.0, 30.0), 1.274_879_487_47);
    near(odds(0.05, 300.0, 700.0), 303.146_472_653);
}
