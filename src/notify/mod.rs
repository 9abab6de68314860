//! Notices into words: the Kubernetes Event of each.
//!
//! Where Flagger has a text for it, the text is Flagger's, since CI greps for it; the reason is always our own. Never a decision, and
//! never a text without the object that it is about.

mod hooks;
mod in_place;
mod reasons;
mod unready;

pub use reasons::{ALL, Reason};
pub use unready::unready;

use crate::model::{CanaryRef, Course, Mirror, Moment, Notice, Percent, Reading, Tone, Unready, Verdict, Wait};

/// A Kubernetes Event of the Canary.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    /// CamelCase, one for each kind of notice; a complaint brings its own.
    pub reason: &'static str,
    /// Normal or Warning.
    pub tone: Tone,
    /// What is done, with whatever makes the note differ from the last one under this reason: recorders take events as the same
    /// when reason and action are, and then repeat the old note.
    pub action: String,
    /// The sentence, at most 1,024 bytes.
    pub note: String,
}

/// The limits of the apiserver for an event, in bytes.
const NOTE: usize = 1024;
const ACTION: usize = 128;

/// The event of a notice about `canary`.
pub fn event(notice: &Notice, canary: &CanaryRef) -> Event {
    let note = cut(&in_place::note(notice, canary).unwrap_or_else(|| note(notice, canary)), NOTE);
    let action = cut(&action(notice, &note), ACTION);
    Event { reason: reasons::of(notice), tone: tone(notice), action, note }
}

fn note(notice: &Notice, who: &CanaryRef) -> String {
    let CanaryRef { namespace: ns, name, target, .. } = who;
    match notice {
        Notice::Initialized => format!("Initialization done! {name}.{ns}"),
        Notice::FirstFailed(checks) => first_failed(*checks, who),
        Notice::NewRevision => format!("New revision detected! Scaling up {target}.{ns}"),
        Notice::Restarted => format!("New revision detected! Restarting analysis for {target}.{ns}"),
        Notice::CourseChanged(course) => course_changed(*course, who),
        Notice::Started => format!("Starting canary analysis for {target}.{ns}"),
        Notice::Mirroring => format!("Advance {name}.{ns} canary weight 0, with copies of the requests"),
        Notice::Advanced(weight) => format!("Advance {name}.{ns} canary weight {weight}"),
        Notice::Iterated(count, of) => format!("Advance {name}.{ns} canary iteration {count}/{of}"),
        Notice::RoutingToCanary(Mirror::Off) => "Routing all traffic to canary".to_owned(),
        Notice::RoutingToCanary(Mirror::All | Mirror::Share(_)) => {
            "Stop traffic mirroring and route all traffic to canary".to_owned()
        }
        Notice::Halted(reading) => halted(reading, who),
        Notice::HookPassed(moment, hook) => hooks::passed(*moment, hook),
        Notice::GateClosed(moment, hook, why) => hooks::closed(*moment, hook, why, who),
        Notice::GateOverdue(hook, then) => hooks::overdue(hook, *then, who),
        Notice::HookFailed(moment, hook, why) => hooks::failed(*moment, hook, why, who),
        Notice::Held(wait) => held(wait, who),
        Notice::GroupFailed(group, by) => group_failed(group, by, who),
        Notice::RollbackRequested => format!("Rolling back {name}.{ns} manual webhook invoked"),
        Notice::CanaryNotReady(why) => canary_not_ready(*why, who),
        Notice::PrimaryNotReady(why) => {
            format!("{target}-primary.{ns} not ready: {}", unready(*why, &format!("{target}-primary")))
        }
        Notice::PrimaryDown => {
            format!("{target}-primary.{ns} has no available pod, so the canary gets all traffic until it has one")
        }
        Notice::Copying => format!("Copying {target}.{ns} template spec to {target}-primary.{ns}"),
        Notice::PrimaryAdvanced(weight) => format!("Advance {name}.{ns} primary weight {weight}"),
        Notice::RoutingToPrimary => "Routing all traffic to primary".to_owned(),
        Notice::Promoted => format!("Promotion completed! Scaling down {target}.{ns}"),
        Notice::PromotedUnanalysed => format!("Promotion completed! Canary analysis was skipped for {target}.{ns}"),
        Notice::ThresholdReached(checks) => {
            format!("Rolling back {name}.{ns} failed checks threshold reached {checks}")
        }
        Notice::HarmFound(why) => format!("Rolling back {name}.{ns} {why}"),
        Notice::DeadlineExceeded(why) => {
            format!("Rolling back {name}.{ns} progress deadline exceeded {}", canary_not_ready(*why, who))
        }
        Notice::Baking(until) => format!("{target}-primary.{ns} has all traffic and is watched until {until}"),
        Notice::BakeFailed(checks) => bake_failed(*checks, who),
        Notice::Returning => format!("{target}-primary.{ns} goes back to the revision before"),
        Notice::RolledBack => format!("Canary failed! Scaling down {name}.{ns}"),
        Notice::Frozen => format!("Canary failed! {name}.{ns} keeps its pods for a look, until the next revision"),
        Notice::PromotionFailed(why) => {
            let why = unready(*why, &format!("{target}-primary"));
            format!("Promotion of {target}.{ns} failed, primary not ready: {why}")
        }
        Notice::Withdrawn => withdrawn(who),
        Notice::RouteDrift(seen, asked) => drift(*seen, *asked, who),
        Notice::Requested { request, by, outcome } => {
            format!("Request {request}{} on {name}.{ns}: {outcome}", by_whom(by.as_deref()))
        }
        Notice::Aborted(by) => {
            format!("Rolling back {name}.{ns} as requested{}", by_whom(by.as_deref()))
        }
        Notice::OwnershipConflict(by) => contested(by.as_deref(), who),
        Notice::PrimaryDrift => primary_drift(who),
        Notice::Complaint(_, sentence) => sentence.clone(),
        Notice::Suspended => "skipping canary run as object is suspended".to_owned(),
        Notice::Terminating => format!("Terminating canary {name}.{ns}"),
        Notice::Terminated => format!("Terminated canary {name}.{ns}"),
    }
}

