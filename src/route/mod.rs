//! Routers: a wanted `Routing` into minimal writes of routing objects, and back.
//!
//! One file a router and one line in `ALL`; the laws in `conformance` run over the list. Pure: never a client, never another
//! router. The user's routing options pass through in their wire form (`api`).

mod claim;
mod istio;

#[cfg(test)]
mod conformance;

pub use claim::{BEFORE, ORIGINAL, is_made};

use crate::api;
use crate::model::{Affinity, Builtin, Complaint, Mirror, Percent, Routing};
use crate::object::{Change, Kind, ObjectKey, Objects};

/// Every router, by name.
pub static ALL: &[&dyn Router] = &[&istio::Istio];

/// The router that a `spec.provider` means. There is no default: traffic of an unknown mesh is left alone.
pub fn find(provider: &str) -> Option<&'static dyn Router> {
    ALL.iter().copied().find(|router| router.providers().contains(&provider))
}

/// Says that no router is called `provider`, and which are known.
pub fn unknown(provider: &str) -> RouteError {
    let known: Vec<_> = ALL.iter().flat_map(|router| router.providers()).copied().collect();
    RouteError {
        reason: "UnknownProvider",
        sentence: format!(
            "spec.provider is {provider:?}, which no router serves, so no traffic is moved; write one of: {}",
            known.join(", ")
        ),
    }
}

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

impl Target<'_> {
    /// The Services of primary and canary.
    pub fn sides(&self) -> [String; 2] {
        ["primary", "canary"].map(|side| format!("{}-{side}", self.apex))
    }
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

impl From<RouteError> for Complaint {
    fn from(error: RouteError) -> Self {
        Self::blocks(error.reason, error.sentence)
    }
}

/// One kind of data plane.
pub trait Router: Sync {
    /// Values of `spec.provider` that mean this router; the first is its name.
    fn providers(&self) -> &'static [&'static str];

    /// What its data plane can do for this service: a TCP route carries no cookies.
    fn capabilities(&self, service: &api::CanaryService) -> Capabilities;

    /// Kinds of its objects, for watches and RBAC.
    fn kinds(&self) -> &'static [Kind];

    /// The fields of a kind's `spec` that may be written. A tool that compares the cluster with Git must ignore these.
    fn fields(&self, kind: Kind) -> &'static [&'static str];

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

/// An error for the first thing in `want` that the router cannot do: left out, it would never come true.
fn refuse_what_it_cannot(router: &dyn Router, target: &Target<'_>, want: &Routing) -> Result<(), RouteError> {
    let can = router.capabilities(target.service);
    let matches = target.analysis.match_.as_ref().is_some_and(|conditions| !conditions.is_empty());
    let shared = !want.canary.is_zero() && want.canary != Percent::FULL;
    let asked = [
        (matches, can.matches, "spec.analysis.match", "share requests by a condition"),
        (want.mirror != Mirror::Off, can.mirror, "spec.analysis.mirror", "copy requests"),
        (
            want.affinity != Affinity::None,
            can.affinity,
            "spec.analysis.sessionAffinity",
            "keep users on a side by cookies",
        ),
        (shared, can.weights, "spec.analysis.stepWeight", "share requests by weight"),
    ];
    let Some((.., field, what)) = asked.into_iter().find(|(asked, can, ..)| *asked && !can) else { return Ok(()) };
    let provider = router.providers().first().copied().unwrap_or_default();
    let protocol = target.service.app_protocol.as_ref().map(|p| format!(" with appProtocol {p}")).unwrap_or_default();
    Err(RouteError {
        reason: "UnsupportedRouting",
        sentence: format!(
            "{field} is set, but provider {provider}{protocol} cannot {what}, so the route stays as it is; remove the field"
        ),
    })
}
