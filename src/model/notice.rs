//! What users hear of a release. `notify` turns each into words.

use super::{Course, Mirror, Moment, Overdue, Percent, Reading, Time, Unready, Wait};

/// One thing that happened. Every variant has its own reason, so that repeated events of one kind can be told apart.
#[derive(Clone, PartialEq, Debug)]
pub enum Notice {
    /// The primary serves; releases can come.
    Initialized,
    /// So many checks of the first deployment failed, and its time is up.
    FirstFailed(u32),
    /// A new revision was seen; the canary is scaled up.
    NewRevision,
    /// A newer revision came in the middle of a release, which starts again.
    Restarted,
    /// The spec asks for another strategy in the middle of a release, which starts again.
    CourseChanged(Course),
    /// The canary is ready and gets its first traffic.
    Started,
    /// The canary gets copies of the users' requests, and none of its own.
    Mirroring,
    /// The canary's weight was raised.
    Advanced(Percent),
    /// A check passed that brings no other weight: which one begins, and of how many.
    Iterated(u32, u32),
    /// All traffic goes to the canary, which got copies until now, or nothing.
    RoutingToCanary(Mirror),
    /// A check failed: the reading that did not pass.
    Halted(Reading),
    /// A hook said yes.
    HookPassed(Moment, String),
    /// A gate is closed, which is told once: the name of the hook and what it said.
    GateClosed(Moment, String, String),
    /// A gate stayed closed longer than its deadline.
    GateOverdue(String, Overdue),
    /// A hook that tests or follows a release said no: its name and what it said.
    HookFailed(Moment, String, String),
    /// Something else than a hook holds the release, which is told once.
    Held(Wait),
    /// A canary of the group, the second, ended the release before all had voted.
    GroupFailed(String, String),
    /// A rollback hook asked for the end of the release.
    RollbackRequested,
    /// A side is not ready.
    CanaryNotReady(Unready),
    /// The primary is not ready.
    PrimaryNotReady(Unready),
    /// The primary has no pod that serves: the canary gets all traffic until it has.
    PrimaryDown,
    /// The primary takes the canary's template.
    Copying,
    /// Traffic returns to the primary in steps.
    PrimaryAdvanced(Percent),
    /// All traffic returns to the primary.
    RoutingToPrimary,
    /// The release was promoted after its analysis.
    Promoted,
    /// The release was promoted without an analysis.
    PromotedUnanalysed,
    /// The failed checks reached the threshold.
    ThresholdReached(u32),
    /// A comparison is certain that the canary does harm; its sentence.
    HarmFound(String),
    /// The new primary has all traffic and is watched until then.
    Baking(Time),
    /// So many checks of the new primary failed.
    BakeFailed(u32),
    /// The new primary goes back to the revision before.
    Returning,
    /// The canary was not ready within the progress deadline.
    DeadlineExceeded(Unready),
    /// The canary lost its traffic and will be scaled down.
    RolledBack,
    /// All traffic is back on the primary, and the canary's pods stay for a look.
    Frozen,
    /// The new primary was not ready within the progress deadline; the canary keeps the traffic.
    PromotionFailed(Unready),
    /// Git went back to the promoted revision in the middle of a release.
    Withdrawn,
    /// Somebody else changed the route: seen, and what was restored.
    RouteDrift(Percent, Percent),
    /// A request by annotation was carried out or refused.
    Requested {
        /// Its text.
        request: String,
        /// Who asked, where that is known.
        by: Option<String>,
        /// What came of it.
        outcome: String,
    },
    /// The release was ended by a request; who asked, where that is known.
    Aborted(Option<String>),
    /// Another hand, by its name where that is known, sets the weights of the route again and again.
    OwnershipConflict(Option<String>),
    /// Somebody else changed or removed the primary; the last promoted revision was restored.
    PrimaryDrift,
    /// Something must be mended: reason and sentence of a complaint.
    Complaint(&'static str, String),
    /// The Canary is suspended.
    Suspended,
    /// Deletion begins to give the user's objects back.
    Terminating,
    /// Everything was given back.
    Terminated,
}

/// How loud a notice is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tone {
    /// As expected.
    Normal,
    /// Somebody may want to look.
    Warning,
}
