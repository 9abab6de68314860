//! S9: while its schedule is closed no release begins and none gets further, and none begins before those that come first or its turn;
//! judged apart from the room that decides.

use crate::model::{Answer, Calendar, Facts, Journal, Phase, Settings, Standing, Time, Turn};
use crate::schedule::{self, Openness};

/// What went on although it was not the time for it.
pub(super) fn ignored(
    settings: &Settings,
    facts: &Facts,
    after: &Journal,
    answers: &[Answer],
    now: Time,
) -> Option<String> {
    let before = &facts.journal;
    let idle = matches!(before.phase, Phase::Initialized | Phase::Succeeded | Phase::Failed | Phase::Waiting);
    let begins = idle && after.phase == Phase::Progressing && before.weight.is_zero();
    let analysed = matches!(before.phase, Phase::Progressing | Phase::WaitingPromotion) && before.step.is_some();
    let same = before.last_applied == after.last_applied && after.phase != Phase::Failed;
    let moved = after.weight > before.weight || after.iterations > before.iterations || after.phase == Phase::Promoting;
    let settled = |name: &String| facts.standings.get(name) == Some(&Standing::Settled);
    if begins && !settings.depends_on.iter().all(settled) {
        return Some(format!("a release begins although {:?} come first", facts.standings));
    }
    if begins && !settings.limits.is_empty() && !answers.contains(&Answer::Turn(Turn::Given)) {
        return Some(format!("a release begins before its turn, {:?} in the queue", before.waits));
    }
    let closed = |calendar: &&Calendar| {
        calendar.schedule.as_ref().map_or(true, |schedule| schedule::open(schedule, now) != Openness::Open)
    };
    let calendar = settings.calendars.iter().find(closed)?;
    let (was, is) = (before.phase, after.phase);
    let goes_on = begins || analysed && same && moved;
    goes_on.then(|| {
        format!("{was} at {} -> {is} at {} at {now}, when {calendar:?} is closed", before.weight, after.weight)
    })
}

#[cfg(test)]
mod tests {
    use chrono_tz::Tz;

    use super::super::tests::{at, facts, settings};
    use super::*;
    use crate::model::{Freeze, Schedule};

    #[test]
    fn a_step_in_a_freeze_is_seen() {
        let t = Time::from_millis;
        let freezes = vec![Freeze { from: t(1_000), to: t(2_000), reason: None }];
        let schedule = Ok(Schedule { zone: Tz::UTC, windows: vec![], freezes });
        let settings = Settings { calendars: vec![Calendar { of: "a policy".to_owned(), schedule }], ..settings() };
        let moved = |to, now| ignored(&settings, &facts(at(10)), &at(to), &[], t(now)).is_some();
        assert_eq!((moved(20, 1_500), moved(20, 2_000), moved(10, 1_500)), (true, false, false));
    }
}
