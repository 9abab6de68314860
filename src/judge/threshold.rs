//! thresholdRange: both bounds are accepted values.

use crate::model::{Builtin, Kpi, KpiSource, Verdict};

/// The value in the KPI's unit, whether it lies in the range, and why. Durations are compared as whole milliseconds.
pub(super) fn judge(kpi: &Kpi, value: f64) -> (Option<f64>, Verdict, String) {
    let show = Show::of(kpi);
    let whole = |limit: Option<f64>| limit.map(|limit| show.comparable(limit));
    let (value, min, max) = (show.comparable(value), whole(kpi.range.min), whole(kpi.range.max));
    let (verdict, explanation) = match (min.filter(|min| value < *min), max.filter(|max| value > *max)) {
        (Some(min), _) => (Verdict::Fail, show.relation(value, "<", min)),
        (None, Some(max)) => (Verdict::Fail, show.relation(value, ">", max)),
        (None, None) => (Verdict::Pass, show.within(value, min, max)),
    };
    (Some(value), verdict, explanation)
}

/// How a KPI is called and its values are written: CI greps for these texts.
enum Show<'a> {
    /// `success rate 98.69% < 99%`
    Percent,
    /// `request duration 1.5s > 500ms`
    Duration,
    /// `errors 12.34 > 10`
    Plain(&'a str),
}

impl<'a> Show<'a> {
    fn of(kpi: &'a Kpi) -> Self {
        match kpi.source {
            KpiSource::Builtin(Builtin::SuccessRate) => Self::Percent,
            KpiSource::Builtin(Builtin::Duration) => Self::Duration,
            KpiSource::Inline(_) | KpiSource::Template { .. } => Self::Plain(&kpi.name),
        }
    }

    fn comparable(&self, value: f64) -> f64 {
        match self {
            Self::Duration => value.trunc(),
            Self::Percent | Self::Plain(_) => value,
        }
    }

    fn relation(&self, value: f64, sign: &str, limit: f64) -> String {
        format!("{} {} {sign} {}", self.name(), self.value(value, limit), self.limit(limit))
    }

    fn within(&self, value: f64, min: Option<f64>, max: Option<f64>) -> String {
        match (min, max) {
            (Some(min), Some(max)) => format!("{} and <= {}", self.relation(value, ">=", min), self.limit(max)),
            (Some(min), None) => self.relation(value, ">=", min),
            (None, Some(max)) => self.relation(value, "<=", max),
            (None, None) => format!("{} {}, no limit is set", self.name(), self.value(value, value)),
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::Percent => "success rate",
            Self::Duration => "request duration",
            Self::Plain(name) => name,
        }
    }

    fn value(&self, value: f64, limit: f64) -> String {
        match self {
            Self::Percent => format!("{}%", apart(value, limit)),
            Self::Duration => go_duration(value),
            Self::Plain(_) => apart(value, limit),
        }
    }

    fn limit(&self, limit: f64) -> String {
        match self {
            Self::Percent => format!("{limit}%"),
            Self::Duration => go_duration(limit),
            Self::Plain(_) => limit.to_string(),
        }
    }
}

/// Two decimals, or as many more as it takes to stand on the same side of the limit (`98.999 < 99`, never `99.00 < 99`).
fn apart(value: f64, limit: f64) -> String {
    let side = value.partial_cmp(&limit);
    let honest = |text: &String| text.parse().is_ok_and(|shown: f64| shown.partial_cmp(&limit) == side);
    let texts = (2..=9).map(|decimals| format!("{value:.decimals$}"));
    texts.into_iter().find(honest).unwrap_or_else(|| value.to_string())
}

/// Whole milliseconds as Go writes a Duration: `0s`, `500ms`, `1.5s`, `1m30s`, `1h0m0s`.
fn go_duration(millis: f64) -> String {
    let sign = if millis < 0.0 { "-" } else { "" };
    let millis = millis.abs();
    let (minutes, hours) = ((millis / 60_000.0).floor(), (millis / 3_600_000.0).floor());
    let seconds = (millis - minutes * 60_000.0) / 1000.0;
    let text = match (millis, minutes, hours) {
        (0.0, ..) => "0s".to_owned(),
        (millis, ..) if millis < 1000.0 => format!("{millis}ms"),
        (_, 0.0, _) => format!("{seconds}s"),
        (_, minutes, 0.0) => format!("{minutes}m{seconds}s"),
        (_, minutes, hours) => format!("{hours}h{}m{seconds}s", minutes - hours * 60.0),
    };
    format!("{sign}{text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_in_go() {
        let texts = [0.0, 1.0, 500.0, 1500.0, 60_000.0, 90_500.0, 3_600_000.0, 5_025_250.0, -2.0].map(go_duration);
        assert_eq!(texts, ["0s", "1ms", "500ms", "1.5s", "1m0s", "1m30.5s", "1h0m0s", "1h23m45.25s", "-2ms"]);
    }

    #[test]
    fn a_value_beside_its_limit_is_never_written_as_the_limit() {
        assert_eq!(apart(98.69, 99.0), "98.69");
        assert_eq!(apart(99.0, 99.0), "99.00");
        assert_eq!(apart(98.999, 99.0), "98.999");
        assert_eq!(apart(98.999_999_9, 99.0), "98.9999999");
        assert_eq!(apart(0.000_3, 0.0), "0.0003");
        assert_eq!(apart(99.004, 99.003), "99.004");
        assert_eq!(apart(99.25, 99.25), "99.25");
        assert_eq!(apart(1e-300, 0.0), 1e-300.to_string());
    }
}
