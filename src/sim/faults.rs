//! What goes wrong, and what people do in the middle of it: a seeded schedule.

use std::time::Duration;

use super::fixture;
use super::random::Random;
use crate::model::{Moment, Percent, Verb};
use crate::object::Kind;
use crate::object::kinds::{CANARY, DEPLOYMENT, ENDPOINT_SLICE, SERVICE};

/// One disturbance.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Fault {
    /// The process dies after so many further writes and is started again.
    Crash(u32),
    /// Another replica takes over, its watch of one kind lagging.
    Takeover(Kind, Duration),
    /// The watch of a kind brings nothing new for so long.
    StaleCache(Kind, Duration),
    /// No watch brings anything new for so long.
    StaleCaches(Duration),
    /// A replica that lost its Lease does not know it for so long, while another one leads already.
    TwoLeaders(Kind, Duration),
    /// No watch wakes anybody for so long.
    LostWakes(Duration),
    /// A round without a reason.
    SpareWake,
    /// Somebody writes to the Canary just before the operator does.
    Conflict,
    /// The KPI provider does not answer for so long.
    ProviderDown(Duration),
    /// The KPI provider answers with no series for so long.
    ProviderEmpty(Duration),
    /// The hooks of some moments say no for so long; those of a rollback say yes.
    HookAgainst(Vec<Moment>, Duration),
    /// The hooks of some moments answer only after so long.
    HookSilent(Vec<Moment>, Duration),
    /// The hooks of some moments fail for so long.
    HookBroken(Vec<Moment>, Duration),
    /// Nobody sends requests for so long.
    NoTraffic(Duration),
    /// A person writes the canary's share into the route.
    EditWeight(u8),
    /// A person writes other hosts into the route.
    EditHosts,
    /// A GitOps sync writes the target's replicas.
    Scale(u32),
    /// The load changes: autoscalers ask for so many pods.
    Autoscale(u32),
    /// Fields of the Canary's analysis change.
    EditAnalysis(Knob),
    /// The Canary is suspended for so long.
    Suspend(Duration),
    /// What `Suspend` promised.
    Resume,
    /// The spec's `skipAnalysis` changes.
    Skip(Skip),
    /// A new revision.
    Release(Temper),
    /// A revision whose behaviour is known.
    Deploy(String),
    /// A person writes another value into the ConfigMap that the pods read.
    EditConfig(u8),
    /// An earlier revision, the promoted one among them.
    Revert,
    /// A person writes another revision into the primary.
    EditPrimary,
    /// A person deletes the primary.
    DeletePrimary,
    /// A person deletes the Services of both sides.
    DeleteSides,
    /// A person deletes the route.
    DeleteRoute,
    /// The target goes away for so long.
    DeleteTarget(Duration),
    /// The target comes back as it was.
    RestoreTarget,
    /// The Canary is deleted, and made anew after so long.
    DeleteCanary(Duration),
    /// The Canary is made anew.
    RestoreCanary,
    /// A person writes a freeze into the schedule, for so long from now on.
    Freeze(Duration),
    /// A person takes the schedule away.
    Thaw,
    /// The canary that comes first has a release for so long.
    ElderReleases(Duration),
    /// It is settled again.
    ElderSettles,
    /// A person asks for something by annotation; a pause is ended after so long.
    Ask(Verb, Duration),
}

/// A field of the analysis.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Knob {
    Interval,
    Threshold,
    Weights,
    Deadline,
    Promotion,
    Strategy,
    Affinity,
    Size,
}

impl Knob {
    const ALL: [Self; 8] = [
        Self::Interval,
        Self::Threshold,
        Self::Weights,
        Self::Deadline,
        Self::Promotion,
        Self::Strategy,
        Self::Affinity,
        Self::Size,
    ];
}

/// Whether the analysis is skipped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Skip {
    On,
    Off,
}

/// How a revision turns out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Temper {
    Healthy,
    /// Healthy, but its pods take half a minute.
    SlowStart,
    /// Its pods never get ready.
    NeverReady,
    /// Its pods get ready as the canary, but not as the primary.
    NeverPrimary,
    /// It is healthy as the canary, and fails as the primary.
    FailingPrimary,
    /// Its pods break after a while.
    Breaks,
    /// One request in twenty fails.
    Failing,
    /// It fails more the longer it runs.
    Leaking,
    /// It answers too late.
    Slow,
}

impl Temper {
    const ALL: [Self; 8] = [
        Self::Healthy,
        Self::SlowStart,
        Self::NeverReady,
        Self::NeverPrimary,
        Self::Breaks,
        Self::Failing,
        Self::Leaking,
        Self::Slow,
    ];
    /// Those whose analysis must end in a rollback.
    pub(super) const BAD: [Self; 3] = [Self::NeverReady, Self::Failing, Self::Slow];
}

impl Fault {
    /// The word under which it is counted.
    pub(super) fn name(&self) -> String {
        let text = format!("{self:?}");
        text.split('(').next().unwrap_or_default().to_owned()
    }

