//! One round of one canary: observe, ask, decide, record, perform, tell.
//!
//! The intent is recorded before anything is done, so a crash at any point is mended by the next round. No decision is made
//! here: an `if` on a phase or a weight would belong into `plan`.

use std::time::Duration;

use tokio::time::Instant;

use super::World;
use super::ask::ask;
use super::clock;
use super::cluster::Written;
use super::desk::Desk;
use super::failure::Failure;
use super::observe::{Observed, observe};
use super::place::Place;
use super::tell::Subject;
use crate::api::CanaryStatus;
use crate::model::{Answer, Complaint, Effect, Facts, Plan, Time};
use crate::object::Change;
use crate::object::kinds::CANARY;
use crate::plan;
use crate::scene::{self, Scene};

/// How a round ended. The next one comes at the moment given, or when something that the canary looks at changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Next {
    /// Everything was done.
    Done(Option<Instant>),
    /// It was too early for a decision.
    Early(Option<Instant>),
    /// The canary is gone; there is no next round.
    Gone,
}

/// One round.
pub(crate) async fn round(world: &World, canary: &Place, mut desk: Desk<'_>) -> Result<Next, Failure> {
    let scene = match observe(world, canary).await? {
        Observed::Scene(scene) => scene,
        Observed::Gone => {
            world.turns.forget(&world.queue, canary);
            return Ok(Next::Gone);
        }
        Observed::NotListed => return Ok(Next::Early(None)),
        Observed::Behind(until) => return Ok(Next::Early(Some(until))),
    };
    let (mut facts, now, began) = (scene.facts(), clock::now(), Instant::now());
    let answers = desk.aside(inquire(world, &scene, &facts, now)).await;
    world.calls.keep(canary, &answers);
    let mut plan = plan::decide(&facts, &answers, now);
    let mut changes = scene.changes(&plan.effects);
    if let Err(complaint) = changes {
        facts.complaints.push(complaint);
        plan = plan::decide(&facts, &[], now);
        changes = scene.changes(&plan.effects);
    }
    let alerts = scene.alerts(&facts.canary, &plan.notices);
    let status = scene::status(&plan.journal, scene.canary.status.as_ref(), now);
    let status = world.alerts.journal(canary, status, &alerts);
    let recorded = record(world, canary, &scene, &status, &plan.effects).await;
    let written = recorded.as_ref().ok().copied().flatten();
    world.turns.settle(
        &world.queue,
        canary,
        facts.journal.phase,
        written.map(|written| (plan.journal.phase, written.version)),
    );
    recorded?;
    let done = perform(world, canary, changes).await;
    world.outbox.tell(&scene.listeners(), &facts.canary, &plan);
    world.alerts.tell(canary, &scene, &facts.canary, alerts);
    drop((scene, desk));
    tell(world, canary, &facts, &plan, began.elapsed()).await;
    done?;
    Ok(Next::Done(plan.wake.map(|wake| Instant::now() + wake.since(clock::now()))))
}

/// Asks until the decision knows all that it needs: what is asked next may hang on the last answer.
async fn inquire(world: &World, scene: &Scene, facts: &Facts, now: Time) -> Vec<Answer> {
    let mut answers = Vec::new();
    loop {
        let questions = plan::questions(facts, &answers, now);
        if questions.is_empty() {
            return answers;
        }
        answers.extend(ask(world, scene, &facts.canary, &questions).await);
    }
}

/// Writes the status on which what follows is founded.
async fn record(
    world: &World,
    canary: &Place,
    scene: &Scene,
    after: &CanaryStatus,
    effects: &[Effect],
) -> Result<Option<Written>, Failure> {
    if !must_record(scene.canary.status.as_ref(), after, effects) {
        return Ok(None);
    }
    let written = world.cluster.patch_status(&scene.canary, after).await?;
    world.writes.note(canary, written, Instant::now());
    Ok(Some(written))
}

/// A status that says the same changes nothing, but it is refused where the Canary is not the one that was seen: without it
/// a cache that fell behind would set an old weight again.
fn must_record(before: Option<&CanaryStatus>, after: &CanaryStatus, effects: &[Effect]) -> bool {
    before != Some(after) || !effects.is_empty()
}

/// Does what was decided, in its order, up to the first failure.
async fn perform(world: &World, canary: &Place, changes: Result<Vec<Change>, Complaint>) -> Result<(), Failure> {
    let blocked = |c: Complaint| Failure::Blocked { reason: c.reason, sentence: c.sentence };
    for change in &changes.map_err(blocked)? {
        let written = world.cluster.write(change).await?;
        world.writes.note(canary, written, Instant::now());
    }
    Ok(())
}

async fn tell(world: &World, canary: &Place, facts: &Facts, plan: &Plan, took: Duration) {
    world.metrics.show(&facts.canary, &plan.journal, took);
    if !plan.notices.is_empty() {
        let subject = Subject::new(CANARY, canary.clone(), &facts.canary.uid);
        world.teller.tell(&subject, &facts.canary, &plan.notices).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_done_on_a_status_that_the_apiserver_did_not_confirm() {
        let status = CanaryStatus::default();
        assert!(!must_record(Some(&status), &status, &[]), "an idle canary writes nothing");
        assert!(must_record(Some(&status), &status, &[Effect::ScaleTarget(0)]));
        assert!(must_record(None, &status, &[]));
    }
}
