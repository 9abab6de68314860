//! How many pods the canary has where the spec says so: ahead of its weight, never below it.
//!
//! `traffic` asks what its pods can carry before a share rises. Never says when a release gets further.

use super::draft::Draft;
use super::moves::{self, Move};
use super::{in_place, promoting, traffic};
use crate::model::{
    Audience, CanarySize, Effect, Facts, Journal, Mirror, Percent, Phase, Settings, TargetSeen, Unready,
};

/// Whether the canary can serve: rolled out, available, listed by its Service, and as large as its next weight needs.
pub(super) fn ready(facts: &Facts, settings: &Settings, target: &TargetSeen) -> Result<(), Unready> {
    if in_place::is_so(facts) && traffic::routed(facts).is_zero() {
        // Its first share brings its first pods.
        return Ok(());
    }
    target.rollout.readiness(settings.canary_ready)?;
    if facts.endpoints.canary == 0 {
        return Err(Unready::NoEndpoints);
    }
    match wanted(facts, settings, &facts.journal, target) {
        Some(needed) if target.replicas < needed => Err(Unready::TooFew { pods: target.replicas, needed }),
        Some(_) | None => Ok(()),
    }
}

/// Whether the canary's pods can carry `share` of the requests, as far as the spec makes their number ours.
pub(super) fn carries(facts: &Facts, share: Percent) -> bool {
    let (Some(settings), Some(target)) = (&facts.settings, facts.target.found()) else { return true };
    needed(facts, settings, share).is_none_or(|pods| target.rollout.available >= settings.canary_ready.of(pods).max(1))
}

/// Pods that `share` of the requests needs; `None` where their number is the target's own. How many requests match a condition nobody
/// knows, so there a number of pods is what the user says.
fn needed(facts: &Facts, settings: &Settings, share: Percent) -> Option<u32> {
    let primary = facts.primary.found().map(|primary| primary.replicas).or(facts.journal.full).unwrap_or(1).max(1);
    let asked = match settings.canary_size {
        // What was smaller before the spec was edited is not any more.
        CanarySize::AsPrimary => return facts.journal.full.map(|_| primary),
        CanarySize::Count(pods) => pods,
        CanarySize::Share(of_primary) => of_primary.of(primary),
        CanarySize::Weight => 1,
        CanarySize::Split => return Some(beside(share, primary)),
    };
    let fixed = settings.strategy.audience() == Audience::Matching && settings.canary_size != CanarySize::Weight;
    Some(if fixed { asked } else { asked.max(share.of(primary)) }.max(1))
}

/// Pods that get `share` of the requests beside the primary's, as nearly as whole pods can.
fn beside(share: Percent, primary: u32) -> u32 {
    let (part, rest) = (u64::from(share.as_hundredths()), u64::from(share.rest().as_hundredths()));
    // Where the primary's get none, as many.
    let pods = (u64::from(primary) * part + rest / 2).checked_div(rest).unwrap_or(primary.into());
    u32::try_from(pods).unwrap_or(u32::MAX).max(1)
}

/// Pods that the release needs now: for what is routed, and for what comes next.
fn wanted(facts: &Facts, settings: &Settings, journal: &Journal, target: &TargetSeen) -> Option<u32> {
    let next = match journal.phase {
        Phase::Progressing | Phase::WaitingPromotion => next(facts, settings, journal, target),
        Phase::Promoting => Percent::ZERO,
        _ => return None,
    };
    let routed = facts.route.routing().map_or(Percent::ZERO, |routing| routing.canary);
    let now = routed.max(journal.weight);
    // Pods that come ahead of their weight would have their share at once.
    let ahead = settings.canary_size != CanarySize::Split || now.is_zero();
    needed(facts, settings, if ahead { now.max(next) } else { now })
}

/// The share of the requests, or of their copies, that the next move brings.
fn next(facts: &Facts, settings: &Settings, journal: &Journal, target: &TargetSeen) -> Percent {
    let copies = match settings.strategy.mirror() {
        Mirror::All if journal.weight.is_zero() => Percent::FULL,
        Mirror::Share(share) if journal.weight.is_zero() => share,
        Mirror::Off | Mirror::All | Mirror::Share(_) => Percent::ZERO,
    };
    let share = match moves::next(&settings.strategy, journal, &facts.route) {
        Move::Shift(weight) | Move::Iterate { weight, .. } => weight,
        Move::TakeOver => Percent::FULL,
        Move::Promote if promoting::serves_alone(facts, settings, target) => Percent::FULL,
        Move::Mirror | Move::Promote => Percent::ZERO,
    };
    share.max(copies)
}

impl Draft<'_> {
    /// Brings the canary to the size that the release needs, where the spec asks for one: up at once, down when its weight has
    /// fallen and its last requests are done. Whether the spec does.
    pub(super) fn resize(&mut self, target: &TargetSeen) -> bool {
        let settings = self.facts.settings.as_ref().filter(|_| !self.facts.deleting);
        let Some(wanted) = settings.and_then(|settings| wanted(self.facts, settings, &self.journal, target)) else {
            return false;
        };
        let fallen = self.journal.step.map_or(self.now, |step| step.started_at.after(self.drain()));
        match target.replicas {
            // The last pods of another release are still counted.
            0 if target.rollout.total > 0 => {}
            have if have > wanted && self.now < fallen => self.wake_at(fallen),
            have if have != wanted => self.act(Effect::ScaleTarget(wanted)),
            _ => {}
        }
        true
    }

    /// Gives a target that shall serve by itself the pods that the primary has. Whether it was smaller on purpose.
    pub(super) fn grow(&mut self, target: &TargetSeen) -> bool {
        let full = self.journal.full.filter(|full| (1..*full).contains(&target.replicas));
        full.into_iter().for_each(|full| self.act(Effect::ScaleTarget(full)));
        full.is_some()
    }

    /// Notes what the primary has while the canary may have less: whoever has to be made anew is made as large.
    pub(super) fn note_size(&mut self) {
        let Some(settings) = &self.facts.settings else { return };
        let primary = self.facts.primary.found().map(|primary| primary.replicas).filter(|pods| *pods > 0);
        let parked = self.journal.phase.is_settled() && self.facts.target.found().is_some_and(|t| t.replicas == 0);
        match settings.canary_size {
            CanarySize::AsPrimary if parked => self.journal.full = None,
            CanarySize::AsPrimary => {}
            CanarySize::Count(_) | CanarySize::Share(_) | CanarySize::Weight | CanarySize::Split => {
                self.journal.full = primary.or(self.journal.full);
            }
        }
    }
}
