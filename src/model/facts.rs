//! What was seen of one canary and everything that belongs to it, in domain values.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{
    Complaint, Endpoints, Journal, Layout, Membership, Percent, Request, Revision, Routing, Settings, Stand, Strategy,
    Time,
};

/// Everything that a decision may know. Made by `cluster::read`, from one moment's objects.
#[derive(Clone, PartialEq, Debug)]
pub struct Facts {
    /// Whose facts these are.
    pub canary: CanaryRef,
    /// A deletion was asked for.
    pub deleting: bool,
    /// Our finalizer is on the Canary.
    pub finalizer: bool,
    /// The resolved spec; `None` where `complaints` says why not.
    pub settings: Option<Settings>,
    /// What the user must change or the cluster lacks, sorted.
    pub complaints: Vec<Complaint>,
    /// What `status` says: the intent of the last decision.
    pub journal: Journal,
    /// What somebody asks for by annotation.
    pub request: Option<Request>,
    /// When another operator wrote `status`, if that was after our last write.
    pub rival: Option<Time>,
    /// The user's workload, which runs the canary.
    pub target: Seen<TargetSeen>,
    /// Our copy of it, which serves.
    pub primary: Seen<PrimarySeen>,
    /// The Canary owns the primary, as Flagger had it: the one would be deleted with the other.
    pub owned: bool,
    /// The Services of both sides, and what else the router needs besides the route itself.
    pub sides: Shape,
    /// The apex Service, which shall select the primary.
    pub apex: Shape,
    /// Ready endpoints of each side.
    pub endpoints: Endpoints,
    /// The routing object.
    pub route: RouteSeen,
    /// While it is deleted: the routing objects need the sides no more.
    pub released: bool,
    /// Whoever else wrote the routing objects last, by its name in managedFields.
    pub writer: Option<String>,
    /// Revisions whose templates are kept, oldest first.
    pub snapshots: Vec<Revision>,
    /// Those of them that cannot be made to run again: a Secret of theirs has changed.
    pub lost: BTreeSet<Revision>,
    /// Checksums of the ConfigMaps and Secrets of the target, by `configmap/<name>` or `secret/<name>`; `None` where they are not
    /// tracked.
    pub configs: Option<BTreeMap<String, String>>,
    /// The primary's copies of them.
    pub copies: Shape,
    /// The primary's twins of the PodDisruptionBudgets of the target's pods.
    pub budgets: Shape,
    /// What decides on the number of pods.
    pub scaling: Scaling,
    /// Where the canaries of `Settings::depends_on` stand.
    pub standings: BTreeMap<String, Standing>,
    /// The other canaries of its group, by name.
    pub peers: BTreeMap<String, Membership>,
}

impl Facts {
    /// Whether the target runs a revision that was promoted not long ago, and that nobody has begun to analyse anew.
    pub fn is_known_good(&self) -> bool {
        let (Some(settings), Some(target)) = (&self.settings, self.target.found()) else { return false };
        let promoted = self.journal.last_promoted.as_ref();
        let before = self.snapshots.iter().rev().filter(|revision| Some(*revision) != promoted);
        let known = before.take(settings.rollback.window).any(|revision| *revision == target.revision);
        known
            && promoted != Some(&target.revision)
            && !self.lost.contains(&target.revision)
            && !self.journal.has_begun()
    }

    /// The settings as they are for what the target runs: a revision that is known to be good needs no analysis, and neither a way
    /// back nor what was asked for by hand waits for a window or for other canaries. Once the canary has everything, there is nothing
    /// left to compare it with. In place, steps are of whole pods.
    pub fn in_force(&self) -> Option<Cow<'_, Settings>> {
        let mut settings = Cow::Borrowed(self.settings.as_ref()?);
        if let Some(target) = self.target.found().filter(|_| self.canary.layout == Layout::InPlace) {
            settings.to_mut().in_pods(target.replicas, target.kept_back());
        }
        let target = self.target.found().map(|target| &target.revision);
        let exempt = target.is_some() && self.journal.exempt.as_ref() == target;
        if exempt || self.is_known_good() {
            let settings = settings.to_mut();
            (settings.calendars, settings.limits, settings.depends_on) = (Vec::new(), Vec::new(), Vec::new());
        }
        if self.is_known_good() {
            settings.to_mut().strategy = Strategy::Skip;
        }
        // A vote for what came before it stands all the same.
        if self.is_known_good() && self.journal.stand() != Stand::Ready {
            settings.to_mut().group = None;
        }
        // Pods that all go at once take the quick way back with them: such a revision is watched before the primary has it.
        let at_once = self.target.found().is_some_and(|target| target.replacement == Replacement::AllAtOnce);
        if at_once && settings.bake > settings.keep_warm && self.route != RouteSeen::Unrouted {
            let bake = settings.bake;
            settings.to_mut().keep_warm_for(bake);
        }
        if !settings.keep_warm.is_zero() && self.journal.has_taken_over(&settings.strategy) {
            settings.to_mut().kpis = settings.alone().collect();
        }
        Some(settings)
    }
}

