//! What follows a release that failed, and what a way back needs.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{number, rules};

/// What follows a release that failed, and what a way back needs.
#[derive(Serialize, Deserialize, KubeSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct RollbackPolicy {
    /// What becomes of the canary's pods once all traffic is back on the primary. Default rollback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<OnFailure>,

    /// Which revisions are known to be good. Going back to one of them, by a revert in Git, needs no analysis: it is promoted as
    /// soon as its pods are ready. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<RollbackWindow>,

    /// How long the primary keeps the revision before, with its pods, once the canary has passed its steps: all traffic goes to the
    /// canary for that time and its checks go on, so that each way back is a weight. Only then the primary takes the new revision.
    /// As a number with h, m or s. Default 0s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = rules::duration("spec.rollback.keepWarm"))]
    #[schemars(length(max = 32))]
    pub keep_warm: Option<String>,
}

/// What becomes of the canary's pods.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum OnFailure {
    /// They go.
    Rollback,
    /// They stay without traffic, for a look, until the next revision comes.
    Freeze,
}

/// Which revisions are known to be good.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct RollbackWindow {
    /// So many of those that were promoted before the last one.
    #[serde(deserialize_with = "number::whole")]
    #[schemars(range(min = 1, max = 10))]
    pub revisions: i32,
}
