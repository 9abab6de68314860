//! Gateway API: an HTTPRoute `<apex>` below the user's Gateways, or below a Service in a mesh.
//!
//! Owns `parentRefs`, `hostnames` and, among the `rules`, those that lead to the apex or a side. Rules that lead elsewhere stay,
//! and so do the name, retries and session persistence of the rule whose traffic is shared. The two versions of the API
//! differ in data only.

pub(super) mod acceptance;
mod adoption;
mod filters;
pub(super) mod matches;
mod reading;
mod rules;

#[cfg(test)]
mod tests;

use serde_json::{Map, Value, json};

use super::claim::{Claim, Made, release};
use super::refusal::refuse_what_it_cannot;
use super::{Acceptance, BuiltinQuery, Capabilities, RouteError, Router, Target, farewell, query};
use crate::api;
use crate::model::{Builtin, Routing};
use crate::object::{Change, Kind, ObjectKey, Objects};

const FIELDS: &[&str] = &["parentRefs", "hostnames", "rules"];

/// One version of the API.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gateway {
    names: &'static [&'static str],
    kinds: &'static [Kind; 1],
    options: &'static [Extra],
}

/// An option of the user's that not every version has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Extra {
    Cors,
    Timeouts,
}

/// The version that is stable since 2023.
pub(super) static V1: Gateway =
    Gateway { names: &["gatewayapi:v1"], kinds: &[http_route("v1")], options: &[Extra::Cors, Extra::Timeouts] };
/// The version before it.
pub(super) static V1BETA1: Gateway =
    Gateway { names: &["gatewayapi:v1beta1"], kinds: &[http_route("v1beta1")], options: &[] };

const fn http_route(version: &'static str) -> Kind {
    Kind { group: "gateway.networking.k8s.io", version, kind: "HTTPRoute", plural: "httproutes" }
}

impl Router for Gateway {
    fn providers(&self) -> &'static [&'static str] {
        self.names
    }

    fn capabilities(&self, service: &api::CanaryService) -> Capabilities {
        let all = Capabilities {
            weights: true,
            fine: true,
            matches: true,
            mirror: true,
            affinity: true,
            preview: true,
            ..Capabilities::default()
        };
        all.over_http(service)
    }

    fn kinds(&self) -> &'static [Kind] {
        self.kinds
    }

    fn fields(&self, _kind: Kind) -> &'static [&'static str] {
        FIELDS
    }

    fn objects(&self, target: &Target<'_>) -> Vec<ObjectKey> {
        vec![self.key(target)]
    }

    fn check(&self, target: &Target<'_>) -> Result<(), RouteError> {
        self.refuse_no_parent(target)?;
        matches::check(target)?;
        filters::check(target, self.options)
    }

    fn render(&self, target: &Target<'_>, want: &Routing, have: &Objects) -> Result<Vec<Change>, RouteError> {
        refuse_what_it_cannot(self, target, want)?;
        let key = self.key(target);
        let found = have.find(&key);
        acceptance::refuse_copies(&key, found, want.mirror)?;
        let wanted = rules::sharing(target, self.options, want, rules::found(found))?;
        let rules = adoption::next(target, &key, found, wanted);
        let claim = Claim::of_apex(key, target, spec(target, &rules));
        Ok(claim.write(have)?.into_iter().collect())
    }

    fn read(&self, target: &Target<'_>, have: &Objects) -> Result<Option<Routing>, RouteError> {
        Ok(reading::routing(target, rules::found(have.find(&self.key(target)))))
    }

    fn acceptance(&self, target: &Target<'_>, have: &Objects) -> Acceptance {
        let key = self.key(target);
        let Some(route) = have.find(&key) else { return Acceptance::Accepted };
        match acceptance::refuse_copies(&key, Some(route), acceptance::asked(target)) {
            Ok(()) => acceptance::of(&key, route),
            Err(error) => Acceptance::Refused(error),
        }
    }

    fn release(&self, target: &Target<'_>, have: &Objects) -> Vec<Change> {
        let key = self.key(target);
        let to_apex = rules::to_apex(target, self.options, rules::found(have.find(&key)));
        let Ok(to_apex) = to_apex else { return Vec::new() };
        let to_apex = spec(target, &to_apex).into_iter().filter(|(_, value)| !value.is_null()).collect();
        release(&key, FIELDS, Made::Kept(to_apex), have).into_iter().collect()
    }

    fn leave(&self, target: &Target<'_>, have: &Objects) -> Vec<Change> {
        let key = self.key(target);
        let told = have.find(&key).filter(|route| acceptance::is_told(route));
        let next = told.and_then(|route| {
            let have = rules::found(Some(route));
            let to_apex = rules::to_apex(target, self.options, have).ok()?;
            farewell::next(target, rules::FORM, have, &acceptance::of(&key, route), &to_apex)
        });
        let Some(rules) = next else { return self.release(target, have) };
        let claim = Claim::of_apex(key, target, spec(target, &rules));
        claim.write(have).ok().flatten().into_iter().collect()
    }

    fn query(&self, builtin: Builtin) -> BuiltinQuery {
        query::http(builtin)
    }
}

impl Gateway {
    fn key(&self, target: &Target<'_>) -> ObjectKey {
        let [kind] = *self.kinds;
        kind.named(target.namespace, target.apex)
    }

    fn refuse_no_parent(&self, target: &Target<'_>) -> Result<(), RouteError> {
        let is_set = target.service.gateway_refs.as_ref().is_some_and(|refs| !refs.is_empty());
        if is_set {
            return Ok(());
        }
        let provider = self.names.first().copied().unwrap_or_default();
        Err(RouteError {
            reason: "ReferenceMissing",
            sentence: format!(
                "spec.service.gatewayRefs is empty, so no Gateway would take the route of provider {provider}; write the name of \
                 the Gateway there, or for a mesh kind: Service and the name of the apex Service"
            ),
        })
    }
}

fn spec(target: &Target<'_>, rules: &[Value]) -> Map<String, Value> {
    let hosts = target.service.hosts.as_ref().filter(|hosts| !hosts.is_empty());
    Map::from_iter([
        ("parentRefs".to_owned(), json!(target.service.gateway_refs)),
        ("hostnames".to_owned(), json!(hosts)),
        ("rules".to_owned(), json!(rules)),
    ])
}
