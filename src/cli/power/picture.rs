//! Curves for a terminal, and as SVG.

use std::fmt::Write;
use std::time::Duration;

use super::super::chart::{Chart, Line, percent};
use super::super::simulate::words;
use super::{Curve, Found, Method, Picture, Point, Sentence, Signal, TOLD};

/// Lines of the chart between 0 and 100 %.
const LINES: u32 = 10;
/// Characters of a column.
const COLUMN: usize = 8;

const fn mark(method: Method) -> char {
    match method {
        Method::Range => 'F',
        Method::Ranks => 'K',
        Method::Ratio => 'R',
        Method::Quantile => 'Q',
        Method::Slo => 'L',
        Method::Sign => 'S',
        Method::Difference => 'D',
        Method::Band => 'B',
    }
}

const fn colour(method: Method) -> &'static str {
    match method {
        Method::Range => "#d55e00",
        Method::Ranks => "#cc79a7",
        Method::Ratio => "#0072b2",
        Method::Quantile => "#009e73",
        Method::Slo => "#009e73",
        Method::Sign => "#56b4e9",
        Method::Difference => "#e69f00",
        Method::Band => "#888888",
    }
}

fn took(seconds: f64) -> String {
    words(Duration::from_secs_f64(seconds))
}

/// What a picture is of, in words.
struct Words {
    /// What the primary's requests are like.
    usual: String,
    /// What there is more of, column by column.
    columns: &'static str,
    /// The same below a picture.
    below: &'static str,
    /// The canary of whom the tests tell.
    told: String,
    /// Where the file's rule finds nothing, why.
    unlimited: Option<&'static str>,
}

fn words_of(picture: &Picture) -> Words {
    let limit = picture.aim.range.limit;
    match picture.world.signal {
        Signal::Failures { base, .. } => Words {
            usual: format!("{} % of the primary's fail", (base * 1e6).round() / 1e4),
            columns: "failures",
            below: "failures of the canary, times the primary's",
            told: format!("fails {TOLD} times as often"),
            unlimited: (limit >= 1.0)
                .then_some("success rate (thresholdRange.min) that may end a release: its rule finds no failure"),
        },
        Signal::Durations { usual, .. } => Words {
            usual: format!(
                "half of the primary's take {} ms at most, 99 % of them {:.0} ms",
                usual.median,
                usual.percentile()
            ),
            columns: "durations",
            below: "how long each request of the canary takes, times the primary's",
            told: format!("takes {TOLD} times as long"),
            unlimited: limit.is_infinite().then_some(
                "request-duration (thresholdRange.max) that may end a release: its rule finds no slow request",
            ),
        },
    }
}

fn headline(picture: &Picture) -> String {
    let within = picture.world.weights.len() as f64 * picture.world.interval;
    let (rate, usual) = (picture.world.rate, words_of(picture).usual);
    format!("{}: {rate} requests a second, {usual}; found within {}", picture.name, took(within))
}

pub(super) fn text(picture: &Picture) -> String {
    let mut text = format!("{}\n\n", headline(picture));
    chart(&mut text, &picture.curves);
    table(&mut text, picture);
    let within = picture.world.weights.len() as f64 * picture.world.interval;
    let release = picture.release.as_secs_f64();
    if within > release {
        let _ = writeln!(
            text,
            "\nBy its file this release is over after {}: what is found later, is found only if it waits.",
            took(release)
        );
    }
    let Words { told, unlimited, .. } = words_of(picture);
    if let Some(unlimited) = unlimited {
        let _ = writeln!(text, "\nThe file sets no {unlimited}.");
    }
    let _ = writeln!(text, "\nA canary that {told}, as the tests tell of it:");
    for Sentence { method, after, text: said } in &picture.sample {
        let _ = writeln!(text, "{} after {}: {said}", mark(*method), took(picture.seconds(*after)));
    }
    if let (Some((found, required)), Some((ratio, _))) = (picture.required(), picture.required) {
        let is = if picture.is_as_required() { "as required" } else { "less than required" };
        let (found, required) = (percent(found.share), percent(required));
        let _ = writeln!(
            text,
            "\nThe file's thresholds find {ratio} x in {found} of the releases, {required} are asked for: {is}"
        );
    }
    text
}

/// The highest line of the chart shows all of the releases, the lowest none.
fn chart(text: &mut String, curves: &[Curve]) {
    let line_of = |found: Found| (found.share * f64::from(LINES)).round();
    for line in (0..=LINES).rev() {
        let _ = write!(text, "{:>11} |", format!("{} %", line * 100 / LINES));
        let columns = curves.first().map_or(0, |curve| curve.points.len());
        for column in 0..columns {
            let here = |curve: &&Curve| {
                curve.points.get(column).is_some_and(|point| line_of(point.found).total_cmp(&f64::from(line)).is_eq())
            };
            let marks: String = curves.iter().filter(here).map(|curve| mark(curve.method)).collect();
            let _ = write!(text, "{marks:>COLUMN$}");
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
}

fn table(text: &mut String, picture: &Picture) {
    let ratios = picture.curves.first().map(|curve| curve.points.iter().map(|point| format!("{} x", point.ratio)));
    row(text, words_of(picture).columns, ratios.into_iter().flatten());
    for curve in &picture.curves {
        row(
            text,
            &format!("{} {}", mark(curve.method), curve.method.as_str()),
            curve.points.iter().map(|p| percent(p.found.share)),
        );
        if curve.points.iter().any(|point| point.found.median.is_some()) {
            let median =
                |point: &Point| point.found.median.map_or_else(String::new, |median| took(picture.seconds(median)));
            row(text, "  median", curve.points.iter().map(median));
        }
    }
    text.push('\n');
    for curve in &picture.curves {
        let _ = writeln!(text, "{} {}", mark(curve.method), curve.method.about());
    }
}

fn row(text: &mut String, head: &str, cells: impl Iterator<Item = String>) {
    let _ = write!(text, "{head:<13}");
    for cell in cells {
        let _ = write!(text, "{cell:>COLUMN$}");
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
}

/// The curves as SVG.
pub(super) fn svg(picture: &Picture) -> String {
    let points = picture.curves.first().map(|curve| curve.points.iter().map(|point| format!("{} x", point.ratio)));
    let line = |curve: &Curve| Line {
        name: curve.method.as_str(),
        colour: colour(curve.method),
        shares: curve.points.iter().map(|point| point.found.share).collect(),
    };
    Chart {
        headline: &headline(picture),
        columns: points.into_iter().flatten().collect(),
        below: words_of(picture).below,
        lines: picture.curves.iter().map(line).collect(),
    }
    .svg()
}
