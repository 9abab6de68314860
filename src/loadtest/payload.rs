//! What a hook sends.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The payload of a hook. People who open a gate by hand send no more than the name and the namespace.
#[derive(Deserialize, Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Payload {
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) namespace: String,
    #[serde(default)]
    pub(super) metadata: Option<BTreeMap<String, String>>,
}

impl Payload {
    /// The error is an answer to the sender.
    pub(super) fn read(body: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(body).map_err(|error| format!("the payload is no JSON of a webhook: {error}"))
    }

    /// `<name>.<namespace>`
    pub(super) fn canary(&self) -> String {
        format!("{}.{}", self.name, self.namespace)
    }
}
