//! S7: no release passes over a hook that has a say in it, judged apart from the room that decides.

use crate::model::{
    Answer, Approval, Deadline, Facts, Hook, Journal, Moment, Overdue, Percent, Phase, Reply, Settings, Strategy,
};

/// What a decision passed over.
pub(super) fn overruled(settings: &Settings, facts: &Facts, after: &Journal, answers: &[Answer]) -> Option<String> {
    let moments = asked(settings, &facts.journal, after);
    if moments.is_empty() {
        return None;
    }
    let against =
        settings.hooks.iter().filter(|hook| hook.moment == Moment::Rollback).any(|hook| agrees(hook, answers));
    if against {
        return Some(format!("{} goes on although its rollback was asked for", after.phase));
    }
    if let Some(gate) = settings.approvals.iter().find(|gate| moments.contains(&gate.moment) && !is_open(gate, facts)) {
        return Some(format!("{} -> {} and nobody opened {}", facts.journal.phase, after.phase, gate.name));
    }
    let mut needed = settings.hooks.iter().filter(|hook| moments.contains(&hook.moment));
    let refused = needed.find(|hook| !agrees(hook, answers) && !passes_in_time(hook, &facts.journal))?;
    Some(format!("{} -> {} without a yes of {}: {answers:?}", facts.journal.phase, after.phase, refused.name))
}

/// The moments of a move; none where nothing gets further.
fn asked(settings: &Settings, before: &Journal, after: &Journal) -> Vec<Moment> {
    let idle = matches!(before.phase, Phase::Initialized | Phase::Succeeded | Phase::Failed | Phase::Waiting);
    let analysed = matches!(before.phase, Phase::Progressing | Phase::WaitingPromotion);
    let same = before.last_applied == after.last_applied;
    let weight = after.weight > before.weight;
    let tests = if before.has_begun() { Moment::Rollout } else { Moment::PreRollout };
    let takes_over = match &settings.strategy {
        Strategy::BlueGreen { .. } => true,
        Strategy::Progressive { steps, .. } => steps.end_in_everything() && after.iterations > 0,
        Strategy::AbTest { .. } | Strategy::Skip => false,
    };
    match after.phase {
        Phase::Progressing if idle => vec![Moment::ConfirmRollout],
        Phase::Progressing if analysed && same && (weight || after.iterations > before.iterations) => {
            let ready = tests == Moment::PreRollout && before.prepared == before.last_applied;
            let gate = match settings.strategy {
                Strategy::Progressive { .. } if after.iterations > before.iterations => Some(Moment::ConfirmPromotion),
                Strategy::Progressive { .. } if weight => Some(Moment::ConfirmTrafficIncrease),
                Strategy::BlueGreen { .. } if weight => Some(Moment::ConfirmPromotion),
                _ => None,
            };
            gate.into_iter().chain((!ready).then_some(tests)).collect()
        }
        Phase::Promoting if analysed && settings.strategy != Strategy::Skip => {
            let agreed = takes_over && before.weight == Percent::FULL;
            (!agreed).then_some(Moment::ConfirmPromotion).into_iter().chain([Moment::Rollout]).collect()
        }
        _ => Vec::new(),
    }
}

fn agrees(hook: &Hook, answers: &[Answer]) -> bool {
    answers.iter().any(|answer| matches!(answer, Answer::Hook(call, Reply::Yes) if call.hook == *hook))
}

/// A gate that was closed before, and opens by itself after a while.
fn passes_in_time(hook: &Hook, before: &Journal) -> bool {
    passes(hook.deadline, &hook.name, before)
}

fn passes(deadline: Option<Deadline>, name: &str, before: &Journal) -> bool {
    deadline.is_some_and(|deadline| deadline.then == Overdue::GoOn)
        && before.awaits.as_ref().is_some_and(|awaited| awaited.hook == name)
}

/// Whether a person opened the gate for the revision that is there, or nobody has to any more.
fn is_open(gate: &Approval, facts: &Facts) -> bool {
    let current = facts.target.found().map(|target| &target.revision);
    let opened = facts.journal.opened.as_ref();
    opened.is_some_and(|opened| opened.moment == gate.moment && Some(&opened.revision) == current)
        || passes(gate.deadline, &gate.name, &facts.journal)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{at, facts, settings};
    use super::*;
    use crate::model::{Call, HookKeys, Trust};

    fn hook(moment: Moment) -> Hook {
        Hook {
            name: moment.as_str().to_owned(),
            moment,
            url: "http://hooks.test/".to_owned(),
            timeout: std::time::Duration::from_secs(10),
            retries: 0,
            trust: Trust::System,
            keys: HookKeys::default(),
            deadline: None,
            metadata: std::collections::BTreeMap::new(),
        }
    }

    #[test]
    fn a_step_without_the_yes_of_its_gate_or_in_spite_of_a_rollback_is_seen() {
        let moments = [Moment::ConfirmTrafficIncrease, Moment::Rollback];
        let settings = Settings { hooks: moments.map(hook).to_vec(), ..settings() };
        let rises = |replies: [Reply; 2]| {
            let call = |moment| Call { hook: hook(moment), phase: Phase::Progressing, revision: None, check: None };
            let answers: Vec<_> =
                moments.into_iter().zip(replies).map(|(moment, reply)| Answer::Hook(call(moment), reply)).collect();
            overruled(&settings, &facts(at(10)), &at(20), &answers)
        };
        let no = || Reply::No("no".to_owned());
        assert_eq!(rises([Reply::Yes, no()]), None);
        assert!(rises([no(), no()]).is_some());
        assert!(rises([Reply::Yes, Reply::Yes]).is_some());
        assert!(overruled(&settings, &facts(at(10)), &at(20), &[]).is_some());
    }
}
