//! Whether a check passed, judged apart from the room that decides.

use crate::model::{Answer, Journal, Kpi, Measurement, Reading, Settings, Test};

/// Whether every KPI has a value within its range, judged apart from the room that decides.
pub(super) fn passed(settings: &Settings, before: &Journal, answers: &[Answer]) -> bool {
    settings.kpis.iter().all(|kpi| {
        let compares = kpi.comparison.is_some();
        answers.iter().any(|answer| match answer {
            Answer::Measured(name, Measurement::Value(v)) if !compares => {
                *name == kpi.name && kpi.range.min.is_none_or(|m| *v >= m) && kpi.range.max.is_none_or(|m| *v <= m)
            }
            // A comparison stands against nothing until harm is certain, which the laws of `judge` are about.
            Answer::Measured(name, Measurement::Both(sample)) if compares => {
                *name == kpi.name
                    && requests(before, name) + sample.requests().unwrap_or(0.0) >= f64::from(kpi.rules.min_requests)
            }
            Answer::Measured(
                _,
                Measurement::Value(_)
                | Measurement::Both(_)
                | Measurement::Few { .. }
                | Measurement::NoData(_)
                | Measurement::Error(_),
            )
            | Answer::Hook(..)
            | Answer::Turn(_) => false,
        })
    })
}

/// What a comparison has rested on so far.
fn requests(before: &Journal, kpi: &str) -> f64 {
    let of = |reading: &Reading| reading.compared.as_ref().filter(|_| reading.name == kpi)?.requests;
    before.readings.iter().find_map(of).unwrap_or(0.0)
}

/// Whether a comparison of quantiles has come to something.
pub(super) fn compares_quantiles(settings: &Settings, after: &Journal) -> bool {
    compared(settings, after).any(|(kpi, _)| kpi.comparison.is_some_and(|asked| asked.test == Test::Quantile))
}

/// Whether a comparison rests on fewer requests than it must.
pub(super) fn rests_on_few(settings: &Settings, after: &Journal) -> bool {
    compared(settings, after).any(|(kpi, requests)| requests < f64::from(kpi.rules.min_requests))
}

/// The comparisons that have come to something, and the requests to the canary that they rest on.
fn compared<'a>(settings: &'a Settings, after: &'a Journal) -> impl Iterator<Item = (&'a Kpi, f64)> {
    let kpis = settings.kpis.iter().filter(|kpi| kpi.comparison.is_some());
    kpis.filter(|kpi| after.readings.iter().any(|reading| reading.name == kpi.name && reading.compared.is_some()))
        .map(|kpi| (kpi, requests(after, &kpi.name)))
}
