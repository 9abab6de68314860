//! What stands against a route that the user brings.

use super::KINDS;
use crate::api;
use crate::object::ObjectKey;
use crate::route::ingress::Reference;
use crate::route::{RouteError, Target};

pub(super) fn unknown(index: usize, reference: &api::OwnRoute) -> RouteError {
    let known: Vec<_> = KINDS.iter().map(|kind| format!("{} {}", kind.api_version(), kind.kind)).collect();
    let api::OwnRoute { api_version, kind, .. } = reference;
    RouteError {
        reason: "UnknownRouteKind",
        sentence: format!(
            "spec.routeRefs[{index}] is {api_version} {kind}, of which no weights are known, so no traffic is moved; name one of: {}",
            known.join(", ")
        ),
    }
}

pub(super) fn twice(index: usize, reference: &api::OwnRoute) -> RouteError {
    let api::OwnRoute { kind, name, .. } = reference;
    RouteError {
        reason: "RouteNamedTwice",
        sentence: format!(
            "spec.routeRefs[{index}] names {kind} {name} once more, so no traffic is moved; remove one of the two"
        ),
    }
}

pub(super) fn missing(field: &str, key: &ObjectKey) -> RouteError {
    RouteError {
        reason: "RouteMissing",
        sentence: format!(
            "{field}: {key} is not there, so no release advances and all traffic stays where it is; apply it, or \
             remove the reference"
        ),
    }
}

pub(super) fn leads_elsewhere(target: &Target<'_>, key: &ObjectKey) -> RouteError {
    let Target { apex, namespace, .. } = target;
    RouteError {
        reason: "RouteLeadsElsewhere",
        sentence: format!(
            "{key}: no rule leads to Service {apex} in {namespace}, so there is nothing to share and no release advances; name \
             {apex} as a backend of the rules whose traffic the canary may get"
        ),
    }
}

/// A header or cookie leads to the twin of an Ingress, or to none: of the requests that match, it gets all.
pub(super) fn whole_or_none(named: &Reference<'_>) -> RouteError {
    RouteError {
        reason: "UnsupportedMatch",
        sentence: format!(
            "spec.analysis.match is set, but {} names an Ingress, of whose matching requests the canary gets all or none, so no release \
             would start; write spec.analysis.iterations in place of stepWeight",
            named.field
        ),
    }
}

/// The rules of both would be for the same requests.
pub(super) fn preview_of_matching() -> RouteError {
    RouteError {
        reason: "UnsupportedMatch",
        sentence: "spec.analysis.preview asks for the requests of spec.analysis.match, so no release would start; drop one of the two"
            .to_owned(),
    }
}
