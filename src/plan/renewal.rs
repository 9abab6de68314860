//! Pods that started before their ConfigMaps or Secrets changed: what they read then is not what is to be analysed.
//!
//! A workload starts no pod anew when only these change, so the canary goes to zero and comes back before its analysis begins.

use std::collections::BTreeMap;

use super::draft::Draft;
use super::traffic::reaches_canary;
use crate::model::{Effect, Phase, Shape, TargetSeen};

/// Lets pods of another content go. Whether the release has to wait for that.
pub(super) fn comes_first(draft: &mut Draft<'_>, target: &TargetSeen) -> bool {
    if !is_due(draft, target) || !is_spare(draft) {
        return false;
    }
    if !draft.route() || reaches_canary(draft.facts) || target.replicas == 0 {
        return true;
    }
    let idle = draft.journal.step.map(|step| step.started_at).max(draft.journal.vacant_since);
    let drained = idle.map_or(draft.now, |since| since.after(draft.drain()));
    if draft.now < drained {
        draft.wake_at(drained);
    } else {
        draft.act(Effect::ScaleTarget(0));
    }
    true
}

/// Whether pods are left that read something older than what the revision asks for.
pub(super) fn is_due(draft: &Draft<'_>, target: &TargetSeen) -> bool {
    is_stale(draft) && !is_empty(target)
}

/// Notes which content the pods of the last revision read: in a release only once no pod is left that has read another.
pub(super) fn note(draft: &mut Draft<'_>) {
    let Some(target) = draft.facts.target.found() else { return };
    let releases = matches!(draft.journal.phase, Phase::Waiting | Phase::Progressing | Phase::WaitingPromotion);
    let is_current = draft.journal.last_applied.as_ref() == Some(&target.revision);
    // The target's first pods serve before any revision is known: what changes from here on they have not read.
    let is_first = draft.journal.phase == Phase::Initializing && draft.journal.tracked.is_none();
    if is_first || is_current && !(releases && is_stale(draft) && !is_empty(target)) {
        draft.journal.tracked.clone_from(&draft.facts.configs);
    }
}

/// Whether nobody misses the pods. Where nobody else serves, those that read something old are better than none; but where the traffic
/// is on a primary that is down, they serve nobody either.
fn is_spare(draft: &Draft<'_>) -> bool {
    let idle = draft.facts.apex == Shape::AsWanted && !reaches_canary(draft.facts);
    draft.journal.weight.is_zero() && (draft.facts.endpoints.primary > 0 || idle)
}

/// Whether an object that the pods read holds something else since they started. Another object is another template, which starts
/// pods anew by itself.
fn is_stale(draft: &Draft<'_>) -> bool {
    let nothing = BTreeMap::new();
    let now = draft.facts.configs.as_ref().unwrap_or(&nothing);
    let then = draft.journal.tracked.iter().flatten();
    then.into_iter().any(|(name, checksum)| now.get(name).is_some_and(|now| now != checksum))
}

/// Whether no pod is left, and its controller knows that none shall be.
const fn is_empty(target: &TargetSeen) -> bool {
    target.replicas == 0 && target.rollout.observed && target.rollout.total == 0
}

#[cfg(test)]
mod tests {
    use super::super::decide;
    use super::super::tests::{analysing, pods, rev, settled, t, target};
    use super::*;
    use crate::model::{Facts, Journal, Percent, Rollout, RouteSeen, Routing, Step};

    fn configs(content: &str) -> Option<BTreeMap<String, String>> {
        Some([("configmap/app".to_owned(), content.to_owned())].into())
    }

    /// The ConfigMap changed in the middle of a release: its analysis has just begun anew, and its pods still run.
    fn restarted() -> Facts {
        let mut facts = analysing(0);
        facts.journal.step = Some(Step { waiting_since: Some(t(0)), course: None, ..facts.journal.step.unwrap() });
        facts.journal.tracked = configs("old");
        facts.configs = configs("new");
        facts
    }

    #[test]
    fn pods_that_read_something_older_go_before_the_analysis_begins() {
        let facts = restarted();
        let plan = decide(&facts, &[], t(5));
        assert_eq!((plan.effects.as_slice(), plan.wake), (&[][..], Some(t(10))), "their last requests end first");
        let plan = decide(&facts, &[], t(10));
        assert_eq!((plan.effects, plan.journal.tracked), (vec![Effect::ScaleTarget(0)], configs("old")));
    }

    #[test]
    fn new_pods_come_when_the_last_old_one_is_gone() {
        let mut facts = restarted();
        facts.endpoints.canary = 0;
        let seen = target(&mut facts);
        (seen.replicas, seen.rollout) = (0, Rollout { desired: 0, ..pods(2) });
        assert_eq!(decide(&facts, &[], t(20)).effects, []);
        target(&mut facts).rollout = pods(0);
        let plan = decide(&facts, &[], t(20));
        assert_eq!((plan.effects, plan.journal.tracked), (vec![Effect::ScaleTarget(2)], configs("new")));
    }

    #[test]
    fn where_the_canary_alone_serves_its_pods_stay() {
        let mut facts = restarted();
        facts.journal.weight = Percent::FULL;
        facts.route = RouteSeen::Seen { routing: Routing::split(Percent::FULL), shape: Shape::AsWanted };
        facts.endpoints.primary = 0;
        let plan = decide(&facts, &[], t(60));
        assert!(!plan.effects.contains(&Effect::ScaleTarget(0)));
        assert!(!plan.journal.has_begun(), "and are not judged in the place of those that come");
        facts.endpoints.primary = 2;
        let plan = decide(&facts, &[], t(60));
        assert_eq!((plan.effects, plan.journal.vacant_since), (vec![Effect::Route(Routing::PRIMARY)], Some(t(60))));
        facts.journal = plan.journal;
        facts.route = RouteSeen::Seen { routing: Routing::PRIMARY, shape: Shape::AsWanted };
        assert_eq!(decide(&facts, &[], t(61)).wake, Some(t(70)), "their last requests end first");
        assert_eq!(decide(&facts, &[], t(70)).effects, [Effect::ScaleTarget(0)]);
    }

    #[test]
    fn a_primary_that_is_down_keeps_no_pods_that_serve_nobody() {
        let mut facts = restarted();
        facts.endpoints.primary = 0;
        assert_eq!(decide(&facts, &[], t(10)).effects, [Effect::ScaleTarget(0)]);
        facts.apex = Shape::Differs;
        assert!(!decide(&facts, &[], t(10)).effects.contains(&Effect::ScaleTarget(0)), "the apex may lead to them");
    }

    #[test]
    fn what_the_first_pods_read_is_noted_before_any_revision_is() {
        let mut facts = Facts { configs: configs("old"), ..settled() };
        target(&mut facts).replicas = 2;
        facts.journal = Journal::default();
        facts.journal = decide(&facts, &[], t(0)).journal;
        facts.configs = configs("new");
        target(&mut facts).revision = rev("b");
        assert_eq!(decide(&facts, &[], t(1)).journal.tracked, configs("old"));
    }

    #[test]
    fn between_releases_the_content_of_the_last_revision_is_told() {
        let mut facts = restarted();
        facts.journal.phase = Phase::Failed;
        facts.journal.last_applied = Some(rev("b"));
        assert_eq!(decide(&facts, &[], t(60)).journal.tracked, configs("new"));
    }
}
