//! The only place that reads the wall clock. Everything else takes `now`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::model::Time;

/// The wall clock, for the log.
#[derive(Clone, Copy, Debug)]
pub struct Clock;

impl Clock {
    /// The moment at which this is called.
    pub fn now(self) -> Time {
        now()
    }
}

/// The moment at which this is called.
#[expect(clippy::disallowed_methods, reason = "the one legal reading of the clock")]
pub(crate) fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Time::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
