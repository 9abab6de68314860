//! `analysis.sessionAffinity`: clients that met the canary stay on it.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{number, rules, schema};

/// The cookies that keep a client on its side for the length of a release.
#[derive(Serialize, Deserialize, KubeSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = rules::distinct_cookies())]
pub struct SessionAffinity {
    /// Name of the cookie that keeps a client on the canary.
    #[schemars(length(max = 253))]
    pub cookie_name: String,

    /// Name of the cookie that keeps a client on the primary. Default: none. Read by Istio and Gateway API v1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub primary_cookie_name: Option<String>,

    /// Domain of the cookie.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,

    /// Hide the cookie from scripts. Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_only: Option<bool>,

    /// How long the cookie lives, in seconds. Default 86400.
    #[serde(default = "a_day", deserialize_with = "number::whole")]
    pub max_age: i32,

    /// Keep a cookie jar for each site that embeds the page. Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partitioned: Option<bool>,

    /// Path of the cookie.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,

    /// Whether other sites' requests carry the cookie.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub same_site: Option<SameSite>,

    /// Send the cookie over HTTPS only. Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secure: Option<bool>,
}

/// Whether other sites' requests carry a cookie.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
#[schemars(transform = schema::unnamed)]
pub enum SameSite {
    /// Never.
    Strict,
    /// Only when a person follows a link.
    Lax,
    /// Always.
    None,
}

fn a_day() -> i32 {
    86_400
}
