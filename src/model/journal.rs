//! `status` as the decisions read and write it: the intent is written here before any effect.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{
    Compared, Cookies, Course, Handled, Membership, Moment, Percent, Phase, Revision, Stand, Strategy, Time, Wait,
};

/// The journal of one canary. Everything a decision remembers is in it; nothing is kept in memory.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Journal {
    /// Where the canary is in its life.
    pub phase: Phase,
    /// Share of traffic that the canary shall have.
    pub weight: Percent,
    /// Checks that failed in this release; a success does not reset it.
    pub failed_checks: u32,
    /// Counter of blue/green and A/B releases.
    pub iterations: i32,
    /// The revision that was seen last: of the release that runs, or ran.
    pub last_applied: Option<Revision>,
    /// The revision of the primary.
    pub last_promoted: Option<Revision>,
    /// Checksums of the ConfigMaps and Secrets of `last_applied`; `None` where they are not tracked.
    pub tracked: Option<BTreeMap<String, String>>,
    /// The revision whose pre-rollout hooks have said yes: they are not called again for it.
    pub prepared: Option<Revision>,
    /// The hook that holds the release, or that is still to be called after it.
    pub awaits: Option<Awaited>,
    /// The gate that a person opened, until the release has passed it.
    pub opened: Option<Opened>,
    /// Pods of the primary, where the canary has a number of its own: a primary that is made anew has as many.
    pub full: Option<u32>,
    /// What else holds the release.
    pub waits: Option<Wait>,
    /// The revision whose release a request began: the schedule does not hold it.
    pub exempt: Option<Revision>,
    /// Its part in what its group promotes together.
    pub group: Option<Membership>,
    /// The step that runs.
    pub step: Option<Step>,
    /// Until when the new primary is watched, at least. It stays where the release failed by that.
    pub bake: Option<Time>,
    /// Since when a request holds the release.
    pub paused: Option<Time>,
    /// The request that was handled last.
    pub handled: Option<Handled>,
    /// Since when no other revision has had requests in the canary's place: what came before says nothing about the one there now.
    pub vacant_since: Option<Time>,
    /// Another hand that sets the weights of the route, as long as it does.
    pub contest: Option<Contest>,
    /// The cookies that keep users on a side.
    pub cookies: Cookies,
    /// The KPIs of the last check.
    pub readings: Vec<Reading>,
    /// `metadata.generation` of the spec of the last decision.
    pub observed_generation: i64,
    /// Conditions in the order in which they are shown; `Promoted` is first.
    pub conditions: Vec<Condition>,
}

impl Journal {
    /// Whether no decision was ever written.
    pub const fn is_blank(&self) -> bool {
        self.conditions.is_empty()
    }

    /// Whether the analysis has begun: the canary was ready, and its first step was decided.
    pub fn has_begun(&self) -> bool {
        self.step.is_some_and(|step| step.course.is_some())
    }

    /// For how long its checks have counted as nothing by now.
    pub fn held_for(&self, now: Time) -> Duration {
        self.step.and_then(|step| step.held_since).map_or(Duration::ZERO, |since| now.since(since))
    }

    /// Whether the canary has everything, and nothing is left but its promotion.
    pub fn has_taken_over(&self, strategy: &Strategy) -> bool {
        // A Flagger may have written -1.
        let counted = u32::try_from(self.iterations).unwrap_or(0);
        let nothing_left = match strategy {
            Strategy::Progressive { steps, .. } => steps.end_in_everything() && counted > 0,
            Strategy::BlueGreen { iterations, .. } => counted >= iterations.get(),
            Strategy::AbTest { .. } | Strategy::Skip => false,
        };
        nothing_left && self.weight == Percent::FULL
    }

    /// Where it stands in the round of its group.
    pub fn stand(&self) -> Stand {
        self.group.as_ref().map_or(Stand::Out, |own| own.stand)
    }

    /// Whether a new primary is watched.
    pub fn bakes(&self) -> bool {
        self.phase == Phase::Finalising && self.bake.is_some()
    }

