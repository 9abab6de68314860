//! When releases may start and advance, and what a release waits for that is no hook.

use chrono::Weekday;
use chrono_tz::Tz;

use super::{Queued, Time};

/// A schedule, and whose it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Calendar {
    /// As sentences name it: `spec.schedule`, or a DeliveryPolicy.
    pub of: String,
    /// What it says, or why it cannot be read: then it is closed until somebody mends it.
    pub schedule: Result<Schedule, String>,
}

impl Calendar {
    /// How a Canary's own is named.
    pub const OWN: &str = "spec.schedule";
}

/// When releases may start and advance: within a window, where there are any, and outside of every freeze.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Schedule {
    /// By whose clocks the windows go.
    pub zone: Tz,
    /// None of them means always, but for the freezes.
    pub windows: Vec<Window>,
    /// When nothing may start or advance, whatever the windows say.
    pub freezes: Vec<Freeze>,
}

/// A span of time on some days of every week, by local clocks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Window {
    /// The days on which it begins.
    pub days: Vec<Weekday>,
    /// Minutes after midnight; below 1,440.
    pub from: u16,
    /// Minutes after midnight, up to 1,440, and not within it any more; of the next day where it is below `from`.
    pub to: u16,
}

impl Window {
    /// Whether it has no length, and so never comes.
    pub const fn is_empty(&self) -> bool {
        self.days.is_empty() || self.from == self.to
    }
}

/// A span of time in which nothing may start or advance.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Freeze {
    /// Its first moment.
    pub from: Time,
    /// The first moment after it.
    pub to: Time,
    /// Why, for whoever waits.
    pub reason: Option<String>,
}

/// What a release waits for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wait {
    /// A sentence.
    pub reason: String,
    /// When it goes on by itself, where that is known.
    pub until: Option<Time>,
    /// Its place, where it waits for its turn.
    pub queued: Option<Queued>,
}

impl Wait {
    /// One that is no matter of turns.
    pub fn new(reason: impl Into<String>, until: Option<Time>) -> Self {
        Self { reason: reason.into(), until, queued: None }
    }

    /// Whether it is the same wait, whatever its place in a queue.
    pub fn is_like(&self, other: &Self) -> bool {
        self.reason == other.reason && self.until == other.until
    }
}
