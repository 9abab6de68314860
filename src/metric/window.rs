//! The span of time that a provider is asked for, where its queries do not name one.

use std::time::Duration;

use super::Ask;
use crate::model::Time;

/// Providers deliver late, so ten windows are asked for and the newest value is taken.
const WINDOWS: u32 = 10;

/// Start and end in seconds since the epoch.
pub(super) fn seconds(ask: &Ask, now: Time) -> (i64, i64) {
    let (start, end) = millis(ask, now);
    (start.div_euclid(1000), end.div_euclid(1000))
}

/// Start and end in milliseconds since the epoch.
pub(super) fn millis(ask: &Ask, now: Time) -> (i64, i64) {
    let span = i64::try_from(ask.window.saturating_mul(WINDOWS).as_millis()).unwrap_or(i64::MAX);
    (now.as_millis().saturating_sub(span), now.as_millis())
}

/// The last moment that is a multiple of `length` since the epoch: where the newest whole bucket ends.
pub(super) fn whole(now: Time, length: Duration) -> Time {
    let length = i64::try_from(length.as_millis()).unwrap_or(i64::MAX).max(1);
    Time::from_millis(now.as_millis().div_euclid(length).saturating_mul(length))
}
