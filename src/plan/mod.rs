//! Decisions: from what was seen and answered to what is written, done and told.
//!
//! Total and pure: `decide` has an outcome for every input, and two replicas with the same facts decide the same. Never a client, a
//! clock, randomness, JSON or the name of a Kubernetes field.

mod alone;
mod bake;
mod capacity;
mod check;
mod conditions;
mod contest;
mod draft;
mod finalising;
mod first;
mod group;
mod holds;
mod hooks;
mod in_place;
mod initializing;
mod inquiry;
mod looks;
mod moves;
mod progressing;
mod promoting;
mod renewal;
mod requests;
mod settled;
mod size;
mod takeover;
mod terminating;
#[cfg(test)]
mod tests;
mod traffic;
mod turns;
mod waiting;

use std::borrow::Cow;
use std::time::Duration;

use crate::model::{
    Answer, Effect, Endpoints, Facts, Gravity, Notice, Percent, Phase, Plan, Question, Settings, Shape, TargetSeen,
    Time,
};
use draft::Draft;
pub use turns::position;

/// By how much the clocks of two replicas may differ, of which one goes on with what the other has begun.
const CLOCKS: Duration = Duration::from_secs(3);

/// The reads that the next decision needs besides `answers`; none when it knows enough. Which ones are due is a decision of its own.
pub fn questions(facts: &Facts, answers: &[Answer], now: Time) -> Vec<Question> {
    let facts = &*reliable(facts, now);
    if takeover::rival_until(facts, now).is_some() {
        return Vec::new();
    }
    match stage(facts) {
        Stage::Running(settings, target) => inquiry::questions(facts, settings, target, answers, now),
        Stage::Gone | Stage::Terminating | Stage::Blocked | Stage::Suspended(_) => Vec::new(),
    }
}

/// The next thing to write, do and tell. `answers` belong to the `questions` of the same facts and moment.
pub fn decide(facts: &Facts, answers: &[Answer], now: Time) -> Plan {
    let more = facts.endpoints.next(now);
    let facts = &*reliable(facts, now);
    if let Some(until) = takeover::rival_until(facts, now) {
        return takeover::stand_back(facts, now, until);
    }
    let mut draft = Draft::new(facts, answers, now);
    more.into_iter().for_each(|at| draft.wake_at(at));
    match stage(facts) {
        Stage::Gone => return draft.unchanged(),
        Stage::Terminating => terminating::decide(&mut draft),
        Stage::Blocked => {}
        Stage::Suspended(settings) => {
            draft.finalizer(settings);
            group::attend(&mut draft, settings);
            if facts.journal.observed_generation != facts.canary.generation {
                draft.tell(Notice::Suspended);
            }
        }
        Stage::Running(settings, target) => {
            takeover::adopt(&mut draft, target);
            draft.wait_anew_for_an_edited_spec();
            group::attend(&mut draft, settings);
            match facts.journal.phase {
                _ if requests::handle(&mut draft, settings, target) => {}
                _ if group::falls(&mut draft, target) => {}
                Phase::Initializing => initializing::decide(&mut draft, settings, target),
                Phase::Initialized | Phase::Succeeded | Phase::Failed => settled::decide(&mut draft, settings, target),
                Phase::Waiting => waiting::decide(&mut draft, settings, target),
                Phase::Progressing | Phase::WaitingPromotion => progressing::decide(&mut draft, settings, target),
                Phase::Promoting => promoting::decide(&mut draft, settings, target),
                Phase::Finalising => finalising::decide(&mut draft, settings, target),
                // The deletion was taken back with the object made anew: begin again, the objects are still there.
                Phase::Terminating | Phase::Terminated => initializing::decide(&mut draft, settings, target),
            }
            capacity::keep(&mut draft);
            if facts.budgets != Shape::AsWanted {
                draft.act(Effect::Budgets);
            }
            if facts.owned {
                draft.act(Effect::Disown);
            }
            // Order: it holds only for the version that was read, which a status of this round outdates. Traffic does not wait for it.
            draft.finalizer(settings);
        }
    }
    draft.finish()
}

/// The facts without endpoints that proxies may not know of yet, and with the settings that are in force.
fn reliable(facts: &Facts, now: Time) -> Cow<'_, Facts> {
    let endpoints = known(facts, now);
    match facts.in_force() {
        Some(Cow::Owned(settings)) => Cow::Owned(Facts { endpoints, settings: Some(settings), ..facts.clone() }),
        _ if endpoints == facts.endpoints => Cow::Borrowed(facts),
        _ => Cow::Owned(Facts { endpoints, ..facts.clone() }),
    }
}

/// A side that is newer than its proxies' knowledge gets no requests yet, but keeps those that it has: a controller that has just begun
/// knows of no earlier moment than the last change of the side's slice, so that what has served for long may look new.
fn known(facts: &Facts, now: Time) -> Endpoints {
    let Endpoints { primary, canary, .. } = facts.endpoints;
    let mut known = facts.endpoints.known(now);
    let has_primary = facts.journal.phase != Phase::Initializing
        && facts.route.routing().is_some_and(|routing| routing.canary < Percent::FULL);
    if has_primary {
        known.primary = primary;
    }
    // Copies of requests do not count: nobody waits for their answers.
    let has_canary = facts.route.routing().is_some_and(|routing| !routing.canary.is_zero() || routing.preview);
    if has_canary {
        known.canary = canary;
    }
    known
}

/// What kind of decision the facts allow.
enum Stage<'a> {
    /// Deleted, and nothing of ours holds it.
    Gone,
    /// Deleted, and the user's objects are to be given back.
    Terminating,
    /// A complaint stops all work; traffic stays where it is.
    Blocked,
    /// The user asked for a stop.
    Suspended(&'a Settings),
    /// Everything needed is there.
    Running(&'a Settings, &'a TargetSeen),
}

fn stage(facts: &Facts) -> Stage<'_> {
    if facts.deleting {
        return if facts.finalizer { Stage::Terminating } else { Stage::Gone };
    }
    let blocked = facts.complaints.iter().any(|c| c.gravity == Gravity::Blocks);
    match (&facts.settings, facts.target.found()) {
        (Some(settings), _) if settings.suspend => Stage::Suspended(settings),
        (Some(settings), Some(target)) if !blocked => Stage::Running(settings, target),
        _ => Stage::Blocked,
    }
}
