//! One canary's corner of the cluster: which objects it takes, what they mean, and what an effect writes to them.
//!
//! Pure: `world` brings the objects of one moment, `plan` decides on the facts read from them, and the changes go back through
//! `world`. The simulator does the same with objects of its own.

mod changes;
mod configs;
mod corner;
mod facts;
mod filled;
mod group;
mod journal;
mod kpis;
mod listeners;
mod lookups;
mod order;
mod policy;
mod receivers;
mod scaler;
#[cfg(test)]
mod tests;
mod writers;

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::alert::Chat;
use crate::api;
use crate::metric::SecretName;
use crate::object::{Kind, Objects};

pub use journal::status;
pub use kpis::Pair;
pub use lookups::{EVERY, GROUP, Labelled, Lookups, further, label, leads, lookups};
pub use policy::{Ration, entrant, runs};
pub use receivers::Receiver;
pub use writers::writers;

/// What the operator was started with, where a Canary leaves it open.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Defaults {
    /// Router of a Canary that names none.
    pub provider: String,
    /// Prometheus of the builtin KPIs.
    pub metrics_server: String,
    /// The Secret with the credentials for it; never shown to another address.
    pub metrics_secret: Option<SecretName>,
    /// Labels of the target's selector that tell its pods apart; the first that is there counts.
    pub selector_labels: Vec<String>,
    /// Prefixes of labels that the primary inherits.
    pub include_label_prefix: Vec<String>,
    /// Whether a change of a ConfigMap or Secret is a release.
    pub config_tracking: ConfigTracking,
    /// Before the slash in the names of annotations that ingress-nginx reads.
    pub ingress_annotations_prefix: String,
    /// URL that hears the events of Canaries without an event hook of their own.
    pub event_webhook: Option<String>,
    /// The chats that are alerted about Canaries without alerts of their own.
    pub notifiers: Vec<Chat>,
    /// Name of the cluster in alerts.
    pub cluster_name: Option<String>,
}

/// Whether each side reads ConfigMaps and Secrets of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ConfigTracking {
    /// The primary reads copies, which change with a promotion.
    #[default]
    On,
    /// Both sides read the user's objects.
    Off,
}

impl Default for Defaults {
    /// Flagger's defaults.
    fn default() -> Self {
        Self {
            provider: "istio".to_owned(),
            metrics_server: "http://prometheus:9090".to_owned(),
            metrics_secret: None,
            selector_labels: ["app", "name", "app.kubernetes.io/name"].map(str::to_owned).to_vec(),
            include_label_prefix: Vec::new(),
            config_tracking: ConfigTracking::On,
            ingress_annotations_prefix: crate::route::INGRESS_PREFIX.to_owned(),
            event_webhook: None,
            notifiers: Vec::new(),
            cluster_name: None,
        }
    }
}

/// One canary and its objects at one moment.
#[derive(Clone, Debug)]
pub struct Scene {
    /// The Canary itself.
    pub canary: api::Canary,
    /// What `lookups` asked for, as far as it was there.
    pub objects: Objects,
    /// What the Canary leaves open.
    pub defaults: Arc<Defaults>,
    /// Kinds that the apiserver does not serve: their CRDs are missing.
    pub unserved: BTreeSet<Kind>,
}
