//! Why a workload is not ready, in Flagger's words.

use crate::model::Unready;

/// The part of a sentence that follows "not ready: ". `workload` is the name of the workload.
pub fn unready(why: Unready, workload: &str) -> String {
    let waiting = "waiting for rollout to finish:";
    match why {
        Unready::NotObserved => format!("{waiting} observed deployment generation less than desired generation"),
        Unready::DeadlineExceeded => format!("deployment {workload:?} exceeded its progress deadline"),
        Unready::ScaledToZero => format!("{waiting} deployment {workload:?} is scaled to zero"),
        Unready::Updating { updated, desired } => {
            format!("{waiting} {updated} out of {desired} new replicas have been updated")
        }
        Unready::OldPods { old } => format!("{waiting} {old} old replicas are pending termination"),
        Unready::Unavailable { available, updated, threshold } => {
            format!("{waiting} {available} of {updated} (readyThreshold {threshold}%) updated replicas are available")
        }
        Unready::TooFew { pods, needed } => {
            format!("{workload:?} has {pods} pods and needs {needed} before more traffic goes to it")
        }
        Unready::NoEndpoints => format!("the pods of {workload:?} are ready, and no Service lists one of them yet"),
    }
}
