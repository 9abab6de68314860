//! The kind AlertProvider: where messages about releases go.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{SecretRef, rules};

/// A chat or another place that messages go to. The address stands here or in the Secret.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[kube(
    group = "flagger.app",
    version = "v1beta1",
    kind = "AlertProvider",
    namespaced,
    category = "all",
    derive = "PartialEq",
    doc = "A chat that is told about releases.",
    annotation("helm.sh/resource-policy", "keep"),
    printcolumn(name = "Type", type_ = "string", json_path = ".spec.type")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = rules::some_alert_address())]
pub struct AlertProviderSpec {
    /// The kind of chat.
    #[serde(rename = "type")]
    pub type_: AlertProviderType,

    /// Channel of the messages. Default general.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,

    /// Name that the messages come from. Default flagger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,

    /// URL of the chat's webhook. A Secret is the better place: whoever knows the URL can write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 8192))]
    pub address: Option<String>,

    /// URL of the HTTP proxy on the way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<String>,

    /// The Secret with the key address, and token for Slack. It wins over address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretRef>,
}

/// A kind of chat.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "lowercase")]
pub enum AlertProviderType {
    /// Slack.
    Slack,
    /// Microsoft Teams.
    MsTeams,
    /// Discord.
    Discord,
    /// Rocket.Chat.
    Rocket,
    /// Google Chat.
    GChat,
}
