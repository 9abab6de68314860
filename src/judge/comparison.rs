//! What a comparison makes of a measurement: the test goes on by one span, and its opinion becomes a reading.

use super::trial::Trial;
use super::{Finding, Mark, Opinion, Unit, explain};
use crate::model::{
    Builtin, Compared, Comparison, Kpi, KpiSource, Measurement, Percent, Reading, Sample, Test, Time, Verdict,
};

/// More says no more.
const CERTAIN: f64 = 1e9;

/// What `measured`, in which the canary had this `weight`, adds to what `before` has come to. A measurement without a sample adds nothing, and takes nothing away.
pub fn compare(
    kpi: &Kpi,
    comparison: &Comparison,
    before: Option<&Compared>,
    measured: Option<&Measurement>,
    weight: Percent,
    now: Time,
) -> Reading {
    let Some(Measurement::Both(sample)) = measured else {
        return Reading { compared: before.cloned(), ..super::reading(kpi, measured) };
    };
    let mut trial = Trial::go_on(kpi, comparison, before.map(|before| before.state.as_str()), sample);
    let is_new = before.is_none_or(|before| comparison.test.counts() || now >= before.until.after(kpi.window));
    if is_new && let Err(blind) = trial.take(sample, weight, kpi.range) {
        let nothing = Measurement::NoData(format!("{}: {blind}", kpi.name));
        return Reading { compared: before.cloned(), ..super::reading(kpi, Some(&nothing)) };
    }
    let (unit, opinion) = trial.opinion(comparison);
    let [canary, primary] = match *sample {
        Sample::Counted { .. } if unit == Unit::Traffic => [None, None],
        Sample::Counted { .. } | Sample::Bucketed { .. } => trial.rates(),
        Sample::Valued { canary, primary, .. } => [canary, primary].map(|value| Some(value).filter(|v| v.is_finite())),
    };
    // In the unit of weights.
    let scale = if unit == Unit::Traffic { 100.0 } else { 1.0 };
    let until = before.filter(|_| !is_new).map_or(now, |before| before.until);
    let Opinion { finding, evidence, estimate, needs } = opinion;
    let compared = Compared {
        requests: sample.requests().map(|_| trial.requests()),
        canary,
        primary,
        low: estimate.and_then(|estimate| estimate.low),
        high: estimate.and_then(|estimate| estimate.high),
        e_value: Some(evidence.harm.exp().min(CERTAIN)),
        until,
        state: trial.state(),
    };
    let reading = Reading {
        name: kpi.name.clone(),
        value: estimate.map(|estimate| estimate.value * scale).filter(|value| value.is_finite()),
        verdict: match finding {
            Finding::Harm => Verdict::Fail,
            // No more can be shown of it than that nothing stands against it.
            Finding::Open if unit == Unit::Traffic => Verdict::Pass,
            Finding::Safe => Verdict::Pass,
            Finding::Open => Verdict::Inconclusive,
        },
        explanation: explain(&measure(kpi, comparison.test, weight, trial.mark()), unit, &opinion),
        interval: kpi.interval.clone(),
        measured_at: Some(now),
        needs: needs.filter(|_| unit != Unit::Difference && unit != Unit::Intervals).map(whole),
        compared: Some(compared),
    };
    of_enough(kpi, reading)
}

/// The reading as it counts: no pass, nor anything else than harm, follows from fewer requests than the user wants.
fn of_enough(kpi: &Kpi, reading: Reading) -> Reading {
    let requests = reading.compared.as_ref().and_then(|compared| compared.requests);
    if reading.verdict == Verdict::Fail || !super::is_of_few(kpi, requests) {
        return reading;
    }
    let (had, least) = (requests.unwrap_or(0.0), kpi.rules.min_requests);
    let explanation = format!("{}; the canary had {had:.0} requests, and minRequests is {least}", reading.explanation);
    Reading { verdict: Verdict::Inconclusive, explanation, needs: Some(super::missing(kpi, had)), ..reading }
}

/// What is counted or compared.
fn measure(kpi: &Kpi, test: Test, weight: Percent, mark: Option<&Mark>) -> String {
    if test == Test::Split {
        return format!("traffic-share is to be {weight} %:");
    }
    if test == Test::Quantile {
        let unit = if kpi.source == KpiSource::Builtin(Builtin::Duration) { " ms" } else { "" };
        return mark.map_or_else(|| "durations".to_owned(), |mark| mark.measure(unit));
    }
    match (&kpi.source, test.counts()) {
        (KpiSource::Builtin(Builtin::SuccessRate), true) => "errors".to_owned(),
        (KpiSource::Builtin(Builtin::Duration), true) => {
            format!("requests slower than {:.0} ms", kpi.range.max.unwrap_or_default())
        }
        _ => kpi.name.clone(),
    }
}

fn whole(number: f64) -> u32 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to a u32")]
    let whole = number.clamp(1.0, f64::from(u32::MAX)) as u32;
    whole
}

#[cfg(test)]
mod tests;
