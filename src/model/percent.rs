//! A share of traffic or of pods.

use std::fmt;
use std::str::FromStr;

/// How many parts of the finest share make one percent.
const PARTS: u16 = 100;

/// A percentage from 0 to 100, in hundredths.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Percent(u16);

impl Percent {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// All of it.
    pub const FULL: Self = Self(100 * PARTS);

    /// So many whole percent; `None` above 100 or below 0.
    pub fn new(whole: i64) -> Option<Self> {
        u16::try_from(whole).ok().filter(|whole| *whole <= 100).map(|whole| Self(whole * PARTS))
    }

    /// So many whole percent: below 0 is 0, above 100 is 100.
    pub fn clamped(whole: i64) -> Self {
        Self::hundredths(whole.saturating_mul(PARTS.into()))
    }

    /// So many hundredths of a percent: below 0 is 0, above 100 % is 100 %.
    pub fn hundredths(parts: i64) -> Self {
        Self(u16::try_from(parts.clamp(0, Self::FULL.0.into())).unwrap_or(0))
    }

    /// The nearest to `part` of `all`; nothing of nothing is nothing.
    pub fn nearest(part: u128, all: u128) -> Self {
        let parts = (2 * u128::from(Self::FULL.0) * part + all).checked_div(2 * all).unwrap_or(0);
        Self::hundredths(i64::try_from(parts).unwrap_or(i64::MAX))
    }

    /// 0 to 100.
    pub fn as_f64(self) -> f64 {
        f64::from(self.0) / f64::from(PARTS)
    }

    /// 0 to 10,000.
    pub const fn as_hundredths(self) -> u16 {
        self.0
    }

    /// The nearest whole percentage, for what knows no others.
    pub const fn whole(self) -> u16 {
        (self.0 + PARTS / 2) / PARTS
    }

    /// Whether it is a number of whole percent.
    pub const fn is_whole(self) -> bool {
        self.0.is_multiple_of(PARTS)
    }

    /// A weight in proportion to the one of `rest()`: in percent where that is exact, else in hundredths.
    pub const fn proportion(self) -> u16 {
        if self.is_whole() { self.whole() } else { self.0 }
    }

    /// What is left to 100.
    #[must_use]
    pub const fn rest(self) -> Self {
        Self(Self::FULL.0 - self.0)
    }

    /// More by `step`, never above 100.
    #[must_use]
    pub fn more(self, step: Self) -> Self {
        Self(self.0.saturating_add(step.0)).min(Self::FULL)
    }

    /// Less by `step`, never below 0.
    #[must_use]
    pub const fn less(self, step: Self) -> Self {
        Self(self.0.saturating_sub(step.0))
    }

    /// This share of `count`, rounded up: one pod at 50 % needs one pod, not none.
    pub fn of(self, count: u32) -> u32 {
        let pods = (u64::from(count) * u64::from(self.0)).div_ceil(Self::FULL.0.into());
        u32::try_from(pods).unwrap_or(count)
    }

    /// How many there are in all where `count` are this share of them, rounded up; `None` of no share.
    pub fn all_of_which(self, count: u32) -> Option<u32> {
        let all = (u64::from(count) * u64::from(Self::FULL.0)).div_ceil(u64::from(self.0.max(1)));
        (!self.is_zero()).then(|| u32::try_from(all).unwrap_or(u32::MAX))
    }

    /// The share that `part` of `whole` is, rounded down, so that [`Self::of`] leads back to `part`; nothing of nothing.
    pub fn share(part: u32, whole: u32) -> Self {
        Self::hundredths(i64::from(part) * i64::from(Self::FULL.0) / i64::from(whole.max(1)))
    }

    /// What this share of `pods` comes to in whole ones, rounded up; `kept` at least are left out.
    #[must_use]
    pub fn in_pods(self, pods: u32, kept: u32) -> Self {
        Self::share(self.of(pods).min(pods.saturating_sub(kept)), pods)
    }

