//! What a backtest found: for a terminal, as JSON, and as a picture.

use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::chart::{Chart, Line, percent};
use super::super::simulate::words;
use super::Shown;
use crate::backtest::{Decided, Decision, End, Name, Past, Proposal, RATIOS, Rates, Release, Row};
use crate::model::Test;

/// Characters of the name of a rule.
const NAME: usize = 10;

pub(super) fn text(shown: &Shown) -> String {
    let mut text = format!("{}\n\n", headline(shown));
    for past in &shown.report.releases {
        release(&mut text, past);
    }
    if let Some(rates) = &shown.report.rates {
        table(&mut text, rates);
    }
    if !shown.report.proposals.is_empty() {
        let _ =
            writeln!(text, "the tightest ranges that together roll at most {} of these back:", percent(shown.how.risk));
    }
    for proposal in &shown.report.proposals {
        let _ = writeln!(text, "  {}", proposed(proposal));
    }
    if let Some(sentence) = better(shown) {
        let _ = writeln!(text, "{sentence}");
    }
    for left_out in &shown.left_out {
        let _ = writeln!(text, "left out: {left_out}");
    }
    text
}

/// `shop/checkout: 3 releases from … to …: 2 promoted, 1 rolled back; this file agrees with 2 of them`.
fn headline(shown: &Shown) -> String {
    let releases = &shown.report.releases;
    let ends = [End::Promoted, End::RolledBack, End::Overtaken, End::Unknown].into_iter().filter_map(|end| {
        let count = releases.iter().filter(|past| past.release.end == end).count();
        (count > 0).then(|| format!("{count} {}", end.as_str()))
    });
    let ends = ends.collect::<Vec<_>>().join(", ");
    let differs = releases.iter().filter(|past| past.differs()).count();
    let otherwise = match differs {
        0 => "would have ended none of them otherwise".to_owned(),
        count => format!("would have ended {count} otherwise"),
    };
    let Shown { target, from, to, file, .. } = shown;
    let unrecorded = releases.iter().filter(|past| past.decisions.is_empty()).count();
    let unrecorded = if unrecorded > 0 { format!(", {unrecorded} without any metric") } else { String::new() };
    let all = if releases.len() == 1 { "1 release".to_owned() } else { format!("{} releases", releases.len()) };
    format!("{target}: {all} from {from} to {to}: {ends}{unrecorded}; {file} {otherwise}")
}

fn release(text: &mut String, past: &Past) {
    let Release { from, to, weights, end } = &past.release;
    let weights = match weights {
        Some((low, high)) if low.total_cmp(high).is_ne() => format!("{low}-{high} %"),
        Some((low, _)) => format!("{low} %"),
        None => "weight not recorded".to_owned(),
    };
    let differs = if past.differs() { "; this file differs" } else { "" };
    let _ = writeln!(text, "{from}  {:>9}  {weights:<9}  {}{differs}", words(to.since(*from)), end.as_str());
    if past.decisions.is_empty() {
        let _ = writeln!(text, "  no metric of the canary was recorded");
    }
    for (name, Decision { decided, after, why }) in &past.decisions {
        let when = format!("{} after {}", decided.as_str(), words(*after));
        let _ = writeln!(text, "  {:<NAME$} {when:<26} {why}", name.as_str());
    }
}

fn table(text: &mut String, rates: &Rates) {
    let promoted = match rates.promoted {
        0 => String::new(),
        1 => ", and of the promoted one".to_owned(),
        count => format!(", and of {count} promoted ones"),
    };
    let _ = writeln!(text, "\n{} releases drawn from the record of the primary alone{promoted}:", rates.runs);
    let heads = ["false rollback".to_owned(), "of promoted".to_owned()].into_iter();
    line(text, "", heads.chain(worse().map(|ratio| format!("missed {ratio} x"))));
    for row in &rates.rows {
        let cells = [row.false_rollbacks(), row.promoted].into_iter().chain(worse().map(|ratio| missed(row, ratio)));
        line(text, row.name.as_str(), cells.map(shown));
    }
    if rates.rows.iter().all(|row| missed(row, 2.0).is_none()) {
        let _ = writeln!(text, "  Nothing ever failed in the record, so nothing can fail more often.");
    }
    text.push('\n');
}

fn line(text: &mut String, name: &str, cells: impl Iterator<Item = String>) {
    let _ = write!(text, "  {name:<NAME$}");
    for cell in cells {
        let _ = write!(text, "{cell:>15}");
    }
    text.push('\n');
}

fn worse() -> impl Iterator<Item = f64> {
    RATIOS.into_iter().filter(|ratio| *ratio > 1.0)
}

fn missed(row: &Row, ratio: f64) -> Option<f64> {
    row.at(ratio).map(|found| 1.0 - found)
}

fn shown(share: Option<f64>) -> String {
    share.map_or_else(|| "-".to_owned(), percent)
}

fn proposed(Proposal { kpi, bound, now, limit }: &Proposal) -> String {
    let bound = bound.as_str();
    let now = now.map_or_else(|| "none".to_owned(), |now| now.to_string());
    match limit {
        Some(limit) => format!("{kpi}: thresholdRange.{bound} {limit} (now {now})"),
        None => format!(
            "{kpi}: no thresholdRange.{bound} will do (now {now}), since too many checks have no value; write onNoData: hold, or widen the metric's interval"
        ),
    }
}

