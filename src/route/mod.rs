//! Routers: a wanted `Routing` into minimal writes of routing objects, and back.
//!
//! One file a router and one line in `ALL`; the laws in `conformance` run over the list. Pure: never a client, never another
//! router. The user's routing options pass through in their wire form (`api`).

mod apisix;
mod appmesh;
mod backends;
mod claim;
mod condition;
mod contour;
mod cookies;
mod farewell;
mod gateway;
mod gloo;
mod in_place;
mod ingress;
mod istio;
mod knative;
mod kubernetes;
mod kuma;
mod own;
mod pods;
mod query;
mod refusal;
mod smi;
mod status;
mod traefik;

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod testing;

pub use claim::{BEFORE, ORIGINAL};
pub(crate) use refusal::{AFFINITY, Ability, FINE, MATCH_SHARES, MATCHES, MIRROR, PORTS, PREVIEW};

use std::collections::BTreeMap;

use serde_json::Value;

use crate::api;
use crate::model::{Builtin, Complaint, Layout, Routing};
use crate::object::{Change, Kind, ObjectKey, Objects};

/// Every router, by name.
pub static ALL: &[&dyn Router] = &[
    &apisix::Apisix,
    &appmesh::V1Beta1,
    &appmesh::V1Beta2,
    &contour::Contour,
    &gateway::V1,
    &gateway::V1BETA1,
    &gloo::Gloo,
    &istio::Istio,
    &knative::Knative,
    &kubernetes::Kubernetes,
    &kuma::Kuma,
    &ingress::Nginx,
    &ingress::Skipper,
    &smi::V1ALPHA1,
    &smi::V1ALPHA2,
    &smi::V1ALPHA3,
    &smi::OSM,
    &traefik::Traefik,
];

/// The router that a `spec.provider` means: by one of its names, or by one with options behind a colon (`smi:v1alpha2:istio`).
/// There is no default: traffic of an unknown mesh is left alone.
pub fn find(provider: &str) -> Option<&'static dyn Router> {
    let means = |name: &&str| provider.strip_prefix(*name).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'));
    let longest =
        |router: &dyn Router| router.providers().iter().filter(|name| means(name)).map(|name| name.len()).max();
    ALL.iter().copied().filter(|router| longest(*router).is_some()).max_by_key(|router| longest(*router))
}

/// The router of routes that users bring themselves; no `spec.provider` means it.
pub static OWN: &dyn Router = &own::Own;

/// The router of targets that are released in place; no `spec.provider` means it.
pub static IN_PLACE: &dyn Router = &in_place::InPlace;

/// The apex Service itself as the route, where the user asks for that.
pub static PODS: &dyn Router = &pods::Pods;

/// Every router, those of `ALL` and those that no provider means.
pub fn every() -> impl Iterator<Item = &'static dyn Router> {
    ALL.iter().copied().chain([OWN, IN_PLACE, PODS])
}

/// The router that rights are granted for under a name: that of a provider, `routeRefs` or `inPlace`.
pub fn named(name: &str) -> Option<&'static dyn Router> {
    [OWN, IN_PLACE].into_iter().find(|router| router.providers().contains(&name)).or_else(|| find(name))
}

/// The router of a canary of this provider: that of the user's own routes, where there are any, or of the target itself.
pub fn of(spec: &api::CanarySpec, provider: &str) -> Option<&'static dyn Router> {
    let by_pods = spec.service.as_ref().is_some_and(|service| service.pod_routing.is_some());
    find(provider).map(|router| match spec.target_ref.layout() {
        Layout::InPlace => IN_PLACE,
        Layout::Beside if spec.brings_routes() => OWN,
        Layout::Beside if by_pods && router.kinds().is_empty() => PODS,
        Layout::Beside => router,
    })
}

/// Who counts the requests of a canary of this provider: its own router, also where the user brings the routes.
pub fn counting(spec: &api::CanarySpec, provider: &str) -> Option<&'static dyn Router> {
    if spec.target_ref.layout() == Layout::InPlace { Some(IN_PLACE) } else { find(provider) }
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

/// The prefix that ingress-nginx has where nobody gave it another.
pub const INGRESS_PREFIX: &str = "nginx.ingress.kubernetes.io";

/// The annotations of a Canary that has none.
pub const NO_ANNOTATIONS: &BTreeMap<String, String> = &BTreeMap::new();

/// What a router may know of a canary.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// Namespace of all objects.
    pub namespace: &'a str,
    /// Name of the apex Service; the sides are `<apex>-primary` and `<apex>-canary`.
    pub apex: &'a str,
    /// `spec.provider`, or the operator's own where the Canary names none.
    pub provider: &'a str,
    /// Label that tells the pods of the sides apart, and its value on the canary's; `None` where the workload is missing.
    pub pods: Option<(&'a str, &'a str)>,
    /// Annotations of the Canary.
    pub annotations: &'a BTreeMap<String, String>,
    /// Before the slash in the names of annotations that ingress-nginx reads.
    pub ingress_prefix: &'a str,
    /// The user's routing options.
    pub service: &'a api::CanaryService,
    /// The user's match conditions, cookies and references to routing objects.
    pub spec: &'a api::CanarySpec,
}

