//! Calendars: whether a schedule is open now, and if not, when it opens.
//!
//! Local times are turned into moments here and nowhere else. Never a clock: `now` comes from the caller.

mod words;

use chrono::{
    DateTime, Datelike, Days, MappedLocalTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc,
};
use chrono_tz::{GapInfo, Tz};

use crate::model::{Freeze, Schedule, Time, Window};

pub use words::{similar, wait};

/// What a schedule says about a moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Openness<'a> {
    /// Releases may start and advance.
    Open,
    /// They may not before this moment.
    ClosedUntil(Time, Closed<'a>),
    /// No moment is within a window, ever.
    NeverOpens,
}

/// Why a schedule is closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Closed<'a> {
    /// In this freeze, whatever the windows say.
    Frozen(&'a Freeze),
    /// Outside of every window.
    OutsideWindows,
}

/// Which end of a span a local time is. Where clocks are set back and it comes twice, a span reaches from the first to the last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Edge {
    /// The beginning.
    From,
    /// The end.
    To,
}

/// Days around a moment within which every window comes that ever does: weekly, and then twice, for the day that a change of
/// clocks may swallow.
const BEFORE: u64 = 2;
const AFTER: u64 = 15;

/// What `schedule` says about `now`.
pub fn open(schedule: &Schedule, now: Time) -> Openness<'_> {
    match opening(schedule, now) {
        Some(at) if at <= now => Openness::Open,
        Some(at) => {
            let frozen = schedule.freezes.iter().filter(|freeze| freezes(freeze, now)).max_by_key(|freeze| freeze.to);
            Openness::ClosedUntil(at, frozen.map_or(Closed::OutsideWindows, Closed::Frozen))
        }
        None => Openness::NeverOpens,
    }
}

/// The moment at which clocks in `zone` show `local`. One that they skip is the first that they show after it.
pub fn moment(zone: Tz, local: NaiveDateTime, edge: Edge) -> Option<Time> {
    let at = match (zone.from_local_datetime(&local), edge) {
        (MappedLocalTime::Single(at), _)
        | (MappedLocalTime::Ambiguous(at, _), Edge::From)
        | (MappedLocalTime::Ambiguous(_, at), Edge::To) => at,
        (MappedLocalTime::None, _) => GapInfo::new(&local, &zone)?.end?,
    };
    Some(Time::from_millis(at.timestamp_millis()))
}

/// A date, or a moment as RFC 3339; `None` for anything else. A date is the whole day.
pub fn parse(text: &str, zone: Tz, edge: Edge) -> Option<Time> {
    let Ok(date) = text.parse::<NaiveDate>() else { return Time::parse(text) };
    let day = match edge {
        Edge::From => date,
        Edge::To => date.checked_add_days(Days::new(1))?,
    };
    moment(zone, day.and_time(NaiveTime::MIN), edge)
}

/// The first moment from `now` on that is open. Each turn but the last leaves a freeze behind.
fn opening(schedule: &Schedule, now: Time) -> Option<Time> {
    let mut at = now;
    loop {
        let within = next_window(schedule, at)?;
        let frozen = schedule.freezes.iter().filter(|freeze| freezes(freeze, within)).map(|freeze| freeze.to);
        at = match frozen.max() {
            Some(thaw) => thaw,
            None => return Some(within),
        };
    }
}

fn freezes(freeze: &Freeze, at: Time) -> bool {
    freeze.from <= at && at < freeze.to
}

/// The first moment from `at` on that is within a window.
fn next_window(schedule: &Schedule, at: Time) -> Option<Time> {
    if schedule.windows.is_empty() {
        return Some(at);
    }
    let today = local(schedule.zone, at)?.date().checked_sub_days(Days::new(BEFORE))?;
    let mut days = today.iter_days().take(usize::try_from(BEFORE + AFTER).unwrap_or(usize::MAX));
    // Whatever begins on a later day begins later.
    days.find_map(|day| {
        let spans = schedule.windows.iter().filter_map(|window| span(schedule.zone, window, day));
        spans.filter(|(from, to)| from < to && at < *to).map(|(from, _)| from.max(at)).min()
    })
}

/// The window that begins on `day`.
fn span(zone: Tz, window: &Window, day: NaiveDate) -> Option<(Time, Time)> {
    if window.is_empty() || !window.days.contains(&day.weekday()) {
        return None;
    }
    let ends = if window.to < window.from { day.checked_add_days(Days::new(1))? } else { day };
    Some((moment(zone, clock(day, window.from)?, Edge::From)?, moment(zone, clock(ends, window.to)?, Edge::To)?))
}

fn clock(day: NaiveDate, minutes: u16) -> Option<NaiveDateTime> {
    day.and_time(NaiveTime::MIN).checked_add_signed(TimeDelta::minutes(minutes.into()))
}

/// What clocks in `zone` show at `at`.
fn local(zone: Tz, at: Time) -> Option<NaiveDateTime> {
    DateTime::<Utc>::from_timestamp_millis(at.as_millis()).map(|at| at.with_timezone(&zone).naive_local())
}

#[cfg(test)]
mod laws;
#[cfg(test)]
mod tests;
