//! Runs the rounds that are due, many side by side, until told to stop; then lets the running ones finish.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::World;
use super::backoff;
use super::desk::Desk;
use super::failure::Failure;
use super::place::Place;
use super::reconcile::{Next, round};
use crate::object::kinds::CANARY;

/// Rounds at once. A round waits most of its time, for 5 s where a provider does not answer: so many of that provider's
/// canaries can be checked at once before others notice.
const ROUNDS_AT_ONCE: usize = 512;
/// So many failures in a row are told even where they may pass by themselves: about half a minute.
const STRIKES_UNTIL_TOLD: u32 = 5;
/// So long running rounds may take to finish after a stop; the pod is killed after 30 s.
const FINISH_WITHIN: Duration = Duration::from_secs(20);

/// Works until `stop`.
pub(crate) async fn work(world: Arc<World>, stop: impl Future<Output = ()>) {
    let mut stop = std::pin::pin!(stop);
    let slots = Arc::new(Semaphore::new(ROUNDS_AT_ONCE));
    let mut rounds = JoinSet::new();
    let began = Instant::now();
    loop {
        let next = async { (slots.clone().acquire_owned().await, world.queue.next().await) };
        tokio::select! {
            biased;
            () = &mut stop => break,
            Some(_) = rounds.join_next() => {}
            (slot, turn) = next => {
                let world = Arc::clone(&world);
                rounds.spawn(async move {
                    let _slot = slot;
                    let desk = world.desks.take().await;
                    if let Some(late) = turn.planned.and_then(|planned| Instant::now().checked_duration_since(planned)) {
                        // What was due while another replica led was not late here.
                        world.metrics.late(late.min(began.elapsed()));
                    }
                    take(&world, &turn.place, desk).await;
                });
            }
        }
    }
    let finished = async { while rounds.join_next().await.is_some() {} };
    if timeout(FINISH_WITHIN, finished).await.is_err() {
        tracing::warn!("some rounds did not finish in time; the next leader goes on where they were");
    }
}

/// One round, and when the next one is due.
async fn take(world: &World, place: &Place, desk: Desk<'_>) {
    let outcome = round(world, place, desk).await;
    world.metrics.round(outcome.as_ref().map_or_else(Failure::reason, |_| "ok"));
    match outcome {
        Ok(Next::Done(at)) => {
            world.troubles.over(CANARY, place);
            again(world, place, at);
        }
        Ok(Next::Early(at)) => again(world, place, at),
        Ok(Next::Gone) => {
            world.forget(place);
            return world.queue.forget(place);
        }
        Err(failure) => retry(world, place, &failure).await,
    }
    world.queue.done(place);
}

fn again(world: &World, canary: &Place, at: Option<Instant>) {
    if let Some(at) = at {
        world.queue.plan(canary, at);
    }
}

async fn retry(world: &World, canary: &Place, failure: &Failure) {
    let strikes = world.troubles.strike(canary);
    tracing::debug!(%canary, strikes, "{failure}");
    if failure.needs_a_person() || strikes == STRIKES_UNTIL_TOLD {
        world.troubles.tell(world, CANARY, canary, failure.reason(), &failure.to_string()).await;
    }
    world.queue.plan(canary, Instant::now() + backoff::delay(strikes));
}
