//! The first deployment, judged before the primary takes over from it: hooks and KPIs of the target, which goes on serving.
//!
//! There is nothing to go back to. So a failure moves nothing, and is tried again until the deadline; then somebody has to mend something.

use super::alone::{self, Outcome};
use super::draft::Draft;
use super::hooks::{Consent, consent};
use super::inquiry::Inquiry;
use super::size;
use crate::model::{Facts, First, Journal, Moment, Notice, Percent, Phase, Question, Settings, Shape, TargetSeen};

/// Whether the target has to pass a check before anything leads to the primary. Where something does, it is not the first one, or
/// it has passed. A target that somebody scaled to zero serves nobody any more, and the primary does.
pub(super) fn is_on_trial(facts: &Facts, settings: &Settings) -> bool {
    let taken_over = facts.apex == Shape::AsWanted || facts.route.routing().is_some();
    let given_up = facts.target.found().is_some_and(|target| target.replicas == 0) && facts.endpoints.primary > 0;
    facts.journal.phase == Phase::Initializing && settings.first == First::Judged && !taken_over && !given_up
}

/// Whether its checks failed for as long as they may: the next one would come too late.
pub(super) fn has_failed(journal: &Journal, settings: &Settings) -> bool {
    let step = journal.step.filter(|_| journal.phase == Phase::Initializing && settings.first == First::Judged);
    step.is_some_and(|step| step.held_since.is_some_and(|since| since.after(settings.deadline) < step.next_check_at))
}

/// Judges it when its check is due. Whether it passed.
pub(super) fn passes(draft: &mut Draft<'_>, settings: &Settings, target: &TargetSeen) -> bool {
    if let Err(why) = draft.canary_ready(settings, target) {
        draft.remind(settings, Notice::CanaryNotReady(why));
        return false;
    }
    let edited = draft.facts.journal.observed_generation != draft.facts.canary.generation;
    let Some(step) = draft.journal.step.filter(|step| step.waiting_since.is_none() && !edited) else {
        draft.enter(Phase::Initializing, Percent::ZERO, settings.interval);
        return false;
    };
    if has_failed(&draft.journal, settings) {
        return false;
    }
    if draft.now < step.next_check_at {
        draft.wake_at(step.next_check_at);
        return false;
    }
    match agreed(draft, settings, target) {
        Some(Outcome::Passed) => {}
        Some(Outcome::Held | Outcome::Failed) => return fail(draft, settings),
        None => return false,
    }
    matches!(alone::judge(draft, settings), Outcome::Passed) || fail(draft, settings)
}

/// What the hooks come to that test a release; `None` until all of them have answered.
fn agreed(draft: &mut Draft<'_>, settings: &Settings, target: &TargetSeen) -> Option<Outcome> {
    let answers = draft.answers;
    for moment in moments(&draft.journal, target) {
        match consent(settings, answers, moment) {
            Consent::Given if moment == Moment::PreRollout => {
                draft.passed(settings, moment);
                draft.journal.prepared = Some(target.revision.clone());
            }
            Consent::Given => {}
            Consent::Pending => return None,
            Consent::Refused(hook, why) => {
                draft.tell(Notice::HookFailed(hook.moment, hook.name.clone(), why.to_owned()));
                return Some(Outcome::Failed);
            }
        }
    }
    Some(Outcome::Passed)
}

/// Those that have said yes to this revision are not asked again.
fn moments(journal: &Journal, target: &TargetSeen) -> impl Iterator<Item = Moment> + use<> {
    let prepared = journal.prepared.as_ref() == Some(&target.revision);
    (!prepared).then_some(Moment::PreRollout).into_iter().chain([Moment::Rollout])
}

fn fail(draft: &mut Draft<'_>, settings: &Settings) -> bool {
    draft.journal.failed_checks += 1;
    draft.hold_check(settings);
    if has_failed(&draft.journal, settings) {
        draft.tell(Notice::FirstFailed(draft.journal.failed_checks));
    }
    false
}

/// What its check has to ask.
pub(super) fn questions(inquiry: &Inquiry<'_>) -> Vec<Question> {
    let Inquiry { facts, settings, target, answers, now } = *inquiry;
    let journal = &facts.journal;
    let checked = journal.step.is_some_and(|step| step.waiting_since.is_none() && now >= step.next_check_at);
    let due = checked && is_on_trial(facts, settings) && !has_failed(journal, settings);
    if !due || size::ready(facts, settings, target).is_err() {
        return Vec::new();
    }
    let open = moments(journal, target).find_map(|moment| inquiry.unsettled(moment));
    open.unwrap_or_else(|| alone::questions(settings, answers, Question::Measure))
}
