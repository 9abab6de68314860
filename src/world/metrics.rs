//! What the operator shows about itself on /metrics: Flagger's series under Flagger's names, and our own.
//!
//! Labels are names of canaries, workloads, verbs and resources: bounded, and gone with their canary. Never error texts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::place::Place;
use crate::model::{CanaryRef, Course, Journal, Notice, Phase};

/// Prometheus's default buckets, in seconds: Flagger's histogram has them.
const DEFAULT_BUCKETS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Lateness is promised to stay below 100 ms, so it is measured finely around that.
const LATENESS_BUCKETS: [f64; 9] = [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 1.0, 10.0];

type Labels = Vec<(&'static str, String)>;
type Gauges = Family<Labels, Gauge<f64, AtomicU64>>;
type Counters = Family<Labels, Counter>;
type Histograms = Family<Labels, Histogram, fn() -> Histogram>;

/// All series.
pub(crate) struct Metrics {
    registry: Registry,
    total: Gauges,
    status: Gauges,
    weight: Gauges,
    duration: Histograms,
    analysis: Gauges,
    successes: Counters,
    failures: Counters,
    requests: Counters,
    lateness: Histogram,
    rounds: Counters,
    untold: Counter,
    unheard: Counter,
    unalerted: Counter,
    shown: Mutex<BTreeMap<Place, Shown>>,
}

/// Which series belong to a canary, so that they go with it.
#[derive(Default)]
struct Shown {
    target: String,
    kpis: BTreeSet<String>,
    /// Of the release that was analysed last.
    course: Option<Course>,
}

/// Flagger's label of a strategy. A release that was not analysed has the one of weights, as there.
const fn strategy(course: Option<Course>) -> &'static str {
    match course {
        None | Some(Course::Weights | Course::MatchedWeights) => "canary",
        Some(Course::AbTest) => "ab-testing",
        Some(Course::BlueGreen) => "blue-green",
    }
}

impl Metrics {
    pub(crate) fn new(mesh_provider: &str) -> Self {
        let mut metrics = Self {
            registry: Registry::default(),
            total: Family::default(),
            status: Family::default(),
            weight: Family::default(),
            duration: Family::new_with_constructor(|| Histogram::new(DEFAULT_BUCKETS)),
            analysis: Family::default(),
            successes: Family::default(),
            failures: Family::default(),
            requests: Family::default(),
            lateness: Histogram::new(LATENESS_BUCKETS),
            rounds: Family::default(),
            untold: Counter::default(),
            unheard: Counter::default(),
            unalerted: Counter::default(),
            shown: Mutex::default(),
        };
        metrics.register();
        let info = Gauges::default();
        metrics.registry.register("flagger_info", "version and default router", info.clone());
        info.get_or_create(&labels([("version", env!("CARGO_PKG_VERSION")), ("mesh_provider", mesh_provider)]))
            .set(1.0);
        metrics
    }

    /// The text of /metrics.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        // Writing into a String cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }

    /// A request to the apiserver begins.
    pub(crate) fn request(&self, verb: &str, resource: &str) {
        self.requests.get_or_create(&labels([("verb", verb), ("resource", resource)])).inc();
    }

    /// A round begins, so long after it was due.
    pub(crate) fn late(&self, late: Duration) {
        self.lateness.observe(late.as_secs_f64());
    }

    /// A round ended: `ok`, or the reason of its failure.
    pub(crate) fn round(&self, outcome: &'static str) {
        self.rounds.get_or_create(&labels([("outcome", outcome)])).inc();
    }

    /// The events of a round could not be written.
    pub(crate) fn untold(&self) {
        self.untold.inc();
    }

    /// An event, or those of a round, did not reach a hook.
    pub(crate) fn unheard(&self) {
        self.unheard.inc();
    }

    /// An alert did not reach a chat.
    pub(crate) fn unalerted(&self) {
        self.unalerted.inc();
    }

    /// So many canaries are in each namespace.
    pub(crate) fn count(&self, canaries: &[Place]) {
        let mut counts = BTreeMap::<&str, u32>::new();
        canaries.iter().for_each(|place| *counts.entry(place.namespace()).or_default() += 1);
        self.total.clear();
        for (namespace, count) in counts {
            self.total.get_or_create(&labels([("namespace", namespace)])).set(count.into());
        }
    }