/// Which canary.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CanaryRef {
    /// Namespace of the Canary and all its objects.
    pub namespace: String,
    /// Name of the Canary.
    pub name: String,
    /// Its uid: a Canary made anew under the same name is another one.
    pub uid: String,
    /// `metadata.generation` of the spec that these facts were read from.
    pub generation: i64,
    /// Kind of the target (`Deployment`).
    pub kind: String,
    /// Name of the target.
    pub target: String,
    /// Where the pods of its releases run.
    pub layout: Layout,
}

#[cfg(test)]
impl CanaryRef {
    /// `test/podinfo`, of a Deployment of the same name.
    pub fn podinfo() -> Self {
        let text = str::to_owned;
        let (namespace, name, uid) = (text("test"), text("podinfo"), text("u"));
        let (kind, target, layout) = (text("Deployment"), name.clone(), Layout::Beside);
        Self { namespace, name, uid, generation: 1, kind, target, layout }
    }
}

/// Whether an object is there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Seen<T> {
    /// It is not.
    Missing,
    /// It is.
    Found(T),
}

impl<T> Seen<T> {
    /// What was found.
    pub const fn found(&self) -> Option<&T> {
        match self {
            Self::Found(thing) => Some(thing),
            Self::Missing => None,
        }
    }
}

/// Whether an object is as we want it, its weights left aside.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// It is not there.
    Missing,
    /// A field that we own differs.
    Differs,
    /// Nothing to write.
    AsWanted,
}

/// The user's workload.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TargetSeen {
    /// Hash of its pod template.
    pub revision: Revision,
    /// `spec.replicas`.
    pub replicas: u32,
    /// How far its rollout is.
    pub rollout: Rollout,
    /// How long its pods may take to finish their requests (terminationGracePeriodSeconds).
    pub grace: Duration,
    /// How its pods, and those of the primary after it, give way to pods of another template.
    pub replacement: Replacement,
}

/// How pods give way to those of another template.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Replacement {
    /// A few at a time, so that some always serve.
    #[default]
    Rolling,
    /// All of them go before the first new one is ready.
    AllAtOnce,
    /// Each when somebody deletes it, for one of what stands in the spec then.
    OnDelete,
}

impl TargetSeen {
    /// Pods that keep their revision until a promotion in place. With the last one the revision to go back to would be forgotten, save
    /// where it is noted; so a pod that is the only one can be judged there, too.
    pub fn kept_back(&self) -> u32 {
        u32::from(self.replacement != Replacement::OnDelete || self.replicas > 1)
    }
}

/// Our copy of the workload.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PrimarySeen {
    /// Which revision it runs.
    pub runs: PrimaryMatch,
    /// `spec.replicas`.
    pub replicas: u32,
    /// How far its rollout is.
    pub rollout: Rollout,
}

/// Where a canary stands that comes before another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// What Git asks for is what serves.
    Settled,
    /// Its release is not over.
    Releasing,
    /// Its last release failed.
    Failed,
    /// It is not there.
    Missing,
}

/// What decides on the number of pods.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Scaling {
    /// The user, by `spec.replicas`.
    Fixed,
    /// The user, but an autoscaler is left that the spec no longer names.
    Orphaned,
    /// The target itself, or nobody: there is nothing to scale.
    Foreign,
    /// Autoscalers: the user's for the target, and its copy for the primary.
    Auto(ScalerSeen),
}

/// The user's autoscaler and the primary's copy of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScalerSeen {
    /// Whether the copy is as wanted.
    pub shape: Shape,
    /// How far the copy may not go down now.
    pub hold: Option<Hold>,
    /// Fewest pods of the target while it is scaled; at least 1.
    pub least: u32,
    /// Most pods of the primary.
    pub most: u32,
}

/// How far an autoscaler may not go down, and for what.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hold {
    /// What the primary had when the release began.
    Release(u32),
    /// What it needs before its traffic returns.
    Promotion(u32),
}

impl Hold {
    /// Pods of the primary.
    pub const fn pods(self) -> u32 {
        match self {
            Self::Release(pods) | Self::Promotion(pods) => pods,
        }
    }
}

/// Which revision the primary runs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PrimaryMatch {
    /// Exactly what we would write for this revision.
    Revision(Revision),
    /// Something that we did not write: another hand, or a revision whose template is lost.
    Unknown,
}

impl PrimaryMatch {
    /// Whether it is `revision`.
    pub fn is(&self, revision: &Revision) -> bool {
        matches!(self, Self::Revision(r) if r == revision)
    }
}

