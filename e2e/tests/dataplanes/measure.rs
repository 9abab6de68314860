//! Requests, counted: so many at once, or a steady load while something else happens.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::PathBuf;
use std::process::{Child, Command};

use serde::Deserialize;

use super::plane::Stand;
use crate::support::{Outcome, run};

/// So many connections and so much patience that a busy machine makes requests late, not lost.
const COUNTING: [&str; 6] = ["-rate", "1000", "-connections", "32", "-timeout", "20s"];
const STEADY: [&str; 8] = ["-rate", "60", "-connections", "256", "-timeout", "20s", "-duration", "10m"];
/// Each request waits for a connection; so many are never reached.
const DENSE: [&str; 10] =
    ["-rate", "600", "-connections", "64", "-timeout", "20s", "-duration", "10m", "-requests", "1000000"];

/// What became of the requests.
#[derive(Deserialize, Debug)]
pub(super) struct Account {
    sent: u32,
    ok: u32,
    lost: u32,
    failures: BTreeMap<String, u32>,
    versions: BTreeMap<String, u32>,
    #[serde(default)]
    lost_at: Vec<f64>,
}

impl Account {
    /// How many the canary answered.
    pub(super) fn canary(&self) -> u32 {
        self.versions.get("canary").copied().unwrap_or(0)
    }

    /// How many one of the sides answered.
    pub(super) fn answered(&self) -> u32 {
        self.versions.values().sum()
    }

    /// The canary's share in percent.
    pub(super) fn share(&self) -> f64 {
        100.0 * f64::from(self.canary()) / f64::from(self.answered().max(1))
    }

    /// Fails if a request was lost, or answered by neither side, and if there was none to lose.
    pub(super) fn lost_nothing(&self) -> Outcome {
        if self.sent > 0 && self.lost == 0 && self.answered() == self.ok {
            return Ok(());
        }
        let Self { sent, lost, failures, lost_at, .. } = self;
        Err(format!("{lost} of {sent} requests were lost, in seconds {lost_at:?}: {failures:?}").into())
    }
}

/// Sends so many requests with these headers, and counts the answers.
pub(super) fn ask(stand: &Stand, requests: u32, headers: &[&str]) -> Outcome<Account> {
    let requests = requests.to_string();
    let mut arguments = vec!["-url", stand.url(), "-host", stand.host(), "-requests", &requests];
    arguments.extend(COUNTING);
    arguments.extend(headers.iter().copied().chain(stand.header()).flat_map(|header| ["-header", header]));
    Ok(serde_json::from_str(&run("load", &arguments)?)?)
}

/// How close together the requests are.
#[derive(Clone, Copy)]
pub(super) enum Load {
    /// Some in each state of the route.
    Steady,
    /// Some in each of its changes, which take milliseconds.
    Dense,
}

impl Load {
    const fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Steady => &STEADY,
            Self::Dense => &DENSE,
        }
    }
}

/// A steady load, running.
pub(super) struct Traffic {
    process: Child,
    summary: PathBuf,
}

impl Traffic {
    pub(super) fn start(stand: &Stand, load: Load) -> Outcome<Self> {
        let summary = std::env::temp_dir().join(format!("load-{}.json", stand.host()));
        let process = Command::new("load")
            .args(["-url", stand.url(), "-host", stand.host(), "-summary"])
            .arg(&summary)
            .args(load.arguments())
            .args(stand.header().into_iter().flat_map(|header| ["-header", header]))
            .spawn()
            .map_err(|error| format!("load: {error}: run these tests by e2e/test.sh dataplanes"))?;
        Ok(Self { process, summary })
    }

    /// Ends the load and returns its account.
    pub(super) fn end(mut self) -> Outcome<Account> {
        run("kill", &["-TERM", &self.process.id().to_string()])?;
        self.process.wait()?;
        Ok(serde_json::from_str(&std::fs::read_to_string(&self.summary)?)?)
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        // It has ended already unless the claim failed.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_file(&self.summary);
    }
}

/// A row of the table that the area prints.
#[expect(clippy::print_stdout, reason = "the area collects the rows from what its claims print")]
pub(super) fn report(plane: &str, asked: impl Display, seen: &Account) {
    println!("| {plane} | {asked} | {:.2} | {} | {} |", seen.share(), seen.sent, seen.lost);
}