fn first_failed(checks: u32, who: &CanaryRef) -> String {
    let CanaryRef { namespace, target, .. } = who;
    let again = "push a fix, or write the annotation serin.dev/request: retry/<id>";
    format!(
        "{target}.{namespace} failed {checks} checks until its progress deadline, so it is not initialized and goes on serving by itself; {again}"
    )
}

fn bake_failed(checks: u32, who: &CanaryRef) -> String {
    let CanaryRef { namespace, target, .. } = who;
    format!(
        "Taking the promotion of {target}.{namespace} back, failed checks of {target}-primary.{namespace} reached {checks}"
    )
}

fn withdrawn(who: &CanaryRef) -> String {
    let CanaryRef { namespace, target, .. } = who;
    format!(
        "{target}.{namespace} is back at the promoted revision, so its release ends; all traffic goes to the primary"
    )
}

fn held(wait: &Wait, who: &CanaryRef) -> String {
    let CanaryRef { namespace, name, .. } = who;
    let by_hand = "serin.dev/request: promote/<id>";
    format!(
        "The release of {name}.{namespace} waits: {}; to let it go on now, write the annotation {by_hand}",
        wait.reason
    )
}

fn group_failed(group: &str, by: &str, who: &CanaryRef) -> String {
    let CanaryRef { namespace, name, .. } = who;
    format!(
        "Rolling back {name}.{namespace} with canary {by} of group {group}, whose release ended without a promotion"
    )
}

fn primary_drift(who: &CanaryRef) -> String {
    let CanaryRef { namespace, target, .. } = who;
    let it = format!("{target}.{namespace}");
    format!(
        "{target}-primary.{namespace} was changed or removed by another hand and is restored; change {it} instead, a release then brings it there"
    )
}

fn course_changed(course: Course, who: &CanaryRef) -> String {
    let CanaryRef { namespace, name, .. } = who;
    let course = course.as_str();
    format!("spec.analysis of {name}.{namespace} asks for {course} now, so its release starts again with no traffic")
}

/// Flagger's three ways to say that a check did not pass.
fn halted(reading: &Reading, who: &CanaryRef) -> String {
    let CanaryRef { namespace, name, .. } = who;
    let why = &reading.explanation;
    match reading.verdict {
        Verdict::Pass | Verdict::Fail | Verdict::Inconclusive => format!("Halt {name}.{namespace} advancement {why}"),
        Verdict::NoData => format!("Halt advancement {why}"),
        Verdict::Error => why.clone(),
    }
}

fn canary_not_ready(why: Unready, who: &CanaryRef) -> String {
    let CanaryRef { namespace, kind, target, .. } = who;
    format!("canary {} {target}.{namespace} not ready: {}", kind.to_lowercase(), unready(why, target))
}

fn drift(seen: Percent, asked: Percent, who: &CanaryRef) -> String {
    let CanaryRef { namespace, name, .. } = who;
    format!(
        "The route of {name}.{namespace} gave the canary {seen}% where {asked}% was set, and is restored; find the other writer in the managedFields of the route"
    )
}

fn contested(by: Option<&str>, who: &CanaryRef) -> String {
    let CanaryRef { namespace, name, .. } = who;
    let by = by.unwrap_or("Another writer");
    format!(
        "{by} sets the weights of the route of {name}.{namespace} again and again; they are set back ever more rarely and the release waits; keep the weights out of what it writes"
    )
}

