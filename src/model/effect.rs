//! What a decision does to the cluster. Each is idempotent: done twice it is done once.

use super::{Hold, Revision, Routing};

/// A change that a plan asks for; `cluster::changes` turns it into writes of objects.
#[derive(Clone, PartialEq, Debug)]
pub enum Effect {
    /// Hold the Canary's deletion until the user's objects are given back.
    AddFinalizer,
    /// Let the Canary go.
    RemoveFinalizer,
    /// Make or mend the Services of both sides.
    Sides,
    /// Keep the template of this revision as a ControllerRevision.
    Snapshot(Revision),
    /// Drop a template that is no longer needed.
    Forget(Revision),
    /// Make the primary run a revision.
    Primary(PrimarySource),
    /// Take the Canary out of the owners of the primary: whoever loses the one must not lose the other.
    Disown,
    /// Make or mend the primary's autoscaler, or take it away where the spec names none; it keeps at least what is held.
    Scaler(Option<Hold>),
    /// Make or mend the primary's twins of the user's PodDisruptionBudgets, or take them away with these.
    Budgets,
    /// Let the apex Service select the primary.
    Apex,
    /// Share the traffic so, and mend the rest of the route.
    Route(Routing),
    /// Scale the user's workload.
    ScaleTarget(u32),
    /// Give the apex Service back to the target.
    ReleaseApex,
    /// Give the routing object back.
    ReleaseRoute,
    /// Delete what we made, once nothing routes to it: the primary and the Services of both sides.
    Discard,
}

/// Where the primary's template comes from. Either way it is of exactly this revision, or nothing is written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PrimarySource {
    /// The target, which still runs it.
    Target(Revision),
    /// The snapshot of it.
    Snapshot(Revision),
}
