//! The only place that reads the wall clock. Everything else takes `now`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::model::Time;

/// The moment at which this is called.
#[expect(clippy::disallowed_methods, reason = "the one legal reading of the clock")]
pub(crate) fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Time::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