const fn tone(notice: &Notice) -> Tone {
    match notice {
        Notice::Initialized
        | Notice::NewRevision
        | Notice::Restarted
        | Notice::CourseChanged(_)
        | Notice::Started
        | Notice::Mirroring
        | Notice::Advanced(_)
        | Notice::Iterated(..)
        | Notice::RoutingToCanary(_)
        | Notice::Copying
        | Notice::PrimaryAdvanced(_)
        | Notice::RoutingToPrimary
        | Notice::Baking(_)
        | Notice::Promoted
        | Notice::PromotedUnanalysed
        | Notice::Withdrawn
        | Notice::Held(_)
        | Notice::Requested { .. }
        | Notice::Suspended
        | Notice::Terminating
        | Notice::Terminated => Tone::Normal,
        // A rollback hook that passes is no good news.
        Notice::HookPassed(Moment::Rollback, _) => Tone::Warning,
        Notice::HookPassed(..) => Tone::Normal,
        Notice::Halted(_)
        | Notice::CanaryNotReady(_)
        | Notice::PrimaryNotReady(_)
        | Notice::PrimaryDown
        | Notice::ThresholdReached(_)
        | Notice::HarmFound(_)
        | Notice::DeadlineExceeded(_)
        | Notice::FirstFailed(_)
        | Notice::RolledBack
        | Notice::BakeFailed(_)
        | Notice::Returning
        | Notice::Frozen
        | Notice::PromotionFailed(_)
        | Notice::GateClosed(..)
        | Notice::GateOverdue(..)
        | Notice::HookFailed(..)
        | Notice::GroupFailed(..)
        | Notice::RollbackRequested
        | Notice::RouteDrift(..)
        | Notice::OwnershipConflict(_)
        | Notice::Aborted(_)
        | Notice::PrimaryDrift
        | Notice::Complaint(..) => Tone::Warning,
    }
}

/// ` by kubectl`, where that is known.
fn by_whom(name: Option<&str>) -> String {
    name.map(|name| format!(" by {name}")).unwrap_or_default()
}

/// The verb, and the step or a digest of the note where a reason has many notes.
fn action(notice: &Notice, note: &str) -> String {
    match notice {
        Notice::Initialized | Notice::FirstFailed(_) => "Initialize".to_owned(),
        Notice::NewRevision | Notice::Restarted | Notice::Started => "Analyse".to_owned(),
        Notice::CourseChanged(course) => format!("Analyse-{}", course.as_str()),
        Notice::Mirroring => "Mirror".to_owned(),
        Notice::Advanced(weight) => format!("ShiftTo{weight}"),
        Notice::Iterated(count, _) => format!("Iterate{count}"),
        Notice::RoutingToCanary(_) | Notice::PrimaryDown => "ShiftTo100".to_owned(),
        Notice::PrimaryAdvanced(weight) => format!("ReturnTo{weight}"),
        Notice::Halted(reading) => format!("Check-{}-{}", cut(&reading.name, 96), digest(note)),
        Notice::HookPassed(moment, hook) => format!("Agree-{}-{}", moment.as_str(), digest(hook)),
        Notice::GateClosed(moment, hook, _) => format!("Await-{}-{}", moment.as_str(), digest(hook)),
        Notice::GateOverdue(hook, _) => format!("Await-{}", digest(hook)),
        Notice::HookFailed(..) => format!("Test-{}", digest(note)),
        Notice::Held(_) => format!("Hold-{}", digest(note)),
        Notice::RollbackRequested | Notice::GroupFailed(..) => "RollBack".to_owned(),
        Notice::CanaryNotReady(_) | Notice::PrimaryNotReady(_) => format!("Wait-{}", digest(note)),
        Notice::Copying | Notice::RoutingToPrimary | Notice::Promoted | Notice::PromotedUnanalysed => {
            "Promote".to_owned()
        }
        Notice::Baking(_) => "Bake".to_owned(),
        Notice::ThresholdReached(checks) | Notice::BakeFailed(checks) => format!("RollBackAfter{checks}"),
        Notice::DeadlineExceeded(_) | Notice::HarmFound(_) => format!("RollBack-{}", digest(note)),
        Notice::RolledBack | Notice::Frozen | Notice::Withdrawn | Notice::Returning => "RollBack".to_owned(),
        Notice::PromotionFailed(_) => format!("Promote-{}", digest(note)),
        Notice::RouteDrift(seen, asked) => format!("Restore{asked}Over{seen}"),
        Notice::OwnershipConflict(_) => "RestoreRarely".to_owned(),
        Notice::Requested { .. } => format!("Request-{}", digest(note)),
        Notice::Aborted(_) => "RollBack".to_owned(),
        Notice::PrimaryDrift => "RestorePrimary".to_owned(),
        Notice::Complaint(..) => format!("Mend-{}", digest(note)),
        Notice::Suspended => "Suspend".to_owned(),
        Notice::Terminating | Notice::Terminated => "Terminate".to_owned(),
    }
}

/// FNV-1a: short, and the same in every process.
fn digest(text: &str) -> String {
    let hash = text.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    format!("{hash:08x}")
}

/// At most `limit` bytes.
fn cut(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let room = limit.saturating_sub('…'.len_utf8());
    let end = text.char_indices().map(|(at, c)| at + c.len_utf8()).take_while(|end| *end <= room).last().unwrap_or(0);
    text.get(..end).unwrap_or_default().to_owned() + "…"
}

#[cfg(test)]
mod tests;
