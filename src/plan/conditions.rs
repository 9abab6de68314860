//! Conditions: the outcome of a decision in the words that kubectl, Flux and Argo CD read.

use super::{first, in_place, progressing};
use crate::model::{
    Awaited, CanarySize, Condition, ConditionKind, Facts, Gravity, Journal, Moment, Notice, Percent, Phase, Seen,
    Stand, Time, Truth, Wait,
};

/// Writes the conditions that belong to the journal. Times move only when something was said anew.
pub(super) fn settle(journal: &mut Journal, facts: &Facts, now: Time) {
    journal.observed_generation = facts.canary.generation;
    let said = [
        Some(promoted(journal, facts)),
        Some(ready(journal, facts)),
        reconciling(journal, facts),
        stalled(journal, facts),
    ];
    let before = &facts.journal;
    journal.conditions = said
        .into_iter()
        .flatten()
        .map(|said| {
            let old = before.condition(said.kind);
            let since = old.filter(|o| o.truth == said.truth).map_or(now, |o| o.since);
            let same = |o: &&Condition| o.truth == said.truth && o.reason == said.reason && o.message == said.message;
            let updated = old.filter(same).map_or(now, |o| o.updated);
            Condition { kind: said.kind, truth: said.truth, reason: said.reason, message: said.message, since, updated }
        })
        .collect();
}

/// Complaints that were not told yet.
pub(super) fn news(facts: &Facts) -> Vec<Notice> {
    let known = facts.journal.condition(ConditionKind::Stalled).map_or("", |c| c.message.as_str());
    let new = facts.complaints.iter().filter(|c| !known.contains(&c.sentence));
    new.map(|c| Notice::Complaint(c.reason, c.sentence.clone())).collect()
}

struct Said {
    kind: ConditionKind,
    truth: Truth,
    reason: String,
    message: String,
}

fn say(kind: ConditionKind, truth: Truth, reason: &str, message: impl Into<String>) -> Said {
    Said { kind, truth, reason: reason.to_owned(), message: message.into() }
}

/// Flagger's condition, with its reasons and messages: CI waits for it.
fn promoted(journal: &Journal, facts: &Facts) -> Said {
    let kind = &facts.canary.kind;
    let (truth, message) = match journal.phase {
        Phase::Waiting if journal.waits.is_some() => (Truth::Unknown, held(journal)),
        Phase::Initialized => (Truth::True, format!("{kind} initialization completed.")),
        Phase::Waiting | Phase::WaitingPromotion => (Truth::Unknown, "Waiting for approval.".to_owned()),
        Phase::Progressing => (Truth::Unknown, "New revision detected, progressing canary analysis.".to_owned()),
        Phase::Promoting => (Truth::Unknown, "Canary analysis completed, starting primary rolling update.".to_owned()),
        Phase::Finalising if journal.bakes() => (Truth::Unknown, watched(journal)),
        Phase::Finalising => (Truth::Unknown, "Canary analysis completed, routing all traffic to primary.".to_owned()),
        Phase::Succeeded => (Truth::True, "Canary analysis completed successfully, promotion finished.".to_owned()),
        Phase::Failed if journal.bake.is_some() => {
            (Truth::False, "The promoted revision was taken back during its bake.".to_owned())
        }
        Phase::Failed if in_place::is_so(facts) => {
            (Truth::False, format!("Canary analysis failed, {kind} goes back to the promoted revision."))
        }
        Phase::Failed if journal.weight.is_zero() => {
            (Truth::False, format!("Canary analysis failed, {kind} scaled to zero."))
        }
        Phase::Failed => (Truth::False, format!("Promotion failed, {kind} keeps the traffic.")),
        Phase::Initializing | Phase::Terminating | Phase::Terminated => {
            (Truth::Unknown, format!("New {kind} detected, starting initialization."))
        }
    };
    say(ConditionKind::Promoted, truth, journal.phase.as_str(), message)
}

