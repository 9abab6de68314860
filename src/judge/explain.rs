//! One sentence for a tired person: what was measured, how sure that is, and what is missing.

use super::{Estimate, Finding, Opinion};

/// What a test's numbers are numbers of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    /// The estimate is a ratio to the primary; requests are counted.
    Ratio,
    /// The estimate is a share of the requests; requests are counted.
    Share,
    /// The estimate is a share of the requests to either side, which is the router's doing.
    Traffic,
    /// The estimate is how many more of the requests than of the primary's; requests are counted.
    More,
    /// The estimate is a difference in the metric's own unit; intervals are counted.
    Difference,
    /// The estimate is the share of the intervals in which the canary was worse; intervals are counted.
    Intervals,
}

/// The sentence. `measure` names what is compared: `errors`.
pub fn explain(measure: &str, unit: Unit, opinion: &Opinion) -> String {
    let Opinion { finding, evidence, estimate, needs } = opinion;
    let seen = match estimate {
        Some(estimate) => format!("{measure} {}", shown(unit, estimate)),
        None => format!("{measure}: nothing to compare yet"),
    };
    let ln_e = if *finding == Finding::Safe { evidence.safe } else { evidence.harm };
    match (finding, needs) {
        (Finding::Harm, _) if unit == Unit::Traffic => format!("{seen}; requests go astray{}", odds(ln_e)),
        (Finding::Open, _) if unit == Unit::Traffic => seen,
        (Finding::Harm, _) => format!("{seen}; certainly worse{}", odds(ln_e)),
        (Finding::Safe, _) => format!("{seen}; certainly not worse than acceptable{}", odds(ln_e)),
        (Finding::Open, Some(needs)) => format!("{seen}; about {} more {} decide it", round(*needs), counted(unit)),
        (Finding::Open, None) => format!("{seen}; no decision in sight"),
    }
}

fn shown(unit: Unit, Estimate { value, low, high }: &Estimate) -> String {
    let number = |value: f64| match unit {
        Unit::Ratio => format!("{value:.2}"),
        Unit::Share | Unit::Traffic | Unit::More | Unit::Intervals => format!("{:.2} %", value * 100.0),
        Unit::Difference => format!("{value:.4}"),
    };
    let bounds = match (low, high) {
        (Some(low), Some(high)) => format!(" ({} to {})", number(*low), number(*high)),
        (Some(low), None) => format!(" (at least {})", number(*low)),
        (None, Some(high)) => format!(" (at most {})", number(*high)),
        (None, None) if unit == Unit::Traffic => String::new(),
        (None, None) => " (anything is possible)".to_owned(),
    };
    if value.is_infinite() {
        let least = low.map(|low| format!("at least {} times the primary's, which has none", number(low)));
        return least.unwrap_or_else(|| "on the canary alone".to_owned());
    }
    let value = number(*value);
    match unit {
        Unit::Ratio => format!("{value} times the primary's{bounds}"),
        Unit::Share => format!("{value}{bounds}"),
        Unit::Traffic => format!("{value} of the requests reached the canary"),
        Unit::More => format!("in {value} more of the requests than the primary's{bounds}"),
        Unit::Difference => format!("differ from the primary's by {value}{bounds}"),
        Unit::Intervals => format!("worse than the primary's in {value} of the intervals{bounds}"),
    }
}

/// `, odds 1:100 of chance`; nothing where the test has no such figure.
fn odds(ln_e: f64) -> String {
    if ln_e <= 0.0 { String::new() } else { format!(", chance alone shows this at most once in {}", round(ln_e.exp())) }
}

const fn counted(unit: Unit) -> &'static str {
    match unit {
        Unit::Ratio | Unit::Share | Unit::Traffic | Unit::More => "requests to the canary",
        Unit::Difference | Unit::Intervals => "intervals",
    }
}

/// Two digits are all that a forecast has; thousands are grouped.
fn round(number: f64) -> String {
    let scale = 10_f64.powf((number.max(1.0).log10().floor() - 1.0).max(0.0));
    if number >= 1e9 {
        return "1,000,000,000".to_owned();
    }
    let digits = format!("{:.0}", (number / scale).round() * scale);
    let grouped = digits.chars().rev().enumerate().flat_map(|(at, digit)| {
        let comma = (at > 0 && at % 3 == 0).then_some(',');
        comma.into_iter().chain([digit])
    });
    let reversed: String = grouped.collect();
    reversed.chars().rev().collect()
}
