//! Checks of a side that has nothing beside it to be compared with: a new primary, and the first deployment.
//!
//! Only KPIs with a limit of their own count. Never moves anything: `bake` and `first` say what follows.

use super::draft::Draft;
use super::looks;
use crate::judge::{self, Bearing};
use crate::model::{Answer, Kpi, Notice, Question, Reading, Settings};

/// What is to be measured still.
pub(super) fn questions(settings: &Settings, answers: &[Answer], ask: fn(Kpi) -> Question) -> Vec<Question> {
    if looks::measurements(answers).next().is_some() { Vec::new() } else { settings.alone().map(ask).collect() }
}

/// What a check came to.
pub(super) enum Outcome {
    /// Nothing stands against the side.
    Passed,
    /// Some KPI has no value to judge: the check counts as nothing.
    Held,
    /// It failed.
    Failed,
}

/// Judges the answers, and tells of what did not pass.
pub(super) fn judge(draft: &mut Draft<'_>, settings: &Settings) -> Outcome {
    let now = draft.now;
    let held = draft.journal.held_for(now);
    let mut measured = looks::measurements(draft.answers);
    let judged: Vec<(Bearing, Reading)> = settings
        .alone()
        .map(|kpi| {
            let reading = Reading { measured_at: Some(now), ..judge::reading(&kpi, measured.next()) };
            (judge::bearing(&kpi, &reading, held, false), reading)
        })
        .collect();
    let worst = judged.iter().map(|(bearing, _)| *bearing).max().unwrap_or(Bearing::Pass);
    draft.journal.readings = judged.iter().map(|(_, reading)| reading.clone()).collect();
    for (_, reading) in judged.into_iter().filter(|(bearing, _)| *bearing == worst && worst != Bearing::Pass) {
        draft.tell(Notice::Halted(reading));
    }
    match worst {
        Bearing::Pass => Outcome::Passed,
        Bearing::Hold => Outcome::Held,
        Bearing::Fail | Bearing::Harm => Outcome::Failed,
    }
}

impl Draft<'_> {
    /// Checks again after an interval; this check counted as nothing, for the time that the rules of its KPIs allow.
    pub(super) fn hold_check(&mut self, settings: &Settings) {
        let since = self.journal.step.and_then(|step| step.held_since).unwrap_or(self.now);
        self.check_again(settings, self.journal.phase);
        if let Some(step) = &mut self.journal.step {
            step.held_since = Some(since);
        }
    }
}
