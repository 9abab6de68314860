//! The user's own routes (`spec.routeRefs`): routes of the Gateway API and VirtualServices, in which nothing but weights changes.
//!
//! In each rule that leads to the apex Service, whose pods are the primary's, the user's backend keeps what the canary leaves, and a
//! copy of it that leads to the canary stands beside it while the release runs. Between releases a route is what its user wrote, byte
//! for byte, so a tool that applies it from Git again has nothing to put right.

mod lists;
mod note;
mod share;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::refusal::refuse_what_it_cannot;
use super::{Acceptance, Access, BuiltinQuery, Capabilities, RouteError, Router, Target, gateway, query};
use crate::api;
use crate::model::{Builtin, Percent, Routing};
use crate::object::{Change, Kind, ObjectKey, Objects, value};
use lists::{Dialect, List};
use note::Note;
use share::Share;

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
        Capabilities { weights: true, ports: true, ..Capabilities::default() }
    }

    fn kinds(&self) -> &'static [Kind] {
        KINDS
    }

    fn access(&self, _kind: Kind) -> Access {
        Access::Edit
    }

    fn fields(&self, kind: Kind) -> &'static [&'static str] {
        Dialect::of(kind).fields()
    }

    fn annotations(&self) -> &'static [&'static str] {
        &[super::BEFORE]
    }

    fn objects(&self, target: &Target<'_>) -> Vec<ObjectKey> {
        let named = references(target).iter();
        named.filter_map(|reference| Some(kind(reference)?.named(target.namespace, &reference.name))).collect()
    }

    fn check(&self, target: &Target<'_>) -> Result<(), RouteError> {
        let mut named = BTreeSet::new();
        for (index, reference) in references(target).iter().enumerate() {
            if kind(reference).is_none() {
                return Err(unknown(index, reference));
            }
            if !named.insert((&reference.kind, &reference.name)) {
                return Err(twice(index, reference));
            }
        }
        Ok(())
    }

    fn render(&self, target: &Target<'_>, want: &Routing, have: &Objects) -> Result<Vec<Change>, RouteError> {
        refuse_what_it_cannot(self, target, want)?;
        let mut changes = Vec::new();
        for key in self.objects(target) {
            let Some(route) = have.find(&key) else { continue };
            let next = next(target, &key, route, want.canary)?;
            changes.extend(next.and_then(|(lists, note)| write(&key, route, &lists, &note)));
        }
        Ok(changes)
    }

    fn read(&self, target: &Target<'_>, have: &Objects) -> Result<Option<Routing>, RouteError> {
        let mut most = Percent::ZERO;
        for (index, key) in self.objects(target).iter().enumerate() {
            let route = have.find(key).ok_or_else(|| missing(index, key))?;
            let lists = ours(target, key, route);
            if lists.is_empty() {
                return Err(leads_elsewhere(target, key));
            }
            // Where they differ, what was asked for last has not reached all of them: the others are written again.
            most = lists.iter().map(List::canary).fold(most, Percent::max);
        }
        Ok(Some(Routing::split(most)))
    }

    fn acceptance(&self, target: &Target<'_>, have: &Objects) -> Acceptance {
        let mut all = Acceptance::Accepted;
        for key in self.objects(target) {
            match have.find(&key).map_or(Acceptance::Accepted, |route| accepted(&key, route)) {
                Acceptance::Accepted => {}
                Acceptance::Pending => all = Acceptance::Pending,
                Acceptance::Refused(why) => return Acceptance::Refused(why),
            }
        }
        all
    }

    fn release(&self, target: &Target<'_>, have: &Objects) -> Vec<Change> {
        let found = self.objects(target).into_iter().filter_map(|key| Some((have.find(&key)?, key)));
        let given_back = found.filter_map(|(route, key)| {
            let note = Note::of(route);
            let back = |list: List<'_>| {
                let original = note.original(&list);
                list.replaced(original)
            };
            let lists: Vec<_> = ours(target, &key, route).into_iter().map(back).collect();
            write(&key, route, &lists, &Note::default())
        });
        given_back.collect()
    }

    /// That of the provider is asked instead.
    fn query(&self, builtin: Builtin) -> BuiltinQuery {
        query::http(builtin)
    }
}

fn references<'a>(target: &Target<'a>) -> &'a [api::OwnRoute] {
    target.spec.route_refs.as_deref().unwrap_or_default()
}

fn kind(reference: &api::OwnRoute) -> Option<Kind> {
    KINDS.iter().copied().find(|kind| kind.kind == reference.kind && kind.api_version() == reference.api_version)
}

