//! Another operator: what it left is taken over, and one that still runs is not fought.

use std::time::Duration;

use super::draft::Draft;
use crate::model::{Complaint, ConditionKind, Facts, Plan, Revision, TargetSeen, Time};

/// Reason of the Stalled condition while another operator acts on the same Canary.
const RIVAL: &str = "OtherOperator";

/// How long another operator must not have written before it counts as stopped.
const QUIET: Duration = Duration::from_secs(5 * 60);

/// Takes over the journal of another operator, whose hashes cannot be compared with ours: what the target asks for was seen, what
/// the primary runs was promoted. No release starts, and one that runs goes on.
pub(super) fn adopt(draft: &mut Draft<'_>, target: &TargetSeen) {
    let foreign = |r: &Option<Revision>| r.as_ref().is_some_and(|r| !r.is_ours());
    if !foreign(&draft.journal.last_promoted) && !foreign(&draft.journal.last_applied) {
        return;
    }
    let serves = draft.primary_revision().cloned();
    draft.journal.last_promoted = if draft.journal.phase.is_settled() {
        serves.or_else(|| Some(target.revision.clone()))
    } else {
        // A primary that has the new revision already is being promoted: what it ran before is not known.
        serves.filter(|r| *r != target.revision)
    };
    draft.journal.last_applied = Some(target.revision.clone());
}

/// Until when to stand back. Two operators on one Canary would undo each other's weights, so the one that came later yields.
pub(super) fn rival_until(facts: &Facts, now: Time) -> Option<Time> {
    let told = facts.journal.condition(ConditionKind::Stalled).filter(|c| c.reason == RIVAL).map(|c| c.updated);
    facts.rival.or(told).map(|wrote| wrote.after(QUIET)).filter(|until| *until > now)
}

/// Changes nothing but the condition that says why.
pub(super) fn stand_back(facts: &Facts, now: Time, until: Time) -> Plan {
    let mut facts = facts.clone();
    let told = facts.journal.condition(ConditionKind::Stalled).filter(|c| c.reason == RIVAL);
    let sentence = match (facts.rival, told) {
        (None, Some(told)) => told.message.clone(),
        (wrote, _) => format!(
            "Another operator wrote the status of this Canary at {}, so nothing is changed from here; scale Flagger to zero, and {} min \
             after its last write the work goes on.",
            wrote.unwrap_or(now),
            QUIET.as_secs() / 60
        ),
    };
    facts.complaints = vec![Complaint::blocks(RIVAL, sentence)];
    let mut draft = Draft::new(&facts, &[], now);
    draft.wake_at(until);
    draft.finish()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{analysing, rev, settled, t, target};
    use super::super::{decide, questions};
    use super::*;
    use crate::model::{Effect, Percent, Phase, PrimaryMatch, Seen};

    fn by_flagger(mut facts: Facts) -> Facts {
        facts.journal.last_applied = Some(Revision::new("5d8bb4f9c7"));
        facts.journal.last_promoted = Some(Revision::new("7f6b5c9d4b"));
        facts.journal.step = None;
        facts.snapshots.clear();
        facts
    }

    #[test]
    fn a_settled_canary_of_flagger_is_taken_over_without_a_write_to_anything_but_its_status() {
        let plan = decide(&by_flagger(settled()), &[], t(100));
        assert_eq!((plan.effects, plan.notices, plan.journal.phase), (vec![], vec![], settled().journal.phase));
        assert_eq!(plan.journal.last_promoted, Some(rev("a")));
    }

    #[test]
    fn what_flagger_made_to_go_with_its_canary_is_freed_whatever_runs() {
        for facts in [settled(), analysing(40)] {
            let facts = Facts { owned: true, ..by_flagger(facts) };
            assert_eq!(decide(&facts, &[], t(100)).effects, [Effect::Disown]);
        }
    }

    #[test]
    fn a_release_of_flagger_goes_on_at_its_weight() {
        let mut facts = by_flagger(analysing(40));
        let plan = decide(&facts, &[], t(100));
        assert_eq!((plan.effects, plan.notices), (vec![], vec![]));
        assert_eq!((plan.journal.phase, plan.journal.weight), (Phase::Progressing, Percent::clamped(40)));
        assert_eq!((&plan.journal.last_applied, &plan.journal.last_promoted), (&Some(rev("b")), &Some(rev("a"))));
        facts.journal = plan.journal;
        assert_eq!(questions(&facts, &[], t(160)).len(), 1, "its next check comes after an interval");
    }

    #[test]
    fn a_promotion_of_flagger_goes_on_and_is_told() {
        let mut facts = by_flagger(analysing(50));
        facts.journal.phase = Phase::Promoting;
        if let Seen::Found(primary) = &mut facts.primary {
            primary.runs = PrimaryMatch::Revision(rev("b"));
        }
        let plan = decide(&facts, &[], t(100));
        assert_eq!(plan.journal.phase, Phase::Finalising);
        assert_ne!(plan.journal.last_promoted, plan.journal.last_applied, "it is not a release that was withdrawn");
    }

    #[test]
    fn while_another_operator_writes_the_status_nothing_is_asked_or_done() {
        let mut facts = analysing(40);
        target(&mut facts).revision = rev("c");
        facts.rival = Some(t(90));
        assert_eq!(questions(&facts, &[], t(100)), vec![]);
        let plan = decide(&facts, &[], t(100));
        assert_eq!((plan.effects, plan.wake), (vec![], Some(t(390))));
        let stalled = plan.journal.condition(ConditionKind::Stalled).expect("it says why");
        assert!(stalled.message.contains("scale Flagger to zero"), "{}", stalled.message);
        // Our own write is the last one now; the other one stays in mind until it was quiet long enough.
        facts.journal = plan.journal;
        facts.rival = None;
        assert_eq!(decide(&facts, &[], t(200)).effects, vec![]);
        assert_ne!(decide(&facts, &[], t(401)).effects, Vec::<Effect>::new());
    }
}
