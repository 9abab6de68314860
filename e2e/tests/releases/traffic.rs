//! A steady load through the gateway, and the account of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use k8s_openapi::api::core::v1::Service;
use kube::{Api, Client};
use serde::Deserialize;
use serde_json::Value;

use super::operator::state;
use crate::support::{Outcome, run, wait_until};

/// Enough for a KPI over the smallest weight, and little beside everything else on two cores.
const REQUESTS_A_SECOND: &str = "20";
/// So much patience that a busy machine makes requests late, not lost, and a connection for each that may be under way by then.
const CONNECTIONS: &str = "512";
const PATIENCE: &str = "25s";
/// From available pods to a gateway that routes to them.
const SERVED_WITHIN: Duration = Duration::from_secs(60);

/// One answer of the app through the gateway.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) version: String,
    /// What `set-cookie` gives, up to its first semicolon.
    pub(super) cookie: Option<String>,
}

/// Asks once, with these headers.
pub(super) async fn ask(client: &Client, host: &str, headers: &[&str]) -> Outcome<Answer> {
    ask_at(&gateway(client).await?, host, headers)
}

/// The same, at another address than that of Istio's gateway.
pub(super) fn ask_at(url: &str, host: &str, headers: &[&str]) -> Outcome<Answer> {
    let host = format!("host: {host}");
    let mut arguments =
        vec!["-sS", "-o", "/dev/null", "-w", "%{http_code}|%header{x-version}|%header{set-cookie}", url];
    arguments.extend(std::iter::once(&*host).chain(headers.iter().copied()).flat_map(|header| ["-H", header]));
    let said = run("curl", &arguments)?;
    match said.splitn(3, '|').collect::<Vec<_>>()[..] {
        ["200", version, cookie] => Ok(Answer {
            version: version.to_owned(),
            cookie: cookie.split(';').next().filter(|cookie| !cookie.is_empty()).map(str::to_owned),
        }),
        _ => Err(format!("{host} {headers:?}: {said}").into()),
    }
}

/// The versions that answer twenty requests with these headers.
pub(super) async fn versions(client: &Client, host: &str, headers: &[&str]) -> Outcome<BTreeSet<String>> {
    let mut versions = BTreeSet::new();
    for _ in 0..20 {
        versions.insert(ask(client, host, headers).await?.version);
    }
    Ok(versions)
}

async fn gateway(client: &Client) -> Outcome<String> {
    let services = Api::<Service>::namespaced(client.clone(), "istio-system");
    let gateway = services.get("istio-ingressgateway").await?.spec.and_then(|spec| spec.cluster_ip);
    Ok(format!("http://{}/", gateway.ok_or("a gateway without an address")?))
}

/// `e2e/load`, running.
pub(super) struct Traffic {
    process: Child,
    summary: PathBuf,
}

/// What became of the requests.
#[derive(Deserialize)]
pub(super) struct Account {
    sent: u64,
    /// Failures that the app did not mark as its own.
    lost: u64,
    /// All failures, by kind.
    failures: BTreeMap<String, u64>,
    /// When the first of the lost were, in seconds of the load.
    #[serde(default)]
    lost_at: Vec<f64>,
}

impl Account {
    /// Fails if a request was lost, and if there was none to lose.
    pub(super) fn lost_nothing(&self) -> Outcome {
        match self {
            Self { sent: 0, .. } => Err("the load sent nothing".into()),
            Self { lost: 0, .. } => Ok(()),
            Self { sent, lost, failures, lost_at } => {
                Err(format!("{lost} of {sent} requests were lost, in seconds {lost_at:?}: {failures:?}").into())
            }
        }
    }
}

impl Traffic {
    /// Starts once the gateway knows the host: what is lost before it does is nobody's release.
    pub(super) async fn start(client: &Client, host: &str) -> Outcome<Self> {
        Self::with(client, host, &[]).await
    }

    /// The same, with these headers.
    pub(super) async fn with(client: &Client, host: &str, headers: &[&str]) -> Outcome<Self> {
        Self::through(&gateway(client).await?, host, headers).await
    }

    /// The same, through another gateway than Istio's, and with these headers.
    pub(super) async fn through(url: &str, host: &str, headers: &[&str]) -> Outcome<Self> {
        // Several loads on one host are told apart by their headers.
        let told: String = headers.concat().chars().filter(char::is_ascii_alphanumeric).collect();
        let summary = state("log")?.join(format!("load-{host}{told}.json"));
        let timeline = summary.with_extension("timeline");
        let start = |duration| Self::spawn(url, host, headers, duration, [&summary, &timeline]);
        wait_until(&format!("a gateway that serves {host}"), SERVED_WITHIN, async || {
            Ok(start("1s")?.account()?.lost_nothing().is_ok().then_some(()))
        })
        .await?;
        let traffic = start("10m")?;
        wait_until(&format!("the first answers to the load on {host}"), SERVED_WITHIN, async || {
            let answered = |line: &str| serde_json::from_str::<Value>(line).is_ok_and(|second| second["ok"] != 0);
            Ok(std::fs::read_to_string(&timeline)?.lines().any(answered).then_some(()))
        })
        .await?;
        Ok(traffic)
    }

    fn spawn(url: &str, host: &str, headers: &[&str], duration: &str, into: [&Path; 2]) -> Outcome<Self> {
        let [summary, timeline] = into;
        // What an earlier load wrote is none of this one's.
        std::fs::write(timeline, "")?;
        let process = Command::new("load")
            .args(["-url", url, "-host", host, "-rate", REQUESTS_A_SECOND, "-duration", duration])
            .args(["-connections", CONNECTIONS, "-timeout", PATIENCE])
            .args([Path::new("-summary"), summary, Path::new("-timeline"), timeline])
            .args(headers.iter().flat_map(|header| ["-header", header]))
            .spawn()
            .map_err(|error| format!("load: {error}: run these tests by e2e/test.sh releases"))?;
        Ok(Self { process, summary: summary.to_owned() })
    }

    /// Ends the load and returns its account.
    pub(super) fn end(self) -> Outcome<Account> {
        run("kill", &["-TERM", &self.process.id().to_string()])?;
        self.account()
    }

    /// Waits for the end of the load.
    fn account(mut self) -> Outcome<Account> {
        self.process.wait()?;
        Ok(serde_json::from_str(&std::fs::read_to_string(&self.summary)?)?)
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        // It has ended already unless the claim failed.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
