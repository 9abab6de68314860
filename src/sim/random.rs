//! Seeded randomness: one seed plays the same run on every machine.

use std::time::Duration;

/// Clocks of machines that keep time differ by less, in milliseconds.
pub(super) const MOST_SKEW: u64 = 1_500;

/// SplitMix64: small, and good enough to choose faults with.
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// 0 to `end` - 1; 0 where `end` is 0.
    pub(super) const fn below(&mut self, end: u64) -> u64 {
        let next = self.next();
        if end == 0 { 0 } else { next % end }
    }

    /// As [`Self::below`], for small counts.
    pub(super) fn count(&mut self, end: u8) -> u8 {
        u8::try_from(self.below(u64::from(end))).unwrap_or(0)
    }

    /// True in `percent` of all cases.
    pub(super) const fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// At least `from`, less than `to` milliseconds.
    pub(super) const fn millis(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(from + self.below(to.saturating_sub(from)))
    }

    /// By how many milliseconds one replica's clock may be ahead, or behind.
    pub(super) fn skew(&mut self) -> i64 {
        i64::try_from(self.below(2 * MOST_SKEW + 1)).unwrap_or(0) - i64::try_from(MOST_SKEW).unwrap_or(0)
    }

    /// One of `list`; `None` only where it is empty.
    pub(super) fn pick<T: Clone>(&mut self, list: &[T]) -> Option<T> {
        let index = usize::try_from(self.below(list.len() as u64)).unwrap_or(0);
        list.get(index).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_always_gives_the_same_numbers() {
        let mut random = Random::new(1);
        assert_eq!([random.next(), random.next()], [0x910a_2dec_8902_5cc1, 0xbeeb_8da1_658e_ec67]);
    }
}
