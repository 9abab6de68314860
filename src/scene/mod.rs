//! Stub until the lead's room lands.

use std::collections::BTreeMap;

use crate::object::{Kind, ObjectKey};

/// What to read for a canary.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Lookups {
    /// By key.
    pub keys: Vec<ObjectKey>,
    /// By label.
    pub labelled: Vec<Labelled>,
}

/// All objects of a kind with a label.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Labelled {
    /// Kind.
    pub kind: Kind,
    /// Namespace.
    pub namespace: String,
    /// Label.
    pub label: &'static str,
    /// Value.
    pub value: String,
}

/// Flags.
#[derive(Clone, Debug, Default)]
pub struct Defaults {
    /// Provider.
    pub provider: String,
    /// Address.
    pub metrics_server: String,
    /// Labels.
    pub selector_labels: Vec<String>,
    /// Prefixes.
    pub include_label_prefix: Vec<String>,
    /// Cluster.
    pub cluster_name: String,
    /// Unused.
    pub rest: BTreeMap<String, String>,
}
