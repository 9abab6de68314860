//! What is said otherwise of a release in place: nothing is scaled or copied, and a weight is a share of pods.

use super::unready;
use crate::model::{CanaryRef, Layout, Notice};

/// The note of a notice about a release in place; `None` where it is that of any other release.
pub(super) fn note(notice: &Notice, who: &CanaryRef) -> Option<String> {
    let CanaryRef { namespace: ns, name, target, kind, .. } = who;
    if who.layout != Layout::InPlace {
        return None;
    }
    let field = if kind == "DaemonSet" { "spec.updateStrategy" } else { "spec.updateStrategy.rollingUpdate.partition" };
    Some(match notice {
        Notice::NewRevision => format!("New revision detected! Its first weight brings its first pods, {target}.{ns}"),
        Notice::Advanced(weight) => format!("Advance {name}.{ns} canary weight {weight} of the pods"),
        Notice::Copying => format!("Promoting {target}.{ns}, whose remaining pods follow"),
        Notice::PrimaryNotReady(why) => format!("{target}.{ns} not ready: {}", unready(*why, target)),
        Notice::RoutingToPrimary => format!("All pods of {target}.{ns} are of the new revision"),
        Notice::Promoted => format!("Promotion completed! All pods of {target}.{ns} are of the new revision"),
        Notice::RolledBack => format!(
            "Canary failed! The pods of {target}.{ns} go back to the revision before; Git asks for another one until it is mended"
        ),
        Notice::PromotionFailed(why) => {
            format!("Promotion of {target}.{ns} failed, its pods are not ready: {}", unready(*why, target))
        }
        Notice::Withdrawn => {
            format!("{target}.{ns} is back at the promoted revision, so its release ends; all pods go back to it")
        }
        Notice::RouteDrift(seen, asked) => format!(
            "{field} or replicas of {kind}/{target}.{ns} were changed, which left {seen}% of the pods to the canary where {asked}% was set, and it is restored; find the other writer in managedFields"
        ),
        Notice::OwnershipConflict(by) => format!(
            "{} writes {field} of {kind}/{target}.{ns} again and again; it is set back ever more rarely and the release waits; keep the field out of what it writes",
            by.as_deref().unwrap_or("Another writer")
        ),
        _ => return None,
    })
}
