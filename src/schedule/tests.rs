//! Windows and freezes as a person reads them off a calendar.

use chrono::Weekday;

use super::*;
use crate::model::Calendar;

fn at(text: &str) -> Time {
    Time::parse(text).unwrap()
}

/// Weekdays from nine to five.
fn office(zone: Tz) -> Schedule {
    let days = vec![Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri];
    Schedule { zone, windows: vec![Window { days, from: 540, to: 1_020 }], freezes: vec![] }
}

fn every_day(zone: Tz, from: u16, to: u16) -> Schedule {
    Schedule {
        windows: vec![Window {
            days: [office(zone).windows[0].days.clone(), vec![Weekday::Sat, Weekday::Sun]].concat(),
            from,
            to,
        }],
        ..office(zone)
    }
}

fn opens(schedule: &Schedule, now: &str) -> String {
    match open(schedule, at(now)) {
        Openness::Open => "open".to_owned(),
        Openness::ClosedUntil(until, _) => until.to_string(),
        Openness::NeverOpens => "never".to_owned(),
    }
}

#[test]
fn a_weekend_is_waited_out_by_local_clocks() {
    let berlin = office(Tz::Europe__Berlin);
    assert_eq!(opens(&berlin, "2026-11-20T15:59:59Z"), "open");
    assert_eq!(opens(&berlin, "2026-11-20T16:00:00Z"), "2026-11-23T08:00:00Z");
    // Summer: the same nine o'clock is an hour earlier.
    assert_eq!(opens(&berlin, "2026-07-19T12:00:00Z"), "2026-07-20T07:00:00Z");
}

#[test]
fn a_window_may_go_over_midnight_and_to_the_end_of_the_day() {
    let night = every_day(Tz::UTC, 1_320, 360);
    assert_eq!(
        (opens(&night, "2026-11-20T23:00:00Z"), opens(&night, "2026-11-21T05:59:00Z")),
        ("open".into(), "open".into())
    );
    assert_eq!(opens(&night, "2026-11-21T06:00:00Z"), "2026-11-21T22:00:00Z");
    let evening = every_day(Tz::UTC, 1_320, 1_440);
    assert_eq!(opens(&evening, "2026-11-20T23:59:59Z"), "open");
    assert_eq!(opens(&evening, "2026-11-21T00:00:00Z"), "2026-11-21T22:00:00Z");
}

#[test]
fn a_time_that_clocks_skip_is_the_first_that_they_show_after_it() {
    // 02:00 to 03:00 does not exist on the 29th.
    assert_eq!(opens(&every_day(Tz::Europe__Berlin, 150, 240), "2026-03-29T00:00:00Z"), "2026-03-29T01:00:00Z");
}

#[test]
fn a_time_that_comes_twice_counts_from_its_first_to_its_last() {
    // 02:00 to 03:00 comes twice on the 25th: at 00:00 and at 01:00 UTC.
    let berlin = every_day(Tz::Europe__Berlin, 120, 150);
    assert_eq!(opens(&berlin, "2026-10-24T23:00:00Z"), "2026-10-25T00:00:00Z");
    assert_eq!(opens(&berlin, "2026-10-25T00:45:00Z"), "open");
    assert_eq!(opens(&berlin, "2026-10-25T01:29:59Z"), "open");
    assert_eq!(opens(&berlin, "2026-10-25T01:30:00Z"), "2026-10-26T01:00:00Z");
}

#[test]
fn a_freeze_overrules_the_windows_and_a_date_is_a_whole_day() {
    let zone = Tz::Europe__Berlin;
    let [from, to] =
        [("2026-12-23", Edge::From), ("2026-12-27", Edge::To)].map(|(day, edge)| parse(day, zone, edge).unwrap());
    assert_eq!((from, to), (at("2026-12-22T23:00:00Z"), at("2026-12-27T23:00:00Z")));
    let frozen = Schedule { freezes: vec![Freeze { from, to, reason: Some("Christmas".to_owned()) }], ..office(zone) };
    assert_eq!(opens(&frozen, "2026-12-22T15:00:00Z"), "open");
    assert_eq!(opens(&frozen, "2026-12-23T12:00:00Z"), "2026-12-28T08:00:00Z");
    let calendar = Calendar { of: Calendar::OWN.to_owned(), schedule: Ok(frozen) };
    let wait = wait(&calendar, at("2026-12-23T12:00:00Z")).unwrap();
    assert_eq!(
        wait.reason,
        "a freeze of spec.schedule (Christmas) lets nothing start or advance before Mon 2026-12-28 09:00 Europe/Berlin"
    );
}

#[test]
fn a_moment_is_read_as_such_and_anything_else_is_not() {
    assert_eq!(parse("2026-12-20T12:00:00+01:00", Tz::UTC, Edge::To), Some(at("2026-12-20T11:00:00Z")));
    for text in ["2026-02-29", "20.12.2026", "2026-12-20T12:00", "soon", ""] {
        assert_eq!(parse(text, Tz::UTC, Edge::From), None, "{text}");
    }
}

#[test]
fn a_window_without_a_length_never_opens() {
    assert_eq!(opens(&every_day(Tz::UTC, 540, 540), "2026-11-20T12:00:00Z"), "never");
}

#[test]
fn a_misspelt_zone_is_recognised() {
    for (written, meant) in [
        ("Europe/Berln", "Europe/Berlin"),
        ("europe/berlin", "Europe/Berlin"),
        ("Berlin", "Europe/Berlin"),
        ("America/New York", "America/New_York"),
    ] {
        assert_eq!(similar(written).first().copied(), Some(meant), "{written}");
    }
    assert!(similar("Middle-earth/Mordor").is_empty());
}