/// Pods of one workload, as its controller counts them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Rollout {
    /// The controller has seen the newest spec.
    pub observed: bool,
    /// Pods wanted.
    pub desired: u32,
    /// Pods of the newest template.
    pub updated: u32,
    /// Pods of any template.
    pub total: u32,
    /// Available pods of any template.
    pub available: u32,
    /// The workload's own progress deadline has passed.
    pub deadline_exceeded: bool,
}

/// Why a workload is not ready.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unready {
    /// Its controller has not seen the newest spec yet.
    NotObserved,
    /// Its own progress deadline has passed.
    DeadlineExceeded,
    /// It is scaled to zero.
    ScaledToZero,
    /// New pods are missing.
    Updating {
        /// Pods of the newest template.
        updated: u32,
        /// Pods wanted.
        desired: u32,
    },
    /// Pods of the former template are still there.
    OldPods {
        /// How many.
        old: u32,
    },
    /// Too few are available.
    Unavailable {
        /// Available pods.
        available: u32,
        /// Pods of the newest template.
        updated: u32,
        /// Share that must be available.
        threshold: Percent,
    },
    /// Ready, but too few to take all traffic.
    TooFew {
        /// Pods that it has.
        pods: u32,
        /// Pods that it needs.
        needed: u32,
    },
    /// The pods are ready, but the Service does not list them yet.
    NoEndpoints,
}

impl Rollout {
    /// `Ok` when the newest template is rolled out and `threshold` of its pods are available; at least one always is.
    pub fn readiness(&self, threshold: Percent) -> Result<(), Unready> {
        if !self.observed {
            return Err(Unready::NotObserved);
        }
        if self.deadline_exceeded {
            return Err(Unready::DeadlineExceeded);
        }
        if self.desired == 0 {
            return Err(Unready::ScaledToZero);
        }
        if self.updated < self.desired {
            return Err(Unready::Updating { updated: self.updated, desired: self.desired });
        }
        if self.total > self.updated {
            return Err(Unready::OldPods { old: self.total - self.updated });
        }
        if self.available < threshold.of(self.updated).max(1) {
            return Err(Unready::Unavailable { available: self.available, updated: self.updated, threshold });
        }
        Ok(())
    }
}

/// The routing object.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RouteSeen {
    /// The provider has none: the apex Service leads to the primary, and nothing else does.
    Unrouted,
    /// It is not there, or holds no route of ours yet.
    Missing,
    /// It holds both sides; what it routes and whether the rest of it is as wanted.
    Seen {
        /// What it routes.
        routing: Routing,
        /// Whether everything else in it is as wanted.
        shape: Shape,
    },
}

impl RouteSeen {
    /// Whether it routes exactly `wanted` and nothing else is to be written. Where there is no route, nothing is.
    pub fn is(&self, wanted: &Routing) -> bool {
        match self {
            Self::Unrouted => true,
            Self::Missing => false,
            Self::Seen { routing, shape } => *shape == Shape::AsWanted && routing == wanted,
        }
    }

    /// What it routes.
    pub const fn routing(&self) -> Option<&Routing> {
        match self {
            Self::Seen { routing, .. } => Some(routing),
            Self::Unrouted | Self::Missing => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const THRESHOLD: Percent = Percent::FULL;

    fn rollout(desired: u32, updated: u32, total: u32, available: u32) -> Rollout {
        Rollout { observed: true, desired, updated, total, available, deadline_exceeded: false }
    }

    #[test]
    fn a_workload_is_ready_when_its_newest_pods_are_available_and_the_old_ones_gone() {
        assert_eq!(rollout(2, 2, 2, 2).readiness(THRESHOLD), Ok(()));
        assert_eq!(rollout(2, 1, 2, 2).readiness(THRESHOLD), Err(Unready::Updating { updated: 1, desired: 2 }));
        assert_eq!(rollout(2, 2, 3, 3).readiness(THRESHOLD), Err(Unready::OldPods { old: 1 }));
        let unavailable = Unready::Unavailable { available: 1, updated: 2, threshold: THRESHOLD };
        assert_eq!(rollout(2, 2, 2, 1).readiness(THRESHOLD), Err(unavailable));
    }

    #[test]
    fn a_threshold_counts_pods_and_never_accepts_none() {
        let half = Percent::clamped(50);
        assert_eq!(rollout(4, 4, 4, 2).readiness(half), Ok(()));
        assert!(rollout(4, 4, 4, 1).readiness(half).is_err());
        assert!(rollout(1, 1, 1, 0).readiness(half).is_err());
        assert!(rollout(1, 1, 1, 0).readiness(Percent::ZERO).is_err());
        assert_eq!(rollout(0, 0, 0, 0).readiness(half), Err(Unready::ScaledToZero));
    }

    #[test]
    fn an_unseen_spec_is_never_ready() {
        let behind = Rollout { observed: false, ..rollout(2, 2, 2, 2) };
        assert_eq!(behind.readiness(THRESHOLD), Err(Unready::NotObserved));
    }
}
