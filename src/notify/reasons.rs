//! Every reason that an event of a release can carry, with its meaning: filters, alerts and the runbook go by these names.

use crate::model::{Notice, Verdict};

/// A reason and what it means to somebody who meets it for the first time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reason {
    /// CamelCase; never changes its meaning.
    pub name: &'static str,
    /// One sentence.
    pub meaning: &'static str,
}

macro_rules! reasons {
    ($($constant:ident $name:ident $meaning:literal)*) => {
        $(
            #[doc = $meaning]
            const $constant: Reason = Reason { name: stringify!($name), meaning: $meaning };
        )*

        /// Every reason of a release, from its beginning to its end. Those of complaints stand with their sentences.
        pub const ALL: &[Reason] = &[$($constant),*];
    };
}

reasons! {
    INITIALIZED Initialized
    "The primary serves all traffic and the target is scaled down; from now on every new revision is analysed first."
    FIRST_FAILED FirstDeploymentFailed
    "The first deployment did not pass a check within progressDeadlineSeconds, as analysis.onInitialize asks; it goes on serving by itself."
    NEW_REVISION NewRevision
    "The target's pod template changed; the canary is scaled up and gets traffic once it is ready."
    RESTARTED AnalysisRestarted
    "The target changed again during its release; the analysis starts anew with the newest revision and no traffic."
    COURSE_CHANGED StrategyChanged
    "The spec asks for another strategy in the middle of a release; the analysis starts anew with no traffic."
    STARTED AnalysisStarted
    "The canary is ready and gets its first share of the traffic."
    MIRRORING Mirroring
    "The canary gets copies of the users' requests for one check, before it answers any of its own."
    ADVANCED WeightAdvanced
    "Every check passed and the canary's share of the traffic was raised."
    ITERATED IterationAdvanced
    "Every check passed that was due so far; the next one follows with the same traffic."
    ROUTING_TO_CANARY RoutingToCanary
    "Every check of a blue/green release passed; the canary gets all traffic for one more check before it is promoted."
    CHECK_FAILED CheckFailed
    "A KPI lay outside of its thresholdRange; the weight stays and the failed check counts."
    NO_DATA CheckWithoutData
    "A KPI's query found nothing, mostly because the canary gets no requests or a label is wrong; the failed check counts."
    INCONCLUSIVE CheckInconclusive
    "The canary had fewer requests than minRequests, so nothing follows from the KPI; onInconclusive says what the check comes to."
    CHECK_ERROR CheckNotPossible
    "A KPI could not be asked for or its answer is not one number; the failed check counts."
    CANARY_NOT_READY CanaryNotReady
    "The canary's pods are not all available; the release waits for them until the progress deadline."
    PRIMARY_NOT_READY PrimaryNotReady
    "The primary's pods are not all available; traffic stays where it is meanwhile."
    COPYING PromotionStarted
    "The analysis passed and the primary rolls over to the canary's pod template, while the canary keeps its traffic."
    PRIMARY_ADVANCED PrimaryWeightAdvanced
    "The new primary is ready and traffic returns to it in steps."
    ROUTING_TO_PRIMARY TrafficReturned
    "The new primary is ready and gets all traffic."
    BAKING Baking
    "The new primary has all traffic and is watched for analysis.bake; if its checks fail, it goes back to the revision before."
    BAKE_FAILED BakeFailed
    "As many checks of the new primary failed as analysis.threshold allows; its promotion is taken back."
    RETURNING PrimaryReturning
    "The promotion was taken back during its bake; the primary rolls over to the revision before, which its snapshot has kept."
    PROMOTED Promoted
    "The release is done; the primary serves the new revision and the canary is scaled down."
    PROMOTED_UNANALYSED PromotedWithoutAnalysis
    "The release is done; skipAnalysis was set, so no KPI was looked at."
    THRESHOLD_REACHED ThresholdReached
    "As many checks failed as analysis.threshold allows; the release is rolled back."
    HARM_FOUND HarmFound
    "A comparison with the primary is certain that the canary does harm; the release is rolled back at once."
    DEADLINE_EXCEEDED ProgressDeadlineExceeded
    "The canary was not ready within progressDeadlineSeconds; the release is rolled back."
    ROLLED_BACK RolledBack
    "All traffic is back on the primary, which still runs the last promoted revision; the canary is scaled down."
    FROZEN Frozen
    "All traffic is back on the primary, which still runs the last promoted revision; the canary's pods stay, as rollback.onFailure asks."
    PROMOTION_FAILED PromotionFailed
    "The new primary did not get ready in time; the canary, which passed its analysis, keeps the traffic until a fix comes."
    WITHDRAWN ReleaseWithdrawn
    "The target went back to the promoted revision during its release, so there is nothing left to release."
    ROUTE_DRIFT RouteDrift
    "Another writer changed the weights of the route; they were set back."
    REQUESTED RequestHandled
    "A request by annotation was carried out or refused; the event says which and why."
    ABORTED Aborted
    "A request ended the release; it is rolled back."
    OWNERSHIP_CONFLICT OwnershipConflict
    "Another writer sets the weights of the route again and again; they are set back ever more rarely, at once only where a request would be lost."
    PRIMARY_DRIFT PrimaryDrift
    "Another writer changed or removed the primary; it was restored to the promoted revision."
    PRIMARY_DOWN PrimaryDown
    "The primary has no available pod and the canary has; the canary gets all traffic until the primary serves again."
    HOOK_PASSED WebhookPassed
    "A webhook said yes, so the release goes on; one of type rollback asked for its end."
    GATE_CLOSED GateClosed
    "A confirm webhook said no; it is asked again once an interval, and the release goes on when it says yes."
    GATE_OVERDUE GateOverdue
    "A confirm webhook said no for longer than its deadline; what follows is in its onDeadline."
    HOOK_FAILED WebhookFailed
    "A webhook that tests the release said no and the failed check counts; one that follows the release changes nothing."
    HELD ReleaseHeld
    "The schedule or that of a DeliveryPolicy is closed, a canary of dependsOn comes first, others of spec.group are not ready, or other releases fill the limit of a DeliveryPolicy; the release goes on by itself when the event says, and checks go on meanwhile."
    GROUP_FAILED GroupFailed
    "Another canary of spec.group was rolled back, or its revision taken back in Git, before all of them were ready; this one is rolled back with it."
    ROLLBACK_REQUESTED RollbackRequested
    "A webhook of type rollback said yes; the release is rolled back."
    SUSPENDED Suspended
    "Nothing is changed, because spec.suspend is true."
    TERMINATING Terminating
    "The Canary is being deleted; the target takes over and gets its Service and route back."
    TERMINATED Terminated
    "The target serves by itself again and the Canary is gone."
}

