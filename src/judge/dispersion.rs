//! By how much counts spread more than independent requests would: retries, batches and single bad clients do that.

use super::Counts;

/// More than this is no spread but another process; the test would find nothing any more.
const MOST: f64 = 20.0;

/// The factor from past intervals of the primary alone, between 1 and 20; 1 where there is nothing to tell it from.
///
/// It must be taken before the release begins: a factor that looks at the release makes every promise void.
pub fn dispersion(past: &[Counts]) -> f64 {
    let Some(rate) = past.iter().copied().fold(Counts::default(), Counts::and).rate() else { return 1.0 };
    let expected = past.iter().map(|counts| (counts.bad(), counts.total() * rate));
    let (sum, count) = expected
        .filter(|(_, expected)| *expected > 0.0)
        .fold((0.0, 0.0), |(sum, count), (bad, expected)| (sum + (bad - expected).powi(2) / expected, count + 1.0));
    if count > 1.0 { f64::clamp(sum / (count - 1.0), 1.0, MOST) } else { 1.0 }
}
