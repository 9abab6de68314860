//! placeholder until branch metric lands
use crate::model::{Kpi, Measurement, Reading, Verdict};

/// One reading.
pub fn reading(kpi: &Kpi, measured: Option<&Measurement>) -> Reading {
    let (value, verdict) = match measured {
        Some(Measurement::Value(v)) => {
            let pass = kpi.range.min.is_none_or(|m| *v >= m) && kpi.range.max.is_none_or(|m| *v <= m);
            (Some(*v), if pass { Verdict::Pass } else { Verdict::Fail })
        }
        Some(Measurement::NoData(_)) => (None, Verdict::NoData),
        Some(Measurement::Error(_)) | None => (None, Verdict::Error),
    };
    Reading { name: kpi.name.clone(), value, verdict, explanation: format!("{} {value:?}", kpi.name) }
}