    /// The condition of this kind.
    pub fn condition(&self, kind: ConditionKind) -> Option<&Condition> {
        self.conditions.iter().find(|c| c.kind == kind)
    }
}

/// A step of a release, or a wait within it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Step {
    /// Weight of the canary since `started_at`.
    pub weight: Percent,
    /// When it was decided.
    pub started_at: Time,
    /// When the next check is due. It survives a restart, so a step is neither skipped nor hastened.
    pub next_check_at: Time,
    /// Since when a side has been unready, where it is.
    pub waiting_since: Option<Time>,
    /// Since when its checks are held by KPIs without a value, where they are.
    pub held_since: Option<Time>,
    /// By which strategy the release is analysed; `None` until that has begun.
    pub course: Option<Course>,
}

/// What another hand sets the route to, and we set it back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Contest {
    /// Since when.
    pub since: Time,
    /// How often it was set back.
    pub restored: u32,
    /// When it was set back last.
    pub last: Time,
}

/// A hook whose yes a release awaits, or whose call follows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Awaited {
    /// Its name.
    pub hook: String,
    /// Its moment.
    pub moment: Moment,
    /// Since when; a gate's deadline counts from here.
    pub since: Time,
}

/// A gate that waits for a person, and was opened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Opened {
    /// Its moment.
    pub moment: Moment,
    /// The revision that may pass; no other.
    pub revision: Revision,
}

/// One KPI as it was measured last.
#[derive(Clone, PartialEq, Debug)]
pub struct Reading {
    /// Name of the KPI.
    pub name: String,
    /// The value, where there was one.
    pub value: Option<f64>,
    /// What it means.
    pub verdict: Verdict,
    /// A sentence with the value and its limit.
    pub explanation: String,
    /// The window of the query, as the user wrote it.
    pub interval: String,
    /// When the provider was asked; `None` where that was not written down.
    pub measured_at: Option<Time>,
    /// Requests that are missing for a verdict, where it is inconclusive.
    pub needs: Option<u32>,
    /// What the comparison has come to, where there is one.
    pub compared: Option<Compared>,
}

/// What a measurement means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Within its range.
    Pass,
    /// Outside its range.
    Fail,
    /// Of too few requests to tell.
    Inconclusive,
    /// The query found nothing.
    NoData,
    /// The provider did not answer, or not in a usable form.
    Error,
}

impl Verdict {
    /// Every verdict.
    pub const ALL: [Self; 5] = [Self::Pass, Self::Fail, Self::Inconclusive, Self::NoData, Self::Error];

    /// The word in `status.metrics[].verdict`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Inconclusive => "inconclusive",
            Self::NoData => "nodata",
            Self::Error => "error",
        }
    }
}

/// A condition of `status.conditions`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Condition {
    /// Which one.
    pub kind: ConditionKind,
    /// Whether it holds.
    pub truth: Truth,
    /// CamelCase, one for each situation.
    pub reason: String,
    /// A sentence.
    pub message: String,
    /// When `truth` changed last.
    pub since: Time,
    /// When truth, reason or message changed last.
    pub updated: Time,
}

/// The conditions that we write, in the order in which they are shown.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum ConditionKind {
    /// Flagger's: whether the last release was promoted. Other tools read the first condition, so it stays first.
    Promoted,
    /// Whether what Git asks for is what serves.
    Ready,
    /// Work goes on.
    Reconciling,
    /// Nothing goes on until somebody mends something.
    Stalled,
}

impl ConditionKind {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 4] = [Self::Promoted, Self::Ready, Self::Reconciling, Self::Stalled];

    /// The word in `type`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Promoted => "Promoted",
            Self::Ready => "Ready",
            Self::Reconciling => "Reconciling",
            Self::Stalled => "Stalled",
        }
    }
}

/// `status` of a condition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Truth {
    /// It holds.
    True,
    /// It does not.
    False,
    /// Not known yet.
    Unknown,
}

impl Truth {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::True, Self::False, Self::Unknown];

    /// The word in `status`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}
