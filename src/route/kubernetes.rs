//! Plain Kubernetes: no object shares traffic, so no request is ever routed to the canary.
//!
//! Users meet a new revision only by its promotion: the pods of the primary are replaced.

use super::refusal::refuse_what_it_cannot;
use super::{BuiltinQuery, Capabilities, RouteError, Router, Target, query};
use crate::api;
use crate::model::{Builtin, Routing};
use crate::object::{Change, Kind, ObjectKey, Objects};

/// Services alone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kubernetes;

impl Router for Kubernetes {
    fn providers(&self) -> &'static [&'static str] {
        &["kubernetes"]
    }

    fn capabilities(&self, _service: &api::CanaryService) -> Capabilities {
        Capabilities { ports: true, ..Capabilities::default() }
    }

    fn kinds(&self) -> &'static [Kind] {
        &[]
    }

    fn fields(&self, _kind: Kind) -> &'static [&'static str] {
        &[]
    }

    fn objects(&self, _target: &Target<'_>) -> Vec<ObjectKey> {
        Vec::new()
    }

    fn render(&self, target: &Target<'_>, want: &Routing, _have: &Objects) -> Result<Vec<Change>, RouteError> {
        refuse_what_it_cannot(self, target, want).map(|()| Vec::new())
    }

    fn read(&self, _target: &Target<'_>, _have: &Objects) -> Result<Option<Routing>, RouteError> {
        Ok(Some(Routing::PRIMARY))
    }

    fn release(&self, _target: &Target<'_>, _have: &Objects) -> Vec<Change> {
        Vec::new()
    }

    fn query(&self, builtin: Builtin) -> BuiltinQuery {
        query::http(builtin)
    }
}
