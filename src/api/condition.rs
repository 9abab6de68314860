//! `status.conditions[]`: the shape that `kubectl wait`, Flux and Argo CD read, and the field that Flagger adds.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Timestamp, word::Word};
use crate::model::Truth;

/// One thing that holds or does not. The type is free text: another operator's condition must not make an object unreadable.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// What holds or does not: Promoted, Ready, Reconciling or Stalled.
    #[serde(rename = "type")]
    #[schemars(length(max = 316))]
    pub type_: String,

    /// Whether it holds: True, False or Unknown.
    pub status: Word<Truth>,

    /// The situation in one word; every situation has its own.
    #[schemars(length(max = 1024))]
    pub reason: String,

    /// The situation in a sentence.
    #[serde(default)]
    #[schemars(length(max = 32768))]
    pub message: String,

    /// When status, reason or message changed last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_update_time: Option<Timestamp>,

    /// When status changed last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<Timestamp>,

    /// metadata.generation of the spec that the condition is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}