/// Whether what Git asks for is what serves.
fn ready(journal: &Journal, facts: &Facts) -> Said {
    let asked = facts.target.found().map(|t| &t.revision);
    let serves = asked.is_some() && asked == journal.last_promoted.as_ref();
    let under_way = !journal.phase.is_settled();
    if let Some(first) = facts.complaints.iter().find(|c| under_way || c.gravity == Gravity::Blocks) {
        // Whatever serves, what Git asks for does not come without a person.
        return say(ConditionKind::Ready, Truth::False, first.reason, first.sentence.clone());
    }
    let (truth, reason, message) = match journal.phase {
        Phase::Initialized | Phase::Succeeded => (Truth::True, "Serving", "The primary serves the promoted revision."),
        Phase::Failed if serves => {
            (Truth::True, "Serving", "The target is back at the promoted revision, which the primary serves.")
        }
        Phase::Failed if journal.bake.is_some() => {
            (Truth::False, "BakeFailed", "The promoted revision was taken back; the primary runs the one before.")
        }
        Phase::Failed if in_place::is_so(facts) => (
            Truth::False,
            "RolledBack",
            "The last revision was rolled back; the pods are of the one before, not of what Git asks for.",
        ),
        Phase::Failed if journal.weight.is_zero() => {
            (Truth::False, "RolledBack", "The last revision was rolled back; the primary serves the one before.")
        }
        Phase::Failed => (Truth::False, "PromotionFailed", "The new primary did not get ready; the canary serves."),
        Phase::Initializing
        | Phase::Waiting
        | Phase::Progressing
        | Phase::WaitingPromotion
        | Phase::Promoting
        | Phase::Finalising
        | Phase::Terminating
        | Phase::Terminated => (Truth::Unknown, "Progressing", "A release is under way."),
    };
    say(ConditionKind::Ready, truth, reason, message)
}

/// Only while work goes on: kstatus reads it as "in progress".
fn reconciling(journal: &Journal, facts: &Facts) -> Option<Said> {
    let idle = journal.phase.is_settled() || !facts.complaints.is_empty() || first_failed(journal, facts);
    let message = match &journal.awaits {
        _ if journal.paused.is_some() => {
            "The release is held by a request; go on with the annotation serin.dev/request: resume/<id>.".to_owned()
        }
        Some(Awaited { hook, moment, .. }) if waits_for_a_person(facts, hook, *moment) => format!(
            "The {} gate {hook} waits for a person; open it with the annotation serin.dev/request: resume/<id>.",
            moment.as_str()
        ),
        _ if journal.waits.is_some() => held(journal),
        Some(Awaited { hook, moment, .. }) => format!("The {} webhook {hook} has not said yes yet.", moment.as_str()),
        None if journal.bakes() => watched(journal),
        None if journal.phase == Phase::Initializing && journal.failed_checks > 0 => {
            format!(
                "The first deployment failed {} checks; it goes on serving, and is checked again.",
                journal.failed_checks
            )
        }
        None => {
            let pods = in_pods(facts).or_else(|| approximate(journal, facts));
            pods.or_else(|| next_check(journal, facts)).unwrap_or_else(|| "A release is under way.".to_owned())
        }
    };
    (!idle).then(|| say(ConditionKind::Reconciling, Truth::True, journal.phase.as_str(), message))
}

/// What an analysis waits for, and until when. Says nothing that changes while a status does not.
fn next_check(journal: &Journal, facts: &Facts) -> Option<String> {
    let step = journal.step.filter(|_| journal.phase == Phase::Progressing)?;
    if !journal.has_begun() {
        return Some("A release is under way: its analysis begins when the canary is ready.".to_owned());
    }
    if step.waiting_since.is_some() {
        return Some("A release is under way: it waits until both sides are ready.".to_owned());
    }
    let deferred = progressing::alone(journal, facts.settings.as_ref()?) == Some(step.next_check_at);
    let why = if deferred { ", when no KPI looks back to another revision any more" } else { "" };
    Some(format!("A release is under way: its next check is due at {}{why}.", step.next_check_at))
}

