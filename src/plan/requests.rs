//! Requests by annotation: each is handled once, and its outcome is told, whether it was carried out or refused.

use std::time::Duration;

use super::draft::Draft;
use super::progressing::{carry_out, promote, roll_back};
use super::{bake, finalising, first, group, moves, settled};
use crate::model::{Handled, Notice, Percent, Phase, Request, Settings, Strategy, TargetSeen, Verb};
use moves::Move;

/// Handles the request that is new, if there is one. Whether it was carried out: then it is all that this round does.
pub(super) fn handle(draft: &mut Draft<'_>, settings: &Settings, target: &TargetSeen) -> bool {
    let Some(request) = draft.facts.request.clone() else { return false };
    let known = draft.journal.handled.as_ref().is_some_and(|handled| handled.request == request.text);
    if known {
        return false;
    }
    let outcome = match request.verb {
        Some(verb) => carry_out_request(draft, settings, target, verb),
        None => Err(format!("it is none of {}, followed by a slash and an id of its own", Verb::WORDS)),
    };
    let done = outcome.is_ok();
    let outcome = outcome.unwrap_or_else(|why| format!("{}{why}", Request::REFUSED));
    let Request { text, by, .. } = request;
    draft.tell_first(Notice::Requested { request: text.clone(), by: by.clone(), outcome: outcome.clone() });
    draft.journal.handled = Some(Handled { request: text, by, at: draft.now, outcome });
    done
}

fn set_weight(
    draft: &mut Draft<'_>,
    settings: &Settings,
    target: &TargetSeen,
    weight: Percent,
) -> Result<String, String> {
    let Strategy::Progressive { steps, .. } = &settings.strategy else {
        return Err("this release has no weights".to_owned());
    };
    if weight > steps.last() {
        return Err(format!("the last step before the promotion is {} %; ask for less, or promote", steps.last()));
    }
    carry_out(draft, settings, target, Move::Shift(weight));
    Ok(format!("the canary has {} %", draft.journal.weight))
}

/// What may be asked of a promotion that is watched, and of a first deployment that failed.
fn beside_a_release(draft: &mut Draft<'_>, settings: &Settings, target: &TargetSeen, verb: Verb) -> Option<String> {
    let outcome = match verb {
        Verb::Promote if draft.journal.bakes() => {
            finalising::succeed(draft, settings, target);
            "the bake ends, and the primary keeps its revision"
        }
        Verb::Abort if draft.journal.bakes() && bake::can_go_back(draft) => {
            draft.tell_abort();
            bake::go_back(draft);
            "the primary goes back to the revision before"
        }
        Verb::Retry if first::has_failed(&draft.journal, settings) => {
            draft.enter(Phase::Initializing, draft.journal.weight, Duration::ZERO);
            "the first deployment is judged again"
        }
        _ => return None,
    };
    Some(outcome.to_owned())
}

/// What came of it, or why nothing did.
fn carry_out_request(
    draft: &mut Draft<'_>,
    settings: &Settings,
    target: &TargetSeen,
    verb: Verb,
) -> Result<String, String> {
    if let Some(outcome) = beside_a_release(draft, settings, target, verb) {
        return Ok(outcome);
    }
    if !matches!(verb, Verb::Promote)
        && let Some(why) = group::keeps_its_word(draft.facts, &draft.journal)
    {
        return Err(why);
    }
    let phase = draft.journal.phase;
    let analysed = matches!(phase, Phase::Progressing | Phase::WaitingPromotion);
    let current = draft.journal.last_applied.as_ref() == Some(&target.revision);
    let gate = draft.waits_for_a_person(settings);
    match verb {
        Verb::Promote if phase == Phase::Waiting => {
            settled::start(draft, settings, target);
            draft.journal.exempt = Some(target.revision.clone());
            Ok("the release begins".to_owned())
        }
        Verb::Promote if analysed && current => {
            if draft.canary_ready(settings, target).is_err() {
                return Err("the canary is not ready; ask again when its pods are, or abort".to_owned());
            }
            draft.journal.paused = None;
            promote(draft, settings, target);
            Ok("the canary is promoted without the rest of its analysis".to_owned())
        }
        Verb::Abort if analysed || phase == Phase::Waiting => {
            draft.journal.last_applied = Some(target.revision.clone());
            draft.journal.awaits = None;
            draft.tell_abort();
            roll_back(draft);
            Ok("the release is rolled back".to_owned())
        }
        Verb::Pause if analysed && draft.journal.paused.is_none() => {
            draft.journal.paused = Some(draft.now);
            Ok("the release stays where it is until resume".to_owned())
        }
        Verb::Resume if analysed && draft.journal.paused.is_some() => {
            draft.journal.paused = None;
            draft.check_again(settings, phase);
            Ok("the release goes on".to_owned())
        }
        Verb::Resume if gate.is_some() && (current || phase == Phase::Waiting) => {
            gate.into_iter().for_each(|moment| draft.open(moment, target));
            Ok("the gate is open, and the release goes on".to_owned())
        }
        Verb::Retry if phase == Phase::Failed && current && draft.journal.weight.is_zero() => {
            settled::start(draft, settings, target);
            Ok("the revision is analysed again".to_owned())
        }
        Verb::SetWeight(weight) if analysed && current && draft.journal.has_begun() => {
            set_weight(draft, settings, target, weight)
        }
        Verb::Promote | Verb::Abort | Verb::SetWeight(_) => {
            Err(format!("no release can be changed, the phase is {phase}"))
        }
        Verb::Pause => Err("no release runs that is not held already".to_owned()),
        Verb::Resume => Err("no release is held by a request or waits for a person".to_owned()),
        Verb::Retry => Err(format!("only a revision that was rolled back is tried again, the phase is {phase}")),
    }
}

impl Draft<'_> {
    fn tell_abort(&mut self) {
        self.tell(Notice::Aborted(self.facts.request.as_ref().and_then(|request| request.by.clone())));
    }
}
