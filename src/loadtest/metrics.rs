//! What the load tester shows on /metrics. Labels are types of tasks and outcomes: bounded.

use std::sync::atomic::AtomicI64;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

type Labels = [(&'static str, &'static str); 2];

/// All series.
pub(super) struct Metrics {
    registry: Registry,
    tasks: Family<Labels, Counter>,
    running: Gauge<i64, AtomicI64>,
}

impl Default for Metrics {
    fn default() -> Self {
        let (mut registry, tasks, running) = (Registry::default(), Family::default(), Gauge::default());
        registry.register("serin_loadtest_tasks", "tasks that ended, by type and outcome", Family::clone(&tasks));
        registry.register("serin_loadtest_running", "tasks that run", Gauge::clone(&running));
        Self { registry, tasks, running }
    }
}

impl Metrics {
    /// A task begins.
    pub(super) fn begun(&self) {
        self.running.inc();
    }

    /// A task ended.
    pub(super) fn ended(&self, kind: &'static str, outcome: &'static str) {
        self.running.dec();
        self.tasks.get_or_create(&[("type", kind), ("outcome", outcome)]).inc();
    }

    /// The text of /metrics.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        // Writing into a String cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}
