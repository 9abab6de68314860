//! Whether a measurement passes its KPI's limits, with a sentence that gives the value and the limit.
//!
//! Knows words of the model only. Never a default of its own: limits come resolved, and whatever is not a number is never a pass.

mod threshold;

use crate::model::{Kpi, Measurement, Reading, Verdict};

/// What `measured` means for `kpi`. A question that was not answered at all is an error of the provider.
pub fn reading(kpi: &Kpi, measured: Option<&Measurement>) -> Reading {
    let (value, verdict, explanation) = match measured {
        Some(Measurement::Value(value)) if value.is_finite() => threshold::judge(kpi, *value),
        Some(Measurement::Value(value)) => {
            (None, Verdict::NoData, format!("{} is {value}, which is no number", kpi.name))
        }
        Some(Measurement::NoData(why)) => (None, Verdict::NoData, why.clone()),
        Some(Measurement::Error(why)) => (None, Verdict::Error, why.clone()),
        None => (None, Verdict::Error, format!("Metric query failed for {}: it was not answered", kpi.name)),
    };
    Reading { name: kpi.name.clone(), value, verdict, explanation }
}

#[cfg(test)]
mod tests;