/// The lists of backends that lead to the apex.
fn ours<'a>(target: &Target<'a>, key: &ObjectKey, route: &'a Value) -> Vec<List<'a>> {
    lists::all(target, Dialect::of(key.kind), route).into_iter().filter(List::leads_to_apex).collect()
}

/// Whether the route's controllers have taken it over; Istio's does not say.
fn accepted(key: &ObjectKey, route: &Value) -> Acceptance {
    match Dialect::of(key.kind) {
        Dialect::Gateway => gateway::acceptance::of(key, route),
        Dialect::Istio => Acceptance::Accepted,
    }
}

/// The lists of a route to write next on the way to `canary`, and what the user had; `None` while the last write is not taken over.
///
/// A gateway that learns of routes and of backends in streams of their own answers 503 to a request whose backend it does not know
/// yet, or no longer. So where it gives its word on each write, the canary is named before it gets requests, and after.
fn next(
    target: &Target<'_>,
    key: &ObjectKey,
    route: &Value,
    canary: Percent,
) -> Result<Option<(Vec<lists::Replaced>, Note)>, RouteError> {
    let told = Dialect::of(key.kind) == Dialect::Gateway && gateway::acceptance::is_told(route);
    let lists = ours(target, key, route);
    let note = Note::of(route);
    let shares = lists.iter().map(|list| Share::new(list, &note, key)).collect::<Result<Vec<_>, _>>()?;
    let wanted = shares.iter().map(|share| share.with(canary)).collect::<Result<Vec<_>, _>>()?;
    let differ = shares.iter().zip(&wanted).any(|(share, wanted)| share.list.backends != wanted.as_slice());
    if told && differ && accepted(key, route) == Acceptance::Pending {
        return Ok(None);
    }
    let step = |(share, wanted): (&Share<'_>, Vec<Value>)| if told { share.step_to(wanted) } else { wanted };
    let backends: Vec<_> = shares.iter().zip(wanted).map(step).collect();
    // All of them or none: beside a note, a canary in a list without one is ours.
    let changed = shares.iter().zip(&backends).any(|(share, next)| share.original != *next);
    let noted = shares.iter().filter(|_| changed);
    let note = Note::new(noted.map(|share| (share.list.place(), share.original.clone())));
    Ok(Some((lists.into_iter().zip(backends).map(|(list, backends)| list.replaced(backends)).collect(), note)))
}

/// The write after which a route has these lists and this note; `None` where it has them. It holds only for what was read: the
/// rules around the lists are written with them.
fn write(key: &ObjectKey, route: &Value, lists: &[lists::Replaced], note: &Note) -> Option<Change> {
    let mut after = route.clone();
    for list in lists {
        list.put(&mut after);
    }
    let mut patch = Map::new();
    for field in Dialect::of(key.kind).fields() {
        let (before, after) = (value::at(route, &["spec", field]), value::at(&after, &["spec", field]));
        if let Some(after) = after.filter(|after| before != Some(after)) {
            patch.insert((*field).to_owned(), after.clone());
        }
    }
    let noted = note.text();
    if patch.is_empty() && value::text(route, &["metadata", "annotations", super::BEFORE]) == noted.as_deref() {
        return None;
    }
    let version = value::at(route, &["metadata", "resourceVersion"]);
    let mut merge = json!({"metadata": {"resourceVersion": version, "annotations": {super::BEFORE: noted}}});
    if !patch.is_empty() {
        value::merge(&mut merge, &json!({ "spec": patch }));
    }
    Some(Change::Merge(key.clone(), merge))
}

fn unknown(index: usize, reference: &api::OwnRoute) -> RouteError {
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

fn twice(index: usize, reference: &api::OwnRoute) -> RouteError {
    let api::OwnRoute { kind, name, .. } = reference;
    RouteError {
        reason: "RouteNamedTwice",
        sentence: format!(
            "spec.routeRefs[{index}] names {kind} {name} once more, so no traffic is moved; remove one of the two"
        ),
    }
}

fn missing(index: usize, key: &ObjectKey) -> RouteError {
    RouteError {
        reason: "RouteMissing",
        sentence: format!(
            "spec.routeRefs[{index}]: {key} is not there, so no release advances and all traffic stays where it is; apply it, or \
             remove the reference"
        ),
    }
}

fn leads_elsewhere(target: &Target<'_>, key: &ObjectKey) -> RouteError {
    let Target { apex, namespace, .. } = target;
    RouteError {
        reason: "RouteLeadsElsewhere",
        sentence: format!(
            "{key}: no rule leads to Service {apex} in {namespace}, so there is nothing to share and no release advances; name \
             {apex} as a backend of the rules whose traffic the canary may get"
        ),
    }
}
