//! S6: whoever listens hears of each change of phase, and of each end of a release exactly once.

use crate::model::{Journal, Notice, Overdue, Phase, Plan, Stand};

/// What nobody is told of, or more than once.
pub(super) fn untold(before: &Journal, plan: &Plan) -> Option<String> {
    let (was, is) = (before.phase, plan.journal.phase);
    let silent = plan.notices.is_empty() && was != is && was != Phase::Initializing;
    // The end of a withdrawn release was told when it was withdrawn; a promotion that goes on was told before.
    let known = matches!((was, is), (Phase::Finalising, Phase::Succeeded) | (Phase::Failed, Phase::Promoting));
    if silent && !known {
        return Some(format!("nobody was told of {was} -> {is}"));
    }
    let told = plan.notices.iter().filter(|notice| is_end(notice)).count();
    let ends = u32::from(ends(before, &plan.journal));
    (told != usize::try_from(ends).unwrap_or(0))
        .then(|| format!("{was} -> {is} ends {ends} releases and tells of {told}: {:?}", plan.notices))
}

/// Whether a release ends here for whoever hears of it.
fn ends(before: &Journal, after: &Journal) -> bool {
    let released = matches!(
        before.phase,
        Phase::Waiting | Phase::Progressing | Phase::WaitingPromotion | Phase::Promoting | Phase::Finalising
    );
    let withdrawn = before.phase == Phase::Finalising && before.last_promoted == before.last_applied;
    match after.phase {
        // One that was suspended took part before it began.
        Phase::Failed => released || before.stand() == Stand::In && after.stand() == Stand::Failed,
        Phase::Succeeded => released && !withdrawn,
        Phase::Finalising => {
            let runs = matches!(before.phase, Phase::Progressing | Phase::WaitingPromotion | Phase::Promoting);
            runs && after.last_promoted == after.last_applied
        }
        _ => false,
    }
}

fn is_end(notice: &Notice) -> bool {
    matches!(
        notice,
        Notice::Promoted
            | Notice::PromotedUnanalysed
            | Notice::Withdrawn
            | Notice::ThresholdReached(_)
            | Notice::HarmFound(_)
            | Notice::BakeFailed(_)
            | Notice::DeadlineExceeded(_)
            | Notice::PromotionFailed(_)
            | Notice::RollbackRequested
            | Notice::GroupFailed(..)
            | Notice::Aborted(_)
            | Notice::GateOverdue(_, Overdue::RollBack)
    )
}

#[cfg(test)]
mod tests {
    use super::super::tests::at;
    use super::*;

    #[test]
    fn an_end_that_nobody_hears_of_or_that_is_told_twice_is_seen() {
        let after = Journal { phase: Phase::Failed, step: None, ..at(0) };
        let told = |notices| untold(&at(10), &Plan { journal: after.clone(), effects: vec![], notices, wake: None });
        assert_eq!(told(vec![Notice::ThresholdReached(2), Notice::RolledBack]), None);
        assert!(told(vec![]).is_some());
        assert!(told(vec![Notice::RolledBack]).is_some(), "that is an event, and alerts nobody");
        assert!(told(vec![Notice::ThresholdReached(2), Notice::RollbackRequested]).is_some());
    }
}