    /// Nothing at all.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

/// A text that is no number from 0 to 100 with at most two decimals.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotAPercentage;

impl FromStr for Percent {
    type Err = NotAPercentage;

    fn from_str(text: &str) -> Result<Self, NotAPercentage> {
        let number: f64 = text.parse().map_err(|_| NotAPercentage)?;
        #[expect(clippy::cast_possible_truncation, reason = "what is cut off differs below")]
        let share = Self::hundredths((number * f64::from(PARTS)).round() as i64);
        #[expect(clippy::float_cmp, reason = "the nearest f64 of a decimal is one number")]
        if share.as_f64() == number { Ok(share) } else { Err(NotAPercentage) }
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_f64().fmt(f)
    }
}

impl fmt::Debug for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} %")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_pods_is_rounded_up() {
        assert_eq!(Percent::clamped(50).of(1), 1);
        assert_eq!(Percent::clamped(50).of(4), 2);
        assert_eq!(Percent::hundredths(1).of(3), 1);
        assert_eq!(Percent::FULL.of(3), 3);
        assert_eq!(Percent::FULL.of(u32::MAX), u32::MAX);
        assert_eq!(Percent::ZERO.of(3), 0);
    }

    #[test]
    fn a_share_of_pods_leads_back_to_them() {
        for whole in (1..=100).chain([777, 9_999]) {
            for part in 0..=whole {
                assert_eq!(Percent::share(part, whole).of(whole), part, "{part} of {whole}");
            }
        }
        assert_eq!(Percent::share(0, 0), Percent::ZERO);
        let in_pods = |share: i64, pods| Percent::clamped(share).in_pods(pods, 1).whole();
        assert_eq!(
            [in_pods(0, 5), in_pods(1, 5), in_pods(21, 5), in_pods(100, 5), in_pods(50, 2)],
            [0, 20, 40, 80, 50]
        );
    }

    #[test]
    fn more_than_all_is_refused() {
        assert_eq!(Percent::new(101), None);
        assert_eq!(Percent::new(-1), None);
        assert_eq!(Percent::new(100), Some(Percent::FULL));
        assert_eq!(Percent::clamped(200), Percent::FULL);
        assert_eq!(Percent::hundredths(i64::MIN), Percent::ZERO);
    }

    #[test]
    fn weights_of_both_sides_are_whole_percent_or_hundredths_together() {
        let pair = |share: Percent| (share.proportion(), share.rest().proportion());
        assert_eq!(pair(Percent::clamped(10)), (10, 90));
        assert_eq!(pair(Percent::hundredths(50)), (50, 9950));
    }

    #[test]
    fn a_share_is_written_as_short_as_it_can_be() {
        let texts = [0, 25, 50, 1000, 3333].map(|parts| Percent::hundredths(parts).to_string());
        assert_eq!(texts, ["0", "0.25", "0.5", "10", "33.33"]);
    }

    #[test]
    fn a_share_is_read_as_it_is_written() {
        for parts in 0..=10_000 {
            let share = Percent::hundredths(parts);
            assert_eq!(share.to_string().parse(), Ok(share));
        }
        for text in ["", ".", "-1", "0.125", "100.01", "101", "NaN", "inf", "9999999999999999999", "10 %"] {
            assert_eq!(text.parse::<Percent>(), Err(NotAPercentage), "{text}");
        }
    }

    #[test]
    fn pods_for_a_share_of_the_requests_are_enough_for_all_of_them() {
        assert_eq!(Percent::clamped(20).all_of_which(1), Some(5));
        assert_eq!(Percent::clamped(30).all_of_which(1), Some(4));
        assert_eq!(Percent::hundredths(1).all_of_which(u32::MAX), Some(u32::MAX));
        assert_eq!(Percent::ZERO.all_of_which(1), None);
    }

    #[test]
    fn a_third_is_the_nearest_hundredth() {
        assert_eq!(Percent::nearest(1, 3), Percent::hundredths(3333));
        assert_eq!(Percent::nearest(0, 0), Percent::ZERO);
        assert_eq!(Percent::nearest(2, 2), Percent::FULL);
    }
}
