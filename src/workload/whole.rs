//! Targets that are released as a whole: nothing of theirs is scaled, and no pod template is copied.
//!
//! A core Service, which somebody else fills, a Knative Service, which scales itself, and what is released in place.

use serde_json::Value;

use super::{WorkloadError, core_service, in_place, knative};
use crate::model::{Complaint, Endpoints, Layout, PrimarySeen, Revision, Rollout, Seen, TargetSeen};
use crate::object::kinds::{DAEMON_SET, KNATIVE_SERVICE, SERVICE, STATEFUL_SET};
use crate::object::{Change, Kind, ObjectKey, Objects};

/// A target and all that belongs to it.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// Namespace of all of it.
    pub namespace: &'a str,
    /// Name of the Canary.
    pub canary: &'a str,
    /// Name of the target.
    pub name: &'a str,
    /// Name of the apex, which the copies of a Service are named after.
    pub apex: &'a str,
    /// The target.
    pub target: &'a Value,
    /// What was read.
    pub objects: &'a Objects,
}

/// A kind of target that is released as a whole.
pub trait Whole: Sync {
    /// What keeps a target that can be read from ever being released.
    fn check(&self, _at: &Place<'_>) -> Result<(), Complaint> {
        Ok(())
    }
    /// The target as it was seen; a complaint where it cannot be released.
    fn target(&self, at: &Place<'_>) -> Result<TargetSeen, Complaint>;
    /// What serves, and which revision it is.
    fn primary(&self, at: &Place<'_>) -> Seen<PrimarySeen>;
    /// Whether each side can be reached.
    fn endpoints(&self, at: &Place<'_>) -> Endpoints;
    /// Revisions that can be made to serve though the target has left them.
    fn kept(&self, at: &Place<'_>) -> Vec<Revision>;
    /// The writes that make both sides reachable; none where they are.
    fn sides(&self, at: &Place<'_>) -> Vec<Change>;
    /// The writes that make a revision the primary; none where it is.
    fn promote(&self, at: &Place<'_>, revision: &Revision) -> Result<Vec<Change>, WorkloadError>;
    /// The writes that take away what was made.
    fn discard(&self, at: &Place<'_>) -> Vec<Change>;
}

/// How targets of this kind are released; `None` for those that run pods of their own.
pub fn of(kind: Kind, layout: Layout) -> Option<&'static dyn Whole> {
    match kind {
        KNATIVE_SERVICE => Some(&knative::Knative),
        STATEFUL_SET => Some(&in_place::StatefulSet),
        DAEMON_SET if layout == Layout::InPlace => Some(&in_place::DaemonSet),
        SERVICE => Some(&core_service::CoreService),
        _ => None,
    }
}

/// What else is to be read for a target, which only the target itself can tell.
pub fn belongings(key: &ObjectKey, target: Option<&Value>, promoted: Option<&Revision>) -> Vec<ObjectKey> {
    match key.kind {
        KNATIVE_SERVICE => knative::revisions(&key.namespace, target, promoted),
        STATEFUL_SET => in_place::members(key, target),
        _ => Vec::new(),
    }
}

/// One pod stands for all of them, which are not ours to count.
pub(super) fn one(ready: bool) -> Rollout {
    let available = u32::from(ready);
    Rollout { observed: true, desired: 1, updated: 1, total: 1, available, deadline_exceeded: false }
}
