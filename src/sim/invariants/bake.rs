//! S10: a promotion that is watched is over only when its bake is, or when somebody ended it; a bake that ends badly gives the primary
//! the revision before. Judged apart from the room that decides.

use super::passed::passed;
use crate::model::{Answer, Effect, Facts, Phase, Plan, PrimarySource, Settings, Strategy, Time};

/// What was promoted without being watched, or was not taken back.
pub(super) fn ignored(
    settings: &Settings,
    facts: &Facts,
    plan: &Plan,
    answers: &[Answer],
    now: Time,
) -> Option<String> {
    let (before, after) = (&facts.journal, &plan.journal);
    let kept = before.last_promoted.as_ref().filter(|r| facts.snapshots.contains(r) && !facts.lost.contains(r))?;
    let current = facts.target.found().is_some_and(|target| before.last_applied.as_ref() == Some(&target.revision));
    if before.phase != Phase::Finalising || before.last_applied.as_ref() == Some(kept) {
        return None;
    }
    let asked = settings.bake > settings.keep_warm && settings.strategy != Strategy::Skip && current;
    let over = before.bake.is_some_and(|until| until <= now)
        && passed(&Settings { kpis: settings.alone().collect(), ..settings.clone() }, before, answers);
    if asked && after.phase == Phase::Succeeded && !over {
        return Some(format!("the release succeeded before its bake: {:?} {answers:?}", before.bake));
    }
    let back = Effect::Primary(PrimarySource::Snapshot(kept.clone()));
    let failed = after.phase == Phase::Failed && before.bake.is_some() && after.bake.is_some();
    (failed && !plan.effects.contains(&back)).then(|| format!("the primary does not go back: {:?}", plan.effects))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::tests::{at, facts, settings};
    use super::*;
    use crate::model::{Journal, Measurement, Percent, Revision};

    #[test]
    fn a_promotion_that_is_not_watched_to_its_end_or_not_taken_back_is_seen() {
        let settings = Settings { bake: Duration::from_secs(60), ..settings() };
        let before = Journal {
            phase: Phase::Finalising,
            weight: Percent::ZERO,
            last_promoted: Some(Revision::new("s1-a")),
            bake: Some(Time::from_millis(60_000)),
            ..at(0)
        };
        let mut facts = facts(before.clone());
        facts.snapshots = vec![Revision::new("s1-a")];
        let seen = |phase, second: i64, value| {
            let journal = Journal { phase, ..before.clone() };
            let plan = Plan { journal, effects: vec![], notices: vec![], wake: None };
            let answers = [Answer::Measured("request-success-rate".into(), Measurement::Value(value))];
            ignored(&settings, &facts, &plan, &answers, Time::from_millis(second * 1000)).is_some()
        };
        let succeeded = [(59, 100.0), (60, 98.0), (60, 100.0)].map(|(at, value)| seen(Phase::Succeeded, at, value));
        assert_eq!(succeeded, [true, true, false]);
        assert!(seen(Phase::Failed, 30, 98.0) && !seen(Phase::Finalising, 30, 98.0));
    }
}
