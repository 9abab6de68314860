//! A metric of the spec into the KPIs that are measured for it.

use std::time::Duration;

use crate::api::{self, CanaryAnalysis, Metric, MetricMode};
use crate::model::{Builtin, Comparison, Kpi, KpiSource, Mode, Range, Recourse, Rules, Test, duration};

/// Flagger has this default for builtin and inline metrics only; a template then sees an empty interval.
pub(super) const WINDOW: &str = "1m";
/// How long a check may be held where nobody says it.
pub(super) const LONGEST_HOLD: Duration = Duration::from_secs(3600);
/// Of the whole release: probability that comparisons roll a good canary back.
const RISK: f64 = 0.01;
/// A quarter more than the primary.
const MARGIN: f64 = 0.25;

/// One KPI for each source that the metric has: a builtin name counts even beside a query or a template, as in Flagger.
pub(super) fn resolve(metric: &Metric, analysis: &CanaryAnalysis, namespace: &str) -> Vec<Kpi> {
    let (rules, risk) = (rules(metric, analysis), RISK / compared(analysis));
    sources(metric, namespace)
        .map(|source| {
            let comparison = metric.comparison.map(|asked| comparison(asked, metric, &source, risk));
            let needs_no_limit = comparison.is_some_and(|asked| asked.test == Test::Quantile) && !is_limited(metric);
            Kpi {
                name: metric.name.clone(),
                range: if needs_no_limit { Range::default() } else { range(metric, &source) },
                comparison,
                rules,
                source,
                window: duration::parse(metric.interval.as_deref().unwrap_or(WINDOW)).unwrap_or_default(),
                interval: metric.interval.clone().unwrap_or_else(|| WINDOW.to_owned()),
            }
        })
        .collect()
}

/// A builtin name counts beside a template, so there may be more KPIs than metrics.
fn compared(analysis: &CanaryAnalysis) -> f64 {
    let metrics = analysis.metrics.iter().flatten().filter(|metric| metric.comparison.is_some());
    metrics
        .map(|metric| sources(metric, "").count())
        .fold(0.0, |sum, kpis| sum + f64::from(u32::try_from(kpis).unwrap_or(1)))
}

fn comparison(asked: api::Comparison, metric: &Metric, source: &KpiSource, risk: f64) -> Comparison {
    let test = match (asked.type_, source) {
        (Some(api::ComparisonType::Quantile), _) => Test::Quantile,
        // A user who knows the limit asks about it, and one bound finds more than four.
        (None, KpiSource::Builtin(Builtin::Duration)) if !is_limited(metric) => Test::Quantile,
        (None, KpiSource::Builtin(_)) | (Some(api::ComparisonType::RateRatio), _) => Test::RateRatio,
        (None, KpiSource::Inline(_) | KpiSource::Template { .. }) | (Some(api::ComparisonType::Sign), _) => Test::Sign,
        (Some(api::ComparisonType::Slo), _) => Test::Slo,
        (Some(api::ComparisonType::Difference), _) => Test::Difference,
    };
    Comparison { test, margin: asked.margin.unwrap_or(MARGIN), alpha: asked.alpha.unwrap_or(risk) }
}

/// Whether the metric says what the largest good value is.
fn is_limited(metric: &Metric) -> bool {
    metric.threshold_range.map_or(metric.threshold, |range| range.max).is_some()
}

/// The metric's own rules, or else those of the analysis, or else Flagger's.
fn rules(metric: &Metric, analysis: &CanaryAnalysis) -> Rules {
    let longest = metric.max_hold.as_deref().or(analysis.max_hold.as_deref());
    let longest = longest.and_then(duration::parse).unwrap_or(LONGEST_HOLD);
    let recourse = |word: Option<api::Recourse>| match word {
        None | Some(api::Recourse::Fail) => Recourse::Fail,
        Some(api::Recourse::Hold) => Recourse::Hold(longest),
        Some(api::Recourse::Pass) => Recourse::Pass,
    };
    // Who asks for requests wants to wait for them; with a comparison, no harm found is what most releases can show.
    let uncertain = if metric.comparison.is_some() { api::Recourse::Pass } else { api::Recourse::Hold };
    let inconclusive = metric.on_inconclusive.or(analysis.on_inconclusive);
    Rules {
        on_error: recourse(metric.on_error.or(analysis.on_error)),
        on_no_data: recourse(metric.on_no_data.or(analysis.on_no_data)),
        on_inconclusive: recourse(inconclusive.or(Some(uncertain))),
        on_few: recourse(inconclusive.or(Some(api::Recourse::Hold))),
        min_requests: metric.min_requests.or(analysis.min_requests).and_then(|n| u32::try_from(n).ok()).unwrap_or(0),
        mode: match metric.mode {
            None | Some(MetricMode::Gate) => Mode::Gate,
            Some(MetricMode::Advisory) => Mode::Advisory,
        },
    }
}

fn sources(metric: &Metric, namespace: &str) -> impl Iterator<Item = KpiSource> {
    let builtin = Builtin::parse(&metric.name).map(KpiSource::Builtin);
    let inline = metric.query.clone().filter(|query| !query.is_empty()).map(KpiSource::Inline);
    let template = metric.template_ref.as_ref().map(|template| KpiSource::Template {
        namespace: template.namespace.clone().filter(|given| !given.is_empty()).unwrap_or_else(|| namespace.to_owned()),
        name: template.name.clone(),
        variables: metric.template_variables.clone().unwrap_or_default(),
    });
    builtin.into_iter().chain(inline).chain(template)
}

/// thresholdRange, or the older threshold, or Flagger's limit for a metric that has neither: a success rate passes,
/// anything else must not be above 0.
fn range(metric: &Metric, source: &KpiSource) -> Range {
    match (metric.threshold_range, source) {
        (Some(range), KpiSource::Builtin(Builtin::Duration)) => {
            // Flagger compares whole milliseconds.
            Range { min: range.min.map(f64::trunc), max: range.max.map(f64::trunc) }
        }
        (Some(range), _) => Range { min: range.min, max: range.max },
        (None, KpiSource::Builtin(Builtin::SuccessRate)) => Range { min: metric.threshold, max: None },
        (None, _) => Range { min: None, max: Some(metric.threshold.unwrap_or(0.0)) },
    }
}
