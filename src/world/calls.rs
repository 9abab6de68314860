//! Calls of hooks that are under way.
//!
//! A hook may take minutes, and meanwhile a newer revision, another hook or a deletion must not wait for it. So a call runs
//! beside the rounds: a round that asks gets the reply if it is there, and else "pending"; the reply wakes the canary. What
//! no round asks for any more is given up. Never decides what is called, or what a reply means.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use super::caller::Caller;
use super::cluster::Cluster;
use super::http::Http;
use super::place::Place;
use super::queue::Queue;
use crate::hook;
use crate::model::{Answer, Call, CanaryRef, Moment, Reply};

/// So long a round waits for a reply: most gates answer at once, and their canaries then need no second round.
const PATIENCE: Duration = Duration::from_millis(250);
/// Calls at once to one host.
const CALLS_TO_A_HOST: usize = 128;

/// The calls of all canaries.
pub(crate) struct Calls {
    caller: Caller,
    queue: Arc<Queue>,
    under_way: Mutex<BTreeMap<Place, Vec<UnderWay>>>,
}

/// A call and its end. Dropped, it is given up.
struct UnderWay {
    call: Call,
    reply: watch::Receiver<Option<Reply>>,
    /// A round has gone on without the reply.
    awaited: Arc<AtomicBool>,
    task: AbortHandle,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl UnderWay {
    fn has_ended(&self) -> bool {
        self.reply.borrow().is_some()
    }

    /// Whether its reply answers `call`: one that is still out answers a later check as well.
    fn answers(&self, call: &Call) -> bool {
        self.is_of(call) && (self.call.check == call.check || !self.has_ended())
    }

    fn is_of(&self, call: &Call) -> bool {
        let Call { hook, phase, revision, check: _ } = call;
        (&self.call.hook, &self.call.phase, &self.call.revision) == (hook, phase, revision)
    }
}

impl Calls {
    pub(crate) fn new(http: &Http, cluster: Cluster, queue: Arc<Queue>) -> Self {
        let caller = Caller::new(http.apart(CALLS_TO_A_HOST), cluster);
        Self { caller, queue, under_way: Mutex::default() }
    }

    /// The reply to a call, which is made unless it is under way already.
    pub(crate) async fn ask(&self, canary: &CanaryRef, call: &Call) -> Reply {
        let place = Place::new(&canary.namespace, &canary.name);
        let (mut reply, awaited) = self.join(&place, canary, call);
        let in_time = timeout(PATIENCE, reply.wait_for(Option::is_some)).await.is_ok();
        if !in_time {
            awaited.store(true, Ordering::SeqCst);
        }
        // Order: it may have come after the wait and before the note that nobody waits any more.
        let there = reply.borrow().clone();
        there.unwrap_or(Reply::Pending)
    }

    /// The round is over: what it did not ask for is given up, except what follows a release that another one replaced.
    pub(crate) fn keep(&self, place: &Place, answers: &[Answer]) {
        let asked =
            |one: &UnderWay| answers.iter().any(|answer| matches!(answer, Answer::Hook(call, _) if one.is_of(call)));
        let mut all = self.all();
        let Some(calls) = all.get_mut(place) else { return };
        calls.retain(|one| asked(one) || one.call.hook.moment == Moment::PostRollout && !one.has_ended());
        if calls.is_empty() {
            all.remove(place);
        }
    }

    /// The canary is gone.
    pub(crate) fn forget(&self, place: &Place) {
        self.all().remove(place);
    }

    fn join(
        &self,
        place: &Place,
        canary: &CanaryRef,
        call: &Call,
    ) -> (watch::Receiver<Option<Reply>>, Arc<AtomicBool>) {
        let mut all = self.all();
        let calls = all.entry(place.clone()).or_default();
        calls.retain(|one| !one.is_of(call) || one.answers(call));
        if let Some(one) = calls.iter_mut().find(|one| one.is_of(call)) {
            one.call.check = call.check;
            return (one.reply.clone(), Arc::clone(&one.awaited));
        }
        let (end, reply) = watch::channel(None);
        let awaited = Arc::new(AtomicBool::new(false));
        let (caller, queue) = (self.caller.clone(), Arc::clone(&self.queue));
        let (hook, request) = (call.hook.clone(), hook::request(call, canary));
        let (somebody, woken) = (Arc::clone(&awaited), place.clone());
        let task = tokio::spawn(async move {
            end.send_replace(Some(caller.make(woken.namespace(), &hook, &request).await));
            if somebody.load(Ordering::SeqCst) {
                queue.wake(&woken);
            }
        });
        let one = UnderWay { call: call.clone(), reply, awaited, task: task.abort_handle() };
        let joined = (one.reply.clone(), Arc::clone(&one.awaited));
        calls.push(one);
        joined
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<Place, Vec<UnderWay>>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
