//! `serin run`, or Flagger, as a process beside the cluster: to start, to kill, to ask for its memory and its words.

use std::fs::{self, File, OpenOptions};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command};

use super::app::App;
use crate::support::{Outcome, run};

/// An operator of one namespace. It is killed with SIGKILL, as a node that dies does, when the test lets go of it.
pub(super) struct Operator {
    process: Child,
    log: PathBuf,
}

impl Operator {
    /// Starts one that acts in `namespace`, with `flags` after those that every test needs.
    pub(super) fn start(namespace: &str, flags: &[&str]) -> Outcome<Self> {
        Self::spawn("serin", Command::new(env!("CARGO_BIN_EXE_serin")).arg("run"), namespace, flags)
    }

    /// Starts Flagger itself in place of serin, with the flags that both know.
    pub(super) fn start_flagger(namespace: &str) -> Outcome<Self> {
        Self::spawn("flagger", &mut Command::new("flagger"), namespace, &["-mesh-provider=istio"])
    }

    fn spawn(name: &str, command: &mut Command, namespace: &str, flags: &[&str]) -> Outcome<Self> {
        let log = state("log")?.join(format!("{name}-{namespace}.log"));
        let said = OpenOptions::new().create(true).append(true).open(&log)?;
        let kubeconfig = state(&format!("kubeconfig/{name}"))?;
        let process = command
            .args(["-namespace", namespace, "-zap-encoding=console", "-metrics-server=http://127.0.0.1:9090"])
            .args([format!("-kubeconfig={}", kubeconfig.display()), format!("-port={}", free_port()?)])
            .args(flags)
            .stdout(said.try_clone()?)
            .stderr(said)
            .spawn()
            .map_err(|error| format!("{name}: {error}: run these tests by e2e/test.sh"))?;
        Ok(Self { process, log })
    }

    /// SIGKILL, and waits for the end.
    pub(super) fn kill(mut self) -> Outcome {
        self.end()
    }

    fn end(&mut self) -> Outcome {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }

    /// Whether it ended by itself.
    pub(super) fn ended(&mut self) -> Outcome<bool> {
        Ok(self.process.try_wait()?.is_some())
    }

    /// Its resident memory in MiB.
    pub(super) fn resident(&self) -> Outcome<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("a process without memory")?;
        let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kibibytes / 1024)
    }

    /// Whether its log has these words.
    pub(super) fn said(&self, words: &str) -> Outcome<bool> {
        Ok(fs::read_to_string(&self.log)?.contains(words))
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.end();
    }
}

/// `serin loadtest`, whose gates are closed at first.
pub(super) struct LoadTester {
    process: Child,
    port: u16,
}

impl LoadTester {
    pub(super) fn start(namespace: &str) -> Outcome<Self> {
        let (port, log) = (free_port()?, File::create(state("log")?.join(format!("loadtest-{namespace}.log")))?);
        let process = Command::new(env!("CARGO_BIN_EXE_serin"))
            .args(["loadtest", "-port", &port.to_string()])
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        Ok(Self { process, port })
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    /// Opens or closes a gate of a canary, as its user would.
    pub(super) fn turn(&self, gate: &str, app: &App) -> Outcome {
        let canary = serde_json::json!({"name": "hello", "namespace": app.namespace}).to_string();
        run("curl", &["-sSf", "-X", "POST", "-d", &canary, &self.url(gate)]).map(drop)
    }
}

impl Drop for LoadTester {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A file or directory of the cluster's state.
pub(super) fn state(path: &str) -> Outcome<PathBuf> {
    let state =
        std::env::var_os("SERIN_STATE").ok_or("SERIN_STATE is not set: run these tests by e2e/test.sh releases")?;
    Ok(PathBuf::from(state).join(path))
}

fn free_port() -> Outcome<u16> {
    Ok(TcpListener::bind(("0.0.0.0", 0))?.local_addr()?.port())
}
