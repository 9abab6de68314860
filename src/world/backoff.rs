//! How long to wait after failures in a row.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);

/// 1 s, doubled with each strike up to 60 s, a quarter of it at random: what fails together does not come back together.
pub(crate) fn delay(strikes: u32) -> Duration {
    let doublings = strikes.saturating_sub(1).min(6);
    let whole = FIRST.saturating_mul(1 << doublings).min(LONGEST);
    // Each RandomState has keys of its own.
    let chance = RandomState::new().hash_one(strikes) % 1000;
    whole.mul_f64(f64::from(u32::try_from(chance).unwrap_or(0)).mul_add(-0.000_25, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_a_minute_and_varies_by_a_quarter() {
        for (strikes, most) in [(1, 1000), (2, 2000), (3, 4000), (7, 60_000), (u32::MAX, 60_000)] {
            let (delay, most) = (delay(strikes), Duration::from_millis(most));
            assert!(delay <= most && delay >= most.mul_f64(0.75), "{strikes}: {delay:?}");
        }
    }
}
