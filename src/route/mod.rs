//! Routers: a wanted `Routing` into minimal writes of routing objects, and back.
//!
//! One file a router and one line in `ALL`; the laws in `conformance.rs` run over the list. Pure: never a client, never another
//! router. The user's routing options pass through in their wire form (`api`).

use crate::api;
use crate::model::{Builtin, Routing};
use crate::object::{Change, Kind, ObjectKey, Objects};

/// What a router may know of a canary.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// Namespace of all objects.
    pub namespace: &'a str,
    /// Name of the apex Service; the sides are `<apex>-primary` and `<apex>-canary`.
    pub apex: &'a str,
    /// The user's routing options.
    pub service: &'a api::CanaryService,
    /// The user's match conditions and cookies.
    pub analysis: &'a api::CanaryAnalysis,
}

/// What a data plane can do. `settings` refuses what it cannot.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Capabilities {
    /// Shares in percent.
    pub weights: bool,
    /// A rule for matching requests only.
    pub matches: bool,
    /// Copies of requests.
    pub mirror: bool,
    /// Cookies that keep users on a side.
    pub affinity: bool,
}

/// A query of a router's own metrics, in the language of MetricTemplates.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct BuiltinQuery {
    /// PromQL with template variables.
    pub query: &'static str,
    /// What the result is multiplied with to get percent or milliseconds.
    pub scale: f64,
}

/// Why a route cannot be rendered or read. The sentence goes to the user.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{sentence}")]
pub struct RouteError {
    /// CamelCase reason.
    pub reason: &'static str,
    /// Names the field, the consequence, and what to write instead.
    pub sentence: String,
}

/// One kind of data plane.
pub trait Router: Sync {
    /// Values of `spec.provider` that mean this router; the first is its name.
    fn providers(&self) -> &'static [&'static str];

    /// What its data plane can do.
    fn capabilities(&self) -> Capabilities;

    /// Kinds of its objects, for watches and RBAC.
    fn kinds(&self) -> &'static [Kind];

    /// The objects of this canary, to be read before `render`, `read` and `release`.
    fn objects(&self, target: &Target<'_>) -> Vec<ObjectKey>;

    /// The writes that make `have` route `want`; empty when it does. Fields that are not ours stay as they are.
    fn render(&self, target: &Target<'_>, want: &Routing, have: &Objects) -> Result<Vec<Change>, RouteError>;

    /// What `have` routes; `None` when it holds no route to both sides yet.
    fn read(&self, target: &Target<'_>, have: &Objects) -> Result<Option<Routing>, RouteError>;

    /// The writes that give the user's objects back; empty when nothing was taken.
    fn release(&self, target: &Target<'_>, have: &Objects) -> Vec<Change>;

    /// The query of a builtin KPI.
    fn query(&self, builtin: Builtin) -> BuiltinQuery;
}
