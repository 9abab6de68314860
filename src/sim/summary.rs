//! Many seeded runs together: what held, and what they reached. A run that never gets somewhere proves nothing about it.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::Report;

/// What became of many runs.
#[derive(Debug, Default)]
pub struct Summary {
    /// Runs.
    pub seeds: u64,
    /// Rounds of the operator in all of them.
    pub rounds: u64,
    /// Simulated time of all of them.
    pub took: Duration,
    /// How many runs reached each phase, change of phase, strategy, notice and fault.
    pub reached: BTreeMap<String, u64>,
    /// The runs in which a rule did not hold.
    pub broken: Vec<Report>,
}

impl Summary {
    /// Counts a run.
    pub fn add(&mut self, report: Report) {
        self.seeds += 1;
        self.rounds += u64::from(report.rounds);
        self.took += report.took;
        for name in &report.reached {
            *self.reached.entry(name.clone()).or_default() += 1;
        }
        if report.broken.is_some() {
            self.broken.push(report);
        }
    }

    /// What no run reached of what the runs are for.
    pub fn missed(&self) -> Vec<&'static str> {
        let all = [PHASES, STRATEGIES, NOTICES, FAULTS];
        all.into_iter().flatten().copied().filter(|name| !self.reached.contains_key(*name)).collect()
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for report in &self.broken {
            writeln!(f, "{report}")?;
        }
        let Self { seeds, rounds, took, reached, broken } = self;
        let names = |wanted: &dyn Fn(&str) -> bool| -> Vec<String> {
            reached.iter().filter(|(name, _)| wanted(name)).map(|(name, count)| format!("{name} {count}")).collect()
        };
        let known = |list: &'static [&'static str]| move |name: &str| list.contains(&name);
        writeln!(f, "runs that reached")?;
        writeln!(f, "  a change of phase: {}", names(&|name| name.contains("->")).join(", "))?;
        writeln!(f, "  a strategy: {}", names(&known(STRATEGIES)).join(", "))?;
        writeln!(f, "  a notice: {}", names(&known(NOTICES)).join(", "))?;
        writeln!(f, "  a fault: {}", names(&known(FAULTS)).join(", "))?;
        let missed = self.missed();
        if !missed.is_empty() {
            writeln!(f, "no run reached {}", missed.join(", "))?;
        }
        let hours = took.as_secs() / 3600;
        let held = match broken.len() {
            0 => "every invariant held".to_owned(),
            broken => format!("{broken} break a rule"),
        };
        writeln!(f, "{seeds} seeds, {rounds} ticks in {hours} h of simulated time: {held}")
    }
}

const PHASES: &[&str] = &[
    "Initializing->Initialized",
    "Initialized->Progressing",
    "Initialized->Waiting",
    "Waiting->Progressing",
    "Progressing->WaitingPromotion",
    "WaitingPromotion->Promoting",
    "Progressing->Promoting",
    "Progressing->Finalising",
    "Progressing->Failed",
    "Promoting->Finalising",
    "Promoting->Failed",
    "Finalising->Succeeded",
    "Finalising->Failed",
    "Succeeded->Progressing",
    "Failed->Progressing",
    "Succeeded->Terminating",
    "Initialized->Terminating",
];

/// `Unrouted` is a provider without routes; `HeldBack` a DaemonSet in place whose pods go back.
const STRATEGIES: &[&str] = &[
    "canary",
    "canary-match",
    "ab-testing",
    "blue-green",
    "Unrouted",
    "InPlace",
    "OnNodes",
    "HeldBack",
    "Mirrored",
    "Sticky",
    "Previewed",
    "KnownGood",
    "Quantile",
    "Few",
    "OpenedByHand",
    "Sized",
    "Warm",
    "ByPods",
    "JudgedFirst",
    "Queued",
    "Governed",
];

const NOTICES: &[&str] = &[
    "Initialized",
    "FirstFailed",
    "Baking",
    "BakeFailed",
    "Returning",
    "NewRevision",
    "Restarted",
    "CourseChanged",
    "Started",
    "Mirroring",
    "Advanced",
    "Iterated",
    "RoutingToCanary",
    "Halted",
    "CanaryNotReady",
    "PrimaryNotReady",
    "PrimaryDown",
    "Copying",
    "PrimaryAdvanced",
    "RoutingToPrimary",
    "Promoted",
    "PromotedUnanalysed",
    "ThresholdReached",
    "HarmFound",
    "DeadlineExceeded",
    "RolledBack",
    "Frozen",
    "PromotionFailed",
    "Withdrawn",
    "RouteDrift",
    "PrimaryDrift",
    "HookPassed",
    "HookFailed",
    "GateClosed",
    "GateOverdue",
    "Held",
    "RollbackRequested",
    "Complaint",
    "Requested",
    "Aborted",
    "Suspended",
    "Terminating",
    "Terminated",
];

const FAULTS: &[&str] = &[
    "Crash",
    "Takeover",
    "TwoLeaders",
    "StaleCache",
    "StaleCaches",
    "LostWakes",
    "SpareWake",
    "Conflict",
    "ProviderDown",
    "ProviderEmpty",
    "HookAgainst",
    "HookSilent",
    "HookBroken",
    "NoTraffic",
    "EditWeight",
    "EditHosts",
    "Scale",
    "EditAnalysis",
    "EditConfig",
    "Autoscale",
    "Suspend",
    "Skip",
    "Release",
    "EditConfig",
    "Revert",
    "EditPrimary",
    "DeletePrimary",
    "DeleteSides",
    "DeleteRoute",
    "DeleteTarget",
    "DeleteCanary",
    "Freeze",
    "Thaw",
    "ElderReleases",
    "Ask",
];