    /// Shows what was decided for a canary, and how long the decision took.
    pub(crate) fn show(&self, canary: &CanaryRef, journal: &Journal, took: Duration) {
        let (namespace, place) = (canary.namespace.as_str(), Place::new(&canary.namespace, &canary.name));
        if self.shown().get(&place).is_some_and(|shown| shown.target != canary.target) {
            self.forget(&place);
        }
        let of_target = labels([("name", &canary.target), ("namespace", namespace)]);
        self.status.get_or_create(&of_target).set(status(journal.phase));
        self.duration.get_or_create(&of_target).observe(took.as_secs_f64());
        let [primary, target] = weights(&canary.target, namespace);
        let share = journal.weight.as_f64();
        self.weight.get_or_create(&primary).set(journal.weight.rest().as_f64());
        self.weight.get_or_create(&target).set(share);
        for reading in &journal.readings {
            let Some(value) = reading.value else { continue };
            self.analysis.get_or_create(&kpi(&canary.target, namespace, &reading.name)).set(value);
        }
        let mut shown = self.shown();
        let shown = shown.entry(place).or_default();
        shown.target.clone_from(&canary.target);
        shown.course = journal.step.and_then(|step| step.course).or(shown.course);
        shown.kpis.extend(journal.readings.iter().map(|reading| reading.name.clone()));
    }

    /// Counts the end of a release.
    pub(crate) fn tell(&self, canary: &CanaryRef, notice: &Notice) {
        let place = Place::new(&canary.namespace, &canary.name);
        let course = self.shown().get(&place).and_then(|shown| shown.course);
        let ended = |counters: &Counters, how| {
            let strategy = ("deployment_strategy", strategy(course));
            let (name, namespace) = (("name", canary.target.as_str()), ("namespace", canary.namespace.as_str()));
            counters.get_or_create(&labels([name, namespace, strategy, ("analysis_status", how)])).inc();
        };
        match notice {
            Notice::Promoted => ended(&self.successes, "completed"),
            Notice::PromotedUnanalysed => ended(&self.successes, "skipped"),
            Notice::RolledBack | Notice::Returning | Notice::Frozen | Notice::PromotionFailed(_) => {
                ended(&self.failures, "completed");
            }
            _ => {}
        }
    }

    /// The canary is gone: so are its series.
    pub(crate) fn forget(&self, canary: &Place) {
        let shown = self.shown().remove(canary);
        let Some(Shown { target, kpis, course: _ }) = shown else { return };
        let namespace = canary.namespace();
        let of_target = labels([("name", &target), ("namespace", namespace)]);
        self.status.remove(&of_target);
        self.duration.remove(&of_target);
        for labels in &weights(&target, namespace) {
            self.weight.remove(labels);
        }
        for name in &kpis {
            self.analysis.remove(&kpi(&target, namespace, name));
        }
        for (family, how) in
            [(&self.successes, "completed"), (&self.successes, "skipped"), (&self.failures, "completed")]
        {
            for strategy in ["canary", "ab-testing", "blue-green"] {
                let strategy = ("deployment_strategy", strategy);
                family.remove(&labels([
                    ("name", &target),
                    ("namespace", namespace),
                    strategy,
                    ("analysis_status", how),
                ]));
            }
        }
    }

    fn shown(&self) -> MutexGuard<'_, BTreeMap<Place, Shown>> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn register(&mut self) {
        let r = &mut self.registry;
        r.register("flagger_canary_total", "canaries", self.total.clone());
        r.register(
            "flagger_canary_status",
            "0 a release runs, 2 the last one failed, 1 otherwise",
            self.status.clone(),
        );
        r.register("flagger_canary_weight", "share of traffic in percent", self.weight.clone());
        r.register("flagger_canary_duration_seconds", "duration of one round", self.duration.clone());
        r.register("flagger_canary_metric_analysis", "last value of a KPI", self.analysis.clone());
        r.register("flagger_canary_successes", "promoted releases", self.successes.clone());
        r.register("flagger_canary_failures", "failed releases", self.failures.clone());
        r.register("serin_api_requests", "requests to the apiserver, watches left aside", self.requests.clone());
        r.register("serin_step_lateness_seconds", "start of a round against its due time", self.lateness.clone());
        r.register("serin_reconcile_rounds", "rounds by outcome", self.rounds.clone());
        r.register("serin_events_lost", "rounds whose events could not be written", self.untold.clone());
        r.register("serin_alerts_lost", "alerts that did not reach a chat", self.unalerted.clone());
        r.register("serin_event_hooks_lost", "events that did not reach a hook", self.unheard.clone());
    }
}

fn labels<const N: usize>(labels: [(&'static str, &str); N]) -> Labels {
    labels.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()
}

fn weights(target: &str, namespace: &str) -> [Labels; 2] {
    let of = |workload: &str| labels([("workload", workload), ("namespace", namespace)]);
    [of(&format!("{target}-primary")), of(target)]
}

fn kpi(target: &str, namespace: &str, name: &str) -> Labels {
    labels([("name", target), ("namespace", namespace), ("metric", name)])
}

/// Flagger's numbers.
const fn status(phase: Phase) -> f64 {
    match phase {
        Phase::Progressing => 0.0,
        Phase::Failed => 2.0,
        Phase::Initializing
        | Phase::Initialized
        | Phase::Waiting
        | Phase::WaitingPromotion
        | Phase::Promoting
        | Phase::Finalising
        | Phase::Succeeded
        | Phase::Terminating
        | Phase::Terminated => 1.0,
    }
}

#[cfg(test)]
mod tests;