/// The reason of a notice; a complaint has its own.
pub(super) const fn of(notice: &Notice) -> &'static str {
    let reason = match notice {
        Notice::Initialized => INITIALIZED,
        Notice::FirstFailed(_) => FIRST_FAILED,
        Notice::NewRevision => NEW_REVISION,
        Notice::Restarted => RESTARTED,
        Notice::CourseChanged(_) => COURSE_CHANGED,
        Notice::Started => STARTED,
        Notice::Mirroring => MIRRORING,
        Notice::Advanced(_) => ADVANCED,
        Notice::Iterated(..) => ITERATED,
        Notice::RoutingToCanary(_) => ROUTING_TO_CANARY,
        Notice::Halted(reading) => match reading.verdict {
            Verdict::Pass | Verdict::Fail => CHECK_FAILED,
            Verdict::Inconclusive => INCONCLUSIVE,
            Verdict::NoData => NO_DATA,
            Verdict::Error => CHECK_ERROR,
        },
        Notice::HookPassed(..) => HOOK_PASSED,
        Notice::GateClosed(..) => GATE_CLOSED,
        Notice::GateOverdue(..) => GATE_OVERDUE,
        Notice::HookFailed(..) => HOOK_FAILED,
        Notice::Held(_) => HELD,
        Notice::GroupFailed(..) => GROUP_FAILED,
        Notice::RollbackRequested => ROLLBACK_REQUESTED,
        Notice::CanaryNotReady(_) => CANARY_NOT_READY,
        Notice::PrimaryNotReady(_) => PRIMARY_NOT_READY,
        Notice::PrimaryDown => PRIMARY_DOWN,
        Notice::Copying => COPYING,
        Notice::PrimaryAdvanced(_) => PRIMARY_ADVANCED,
        Notice::RoutingToPrimary => ROUTING_TO_PRIMARY,
        Notice::Baking(_) => BAKING,
        Notice::BakeFailed(_) => BAKE_FAILED,
        Notice::Returning => RETURNING,
        Notice::Promoted => PROMOTED,
        Notice::PromotedUnanalysed => PROMOTED_UNANALYSED,
        Notice::ThresholdReached(_) => THRESHOLD_REACHED,
        Notice::HarmFound(_) => HARM_FOUND,
        Notice::DeadlineExceeded(_) => DEADLINE_EXCEEDED,
        Notice::RolledBack => ROLLED_BACK,
        Notice::Frozen => FROZEN,
        Notice::PromotionFailed(_) => PROMOTION_FAILED,
        Notice::Withdrawn => WITHDRAWN,
        Notice::RouteDrift(..) => ROUTE_DRIFT,
        Notice::Requested { .. } => REQUESTED,
        Notice::Aborted(_) => ABORTED,
        Notice::OwnershipConflict(_) => OWNERSHIP_CONFLICT,
        Notice::PrimaryDrift => PRIMARY_DRIFT,
        Notice::Complaint(reason, _) => return reason,
        Notice::Suspended => SUSPENDED,
        Notice::Terminating => TERMINATING,
        Notice::Terminated => TERMINATED,
    };
    reason.name
}
