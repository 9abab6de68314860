//! Seeded random counts: one seed gives the same release on every machine.

use std::f64::consts::PI;

use crate::judge::ln_gamma;

/// So few requests are told one by one.
const FEW: f64 = 12.0;

/// SplitMix64, and the distributions that requests have.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Above 0 and below 1.
    pub(crate) fn uniform(&mut self) -> f64 {
        // 52 bits are exact in a double.
        ((self.next() >> 12) as f64 + 0.5) / (1_u64 << 52) as f64
    }

    fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (2.0 * PI * self.uniform()).cos()
    }

    /// A Poisson count: by products below 10, by Hörmann's transformed rejection (PTRS) from there on.
    pub(super) fn poisson(&mut self, mean: f64) -> f64 {
        if mean < 10.0 {
            let (end, mut product, mut count) = ((-mean).exp(), self.uniform(), 0.0);
            while product > end {
                product *= self.uniform();
                count += 1.0;
            }
            return count;
        }
        let b = 0.931 + 2.53 * mean.sqrt();
        let a = -0.059 + 0.024_83 * b;
        loop {
            let (u, v) = (self.uniform() - 0.5, self.uniform());
            let us = 0.5 - u.abs();
            let count = ((2.0 * a / us + b) * u + mean + 0.43).floor();
            if us >= 0.07 && v <= 0.9277 - 3.6224 / (b - 2.0) {
                return count;
            }
            let inside = count >= 0.0 && (us >= 0.013 || v <= us);
            let height = (v * (1.1239 + 1.1328 / (b - 3.4)) / (a / (us * us) + b)).ln();
            if inside && height <= count * mean.ln() - mean - ln_gamma(count + 1.0) {
                return count;
            }
        }
    }

    /// A count of this mean whose variance is `dispersion` times the mean: bad requests that come in clumps.
    pub(super) fn clumped(&mut self, mean: f64, dispersion: f64) -> f64 {
        if dispersion <= 1.0 || mean <= 0.0 {
            return self.poisson(mean);
        }
        let scale = dispersion - 1.0;
        let rate = scale * self.gamma(mean / scale);
        self.poisson(rate)
    }

    /// How many of `count` independent requests fall on a side that each of them meets with this `chance`. Exact: the middle
    /// one of so many uniform numbers is drawn, and one half of them is known.
    pub(crate) fn binomial(&mut self, count: f64, chance: f64) -> f64 {
        let (mut count, mut chance, mut found) = (count.round().max(0.0), chance.clamp(0.0, 1.0), 0.0);
        while count > FEW {
            let middle = (count / 2.0).floor() + 1.0;
            let (below, above) = (self.gamma(middle), self.gamma(count + 1.0 - middle));
            let place = below / (below + above);
            if place <= chance {
                (found, count) = (found + middle, count - middle);
                chance = (chance - place) / (1.0 - place);
            } else {
                (count, chance) = (middle - 1.0, chance / place);
            }
        }
        while count > 0.0 {
            found += f64::from(u8::from(self.uniform() < chance));
            count -= 1.0;
        }
        found
    }

    /// By Marsaglia and Tsang; below shape 1 from the shape above it.
    fn gamma(&mut self, shape: f64) -> f64 {
        if shape < 1.0 {
            return self.gamma(shape + 1.0) * self.uniform().powf(1.0 / shape);
        }
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let x = self.normal();
            let v = (1.0 + c * x).powi(3);
            if v > 0.0 && self.uniform().ln() < 0.5 * x * x + d - d * v + d * v.ln() {
                return d * v;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mean, and variance over mean, of 40,000 counts.
    fn moments(mut count: impl FnMut(&mut Random) -> f64) -> (f64, f64) {
        let mut random = Random::new(7);
        let counts: Vec<f64> = (0..40_000).map(|_| count(&mut random)).collect();
        let mean = counts.iter().sum::<f64>() / 40_000.0;
        let variance = counts.iter().map(|c| (c - mean).powi(2)).sum::<f64>() / 40_000.0;
        (mean, variance / mean)
    }

    #[test]
    fn counts_have_the_mean_and_the_variance_that_were_asked_for() {
        for mean in [0.05, 2.0, 9.9, 10.0, 30.0, 6000.0] {
            let (seen, dispersion) = moments(|random| random.poisson(mean));
            assert!(
                (seen / mean - 1.0).abs() < 0.1 / mean.sqrt() + 0.002 && (dispersion - 1.0).abs() < 0.05,
                "{mean}: {seen}, {dispersion}"
            );
        }
        for (count, chance) in [(8.0, 0.3), (30.0, 0.02), (1000.0, 0.05), (60_000.0, 0.5)] {
            let (seen, dispersion) = moments(|random| random.binomial(count, chance));
            let mean: f64 = count * chance;
            assert!(
                (seen / mean - 1.0).abs() < 0.1 / mean.sqrt() + 0.002
                    && (dispersion / (1.0 - chance) - 1.0).abs() < 0.05,
                "{count}, {chance}: {seen}, {dispersion}"
            );
        }
        for (mean, asked) in [(0.5, 3.0), (20.0, 3.0), (20.0, 10.0)] {
            let (seen, dispersion) = moments(|random| random.clumped(mean, asked));
            assert!(
                (seen / mean - 1.0).abs() < 0.05 && (dispersion / asked - 1.0).abs() < 0.08,
                "{mean}: {seen}, {dispersion}"
            );
        }
    }
}
