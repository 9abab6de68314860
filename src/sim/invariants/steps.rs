//! What a passed check may lead to, and when nothing is left to check: worked out apart from the room that decides.

use std::time::Duration;

use crate::model::{Facts, Journal, Percent, Replacement, RouteSeen, Settings, Strategy, Time};

/// The weight that one passed check may lead to.
pub(super) fn highest(settings: &Settings, before: &Journal) -> Percent {
    match &settings.strategy {
        Strategy::Progressive { steps, .. } => {
            let last = if steps.end_in_everything() { Percent::FULL } else { steps.last() };
            steps.after(before.weight).unwrap_or(last)
        }
        Strategy::AbTest { .. } => Percent::FULL,
        Strategy::BlueGreen { iterations, .. } if counts(before) >= iterations.get() => Percent::FULL,
        Strategy::BlueGreen { .. } | Strategy::Skip => before.weight,
    }
}

/// Whether nothing is left of the analysis but its last check.
pub(super) fn is_complete(settings: &Settings, facts: &Facts, now: Time) -> bool {
    let before = &facts.journal;
    let kept = before.step.map_or(Duration::MAX, |step| now.since(step.started_at));
    kept >= settings.keep_warm
        && match &settings.strategy {
            Strategy::Skip => true,
            Strategy::Progressive { steps, .. } => {
                let served = before.weight == Percent::FULL && counts(before) > 0;
                steps.after(before.weight).is_none() && (served || !steps.end_in_everything())
            }
            Strategy::AbTest { iterations } => counts(before) >= iterations.get() && before.weight == Percent::FULL,
            Strategy::BlueGreen { iterations, .. } => {
                let served = before.weight == Percent::FULL || facts.route == RouteSeen::Unrouted;
                counts(before) >= iterations.get() && served
            }
        }
}

/// Whether another hand changed the primary while it took its traffic back: its pods have to go once more, all at once.
pub(super) fn stands_in_again(facts: &Facts) -> bool {
    let at_once = facts.target.found().is_some_and(|target| target.replacement == Replacement::AllAtOnce);
    let runs = |revision| facts.primary.found().is_some_and(|primary| primary.runs.is(revision));
    at_once && !facts.journal.last_applied.as_ref().is_some_and(runs)
}

fn counts(journal: &Journal) -> u32 {
    u32::try_from(journal.iterations).unwrap_or(0)
}
