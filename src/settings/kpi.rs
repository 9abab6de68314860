//! A metric of the spec into the KPIs that are measured for it.

use crate::api::Metric;
use crate::model::{Builtin, Kpi, KpiSource, Range, duration};

/// Flagger has this default for builtin and inline metrics only; a template then sees an empty interval.
const WINDOW: &str = "1m";

/// One KPI for each source that the metric has: a builtin name counts even beside a query or a template, as in Flagger.
pub(super) fn resolve(metric: &Metric, namespace: &str) -> Vec<Kpi> {
    sources(metric, namespace)
        .map(|source| Kpi {
            name: metric.name.clone(),
            range: range(metric, &source),
            source,
            window: duration::parse(metric.interval.as_deref().unwrap_or(WINDOW)).unwrap_or_default(),
            interval: metric.interval.clone().unwrap_or_else(|| WINDOW.to_owned()),
        })
        .collect()
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
