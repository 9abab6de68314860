//! The user's own routes (`spec.routeRefs`): routes of the Gateway API and VirtualServices, in which nothing but weights changes, and
//! Ingresses, which are never written: each has a twin for the canary, as with provider nginx.
//!
//! In each rule that leads to the apex Service, whose pods are the primary's, the user's backend keeps what the canary leaves, and a
//! copy of it that leads to the canary stands beside it while the release runs. Where the analysis has conditions, a rule for the
//! requests that match is added instead. Between releases a route is what its user wrote, byte for byte, so a tool that applies it
//! from Git again has nothing to put right.

mod copies;
mod lists;
mod note;
mod refusals;
mod rules;
mod share;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use super::ingress::{self, INGRESS, Reference, nginx};
use super::refusal::refuse_what_it_cannot;
use super::{Acceptance, Access, BuiltinQuery, Capabilities, RouteError, Router, Target, query};
use crate::api;
use crate::model::{Builtin, Percent, Routing};
use crate::object::{Change, Kind, ObjectKey, Objects};
use lists::Dialect;

/// Kinds of routes that a user may bring, the newest version of each first.
const KINDS: &[Kind] = &[
    of_gateway("v1", "HTTPRoute", "httproutes"),
    of_gateway("v1beta1", "HTTPRoute", "httproutes"),
    of_gateway("v1", "GRPCRoute", "grpcroutes"),
    of_gateway("v1alpha2", "GRPCRoute", "grpcroutes"),
    of_gateway("v1", "TLSRoute", "tlsroutes"),
    of_gateway("v1alpha3", "TLSRoute", "tlsroutes"),
    of_gateway("v1alpha2", "TLSRoute", "tlsroutes"),
    of_gateway("v1", "TCPRoute", "tcproutes"),
    of_gateway("v1alpha2", "TCPRoute", "tcproutes"),
    of_istio("v1"),
    of_istio("v1beta1"),
    of_istio("v1alpha3"),
    INGRESS,
];

const fn of_gateway(version: &'static str, kind: &'static str, plural: &'static str) -> Kind {
    Kind { group: "gateway.networking.k8s.io", version, kind, plural }
}

const fn of_istio(version: &'static str) -> Kind {
    Kind { group: "networking.istio.io", version, kind: "VirtualService", plural: "virtualservices" }
}

/// The routes that `spec.routeRefs` names, whatever the provider.
#[derive(Clone, Copy, Debug)]
pub(super) struct Own;

