//! What happened in a story, line by line, in the words of the events that the operator would write.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::faults::Fault;
use super::operator::Decided;
use crate::model::{Percent, Phase, Reading, Time};
use crate::notify;

/// One moment of a story.
#[derive(Clone, PartialEq, Debug)]
pub struct Entry {
    /// Since the story began.
    pub at: Duration,
    /// The phase that was decided.
    pub phase: Phase,
    /// The canary's share that was decided.
    pub weight: Percent,
    /// What was measured for it.
    pub readings: Vec<Reading>,
    /// What was told, or what somebody did.
    pub sentences: Vec<String>,
}

/// Decisions and events of a story, in their order.
pub(super) fn of(
    plans: &VecDeque<Decided>,
    events: &[(Time, Fault)],
    begin: Time,
    names: &BTreeMap<String, String>,
) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut events = events.iter().peekable();
    let (mut phase, mut weight) = (Phase::Initialized, Percent::ZERO);
    for decided in plans {
        while let Some((at, event)) = events.next_if(|(at, _)| *at <= decided.at) {
            let sentences = vec![deed(event, names)];
            entries.push(Entry { at: at.since(begin), phase, weight, readings: Vec::new(), sentences });
        }
        let journal = &decided.plan.journal;
        let moved = (journal.phase, journal.weight) != (phase, weight);
        (phase, weight) = (journal.phase, journal.weight);
        let sentences: Vec<_> = decided.plan.notices.iter().map(|n| notify::event(n, &decided.who).note).collect();
        let readings = if decided.checked { journal.readings.clone() } else { Vec::new() };
        if moved || !sentences.is_empty() || !readings.is_empty() {
            entries.push(Entry { at: decided.at.since(begin), phase, weight, readings, sentences });
        }
    }
    for (at, event) in events {
        let sentences = vec![deed(event, names)];
        entries.push(Entry { at: at.since(begin), phase, weight, readings: Vec::new(), sentences });
    }
    entries
}

/// What somebody did.
fn deed(event: &Fault, names: &BTreeMap<String, String>) -> String {
    match event {
        Fault::Deploy(image) => format!("revision {} is applied", names.get(image).unwrap_or(image)),
        Fault::NoTraffic(lag) => format!("nobody sends requests for {} s", lag.as_secs()),
        Fault::ProviderDown(lag) => format!("the KPI provider does not answer for {} s", lag.as_secs()),
        Fault::EditWeight(weight) => format!("somebody routes {weight} % to the canary"),
        Fault::Scale(replicas) => format!("somebody scales the target to {replicas}"),
        Fault::DeletePrimary => "somebody deletes the primary".to_owned(),
        Fault::Crash(_) => "the operator dies".to_owned(),
        other => other.name(),
    }
}
