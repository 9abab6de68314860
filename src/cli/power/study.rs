//! The table of `--power --study`: a line a case, printed as soon as it is played.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::super::chart::percent;
use super::super::out::Output;
use super::super::out::{self, exit};
use super::bench;
use crate::power::{self, Case, Found, Known, Lag, Limit, Method, Row, Section, Signal, World};

/// Plays it. 0 if every limit holds, 1 if one does not.
pub(super) fn run(runs: u32, output: Output) -> ExitCode {
    let (mut rows, mut section) = (Vec::new(), "");
    let mut printed = ExitCode::SUCCESS;
    power::study(runs, |row| {
        if output == Output::Text {
            if section != about(row) {
                section = about(row);
                printed = out::print(&head(row, runs));
            }
            printed = out::print(&line(row));
        }
        rows.push(row.clone());
    });
    let looks = bench::looks();
    let broken = rows.iter().filter(|row| !row.holds()).count();
    printed = match output {
        Output::Text => {
            let looks: Vec<_> = looks.iter().map(|(method, us)| format!("{} {us:.2}", method.as_str())).collect();
            let limits =
                if broken == 0 { "every limit holds".to_owned() } else { format!("limits that do not hold: {broken}") };
            out::print(&format!("\none look, in microseconds: {}\n{limits}\n", looks.join(", ")))
        }
        Output::Json => out::print(&format!("{:#}\n", document(runs, &rows, &looks))),
    };
    if printed == ExitCode::SUCCESS && broken > 0 { exit::NO.into() } else { printed }
}

fn about(row: &Row) -> &'static str {
    row.case.section.about(&row.case.world.signal)
}

fn head(row: &Row, runs: u32) -> String {
    let signal = &row.case.world.signal;
    let methods: String = signal.methods().iter().map(|method| format!("{:>12}", method.as_str())).collect();
    let split = row.split.map_or_else(String::new, |_| format!("{:>9}", "split"));
    let promised = signal.promised().as_str();
    format!("\n{}, {runs} releases a line\n{:<54}{methods}{split}  limit of {promised}\n", about(row), "")
}

fn line(row: &Row) -> String {
    let found = |found: &Found| match (row.case.section, found.median) {
        (Section::Worse, Some(median)) => format!("{:>12}", format!("{} {median}m", percent(found.share))),
        (Section::Worse, None) => format!("{:>12}", percent(found.share)),
        _ => format!("{:>12}", format!("{:.2} %", found.share * 100.0)),
    };
    let cells: String = row.found.iter().map(found).collect();
    let limit = match row.limit {
        Limit::AtMost(share) => format!("<= {:.2} %", share * 100.0),
        Limit::Within(intervals) => format!("median <= {intervals}m"),
        Limit::None => String::new(),
    };
    let holds = if row.holds() { "" } else { ", does not hold" };
    let split = row.split.map_or_else(String::new, |split| format!("{:>9}", format!("{:.2} %", split * 100.0)));
    let line = format!("{:<54}{cells}{split}  {limit}{holds}", case(&row.case));
    format!("{}\n", line.trim_end())
}

/// `0.1 %, 100/s from 5 %, calm, clump 3 from 60m`, `60 ms, 100/s from 10 %, calm, 2 x`.
pub(super) fn case(case: &Case) -> String {
    let World { signal, rate, dispersion, weights, weather, .. } = &case.world;
    let clumps = match (case.known, *dispersion > 1.0) {
        (_, false) => String::new(),
        (Known::Not, true) => format!(", clump {dispersion} unknown"),
        (Known::Estimated(intervals), true) => format!(", clump {dispersion} from {intervals}m"),
    };
    let first = weights.first().copied().unwrap_or_default() * 100.0;
    let (usual, worse) = match signal {
        Signal::Failures { base, ratio } => (format!("{} %", (base * 1e6).round() / 1e4), times(*ratio)),
        Signal::Durations { usual, canary } => (format!("{} ms", usual.median), lag(*canary)),
    };
    format!("{usual}, {rate}/s from {first:.0} %, {}{worse}{clumps}", weather.as_str())
}

fn times(times: f64) -> String {
    if times > 1.0 { format!(", {times} x") } else { String::new() }
}

fn lag(lag: Lag) -> String {
    match lag {
        Lag::More(more) => times(more),
        Lag::Longer { share, times: longer } if share >= 1.0 => times(longer),
        Lag::Longer { share, times } => format!(", {} % of it {times} x", (share * 1e4).round() / 1e2),
    }
}

fn document(runs: u32, rows: &[Row], looks: &[(Method, f64)]) -> Value {
    let row = |row: &Row| {
        let found = |(method, found): (&Method, &Found)| {
            (method.as_str().to_owned(), json!({"found": found.share, "medianIntervals": found.median}))
        };
        let methods = row.case.world.signal.methods();
        let found: serde_json::Map<String, Value> = methods.iter().zip(&row.found).map(found).collect();
        json!({
            "section": about(row),
            "case": case(&row.case),
            "methods": found,
            "splitFalselyOff": row.split,
            "holds": row.holds(),
        })
    };
    let looks: serde_json::Map<String, Value> =
        looks.iter().map(|(method, us)| (method.as_str().to_owned(), json!(us))).collect();
    json!({
        "apiVersion": "cli.serin.dev/v1",
        "kind": "PowerStudy",
        "releasesPerRow": runs,
        "rows": rows.iter().map(row).collect::<Vec<_>>(),
        "lookMicroseconds": looks,
        "holds": rows.iter().all(Row::holds),
    })
}