impl Router for Own {
    fn providers(&self) -> &'static [&'static str] {
        &["routeRefs"]
    }

    fn capabilities(&self, _service: &api::CanaryService) -> Capabilities {
        Capabilities { weights: true, fine: true, matches: true, preview: true, ports: true, ..Capabilities::default() }
    }

    fn kinds(&self) -> &'static [Kind] {
        KINDS
    }

    fn access(&self, kind: Kind) -> Access {
        if kind == INGRESS { Access::Own } else { Access::Edit }
    }

    fn fields(&self, kind: Kind) -> &'static [&'static str] {
        if kind == INGRESS { ingress::FIELDS } else { Dialect::of(kind).fields() }
    }

    fn annotations(&self) -> &'static [&'static str] {
        &[super::BEFORE]
    }

    fn objects(&self, target: &Target<'_>) -> Vec<ObjectKey> {
        let all = routes(target).into_iter();
        all.flat_map(|route| if route.has_twin() { route.named.keys(target).to_vec() } else { vec![route.key] })
            .collect()
    }

    fn check(&self, target: &Target<'_>) -> Result<(), RouteError> {
        let mut named = BTreeSet::new();
        for (index, reference) in references(target).iter().enumerate() {
            if kind(reference).is_none() {
                return Err(refusals::unknown(index, reference));
            }
            if !named.insert((&reference.kind, &reference.name)) {
                return Err(refusals::twice(index, reference));
            }
        }
        let matches = !target.conditions().is_empty();
        for route in routes(target) {
            copies::check(target, route.key.kind, &route.named.field)?;
            if route.has_twin() {
                nginx::check(target)?;
                if matches && target.spec.analysis.iterations.is_none() {
                    return Err(refusals::whole_or_none(&route.named));
                }
            }
        }
        Ok(())
    }

    fn render(&self, target: &Target<'_>, want: &Routing, have: &Objects) -> Result<Vec<Change>, RouteError> {
        refuse_what_it_cannot(self, target, want)?;
        let mut changes = Vec::new();
        for route in routes(target) {
            let Some(found) = have.find(&route.key) else { continue };
            let parts = !want.canary.is_zero() && want.canary != Percent::FULL;
            changes.extend(if route.has_twin() {
                if parts && !target.conditions().is_empty() {
                    return Err(refusals::whole_or_none(&route.named));
                }
                nginx::render(target, &route.named, want, have)?
            } else {
                rules::render(target, &route.key, found, want)?
            });
        }
        Ok(changes)
    }

    fn read(&self, target: &Target<'_>, have: &Objects) -> Result<Option<Routing>, RouteError> {
        let mut most = Routing::PRIMARY;
        for route in routes(target) {
            let found = have.find(&route.key).ok_or_else(|| refusals::missing(&route.named.field, &route.key))?;
            let one = if route.has_twin() {
                ingress::check(target, &route.named, have)?;
                nginx::routing(target, &route.named, have).unwrap_or(Routing::PRIMARY)
            } else {
                rules::routing(target, &route.key, found)?
            };
            // Where they differ, what was asked for last has not reached all of them: the others are written again.
            let preview = most.preview || one.preview;
            most = Routing { preview, ..Routing::split(most.canary.max(one.canary)) };
        }
        Ok(Some(most))
    }

    fn acceptance(&self, target: &Target<'_>, have: &Objects) -> Acceptance {
        let mut all = Acceptance::Accepted;
        for route in routes(target).iter().filter(|route| !route.has_twin()) {
            let found = have.find(&route.key);
            match found.map_or(Acceptance::Accepted, |found| rules::accepted(&route.key, found)) {
                Acceptance::Accepted => {}
                Acceptance::Pending => all = Acceptance::Pending,
                Acceptance::Refused(why) => return Acceptance::Refused(why),
            }
        }
        all
    }

    fn release(&self, target: &Target<'_>, have: &Objects) -> Vec<Change> {
        let given_back = routes(target).into_iter().filter_map(|route| {
            if route.has_twin() {
                return route.named.released(target, have);
            }
            have.find(&route.key).and_then(|found| rules::release(target, &route.key, found))
        });
        given_back.collect()
    }

    /// That of the provider is asked instead.
    fn query(&self, builtin: Builtin) -> BuiltinQuery {
        query::http(builtin)
    }
}

/// A route that the Canary names.
struct Route<'a> {
    key: ObjectKey,
    named: Reference<'a>,
}

impl Route<'_> {
    /// Whether the canary gets its requests by a second object, and the user's own stays as it is.
    fn has_twin(&self) -> bool {
        self.key.kind == INGRESS
    }
}

fn routes<'a>(target: &Target<'a>) -> Vec<Route<'a>> {
    let route = |(index, reference): (usize, &'a api::OwnRoute)| {
        let named = Reference { name: &reference.name, field: format!("spec.routeRefs[{index}]") };
        Some(Route { key: kind(reference)?.named(target.namespace, named.name), named })
    };
    references(target).iter().enumerate().filter_map(route).collect()
}

fn references<'a>(target: &Target<'a>) -> &'a [api::OwnRoute] {
    target.spec.route_refs.as_deref().unwrap_or_default()
}

fn kind(reference: &api::OwnRoute) -> Option<Kind> {
    KINDS.iter().copied().find(|kind| kind.kind == reference.kind && kind.api_version() == reference.api_version)
}
