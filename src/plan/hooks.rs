//! Hooks in a release: what their replies come to.
//!
//! The hooks of one moment are called one after the other, in the order of the spec; the first no ends the row. Never says
//! which moments are due: `inquiry` does.

use std::time::Duration;

use super::draft::Draft;
use super::looks::LOOK;
use crate::model::{
    Answer, Approval, Awaited, Call, CanaryRef, Facts, Hook, Moment, Notice, Opened, Overdue, Phase, Question, Reply,
    Settings, Step, TargetSeen, Time,
};

/// What the hooks of one moment have come to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Consent<'a> {
    /// All of them said yes, or there are none.
    Given,
    /// A reply is still missing.
    Pending,
    /// This one said no.
    Refused(&'a Hook, &'a str),
}

/// What the replies to the hooks of `moment` come to.
pub(super) fn consent<'a>(settings: &'a Settings, answers: &'a [Answer], moment: Moment) -> Consent<'a> {
    for hook in of(settings, moment) {
        match reply(answers, hook) {
            Some(Reply::Yes) => {}
            Some(Reply::No(why)) => return Consent::Refused(hook, why),
            Some(Reply::Pending) | None => return Consent::Pending,
        }
    }
    Consent::Given
}

/// Whether any hook may hold the first move of a release.
pub(super) fn precede(settings: &Settings) -> bool {
    let holds = [Moment::PreRollout, Moment::ConfirmTrafficIncrease, Moment::ConfirmPromotion, Moment::Rollback];
    let moments = settings.hooks.iter().map(|hook| hook.moment);
    moments.chain(settings.approvals.iter().map(|gate| gate.moment)).any(|moment| holds.contains(&moment))
}

/// The next call of `moment`: the first without an answer, where all before it said yes.
pub(super) fn next(
    facts: &Facts,
    settings: &Settings,
    answers: &[Answer],
    moment: Moment,
    check: Option<Time>,
) -> Option<Question> {
    let mut open = of(settings, moment).skip_while(|hook| reply(answers, hook) == Some(&Reply::Yes));
    let hook = open.next().filter(|hook| reply(answers, hook).is_none())?;
    Some(call(facts, hook, check))
}

/// The calls of rollback hooks that have no answer yet: none of them waits for another. Each is asked once an interval,
/// counted from the beginning of the step, whatever else is waited for.
pub(super) fn rollbacks(facts: &Facts, settings: &Settings, answers: &[Answer], now: Time) -> Vec<Question> {
    let Some(step) = facts.journal.step else { return Vec::new() };
    let open = of(settings, Moment::Rollback).filter(|hook| reply(answers, hook).is_none());
    open.map(|hook| call(facts, hook, Some(tick(step, settings, now)))).collect()
}

/// The beginning of the interval of `step` in which `now` lies.
fn tick(step: Step, settings: &Settings, now: Time) -> Time {
    let (length, past) = (settings.interval.as_millis().max(1), now.since(step.started_at).as_millis());
    let whole = u64::try_from(past - past % length).unwrap_or(u64::MAX);
    step.started_at.after(Duration::from_millis(whole))
}

fn call(facts: &Facts, hook: &Hook, check: Option<Time>) -> Question {
    let journal = &facts.journal;
    // What is asked before a release begins is about the revision that it would be of.
    let asks = hook.moment == Moment::ConfirmRollout || matches!(journal.phase, Phase::Initializing | Phase::Waiting);
    let revision = match facts.target.found().filter(|_| asks) {
        Some(target) => Some(target.revision.clone()),
        None => journal.last_applied.clone(),
    };
    let phase = match hook.moment {
        Moment::ConfirmRollout | Moment::Rollback | Moment::PostRollout | Moment::Event => journal.phase,
        // As in Flagger, whether a promotion waits or not.
        Moment::PreRollout | Moment::Rollout | Moment::ConfirmTrafficIncrease | Moment::ConfirmPromotion => {
            Phase::Progressing
        }
    };
    Question::Hook(Call { hook: hook.clone(), phase, revision, check })
}

fn of(settings: &Settings, moment: Moment) -> impl Iterator<Item = &Hook> {
    settings.hooks.iter().filter(move |hook| hook.moment == moment)
}

