//! What the operator shows about itself on /metrics: Flagger's series under Flagger's names, and our own.
//!
//! Labels are names of canaries, workloads, verbs and resources: bounded, and gone with their canary. Never error texts.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, LabelSetEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Prometheus's default buckets, in seconds: Flagger's histogram has them.
const DEFAULT_BUCKETS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Lateness is promised to stay below 100 ms, so it is measured finely around that.
const LATENESS_BUCKETS: [f64; 10] = [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 10.0];

/// Label names and values, in the order in which they are shown.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Labels(Vec<(&'static str, String)>);

impl<const N: usize> From<[(&'static str, &str); N]> for Labels {
    fn from(labels: [(&'static str, &str); N]) -> Self {
        Self(labels.iter().map(|(name, value)| (*name, (*value).to_owned())).collect())
    }
}

impl EncodeLabelSet for Labels {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> Result<(), std::fmt::Error> {
        self.0.encode(encoder)
    }
}

type Gauges = Family<Labels, Gauge<f64, AtomicU64>>;
type Counters = Family<Labels, Counter>;
type Histograms = Family<Labels, Histogram, fn() -> Histogram>;