/// How many pods a release in place has come to.
fn in_pods(facts: &Facts) -> Option<String> {
    let target = facts.target.found().filter(|_| in_place::is_so(facts))?;
    Some(format!(
        "A release is under way: {} of {} pods are of the new revision, and its weight is the share of them.",
        target.rollout.updated, target.replicas
    ))
}

fn first_failed(journal: &Journal, facts: &Facts) -> bool {
    facts.settings.as_ref().is_some_and(|settings| first::has_failed(journal, settings))
}

fn waits_for_a_person(facts: &Facts, name: &str, moment: Moment) -> bool {
    let approvals = facts.settings.iter().flat_map(|settings| &settings.approvals);
    approvals.into_iter().any(|gate| gate.name == name && gate.moment == moment)
}

/// Where pods make the share: how many of them.
fn approximate(journal: &Journal, facts: &Facts) -> Option<String> {
    let shared = facts.settings.as_ref().is_some_and(|settings| settings.canary_size == CanarySize::Split)
        && !journal.weight.is_zero()
        && journal.weight != Percent::FULL;
    let canary = facts.target.found().filter(|_| shared)?.rollout.available;
    let both = facts.primary.found()?.rollout.available + canary;
    let weight = journal.weight;
    Some(format!("A release is under way; the weight of {weight} % is approximate: {canary} of {both} pods."))
}

/// The bake, and the ways out of it.
fn watched(journal: &Journal) -> String {
    let until = journal.bake.map_or_else(String::new, |until| format!(" until {until}"));
    format!(
        "The new primary is watched{until}; the annotation serin.dev/request: promote/<id> ends that, abort/<id> goes back."
    )
}

/// What a release waits for that is no hook.
fn held(journal: &Journal) -> String {
    let Some(Wait { reason, queued, .. }) = &journal.waits else { return String::new() };
    let place = queued.map(|queued| format!("; its place in the queue is {}", queued.position)).unwrap_or_default();
    format!("The release waits: {reason}{place}; the annotation serin.dev/request: promote/<id> lets it go on.")
}

/// Only while somebody has to mend something: kstatus reads it as "failed".
fn stalled(journal: &Journal, facts: &Facts) -> Option<Said> {
    if let Some(first) = facts.complaints.first() {
        let sentences: Vec<_> = facts.complaints.iter().map(|c| c.sentence.as_str()).collect();
        return Some(say(ConditionKind::Stalled, Truth::True, first.reason, sentences.join(" ")));
    }
    if journal.contest.is_some_and(|contest| contest.is_open()) {
        let by = facts.writer.as_deref().unwrap_or("another writer");
        let message = format!(
            "{by} sets the weights of the route again and again, so they are set back ever more rarely and the release waits; keep the weights out of what it writes."
        );
        return Some(say(ConditionKind::Stalled, Truth::True, "OwnershipConflict", message));
    }
    if first_failed(journal, facts) {
        return Some(say(
            ConditionKind::Stalled,
            Truth::True,
            "FirstDeploymentFailed",
            "The first deployment passed no check within progressDeadlineSeconds, so it is not initialized and goes on serving by itself; push a fix, or write the annotation serin.dev/request: retry/<id>.",
        ));
    }
    let restored = matches!((&facts.target, &journal.last_promoted), (Seen::Found(t), Some(r)) if t.revision == *r);
    let failed = journal.phase == Phase::Failed && !restored;
    failed.then(|| say(ConditionKind::Stalled, Truth::True, "Failed", way_out(journal)))
}

/// What brings a failed release on.
fn way_out(journal: &Journal) -> String {
    let fell = journal.group.as_ref().filter(|own| own.stand == Stand::Failed);
    match fell.and_then(|own| Some((&own.group, own.by.as_ref()?))) {
        Some((group, by)) => format!(
            "The last release was rolled back with canary {by} of group {group}; it starts again with the next one of that canary, or push a fix."
        ),
        None => "The last release failed; push a fix, which starts a new one.".to_owned(),
    }
}
