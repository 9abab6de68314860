//! The calendar against a slow one that knows no local arithmetic: it looks at the clock in each minute of UTC.

use std::collections::BTreeSet;

use chrono::{DateTime, Offset, Weekday};
use chrono_tz::TZ_VARIANTS;
use proptest::prelude::*;

use super::*;

const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60;

fn t(minute: i64) -> Time {
    Time::from_millis(minute * MINUTE)
}

fn shown(zone: Tz, minute: i64) -> NaiveDateTime {
    DateTime::<Utc>::from_timestamp(minute * 60, 0).unwrap().with_timezone(&zone).naive_local()
}

/// What clocks have shown at most up to each minute, and will show at least from it on: a window is open from the first minute in
/// which they have reached its beginning until the last in which they are still before its end.
struct Slow<'a> {
    schedule: &'a Schedule,
    first: i64,
    reached: Vec<NaiveDateTime>,
    still: Vec<NaiveDateTime>,
}

impl<'a> Slow<'a> {
    fn new(schedule: &'a Schedule, first: i64, count: i64) -> Self {
        let clock: Vec<_> = (first..first + count).map(|minute| shown(schedule.zone, minute)).collect();
        let mut reached = clock.clone();
        let mut still = clock;
        for at in 1..reached.len() {
            reached[at] = reached[at].max(reached[at - 1]);
        }
        for at in (0..still.len() - 1).rev() {
            still[at] = still[at].min(still[at + 1]);
        }
        Self { schedule, first, reached, still }
    }

    fn is_open(&self, minute: i64) -> bool {
        let at = usize::try_from(minute - self.first).unwrap();
        let frozen = self.schedule.freezes.iter().any(|freeze| freeze.from <= t(minute) && t(minute) < freeze.to);
        let within = |window: &Window| {
            let days = (-3..=3).filter_map(|days| self.reached[at].date().checked_add_signed(TimeDelta::days(days)));
            days.filter(|day| window.days.contains(&day.weekday())).any(|day| {
                let midnight = day.and_time(NaiveTime::MIN);
                let over = if window.to < window.from { 1_440 } else { 0 };
                let length = window.from != window.to;
                let from = midnight + TimeDelta::minutes(window.from.into());
                let to = midnight + TimeDelta::minutes(i64::from(window.to) + over);
                length && self.reached[at] >= from && self.still[at] < to
            })
        };
        !frozen && (self.schedule.windows.is_empty() || self.schedule.windows.iter().any(within))
    }
}

/// The minutes of these years at whose beginning a zone sets its clocks.
fn changes(zone: Tz, years: std::ops::Range<i32>) -> Vec<i64> {
    let offset = |minute: i64| {
        let at = DateTime::<Utc>::from_timestamp(minute * 60, 0).unwrap();
        at.with_timezone(&zone).offset().fix().local_minus_utc()
    };
    let year = |year| NaiveDate::from_ymd_opt(year, 1, 1).unwrap().and_time(NaiveTime::MIN).and_utc().timestamp() / 60;
    let days = (year(years.start)..year(years.end)).step_by(1_440);
    let changed = days.filter(|day| offset(*day) != offset(day + DAY));
    let exactly = |day: i64| {
        let (mut before, mut after) = (day, day + DAY);
        while after - before > 1 {
            let middle = i64::midpoint(before, after);
            if offset(middle) == offset(day) { before = middle } else { after = middle }
        }
        after
    };
    changed.map(exactly).collect()
}

const ALL_DAYS: [Weekday; 7] =
    [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri, Weekday::Sat, Weekday::Sun];

#[test]
fn every_zone_opens_and_closes_by_its_own_clocks_whenever_these_are_set() {
    let mut seen = BTreeSet::new();
    for zone in TZ_VARIANTS {
        for change in changes(zone, 2011..2012).into_iter().chain(changes(zone, 2026..2027)) {
            let (before, after) = (shown(zone, change - 1), shown(zone, change));
            if !seen.insert((change, before, after)) {
                continue;
            }
            // In the middle of what is skipped, or comes twice.
            let middle = before + (after - before) / 2;
            let minutes =
                |clock: NaiveDateTime| u16::try_from((clock - clock.date().and_time(NaiveTime::MIN)).num_minutes());
            let [inside, around] = [middle, before - TimeDelta::minutes(90)].map(|clock| minutes(clock).unwrap());
            for (from, to) in [(inside, around), (around, inside), (inside, (inside + 7) % 1_440)] {
                let windows = vec![Window { days: ALL_DAYS.to_vec(), from, to }];
                let schedule = Schedule { zone, windows, freezes: vec![] };
                let slow = Slow::new(&schedule, change - 3 * DAY, 6 * DAY);
                for minute in (change - 200..change + 200).step_by(11).chain([change - 1, change, change + 1]) {
                    let fast = open(&schedule, t(minute)) == Openness::Open;
                    assert_eq!(fast, slow.is_open(minute), "{zone} {schedule:?} at {}", t(minute));
                }
            }
        }
    }
    assert!(seen.len() > 100, "both edges in many zones, not {}", seen.len());
}

fn days() -> impl Strategy<Value = Vec<Weekday>> {
    proptest::sample::subsequence(ALL_DAYS.to_vec(), 1..=7)
}

fn a_schedule(near: i64) -> impl Strategy<Value = Schedule> {
    let zone = proptest::sample::select(TZ_VARIANTS.to_vec());
    let window = (days(), 0..1_440_u16, 0..=1_440_u16).prop_map(|(days, from, to)| Window { days, from, to });
    let freeze = (-2 * DAY..4 * DAY, 1..2 * DAY).prop_map(move |(from, length)| Freeze {
        from: t(near + from),
        to: t(near + from + length),
        reason: None,
    });
    let lists = (proptest::collection::vec(window, 0..4), proptest::collection::vec(freeze, 0..3));
    (zone, lists).prop_map(|(zone, (windows, freezes))| Schedule { zone, windows, freezes })
}

/// Minutes near a leap day, a change of clocks, or anything.
fn a_minute() -> impl Strategy<Value = i64> {
    let of = |year, month, day| NaiveDate::from_ymd_opt(year, month, day).unwrap().and_time(NaiveTime::MIN);
    let special =
        [of(2028, 2, 29), of(2024, 2, 29), of(2026, 3, 29), of(2026, 10, 25), of(2026, 11, 1), of(2011, 12, 30)];
    let special = special.map(|day| day.and_utc().timestamp() / 60);
    prop_oneof![
        (proptest::sample::select(special.to_vec()), -2 * DAY..2 * DAY).prop_map(|(at, by)| at + by),
        of(2000, 1, 1).and_utc().timestamp() / 60..of(2037, 1, 1).and_utc().timestamp() / 60,
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_schedule_opens_exactly_when_a_look_at_the_clock_in_each_minute_says_so(
        (minute, schedule) in a_minute().prop_flat_map(|minute| (Just(minute), a_schedule(minute)))
    ) {
        let ahead = 9 * DAY;
        let slow = Slow::new(&schedule, minute - 3 * DAY, ahead + 6 * DAY);
        let opens = (minute..minute + ahead).find(|minute| slow.is_open(*minute));
        match open(&schedule, t(minute)) {
            Openness::Open => prop_assert_eq!(opens, Some(minute)),
            Openness::ClosedUntil(at, _) => match opens {
                Some(opens) => prop_assert_eq!(at, t(opens)),
                None => prop_assert!(at >= t(minute + ahead)),
            },
            Openness::NeverOpens => {
                prop_assert!(opens.is_none() && schedule.windows.iter().all(Window::is_empty));
            }
        }
    }
}
