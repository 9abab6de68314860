//! What people read of a schedule.

use chrono_tz::{TZ_VARIANTS, Tz};

use super::{Closed, Openness, local, open};
use crate::model::{Calendar, Time, Wait};

/// What a release waits for, where a calendar is closed.
pub fn wait(calendar: &Calendar, now: Time) -> Option<Wait> {
    let of = &calendar.of;
    let schedule = match &calendar.schedule {
        Ok(schedule) => schedule,
        Err(why) => {
            return Some(Wait::new(format!("{of} cannot be read and lets nothing start or advance: {why}"), None));
        }
    };
    match open(schedule, now) {
        Openness::Open => None,
        Openness::ClosedUntil(until, why) => {
            let opens = clock(schedule.zone, until);
            let reason = match why {
                Closed::OutsideWindows => format!("{of} has no window open before {opens}"),
                Closed::Frozen(freeze) => {
                    let reason = freeze.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
                    format!("a freeze of {of}{reason} lets nothing start or advance before {opens}")
                }
            };
            Some(Wait::new(reason, Some(until)))
        }
        Openness::NeverOpens => Some(Wait::new(format!("no window of {of} ever opens"), None)),
    }
}

/// `Mon 2026-11-23 09:00 Europe/Berlin`.
fn clock(zone: Tz, at: Time) -> String {
    match local(zone, at) {
        Some(shown) => format!("{} {zone}", shown.format("%a %Y-%m-%d %H:%M")),
        None => at.to_string(),
    }
}

/// The names of zones that are most like `name`: those that differ in few letters, or hold it.
pub fn similar(name: &str) -> Vec<&'static str> {
    let wanted = name.to_lowercase().replace(' ', "_");
    let ranked = |zone: &Tz| {
        let known = zone.name().to_lowercase();
        let city = known.rsplit('/').next().unwrap_or_default();
        let holds = wanted.len() > 2 && known.contains(&wanted);
        let apart = distance(&wanted, &known).min(distance(wanted.rsplit('/').next().unwrap_or_default(), city) + 1);
        (if holds { 0 } else { apart }, zone.name())
    };
    let mut ranked: Vec<_> = TZ_VARIANTS.iter().map(ranked).filter(|(apart, _)| *apart <= 3).collect();
    ranked.sort_unstable();
    ranked.into_iter().map(|(_, name)| name).take(3).collect()
}

/// Letters to write, to leave out or to exchange until one text is the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, letter) in one.chars().enumerate() {
        let mut next = vec![line + 1];
        for ((above, pair), same) in row.iter().skip(1).zip(row.iter()).zip(other.iter().map(|c| *c == letter)) {
            let left = next.last().copied().unwrap_or_default();
            next.push((pair + usize::from(!same)).min(above + 1).min(left + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}