    fn any(random: &mut Random) -> Self {
        let kinds = [CANARY, DEPLOYMENT, SERVICE, ENDPOINT_SLICE];
        let kind = random.pick(&kinds).unwrap_or(DEPLOYMENT);
        let (moments, shift) = (some_moments(random), random.millis(20_000, 400_000));
        let (short, long) = (random.millis(200, 8_000), random.millis(5_000, 90_000));
        match random.below(65) {
            0..=3 => Self::Crash(u32::from(random.count(6))),
            4..=5 => Self::Takeover(kind, short),
            6..=7 => Self::StaleCache(kind, short),
            8 => Self::LostWakes(long),
            9 => Self::SpareWake,
            10..=11 => Self::Conflict,
            12 => Self::ProviderDown(long),
            13 => Self::ProviderEmpty(long),
            14 => Self::NoTraffic(long),
            15..=16 => Self::EditWeight(random.count(101)),
            17 => Self::EditHosts,
            18..=19 => Self::Scale(u32::from(random.count(5))),
            20..=21 => Self::EditAnalysis(random.pick(&Knob::ALL).unwrap_or(Knob::Interval)),
            22 => Self::Suspend(long),
            23 => Self::Skip(if random.chance(50) { Skip::On } else { Skip::Off }),
            24..=31 => Self::Release(random.pick(&Temper::ALL).unwrap_or(Temper::Healthy)),
            32..=34 => Self::Revert,
            35 => Self::DeletePrimary,
            36 => Self::DeleteSides,
            37 => Self::DeleteRoute,
            38 => Self::DeleteTarget(long),
            39..=40 => Self::StaleCaches(random.millis(4_000, 30_000)),
            41 => Self::TwoLeaders(kind, random.millis(1_000, 20_000)),
            42 => Self::EditPrimary,
            43 => Self::DeleteCanary(long),
            44..=45 => Self::EditConfig(random.count(4)),
            46..=55 => Self::HookAgainst(moments, shift),
            56..=57 => Self::HookSilent(moments, shift),
            58 => Self::HookBroken(moments, shift),
            59 => Self::Autoscale(u32::from(random.count(8))),
            _ => Self::Ask(some_verb(random), long),
        }
    }
}

fn some_verb(random: &mut Random) -> Verb {
    let weight = Percent::clamped(random.count(101).into());
    let verbs = [Verb::Promote, Verb::Abort, Verb::Pause, Verb::Resume, Verb::Retry, Verb::SetWeight(weight)];
    random.pick(&verbs).unwrap_or(Verb::Pause)
}

/// The moments whose hooks change their mind: mostly one gate.
fn some_moments(random: &mut Random) -> Vec<Moment> {
    let gates = [Moment::ConfirmRollout, Moment::ConfirmTrafficIncrease, Moment::ConfirmPromotion];
    match random.below(20) {
        0..=9 => random.pick(&gates).into_iter().collect(),
        10..=12 => gates.to_vec(),
        13..=16 => vec![Moment::Rollback],
        _ => random.pick(&fixture::MOMENTS).into_iter().collect(),
    }
}

/// Up to a dozen faults within a quarter of an hour, by time.
pub(super) fn schedule(random: &mut Random) -> Vec<(Duration, Fault)> {
    let count = random.below(13);
    let mut faults: Vec<_> = (0..count).map(|_| (random.millis(0, 900_000), Fault::any(random))).collect();
    if random.chance(80) {
        let at = random.millis(30_000, 300_000);
        faults.push((at, Fault::Release(Temper::Healthy)));
        // What only means something in the middle of a release.
        if random.chance(60) {
            faults.push((at, Fault::HookAgainst(some_moments(random), random.millis(20_000, 200_000))));
        }
        if random.chance(25) {
            faults.push((at + random.millis(15_000, 90_000), Fault::EditAnalysis(Knob::Strategy)));
        }
        if random.chance(15) {
            faults.push((at + random.millis(15_000, 90_000), Fault::Revert));
        }
    }
    faults.sort_by_key(|(at, _)| *at);
    faults
}

/// Revisions that show only after their promotion what they are worth, and nothing to judge the first one by, by time.
pub(super) fn regrets(random: &mut Random) -> Vec<(Duration, Fault)> {
    let count = random.below(3);
    let some = |_| (random.millis(60_000, 900_000), Fault::Release(Temper::FailingPrimary));
    let mut faults: Vec<_> = (0..count).map(some).collect();
    // So long that a first deployment that is judged meanwhile runs out of time.
    if random.chance(20) {
        faults.push((random.millis(0, 2_000), Fault::ProviderDown(random.millis(150_000, 400_000))));
    }
    faults
}

/// What becomes of the schedule, and of the canary that comes first, by time.
pub(super) fn calendar(random: &mut Random) -> Vec<(Duration, Fault)> {
    let mut faults = Vec::new();
    if random.chance(20) {
        faults.push((random.millis(20_000, 400_000), Fault::Freeze(random.millis(20_000, 600_000))));
    }
    if random.chance(15) {
        faults.push((random.millis(60_000, 900_000), Fault::Thaw));
    }
    for _ in 0..random.below(3) {
        faults.push((random.millis(10_000, 600_000), Fault::ElderReleases(random.millis(5_000, 200_000))));
    }
    faults
}
