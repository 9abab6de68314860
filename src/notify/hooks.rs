//! Hooks in Flagger's words.

use crate::model::{CanaryRef, Moment, Overdue};

/// All hooks of a moment passed one by one; this is the one of `hook`.
pub(super) fn passed(moment: Moment, hook: &str) -> String {
    format!("{} check {hook} passed", title(moment))
}

/// A gate is closed.
pub(super) fn closed(moment: Moment, hook: &str, why: &str, who: &CanaryRef) -> String {
    let CanaryRef { namespace, name, .. } = who;
    let what = match moment {
        Moment::ConfirmTrafficIncrease => "traffic increase approval",
        Moment::ConfirmPromotion => "promotion approval",
        Moment::ConfirmRollout
        | Moment::PreRollout
        | Moment::Rollout
        | Moment::PostRollout
        | Moment::Rollback
        | Moment::Event => "approval",
    };
    format!("Halt {name}.{namespace} advancement waiting for {what} {hook}: {why}")
}

/// A gate stayed closed too long.
pub(super) fn overdue(hook: &str, then: Overdue, who: &CanaryRef) -> String {
    let CanaryRef { namespace, name, .. } = who;
    let then = match then {
        Overdue::RollBack => "the release ends; open the gate before you push the next revision, or drop its deadline",
        Overdue::GoOn => "the release goes on, as its onDeadline says",
    };
    format!("The gate {hook} of {name}.{namespace} did not open before its deadline, so {then}")
}

/// A hook said no where that counts, or after the release.
pub(super) fn failed(moment: Moment, hook: &str, why: &str, who: &CanaryRef) -> String {
    let CanaryRef { namespace, name, .. } = who;
    match moment {
        Moment::PostRollout => format!("Post-rollout hook {hook} failed {why}"),
        Moment::PreRollout => format!("Halt {name}.{namespace} advancement pre-rollout check {hook} failed {why}"),
        Moment::Rollout
        | Moment::ConfirmRollout
        | Moment::ConfirmTrafficIncrease
        | Moment::ConfirmPromotion
        | Moment::Rollback
        | Moment::Event => format!("Halt {name}.{namespace} advancement external check {hook} failed {why}"),
    }
}

const fn title(moment: Moment) -> &'static str {
    match moment {
        Moment::ConfirmRollout => "Confirm-rollout",
        Moment::PreRollout => "Pre-rollout",
        Moment::Rollout => "Rollout",
        Moment::ConfirmTrafficIncrease => "Confirm-traffic-increase",
        Moment::ConfirmPromotion => "Confirm-promotion",
        Moment::PostRollout => "Post-rollout",
        Moment::Rollback => "Rollback",
        Moment::Event => "Event",
    }
}
