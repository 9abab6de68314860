//! The few special functions that the tests need, in logarithms so that nothing over- or underflows.

use std::f64::consts::PI;

/// ln Γ(x) for x > 0, by Stirling's series above 10 and the recurrence below it.
pub(crate) fn ln_gamma(x: f64) -> f64 {
    let (mut x, mut product) = (x, 1.0);
    while x < 10.0 {
        product *= x;
        x += 1.0;
    }
    let square = 1.0 / (x * x);
    // B(2k) / (2k (2k - 1)), for k = 6 down to 1.
    let terms = [-691.0 / 360_360.0, 1.0 / 1188.0, -1.0 / 1680.0, 1.0 / 1260.0, -1.0 / 360.0, 1.0 / 12.0];
    let series = terms.into_iter().fold(0.0, |sum, term| sum * square + term) / x;
    (x - 0.5) * x.ln() - x + 0.5 * (2.0 * PI).ln() + series - f64::ln(product)
}

/// ln B(a, b) for a, b > 0.
pub(super) fn ln_beta(a: f64, b: f64) -> f64 {
    ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b)
}

/// ln I_x(a, b), the share of a Beta(a, b) below x, for 0 < x < 1.
pub(super) fn ln_beta_below(x: f64, a: f64, b: f64) -> f64 {
    if x > (a + 1.0) / (a + b + 2.0) {
        // The fraction converges slowly here; the other side is below one half, so nothing cancels.
        return (-ln_beta_below(1.0 - x, b, a).exp()).ln_1p();
    }
    a * x.ln() + b * (-x).ln_1p() - ln_beta(a, b) - a.ln() + continued_fraction(x, a, b).ln()
}

/// Terms after which a fraction has converged for any count that a release can see.
const MOST_TERMS: u32 = 100_000;

/// The continued fraction of the incomplete beta function, by Lentz's method.
fn continued_fraction(x: f64, a: f64, b: f64) -> f64 {
    let away = |v: f64| if v.abs() < 1e-300 { 1e-300 } else { v };
    let (mut c, mut d) = (1.0, 1.0 / away(1.0 - (a + b) * x / (a + 1.0)));
    let mut value = d;
    for m in 1..MOST_TERMS {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut change = 1.0;
        for term in [even, odd] {
            d = 1.0 / away(1.0 + term * d);
            c = away(1.0 + term / c);
            change = c * d;
            value *= change;
        }
        if (change - 1.0).abs() < 1e-15 {
            break;
        }
    }
    value
}

/// Below it e^v is 0 in a double.
const NOTHING: f64 = -746.0;

/// ln of the mean of e^v over `values`; minus infinity of none.
pub(super) fn ln_mean_exp(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let largest = values.clone().fold(f64::NEG_INFINITY, f64::max);
    if largest.is_infinite() {
        return largest;
    }
    // What is 0 in a double costs more than what is not.
    let share = |v: f64| if v - largest < NOTHING { 0.0 } else { (v - largest).exp() };
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), v| (sum + share(v), count + 1.0));
    largest + f64::ln(sum / count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn near(is: f64, expected: f64) {
        assert!((is - expected).abs() <= 1e-12 * expected.abs().max(1.0), "{is} is not {expected}");
    }

    // All numbers independently: 40 digits of mpmath, the incomplete beta function as its integral.
    #[test]
    fn gamma_function() {
        for (x, expected) in [(0.5, 0.572_364_942_924_700_1), (1.0, 0.0), (2.0, 0.0), (3.7, 1.428_072_326_665_387_9)] {
            near(ln_gamma(x), expected);
        }
        for (x, expected) in
            [(10.0, 12.801_827_480_081_47), (100.25, 360.284_559_637_764_23), (1e6, 12_815_504.569_147_612)]
        {
            near(ln_gamma(x), expected);
        }
    }

    #[test]
    fn incomplete_beta_function() {
        let rows = [
            (0.5, 1.0, 10.0, -0.000_977_039_647_826_61),
            (0.01, 0.5, 0.5, -2.752_494_986_597_9),
            (0.01, 30.5, 970.5, -15.974_303_861_171),
            (0.35, 400.5, 600.5, -7.582_584_765_566_5),
            (0.9, 3.0, 2.0, -0.053_717_282_505_988),
            (0.2, 1000.5, 1.5, -1_606.778_793_874_1),
        ];
        for (x, a, b, expected) in rows {
            near(ln_beta_below(x, a, b), expected);
        }
    }
}
