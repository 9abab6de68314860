//! `analysis.webhooks[]`: HTTP calls that test, gate or follow a release.

use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{number, rules, schema};

/// An HTTP POST at one moment of the release; an answer of 200, 201 or 202 means yes.
#[derive(Serialize, Deserialize, KubeSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Webhook {
    /// Name of the hook, as events show it.
    pub name: String,

    /// Where the call goes.
    #[schemars(length(max = 8192))]
    pub url: String,

    /// At which moment the call is made. Default rollout: at every check.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_: Option<WebhookType>,

    /// Send no alert while a confirm hook says no. Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mute_alert: Option<bool>,

    /// Longest time of one try, as a number with h, m or s. Default 10s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = rules::duration("spec.analysis.webhooks[].timeout"))]
    #[schemars(length(max = 32))]
    pub timeout: Option<String>,

    /// How long a confirm hook may say no, as a number with h, m or s; then onDeadline follows. Default: for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = rules::duration("spec.analysis.webhooks[].deadline"))]
    #[schemars(length(max = 32))]
    pub deadline: Option<String>,

    /// What follows when the deadline has passed: fail ends the release, pass goes on. Default fail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_deadline: Option<OnDeadline>,

    /// How often a call that could not be made is tried again. Default 0.
    #[serde(default, deserialize_with = "number::option", skip_serializing_if = "Option::is_none")]
    pub retries: Option<i32>,

    /// Do not verify the server's certificate. Default false.
    #[serde(default, rename = "disableTLS", skip_serializing_if = "Option::is_none")]
    pub disable_tls: Option<bool>,

    /// Texts that the call carries, for example the command of a load tester.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<BTreeMap<String, String>>,
}

/// What follows when a confirm hook said no for too long.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum OnDeadline {
    /// The release ends, and traffic goes back to the primary.
    Fail,
    /// The release goes on.
    Pass,
}

/// The moment at which a hook is called.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "kebab-case")]
#[schemars(transform = schema::unnamed)]
pub enum WebhookType {
    /// Not given: the same as rollout.
    #[serde(rename = "")]
    Unset,
    /// Before the canary is scaled up, until it says yes.
    ConfirmRollout,
    /// Before the canary gets traffic; a no is a failed check.
    PreRollout,
    /// At every check; a no is a failed check.
    Rollout,
    /// Before the promotion, until it says yes.
    ConfirmPromotion,
    /// After the release, whatever its end.
    PostRollout,
    /// At every event.
    Event,
    /// At every check; a yes rolls back.
    Rollback,
    /// Before every step of weight, until it says yes.
    ConfirmTrafficIncrease,
}
