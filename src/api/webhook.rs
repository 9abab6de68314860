//! `analysis.webhooks[]`: HTTP calls that test, gate or follow a release.

use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{SecretRef, number, rules, schema};

/// An HTTP POST at one moment of the release; an answer of 200, 201 or 202 means yes.
#[derive(Serialize, Deserialize, KubeSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = rules::hook_url_is_there(),
    validation = rules::person_needs_no_keys(),
    validation = rules::authority_is_asked()
)]
pub struct Webhook {
    /// Name of the hook, as events show it.
    #[schemars(length(max = 253))]
    pub name: String,

    /// Where the call goes. A confirm hook without one waits for a person: the request resume opens it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 8192))]
    pub url: Option<String>,

    /// The Secret that the call is made with, in the canary's namespace: the key token (bearer), or username and password (basic);
    /// beside them hmacKey (a signature) and tls.crt with tls.key (a client certificate).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretRef>,

    /// The authority that vouches for the server, and no other. Default: those of the operator's system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_ref: Option<AuthorityRef>,

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

/// An authority's certificate in a Secret or ConfigMap of the canary's namespace.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct AuthorityRef {
    /// Secret or ConfigMap. Default Secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<AuthorityKind>,

    /// Name of the object.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,

    /// Key of the certificate, in PEM. Default ca.crt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub key: Option<String>,
}

/// A kind of object that a certificate may stand in.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthorityKind {
    /// v1 Secret.
    Secret,
    /// v1 ConfigMap.
    ConfigMap,
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
