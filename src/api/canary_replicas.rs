//! `canaryReplicas`: how many pods the canary has while a release runs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::number;

/// Pods of the canary while a release runs: one of the forms. Where the weight is of everybody's requests, the canary has never
/// fewer pods than its weight needs, and has them before it.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct CanaryReplicas {
    /// So many pods.
    #[serde(default, deserialize_with = "number::option", skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub count: Option<i32>,

    /// This share of the primary's pods, in percent, rounded up.
    #[serde(default, deserialize_with = "number::option", skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub percent: Option<i32>,

    /// As many as the next weight needs, and at least one. Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follow_weight: Option<bool>,
}
