//! Targets that are released in place: the primary is what is of the revision that all pods had last, the canary what is of a newer
//! one. Nothing is copied, and nothing is scaled.

mod daemon_set;
mod stateful_set;

pub(super) use daemon_set::DaemonSet;
pub(super) use stateful_set::{StatefulSet, members};

use crate::model::{Endpoints, Rollout};
use crate::object::divided::{Divided, Standing, count};

fn endpoints(set: &dyn Divided) -> Endpoints {
    let newer = set.newer().map_or(0, |newer| set.ready(Some(newer)));
    Endpoints { primary: set.ready(set.current()), canary: newer, ..Endpoints::default() }
}

/// How far the pods of a revision are, of which so many are wanted.
fn rollout(set: &dyn Divided, revision: Option<&str>, desired: u32) -> Rollout {
    let theirs = set.pods().iter().filter(|pod| pod.standing != Standing::Leaving && Some(pod.revision) == revision);
    let updated = count(theirs).min(desired);
    let available = set.ready(revision);
    Rollout { observed: set.is_observed(), desired, updated, total: updated, available, deadline_exceeded: false }
}
