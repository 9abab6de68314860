//! Contour: an HTTPProxy `<apex>`, which the user's root HTTPProxy includes.
//!
//! Owns, among the `routes`, those that lead to the apex or a side; of these only conditions, services, timeouts and retries.
//! Whatever else the user wrote there (websockets, rate limits, rewrites), and routes that lead elsewhere, stay. Never a
//! cookie: Contour can only replace `Set-Cookie`, which would take the application's own away.

mod acceptance;
mod conditions;
mod routes;

#[cfg(test)]
mod tests;

use serde_json::{Map, Value, json};

use super::claim::{Claim, Made, release};
use super::refusal::refuse_what_it_cannot;
use super::{Acceptance, BuiltinQuery, Capabilities, RouteError, Router, Target, farewell, query};
use crate::api;
use crate::model::{Builtin, Routing};
use crate::object::{Change, Kind, ObjectKey, Objects};

const HTTP_PROXY: Kind = Kind { group: "projectcontour.io", version: "v1", kind: "HTTPProxy", plural: "httpproxies" };
const FIELDS: &[&str] = &["routes"];

/// Contour's own custom resources.
#[derive(Clone, Copy, Debug)]
pub(super) struct Contour;

impl Router for Contour {
    fn providers(&self) -> &'static [&'static str] {
        &["contour"]
    }

    fn capabilities(&self, service: &api::CanaryService) -> Capabilities {
        Capabilities {
            weights: true,
            fine: true,
            matches: true,
            mirror: true,
            preview: true,
            ..Capabilities::default()
        }
        .over_http(service)
    }

    fn kinds(&self) -> &'static [Kind] {
        &[HTTP_PROXY]
    }

    fn fields(&self, _kind: Kind) -> &'static [&'static str] {
        FIELDS
    }

    fn objects(&self, target: &Target<'_>) -> Vec<ObjectKey> {
        vec![key(target)]
    }

    fn check(&self, target: &Target<'_>) -> Result<(), RouteError> {
        conditions::check(target)
    }

    fn render(&self, target: &Target<'_>, want: &Routing, have: &Objects) -> Result<Vec<Change>, RouteError> {
        refuse_what_it_cannot(self, target, want)?;
        let key = key(target);
        let routes = routes::sharing(target, want, routes::found(have.find(&key)));
        Ok(Claim::of_apex(key, target, spec(&routes)).write(have)?.into_iter().collect())
    }

    fn read(&self, target: &Target<'_>, have: &Objects) -> Result<Option<Routing>, RouteError> {
        Ok(routes::routing(target, routes::found(have.find(&key(target)))))
    }

    fn acceptance(&self, target: &Target<'_>, have: &Objects) -> Acceptance {
        let key = key(target);
        have.find(&key).map_or(Acceptance::Accepted, |proxy| acceptance::of(&key, proxy))
    }

    fn release(&self, target: &Target<'_>, have: &Objects) -> Vec<Change> {
        let key = key(target);
        let to_apex = spec(&routes::to_apex(target, routes::found(have.find(&key))));
        release(&key, FIELDS, Made::Kept(to_apex), have).into_iter().collect()
    }

    fn leave(&self, target: &Target<'_>, have: &Objects) -> Vec<Change> {
        let key = key(target);
        let told = have.find(&key).filter(|proxy| acceptance::is_told(proxy));
        let next = told.and_then(|proxy| {
            let have = routes::found(Some(proxy));
            farewell::next(target, routes::FORM, have, &acceptance::of(&key, proxy), &routes::to_apex(target, have))
        });
        let Some(routes) = next else { return self.release(target, have) };
        let claim = Claim::of_apex(key, target, spec(&routes));
        claim.write(have).ok().flatten().into_iter().collect()
    }

    fn query(&self, builtin: Builtin) -> BuiltinQuery {
        query::envoy!(builtin, r#"envoy_cluster_name=~"{{ namespace }}_{{ service }}-canary_[0-9a-zA-Z-]+""#)
    }
}

fn key(target: &Target<'_>) -> ObjectKey {
    HTTP_PROXY.named(target.namespace, target.apex)
}

fn spec(routes: &[Value]) -> Map<String, Value> {
    Map::from_iter([("routes".to_owned(), json!(routes))])
}
