//! A schedule as it is written into a calendar, and what stands against it.

use chrono::Weekday;
use chrono_tz::Tz;

use super::complaints::complaint;
use crate::api::{Day, ReleaseFreeze, ReleaseSchedule, ReleaseWindow, sentences};
use crate::model::{Complaint, Freeze, Schedule, Time, Window};
use crate::schedule::{self, Edge};

/// Minutes of a day.
const DAY: u16 = 1_440;

/// When releases may start and advance.
///
/// # Errors
/// Everything that stands against it.
pub fn resolve(asked: &ReleaseSchedule) -> Result<Schedule, Vec<Complaint>> {
    let mut found = Vec::new();
    let zone = zone(asked).map_err(|complaint| found.push(complaint)).unwrap_or(Tz::UTC);
    let windows = every(asked.windows.iter().flatten().map(window), &mut found);
    let freezes = every(asked.freezes.iter().flatten().map(|asked| freeze(asked, zone)), &mut found);
    if found.is_empty() { Ok(Schedule { zone, windows, freezes }) } else { Err(found) }
}

/// What is right; the complaints about the rest are added to `found`.
fn every<T>(resolved: impl Iterator<Item = Result<T, Vec<Complaint>>>, found: &mut Vec<Complaint>) -> Vec<T> {
    resolved.filter_map(|one| one.map_err(|complaints| found.extend(complaints)).ok()).collect()
}

fn zone(asked: &ReleaseSchedule) -> Result<Tz, Complaint> {
    let name = asked.time_zone.as_deref().unwrap_or("UTC");
    name.parse().map_err(|_| {
        let similar = match schedule::similar(name).as_slice() {
            [] => ", for example Europe/Berlin".to_owned(),
            names => format!(", perhaps {}", names.join(" or ")),
        };
        let value = if name.is_empty() { "empty" } else { name };
        complaint(&sentences::CAN094, &[("value", value), ("similar", &similar)])
    })
}

fn window(asked: &ReleaseWindow) -> Result<Window, Vec<Complaint>> {
    let from = minutes("spec.schedule.windows[].from", &asked.from, DAY - 1);
    let to = minutes("spec.schedule.windows[].to", &asked.to, DAY);
    let (from, to) = match (from, to) {
        (Ok(from), Ok(to)) => (from, to),
        (from, to) => return Err(from.err().into_iter().chain(to.err()).collect()),
    };
    let days = asked.days.clone().unwrap_or_else(|| Day::ALL.to_vec());
    let window = Window { days: days.into_iter().map(weekday).collect(), from, to };
    if window.is_empty() { Err(vec![complaint(&sentences::CAN091, &[("value", &asked.from)])]) } else { Ok(window) }
}

/// Minutes after midnight, at most `last`.
fn minutes(field: &str, text: &str, last: u16) -> Result<u16, Complaint> {
    let digits = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    let parts = text.split_once(':').filter(|(hours, minutes)| digits(hours) && digits(minutes));
    let read = parts.and_then(|(hours, minutes)| Some((hours.parse::<u16>().ok()?, minutes.parse::<u16>().ok()?)));
    let within = read.filter(|(_, minutes)| *minutes < 60).map(|(hours, minutes)| 60 * hours + minutes);
    within.filter(|minutes| *minutes <= last).ok_or_else(|| {
        let last = if last == DAY { "24:00" } else { "23:59" };
        let value = if text.is_empty() { "empty" } else { text };
        complaint(&sentences::CAN090, &[("field", field), ("value", value), ("last", last)])
    })
}

fn freeze(asked: &ReleaseFreeze, zone: Tz) -> Result<Freeze, Vec<Complaint>> {
    let from = moment("spec.schedule.freezes[].from", &asked.from, zone, Edge::From);
    let to = moment("spec.schedule.freezes[].to", &asked.to, zone, Edge::To);
    match (from, to) {
        (Ok(from), Ok(to)) if from < to => Ok(Freeze { from, to, reason: asked.reason.clone() }),
        (Ok(_), Ok(_)) => Err(vec![complaint(&sentences::CAN093, &[("from", &asked.from), ("to", &asked.to)])]),
        (from, to) => Err(from.err().into_iter().chain(to.err()).collect()),
    }
}

fn moment(field: &str, text: &str, zone: Tz, edge: Edge) -> Result<Time, Complaint> {
    schedule::parse(text, zone, edge).ok_or_else(|| {
        let value = if text.is_empty() { "empty" } else { text };
        complaint(&sentences::CAN092, &[("field", field), ("value", value)])
    })
}

const fn weekday(day: Day) -> Weekday {
    match day {
        Day::Mon => Weekday::Mon,
        Day::Tue => Weekday::Tue,
        Day::Wed => Weekday::Wed,
        Day::Thu => Weekday::Thu,
        Day::Fri => Weekday::Fri,
        Day::Sat => Weekday::Sat,
        Day::Sun => Weekday::Sun,
    }
}