/// Who finds a canary that fails five times as often in more of the releases.
fn better(shown: &Shown) -> Option<String> {
    let rates = shown.report.rates.as_ref()?;
    let found = |name: Name| rates.rows.iter().find(|row| row.name == name).and_then(|row| row.at(5.0));
    let (file, ratio) = (found(Name::File)?, found(Name::With(Test::RateRatio))?);
    let (of_file, of_ratio) = (percent(file), percent(ratio));
    Some(if ratio > file {
        format!(
            "5 times the failures: comparison finds them in {of_ratio} of the releases, this file in {of_file}; write comparison: {{}}"
        )
    } else if file > ratio {
        format!("5 times the failures: this file finds them in {of_file} of the releases, comparison in {of_ratio}")
    } else {
        format!("5 times the failures: this file and comparison both find them in {of_file} of the releases")
    })
}

const fn colour(name: Name) -> &'static str {
    match name {
        Name::File => "#d55e00",
        Name::With(Test::RateRatio) => "#0072b2",
        Name::With(Test::Slo) => "#009e73",
        Name::With(Test::Sign) => "#56b4e9",
        Name::With(Test::Quantile | Test::Difference | Test::Split) => "#e69f00",
    }
}

/// Writes the picture, where one was asked for.
pub(super) fn save(shown: &Shown, file: Option<&Path>) -> Result<(), String> {
    let Some(file) = file else { return Ok(()) };
    let Some(rates) = &shown.report.rates else {
        return Err("--svg has nothing to draw: no metric that decides was recorded; leave it out".to_owned());
    };
    std::fs::write(file, svg(shown, rates)).map_err(|e| format!("{} cannot be written: {e}", file.display()))
}

pub(super) fn svg(shown: &Shown, rates: &Rates) -> String {
    let line = |row: &Row| Line {
        name: row.name.as_str(),
        colour: colour(row.name),
        shares: RATIOS.iter().filter_map(|ratio| row.at(*ratio)).collect(),
    };
    Chart {
        headline: &format!("{}: rolled back, of {} releases drawn from the record", shown.target, rates.runs),
        columns: RATIOS.iter().map(|ratio| format!("{ratio} x")).collect(),
        below: "failures of the canary, times those of the record",
        lines: rates.rows.iter().map(line).collect(),
    }
    .svg()
}

/// How a release ended, for machines.
const fn ended(end: End) -> &'static str {
    match end {
        End::Promoted => "promoted",
        End::RolledBack => "rolled-back",
        End::Overtaken => "overtaken",
        End::Unknown => "unknown",
    }
}

/// What a rule would have done, for machines.
const fn decided(decided: Decided) -> &'static str {
    match decided {
        Decided::Promoted => "promoted",
        Decided::RolledBack => "rolled-back",
        Decided::Open => "open",
    }
}

pub(super) fn document(shown: &Shown) -> Value {
    let seconds = |length: Duration| length.as_secs_f64();
    let decision = |(name, decision): &(Name, Decision)| {
        json!({
            "rule": name.as_str(),
            "decided": decided(decision.decided),
            "afterSeconds": seconds(decision.after),
            "explanation": decision.why,
        })
    };
    let past = |past: &Past| {
        let Release { from, to, weights, end } = &past.release;
        json!({
            "from": from.to_string(),
            "to": to.to_string(),
            "weights": weights.map(|(low, high)| json!({"min": low, "max": high})),
            "happened": ended(*end),
            "differs": past.differs(),
            "rules": past.decisions.iter().map(decision).collect::<Vec<_>>(),
        })
    };
    let at = |row: &Row, ratio: f64| json!({"ratio": ratio, "missed": missed(row, ratio)});
    let row = |row: &Row| {
        json!({
            "rule": row.name.as_str(),
            "falseRollback": row.false_rollbacks(),
            "rollbackOfPromoted": row.promoted,
            "missed": worse().map(|ratio| at(row, ratio)).collect::<Vec<_>>(),
        })
    };
    let proposal = |proposal: &Proposal| {
        json!({
            "metric": proposal.kpi,
            "bound": proposal.bound.as_str(),
            "now": proposal.now,
            "tightest": proposal.limit,
        })
    };
    let report = &shown.report;
    json!({
        "apiVersion": "cli.serin.dev/v1",
        "kind": "Backtest",
        "file": shown.file,
        "target": shown.target,
        "from": shown.from.to_string(),
        "to": shown.to.to_string(),
        "risk": shown.how.risk,
        "runs": shown.how.runs,
        "seed": shown.how.seed,
        "agrees": !report.releases.iter().any(Past::differs),
        "releases": report.releases.iter().map(past).collect::<Vec<_>>(),
        "rates": report.rates.as_ref().map(|rates| rates.rows.iter().map(row).collect::<Vec<_>>()),
        "proposals": report.proposals.iter().map(proposal).collect::<Vec<_>>(),
        "leftOut": shown.left_out,
    })
}
