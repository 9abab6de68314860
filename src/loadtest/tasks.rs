//! Runs tasks: so many at once, each no longer than its time, and the same one never twice beside a release.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::metrics::Metrics;
use super::process::{self, Cancel, Ended, Program};
use super::task::{Log, Show, Task};
use super::{concord, ngrinder};
use crate::http::{HttpRequest, shorten};
use crate::world::Http;

/// Tasks that run at once; the others wait.
const AT_ONCE: usize = 64;
/// Tasks beside releases that run or wait; more are refused.
const BACKLOG: usize = 1024;
/// For one exchange with a server of tests.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);
/// How much of the output a failure shows, in characters: what an event on the Canary can hold. Its end tells the cause.
const SHOWN: usize = 700;

/// The tasks that run.
pub(super) struct Tasks {
    http: Http,
    /// Longest time of one task.
    limit: Duration,
    slots: Semaphore,
    pub(super) metrics: Metrics,
    /// Those beside releases, by canary and command.
    background: Mutex<BTreeMap<(String, String), Cancel>>,
}

/// What becomes of a task.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    /// It runs, or ran already.
    Accepted,
    /// It succeeded, with this text.
    Done(String),
    /// It failed.
    Failed(String),
    /// Too many wait already.
    Busy,
}

/// Gives a command up with whoever waited for it.
struct GiveUp(Cancel);

impl Drop for GiveUp {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

impl Tasks {
    pub(super) fn new(http: Http, limit: Duration) -> Arc<Self> {
        let (slots, metrics, background) = (Semaphore::new(AT_ONCE), Metrics::default(), Mutex::default());
        Arc::new(Self { http, limit, slots, metrics, background })
    }

    /// Takes a task of a canary (`name.namespace`) on.
    pub(super) async fn take(self: &Arc<Self>, canary: String, task: Task) -> Outcome {
        let what = match &task {
            Task::Background { text, .. } => text.clone(),
            Task::NGrinder(test) => format!("{} clone {}", test.server, test.clone),
            Task::Command { .. } | Task::Concord(_) => return self.finish(&canary, &task).await,
        };
        let key = (canary, what);
        let cancel = Cancel::default();
        {
            let mut running = self.running();
            if running.contains_key(&key) {
                return Outcome::Accepted;
            }
            if running.len() >= BACKLOG {
                return Outcome::Busy;
            }
            running.insert(key.clone(), cancel.clone());
        }
        let tasks = Arc::clone(self);
        tokio::spawn(async move {
            let ended = tasks.run(&task, &cancel).await;
            tasks.running().remove(&key);
            let (canary, command) = key;
            match ended {
                Ok(output) => tracing::info!(%canary, command, output, "the task ended well"),
                Err(why) => tracing::warn!(%canary, command, "the task failed: {why}"),
            }
        });
        Outcome::Accepted
    }

    /// Ends what runs beside releases.
    pub(super) fn stop(&self) {
        self.running().values().for_each(Cancel::cancel);
    }

    async fn finish(&self, canary: &str, task: &Task) -> Outcome {
        let give_up = GiveUp(Cancel::default());
        match self.run(task, &give_up.0).await {
            Ok(text) => Outcome::Done(text),
            Err(why) => {
                tracing::warn!(%canary, kind = task.kind(), "the task failed: {why}");
                Outcome::Failed(why)
            }
        }
    }

    /// The text of a success, or why it is none.
    async fn run(&self, task: &Task, cancel: &Cancel) -> Result<String, String> {
        let _slot = self.slots.acquire().await;
        self.metrics.begun();
        let ended = match task {
            Task::Background { program, log, .. } => {
                let output = self.command(program, cancel).await;
                if *log == Log::Output { output } else { output.map(|_| String::new()) }
            }
            Task::Command { program, answer } => {
                let output = self.command(program, cancel).await;
                if *answer == Show::Output { output } else { output.map(|_| "OK".to_owned()) }
            }
            Task::Concord(concord) => concord::run(&self.http, concord).await,
            Task::NGrinder(test) => ngrinder::run(&self.http, test, self.limit).await,
        };
        self.metrics.ended(task.kind(), if ended.is_ok() { "ok" } else { "failed" });
        ended
    }

    /// The output of a command. A failure comes with the end of it.
    async fn command(&self, program: &Program, cancel: &Cancel) -> Result<String, String> {
        let (program, limit, cancel) = (program.clone(), self.limit, cancel.clone());
        let Ended { failure, output } = spawn_blocking(move || process::run(&program, limit, &cancel))
            .await
            .map_err(|error| format!("the command could not be waited for: {error}"))?;
        match failure {
            None => Ok(output),
            Some(why) => Err(format!("{why}\n{}", tail(output.trim_end(), SHOWN)).trim_end().to_owned()),
        }
    }

    fn running(&self) -> MutexGuard<'_, BTreeMap<(String, String), Cancel>> {
        self.background.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The last `length` characters.
fn tail(text: &str, length: usize) -> &str {
    let surplus = text.chars().count().saturating_sub(length);
    text.char_indices().nth(surplus).and_then(|(start, _)| text.get(start..)).unwrap_or_default()
}

/// Asks a server of tests; its answer must be JSON of this form.
pub(super) async fn exchange<T: DeserializeOwned>(http: &Http, request: HttpRequest) -> Result<T, String> {
    let url = request.url.split('?').next().unwrap_or_default().to_owned();
    let answer = http.call(request, ANSWER_WITHIN).await.map_err(|why| format!("{url}: {why}"))?;
    let shown = || shorten(&String::from_utf8_lossy(&answer.body), SHOWN);
    if !(200..300).contains(&answer.status) {
        return Err(format!("{url} answered {}: {}", answer.status, shown()));
    }
    serde_json::from_slice(&answer.body)
        .map_err(|error| format!("the answer of {url} cannot be read ({error}): {}", shown()))
}