fn reply<'a>(answers: &'a [Answer], hook: &Hook) -> Option<&'a Reply> {
    answers.iter().find_map(|answer| match answer {
        Answer::Hook(call, reply) if call.hook == *hook => Some(reply),
        Answer::Hook(..) | Answer::Measured(..) | Answer::Turn(_) => None,
    })
}

/// Whether a release may go on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Way {
    /// It may.
    Free,
    /// Not yet: it is looked at again later.
    Held,
    /// It ends: a gate stayed closed too long.
    Over,
}

impl Draft<'_> {
    /// Tells that all hooks of `moment` passed.
    pub(super) fn passed(&mut self, settings: &Settings, moment: Moment) {
        for hook in of(settings, moment) {
            self.tell(Notice::HookPassed(moment, hook.name.clone()));
        }
    }

    /// Whether a rollback hook asks for the end of the release. Tells so.
    pub(super) fn is_called_off(&mut self, settings: &Settings) -> bool {
        let asks = of(settings, Moment::Rollback).find(|hook| reply(self.answers, hook) == Some(&Reply::Yes));
        if let Some(hook) = asks {
            self.tell(Notice::HookPassed(Moment::Rollback, hook.name.clone()));
            self.tell(Notice::RollbackRequested);
        }
        asks.is_some()
    }

    /// Whether a rollback hook has not said yet what it wants: nothing goes further until then.
    pub(super) fn may_be_called_off(&self, settings: &Settings) -> bool {
        of(settings, Moment::Rollback).any(|hook| matches!(reply(self.answers, hook), Some(Reply::Pending)))
    }

    /// What the gates of `moment` say. A closed one is told once, asked again at the next check, and waited for in `phase`.
    pub(super) fn gate(&mut self, settings: &Settings, moment: Moment, phase: Phase) -> Way {
        let answers = self.answers;
        match consent(settings, answers, moment) {
            Consent::Given => match self.unopened(settings, moment) {
                Some(gate) => {
                    // What was opened before was for another revision, or another gate.
                    self.journal.opened = None;
                    let CanaryRef { name, namespace, .. } = &self.facts.canary;
                    let why = format!("a person opens it, with serin resume {name} -n {namespace}");
                    self.closed(settings, gate, &why, phase)
                }
                None => {
                    self.passed(settings, moment);
                    self.journal.awaits = None;
                    self.journal.opened = None;
                    Way::Free
                }
            },
            Consent::Pending => {
                self.await_replies(settings);
                Way::Held
            }
            Consent::Refused(hook, why) => {
                let Hook { name, moment, deadline, .. } = hook.clone();
                self.closed(settings, &Approval { name, moment, deadline }, why, phase)
            }
        }
    }

    /// What the gate of a move says, where it has one. A promotion that waits has a phase of its own.
    pub(super) fn agreed(&mut self, settings: &Settings, gate: Option<Moment>) -> Way {
        match gate {
            None => Way::Free,
            Some(Moment::ConfirmPromotion) => self.gate(settings, Moment::ConfirmPromotion, Phase::WaitingPromotion),
            Some(moment) => self.gate(settings, moment, Phase::Progressing),
        }
    }

    /// The gate of `moment` that still waits for a person: what was opened for another revision is not open.
    fn unopened<'s>(&self, settings: &'s Settings, moment: Moment) -> Option<&'s Approval> {
        let current = self.facts.target.found().map(|target| &target.revision);
        let opened = self.journal.opened.as_ref();
        let open = opened.is_some_and(|opened| opened.moment == moment && Some(&opened.revision) == current);
        settings.approvals.iter().find(|gate| gate.moment == moment).filter(|_| !open)
    }

    /// The moment of the gate that the release waits for a person at.
    pub(super) fn waits_for_a_person(&self, settings: &Settings) -> Option<Moment> {
        let awaited = self.journal.awaits.as_ref()?;
        let same = |gate: &&Approval| gate.name == awaited.hook && gate.moment == awaited.moment;
        settings.approvals.iter().find(same).map(|gate| gate.moment)
    }

    /// A person opened the gate of `moment` for the revision that the target runs. Whatever else stands before it is asked at once, but
    /// comparisons not so soon after the last one that there is nothing to count between the two.
    pub(super) fn open(&mut self, moment: Moment, target: &TargetSeen) {
        self.journal.opened = Some(Opened { moment, revision: target.revision.clone() });
        let measured = self.journal.readings.iter().filter(|reading| reading.compared.is_some());
        let measured = measured.filter_map(|reading| reading.measured_at).max();
        let soonest = measured.map_or(self.now, |at| at.after(LOOK).max(self.now));
        if let Some(step) = &mut self.journal.step {
            step.next_check_at = step.next_check_at.min(soonest);
        }
    }

    fn closed(&mut self, settings: &Settings, hook: &Approval, why: &str, phase: Phase) -> Way {
        let same = |awaited: &&Awaited| awaited.hook == hook.name && awaited.moment == hook.moment;
        let known = self.journal.awaits.as_ref().filter(same).map(|awaited| awaited.since);
        if known.is_none() {
            self.tell(Notice::GateClosed(hook.moment, hook.name.clone(), why.to_owned()));
        }
        let since = known.unwrap_or(self.now);
        let overdue = hook.deadline.filter(|deadline| self.now >= since.after(deadline.after));
        if let Some(deadline) = overdue {
            self.tell(Notice::GateOverdue(hook.name.clone(), deadline.then));
            self.journal.awaits = None;
            self.journal.opened = None;
            return match deadline.then {
                Overdue::RollBack => Way::Over,
                Overdue::GoOn => Way::Free,
            };
        }
        self.journal.awaits = Some(Awaited { hook: hook.name.clone(), moment: hook.moment, since });
        self.check_again(settings, phase);
        Way::Held
    }

    /// The same step once more after an interval: what was measured since it began still counts.
    pub(super) fn check_again(&mut self, settings: &Settings, phase: Phase) {
        self.look_again(phase, settings.interval);
    }

    /// The same step once more after so long.
    pub(super) fn look_again(&mut self, phase: Phase, after: Duration) {
        let began = self.journal.step.map(|step| step.started_at);
        self.enter(phase, self.journal.weight, after);
        if let (Some(step), Some(began)) = (&mut self.journal.step, began) {
            step.started_at = began;
        }
    }

    /// Waits for the next check, or for replies that are under way.
    pub(super) fn wait_for_check(&mut self, settings: &Settings) {
        if let Some(step) = self.journal.step.filter(|step| self.now < step.next_check_at) {
            self.wake_at(step.next_check_at);
        }
        self.await_replies(settings);
    }

    /// Replies are under way, and wake the canary. A wake of its own asks the rollback hooks meanwhile.
    pub(super) fn await_replies(&mut self, settings: &Settings) {
        let Some(step) = self.journal.step else { return };
        self.wake_at(tick(step, settings, self.now).after(settings.interval));
    }

    /// A release that has ended is followed by its hooks.
    pub(super) fn follow(&mut self) {
        let (before, after) = (self.facts.journal.phase, self.journal.phase);
        let begun = before != Phase::Waiting || self.facts.journal.last_applied != self.journal.last_applied;
        if !matches!(after, Phase::Succeeded | Phase::Failed) || before == after || !begun {
            return;
        }
        let first = self.facts.settings.iter().flat_map(|settings| of(settings, Moment::PostRollout)).next();
        let since = self.now;
        self.journal.awaits = first.map(|hook| Awaited { hook: hook.name.clone(), moment: Moment::PostRollout, since });
    }

    /// Tells what the hooks that follow the last release came to, once all of them are through.
    pub(super) fn hear_out(&mut self, settings: &Settings) {
        if !follows(self.facts) {
            return;
        }
        let answers = self.answers;
        match consent(settings, answers, Moment::PostRollout) {
            Consent::Pending => return,
            Consent::Given => self.passed(settings, Moment::PostRollout),
            Consent::Refused(hook, why) => {
                self.tell(Notice::HookFailed(Moment::PostRollout, hook.name.clone(), why.to_owned()));
            }
        }
        self.journal.awaits = None;
    }
}

/// Whether hooks that follow the last release are still to be called.
pub(super) fn follows(facts: &Facts) -> bool {
    facts.journal.awaits.as_ref().is_some_and(|awaited| awaited.moment == Moment::PostRollout)
}