impl<'a> Target<'a> {
    /// The Services of primary and canary.
    pub fn sides(&self) -> [String; 2] {
        ["primary", "canary"].map(|side| format!("{}-{side}", self.apex))
    }

    /// Under which conditions the traffic is shared; empty where all of it is.
    pub fn conditions(&self) -> &'a [api::MatchCondition] {
        self.spec.analysis.match_.as_deref().unwrap_or_default()
    }

    /// Which requests see the canary whatever its share.
    pub fn preview(&self) -> &'a [api::MatchCondition] {
        self.spec.analysis.preview.as_ref().map(|preview| preview.match_.as_slice()).unwrap_or_default()
    }
}

/// What a data plane can do. `settings` refuses what it cannot.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Capabilities {
    /// Shares in percent. Without them no request is ever routed to the canary.
    pub weights: bool,
    /// A rule for matching requests only.
    pub matches: bool,
    /// Such a rule is for all of them or none: there are no shares of matching requests.
    pub whole_matches: bool,
    /// Copies of requests.
    pub mirror: bool,
    /// Cookies that keep users on a side.
    pub affinity: bool,
    /// A rule for some requests beside the shares of all.
    pub preview: bool,
    /// The traffic of every port of the service moves, not that of the first alone.
    pub ports: bool,
    /// Shares in hundredths of a percent, not in whole ones alone.
    pub fine: bool,
}

impl Capabilities {
    /// What is left of it where requests of this service cannot be told apart, because the data plane speaks HTTP only.
    pub(crate) fn over_http(self, service: &api::CanaryService) -> Self {
        if is_tcp(service.app_protocol.as_deref()) { Self::default() } else { self }
    }
}

/// Whether the user says that a port speaks TCP.
fn is_tcp(protocol: Option<&str>) -> bool {
    protocol.is_some_and(|protocol| protocol.eq_ignore_ascii_case("tcp"))
}

/// What a router does with the objects of a kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// Reads, makes, edits and deletes them.
    Own,
    /// Reads and edits them: they are the user's, and without them there is nothing to route.
    Edit,
    /// Reads and deletes them: whoever made them makes them anew.
    Renew,
    /// Reads them.
    Read,
}

/// Whether the data plane has taken over what stands in the objects.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Acceptance {
    /// It has, or does not tell.
    Accepted,
    /// It has not seen it yet.
    Pending,
    /// It will not; the sentence says why.
    Refused(RouteError),
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

    /// What it does with the objects of a kind.
    fn access(&self, _kind: Kind) -> Access {
        Access::Own
    }

    /// The fields of a kind's `spec` that may be written. A tool that compares the cluster with Git must ignore these.
    fn fields(&self, kind: Kind) -> &'static [&'static str];

    /// The annotations that carry a route, beside those fields.
    fn annotations(&self) -> &'static [&'static str] {
        &[]
    }

    /// The objects of this canary, to be read before `render`, `read` and `release`.
    fn objects(&self, target: &Target<'_>) -> Vec<ObjectKey>;

    /// An error for what the user asks for and this router will never be able to write, whatever stands in the cluster.
    fn check(&self, _target: &Target<'_>) -> Result<(), RouteError> {
        Ok(())
    }

    /// The part of a rendering that pods must find when they start: a mesh chooses their sidecars then. Empty when it is there,
    /// and where pods need not care.
    fn before_pods(&self, _target: &Target<'_>, _have: &Objects) -> Result<Vec<Change>, RouteError> {
        Ok(Vec::new())
    }

    /// The writes that make `have` route `want`; empty when it does. Fields that are not ours stay as they are.
    fn render(&self, target: &Target<'_>, want: &Routing, have: &Objects) -> Result<Vec<Change>, RouteError>;

    /// What `have` routes; `None` when it holds no route to both sides yet.
    fn read(&self, target: &Target<'_>, have: &Objects) -> Result<Option<Routing>, RouteError>;

    /// Whether the data plane routes what `have` says.
    fn acceptance(&self, _target: &Target<'_>, _have: &Objects) -> Acceptance {
        Acceptance::Accepted
    }

    /// The writes after which nothing in `have` needs the two sides any more, and no request is lost: the user's objects as
    /// they were; what we made leads to the apex Service, or goes where requests reach it without. Empty when that is so.
    fn release(&self, target: &Target<'_>, have: &Objects) -> Vec<Change>;

    /// What the apex Service selects now, where its selector is the route.
    fn apex_pods<'a>(&self, _target: &Target<'_>, _have: &'a Objects) -> Option<&'a Value> {
        None
    }

    /// The next writes on the way to `release`, for data planes that lose requests on the straight way; none while they have to
    /// take over the last ones.
    fn leave(&self, target: &Target<'_>, have: &Objects) -> Vec<Change> {
        self.release(target, have)
    }

    /// The query of a builtin KPI.
    fn query(&self, builtin: Builtin) -> BuiltinQuery;

    /// The user's objects without which there is nothing to route, one of each: what the laws start from, and what the simulator
    /// takes for granted.
    fn samples(&self, _target: &Target<'_>) -> Vec<(ObjectKey, serde_json::Value)> {
        Vec::new()
    }
}
