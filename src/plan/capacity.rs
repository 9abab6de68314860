//! How many pods the primary keeps while its traffic is elsewhere: all of it may return at any moment.
//!
//! An autoscaler takes pods away from a primary that gives traffic to the canary. So it is held at what the primary had when the
//! release began; before the traffic returns at a promotion, at what both sides have shown to need. It is let go when its
//! metrics have seen the traffic again.

use std::time::Duration;

use super::draft::Draft;
use crate::model::{ConditionKind, Effect, Hold, Phase, Scaling, Seen, Shape, Unready};

/// How far back an autoscaler looks before it takes pods away.
const MEMORY: Duration = Duration::from_secs(300);

/// Makes or mends the primary's autoscaler, and holds it during a release. Comes after the decision on the release itself.
pub(super) fn keep(draft: &mut Draft<'_>) {
    let Seen::Found(primary) = &draft.facts.primary else { return };
    let scaler = match &draft.facts.scaling {
        Scaling::Fixed | Scaling::Foreign => return,
        Scaling::Orphaned => return draft.act(Effect::Scaler(None)),
        Scaling::Auto(scaler) => scaler,
    };
    let hold = match draft.journal.phase {
        // Before it has served, nothing may scale it to zero.
        Phase::Initializing | Phase::Terminating | Phase::Terminated => return,
        Phase::Waiting | Phase::Progressing | Phase::WaitingPromotion => match scaler.hold {
            None => Some(Hold::Release(primary.replicas.max(1))),
            Some(Hold::Release(pods) | Hold::Promotion(pods)) => Some(Hold::Release(pods)),
        },
        Phase::Promoting => match scaler.hold {
            Some(Hold::Promotion(_)) => scaler.hold,
            None | Some(Hold::Release(_)) => Some(Hold::Promotion(needed(draft))),
        },
        Phase::Finalising if !draft.journal.bakes() => scaler.hold,
        // The traffic is back, also where it is still watched.
        Phase::Finalising | Phase::Initialized | Phase::Succeeded | Phase::Failed => still_needed(draft, scaler.hold),
    };
    if scaler.shape != Shape::AsWanted || hold != scaler.hold {
        draft.act(Effect::Scaler(hold));
    }
}

/// Whether the primary has the pods to take all traffic back.
pub(super) fn suffices(draft: &Draft<'_>) -> Result<(), Unready> {
    let (Scaling::Auto(scaler), Seen::Found(primary)) = (&draft.facts.scaling, &draft.facts.primary) else {
        return Ok(());
    };
    let needed = match scaler.hold {
        Some(Hold::Promotion(pods)) => pods.min(scaler.most),
        None | Some(Hold::Release(_)) => needed(draft),
    };
    // The hold itself comes first: without it the autoscaler would take the pods away again.
    let held = matches!(scaler.hold, Some(Hold::Promotion(_)));
    if held && primary.replicas >= needed { Ok(()) } else { Err(Unready::TooFew { pods: primary.replicas, needed }) }
}

/// Takes what could be had for enough: the primary did not get its pods in time, and waiting longer helps nobody.
pub(super) fn make_do(draft: &mut Draft<'_>) {
    if let Seen::Found(primary) = &draft.facts.primary {
        draft.act(Effect::Scaler(Some(Hold::Promotion(primary.replicas))));
    }
}

/// What the primary needs for all traffic: no fewer pods than it has, and as many for each share as the canary has for its own, but
/// never more than both have now, which serve everything.
fn needed(draft: &Draft<'_>) -> u32 {
    let most = match &draft.facts.scaling {
        Scaling::Auto(scaler) => scaler.most,
        Scaling::Fixed | Scaling::Orphaned | Scaling::Foreign => u32::MAX,
    };
    let primary = draft.facts.primary.found().map_or(0, |primary| primary.replicas);
    let canary = draft.facts.target.found().map_or(0, |target| target.replicas);
    let alone = draft.journal.weight.all_of_which(canary).unwrap_or(0);
    primary.max(alone.min(primary.saturating_add(canary))).clamp(1, most.max(1))
}

/// After a release: until the autoscaler has seen the traffic that came back. Where it did not come back, for ever.
fn still_needed(draft: &mut Draft<'_>, hold: Option<Hold>) -> Option<Hold> {
    hold?;
    let ended = draft.facts.journal.condition(ConditionKind::Promoted).map_or(draft.now, |c| c.updated);
    let changed = draft.facts.journal.phase != draft.journal.phase;
    let until = if changed { draft.now } else { ended }.after(MEMORY);
    if draft.now < until || !draft.journal.weight.is_zero() {
        draft.wake_at(until);
        return hold;
    }
    None
}

#[cfg(test)]
mod tests;
