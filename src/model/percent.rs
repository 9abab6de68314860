//! A share of traffic or of pods.

use std::fmt;

/// A whole percentage, 0 to 100.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Percent(u8);

impl Percent {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// All of it.
    pub const FULL: Self = Self(100);

    /// `None` above 100 or below 0.
    pub fn new(value: i64) -> Option<Self> {
        u8::try_from(value).ok().filter(|v| *v <= 100).map(Self)
    }

    /// The nearest percentage to `value`: below 0 is 0, above 100 is 100.
    pub fn clamped(value: i64) -> Self {
        Self(u8::try_from(value.clamp(0, 100)).unwrap_or(0))
    }

    /// 0 to 100.
    pub const fn get(self) -> u8 {
        self.0
    }

    /// What is left to 100.
    #[must_use]
    pub const fn rest(self) -> Self {
        Self(100 - self.0)
    }

    /// Less by `step`, never below 0.
    #[must_use]
    pub const fn less(self, step: Self) -> Self {
        Self(self.0.saturating_sub(step.0))
    }

    /// This share of `count`, rounded up: one pod at 50 % needs one pod, not none.
    pub fn of(self, count: u32) -> u32 {
        (count.saturating_mul(u32::from(self.0))).div_ceil(100)
    }

    /// Nothing at all.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_pods_is_rounded_up() {
        assert_eq!(Percent::clamped(50).of(1), 1);
        assert_eq!(Percent::clamped(50).of(4), 2);
        assert_eq!(Percent::FULL.of(3), 3);
        assert_eq!(Percent::ZERO.of(3), 0);
    }

    #[test]
    fn more_than_all_is_refused() {
        assert_eq!(Percent::new(101), None);
        assert_eq!(Percent::new(-1), None);
        assert_eq!(Percent::clamped(200), Percent::FULL);
    }
}
