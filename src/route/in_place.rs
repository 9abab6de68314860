//! In place: the pods of one workload are shared out between its newest revision and the one before. No request is routed.
//!
//! A StatefulSet has a partition that says which pods may be of the newest revision; a DaemonSet makes whatever pod is missing of the
//! template in its spec, so what it makes is decided by when a pod goes. Of either, between releases a new template starts nothing
//! by itself.

mod daemon_set;
mod stateful_set;

use super::refusal::refuse_what_it_cannot;
use super::{Acceptance, Access, BuiltinQuery, Capabilities, RouteError, Router, Target, query};
use crate::api::{self, TargetKind};
use crate::model::{Builtin, Percent, Routing};
use crate::object::daemon::NOTE;
use crate::object::divided;
use crate::object::kinds::{DAEMON_SET, POD, STATEFUL_SET};
use crate::object::{Change, Kind, ObjectKey, Objects};

/// The pods of a workload.
#[derive(Clone, Copy, Debug)]
pub(super) struct InPlace;

impl Router for InPlace {
    fn providers(&self) -> &'static [&'static str] {
        &["inPlace"]
    }

    fn capabilities(&self, _service: &api::CanaryService) -> Capabilities {
        Capabilities { weights: true, ports: true, fine: true, ..Capabilities::default() }
    }

    fn kinds(&self) -> &'static [Kind] {
        &[STATEFUL_SET, DAEMON_SET, POD]
    }

    fn access(&self, kind: Kind) -> Access {
        if kind == POD { Access::Renew } else { Access::Edit }
    }

    fn fields(&self, kind: Kind) -> &'static [&'static str] {
        match kind {
            STATEFUL_SET => &["updateStrategy"],
            DAEMON_SET => &["updateStrategy", "template"],
            _ => &[],
        }
    }

    fn annotations(&self) -> &'static [&'static str] {
        &[stateful_set::BEFORE, NOTE]
    }

    fn objects(&self, target: &Target<'_>) -> Vec<ObjectKey> {
        vec![key(target)]
    }

    fn render(&self, target: &Target<'_>, want: &Routing, have: &Objects) -> Result<Vec<Change>, RouteError> {
        refuse_what_it_cannot(self, target, want)?;
        let key = key(target);
        let changes = match key.kind {
            DAEMON_SET => daemon_set::render(&key, want.canary, have),
            _ => stateful_set::render(&key, want.canary, have),
        };
        changes.ok_or_else(|| missing(&key))
    }

    fn read(&self, target: &Target<'_>, have: &Objects) -> Result<Option<Routing>, RouteError> {
        let key = key(target);
        if key.kind == DAEMON_SET && !daemon_set::is_taken(&key, have) {
            return Ok(None);
        }
        let set = divided::find(&key, have);
        Ok(set.map(|set| Routing::split(Percent::share(set.given(), set.replicas()))))
    }

    fn acceptance(&self, target: &Target<'_>, have: &Objects) -> Acceptance {
        let key = key(target);
        let settled = match key.kind {
            DAEMON_SET => daemon_set::is_settled(&key, have),
            _ => stateful_set::is_settled(&key, have),
        };
        if settled { Acceptance::Accepted } else { Acceptance::Pending }
    }

    fn release(&self, target: &Target<'_>, have: &Objects) -> Vec<Change> {
        let key = key(target);
        match key.kind {
            DAEMON_SET => daemon_set::release(&key, have).into_iter().collect(),
            _ => stateful_set::release(&key, have),
        }
    }

    fn query(&self, builtin: Builtin) -> BuiltinQuery {
        query::http(builtin)
    }
}

fn key(target: &Target<'_>) -> ObjectKey {
    let named = &target.spec.target_ref;
    let kind = if named.kind == TargetKind::DaemonSet { DAEMON_SET } else { STATEFUL_SET };
    kind.named(target.namespace, &named.name)
}

fn missing(key: &ObjectKey) -> RouteError {
    RouteError {
        reason: "RouteMissing",
        sentence: format!(
            "{key} is not there, so there are no pods to share; apply it, or correct spec.targetRef.name"
        ),
    }
}
