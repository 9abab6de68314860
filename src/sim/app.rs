//! How a revision of the user's application behaves once its pods run.

use std::collections::BTreeMap;
use std::time::Duration;

/// The behaviour of one image. Rates are percent of its requests, latencies are its 99th percentile in milliseconds.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct App {
    /// From the birth of a pod until it is ready; `None` is never.
    pub(super) ready_after: Option<Duration>,
    /// Whether its pods get ready in the place of the primary too.
    pub(super) as_primary: AsPrimary,
    /// From the birth of a pod until it breaks and stays so.
    pub(super) breaks_after: Option<Duration>,
    /// Requests that fail when a pod is new.
    pub(super) errors: f64,
    /// What `errors` grows by each minute.
    pub(super) errors_growth: f64,
    /// Latency when a pod is new.
    pub(super) latency: f64,
    /// What `latency` grows by each minute.
    pub(super) latency_growth: f64,
    /// What queries of the user's own answer, by the name of the metric.
    pub(super) kpis: BTreeMap<String, f64>,
}

/// How an image does as the primary: there it may lack a right, a quota or a volume that the canary has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum AsPrimary {
    /// As it does as the canary.
    #[default]
    Same,
    /// Its pods never get ready.
    NeverReady,
    /// One request in twenty fails.
    Failing,
}

impl Default for App {
    fn default() -> Self {
        Self {
            ready_after: Some(Duration::from_secs(5)),
            as_primary: AsPrimary::Same,
            breaks_after: None,
            errors: 0.0,
            errors_growth: 0.0,
            latency: 80.0,
            latency_growth: 0.0,
            kpis: BTreeMap::new(),
        }
    }
}

impl App {
    /// From the birth of a pod of this workload until it is ready; `None` is never.
    pub(super) fn ready_after(&self, workload: &str) -> Option<Duration> {
        let stuck = self.as_primary == AsPrimary::NeverReady && workload.ends_with("-primary");
        self.ready_after.filter(|_| !stuck)
    }

    /// Percent of the requests that fail at this age of a pod of this workload.
    pub(super) fn errors_at(&self, workload: &str, age: Duration) -> f64 {
        let fails = self.as_primary == AsPrimary::Failing && workload.ends_with("-primary");
        let errors = if fails { 5.0 } else { self.errors };
        (errors + self.errors_growth * age.as_secs_f64() / 60.0).clamp(0.0, 100.0)
    }

    /// Whether it behaves otherwise when it is older.
    pub(super) fn ages(&self) -> bool {
        self.errors_growth != 0.0 || self.latency_growth != 0.0
    }

    /// 99th percentile in milliseconds at this age of a pod.
    pub(super) fn latency_at(&self, age: Duration) -> f64 {
        self.latency + self.latency_growth * age.as_secs_f64() / 60.0
    }
}
