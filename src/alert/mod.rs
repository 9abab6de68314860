//! Alerts: messages to chats about the turns and ends of a release, and the request that carries each of them.
//!
//! Never a socket, and never a secret in a log: the URL of a chat is one, because whoever knows it can write there.

mod chat;

pub use chat::{Chat, ChatKind};

use std::collections::BTreeMap;

use crate::model::{CanaryRef, Moment, Notice, Overdue, Unready};
use crate::notify;

/// How much an alert matters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Severity {
    /// As expected.
    Info,
    /// Somebody has to do something before it goes on.
    Warn,
    /// A release failed.
    Error,
}

impl Severity {
    /// The word in `severity`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }

    /// The severity of this word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Info, Self::Warn, Self::Error].into_iter().find(|severity| severity.as_str() == word)
    }
}

/// A message about a release.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Alert {
    /// The canary, as `name.namespace`.
    pub about: String,
    /// How much it matters.
    pub severity: Severity,
    /// The sentence.
    pub message: String,
    /// Titles and values, in their order.
    pub fields: Vec<(String, String)>,
    /// Whether it tells the end of a release.
    pub end: End,
}

/// Whether an alert tells the end of a release: then everybody hears of it, whatever happens to the operator.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// Something goes on.
    No,
    /// Nothing more comes of this release.
    Yes,
}

/// What the fields of an alert show of a canary.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Surroundings {
    /// Name of the cluster, where the operator was given one.
    pub cluster: Option<String>,
    /// `spec.analysis.threshold`.
    pub threshold: String,
    /// `spec.progressDeadlineSeconds`.
    pub deadline_seconds: String,
    /// How the analysis gives the canary traffic; nothing where it does not say.
    pub routing: Option<String>,
}

/// What an alert of a notice is like.
struct Shape {
    severity: Severity,
    message: String,
    with_surroundings: With,
    end: End,
}

/// Whether an alert shows the canary's surroundings.
enum With {
    Surroundings,
    Nothing,
}

/// The alert of a notice; most notices are events only.
pub fn of(notice: &Notice, canary: &CanaryRef, around: &Surroundings) -> Option<Alert> {
    let shape = shape(notice, canary)?;
    let mut fields: Vec<(String, String)> =
        around.cluster.iter().map(|cluster| ("Cluster".to_owned(), cluster.clone())).collect();
    if let With::Surroundings = shape.with_surroundings {
        let CanaryRef { kind, target, namespace, .. } = canary;
        let field = |title: &str, value: String| (title.to_owned(), value);
        fields.push(field("Target", format!("{kind}/{target}.{namespace}")));
        fields.push(field("Failed checks threshold", around.threshold.clone()));
        fields.push(field("Progress deadline", format!("{}s", around.deadline_seconds)));
        fields.extend(around.routing.iter().map(|routing| field("Traffic routing", routing.clone())));
    }
    let Shape { severity, message, end, .. } = shape;
    Some(Alert { about: about(canary), severity, message, fields, end })
}

/// The alert about the end of a release that was written down and may not have been told.
pub fn again(severity: Severity, message: &str, canary: &CanaryRef, around: &Surroundings) -> Alert {
    let fields = around.cluster.iter().map(|cluster| ("Cluster".to_owned(), cluster.clone())).collect();
    Alert { about: about(canary), severity, message: message.to_owned(), fields, end: End::Yes }
}

fn about(canary: &CanaryRef) -> String {
    format!("{}.{}", canary.name, canary.namespace)
}

/// The texts are Flagger's, where it has one.
fn shape(notice: &Notice, canary: &CanaryRef) -> Option<Shape> {
    let CanaryRef { kind, target, namespace, .. } = canary;
    let turn = |severity, message: String, with_surroundings| {
        Some(Shape { severity, message, with_surroundings, end: End::No })
    };
    let end =
        |severity, message: String| Some(Shape { severity, message, with_surroundings: With::Nothing, end: End::Yes });
    match notice {
        Notice::Initialized => {
            turn(Severity::Info, format!("New {kind} detected, initialization completed."), With::Surroundings)
        }
        Notice::FirstFailed(checks) => turn(
            Severity::Error,
            format!("The first deployment failed {checks} checks, it is not initialized"),
            With::Nothing,
        ),
        Notice::NewRevision => {
            let message = "New revision detected, progressing canary analysis.".to_owned();
            turn(Severity::Info, message, With::Surroundings)
        }
        Notice::Promoted => {
            end(Severity::Info, "Canary analysis completed successfully, promotion finished.".to_owned())
        }
        Notice::PromotedUnanalysed => {
            end(Severity::Info, "Canary analysis was skipped, promotion finished.".to_owned())
        }
        Notice::Withdrawn => {
            let message = format!("{target}.{namespace} is back at the promoted revision, the release was withdrawn.");
            end(Severity::Info, message)
        }
        Notice::GateClosed(moment, ..) => turn(Severity::Warn, waiting(*moment).to_owned(), With::Nothing),
        Notice::Held(wait) => turn(Severity::Info, format!("The release waits: {}", wait.reason), With::Nothing),
        Notice::GateOverdue(gate, Overdue::RollBack) => {
            end(Severity::Error, format!("Gate {gate} did not open before its deadline, the release ended"))
        }
        Notice::Aborted(by) => {
            let by = by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
            end(Severity::Warn, format!("Rolled back as requested{by}"))
        }
        Notice::GroupFailed(group, by) => {
            end(Severity::Error, format!("Rolled back with canary {by} of group {group}"))
        }
        Notice::RollbackRequested => end(Severity::Warn, "Rolling back manual webhook invoked".to_owned()),
        Notice::ThresholdReached(checks) => end(Severity::Error, format!("Failed checks threshold reached {checks}")),
        Notice::BakeFailed(checks) => {
            end(Severity::Error, format!("Promotion taken back, failed checks of the primary reached {checks}"))
        }
        Notice::HarmFound(why) => end(Severity::Error, format!("Rolled back: {why}")),
        Notice::DeadlineExceeded(why) => {
            let why = unready(*why, kind, target, namespace);
            end(Severity::Error, format!("Progress deadline exceeded {why}"))
        }
        Notice::PromotionFailed(why) => {
            let primary = format!("{target}-primary");
            let why = notify::unready(*why, &primary);
            end(Severity::Error, format!("Promotion failed, primary not ready: {why}"))
        }
        // Everything else is an event on the Canary, and no news for a chat.
        _ => None,
    }
}

const fn waiting(gate: Moment) -> &'static str {
    match gate {
        Moment::ConfirmTrafficIncrease => "Canary traffic increase is waiting for approval.",
        Moment::ConfirmPromotion => "Canary promotion is waiting for approval.",
        Moment::ConfirmRollout
        | Moment::PreRollout
        | Moment::Rollout
        | Moment::PostRollout
        | Moment::Rollback
        | Moment::Event => "Canary is waiting for approval.",
    }
}

fn unready(why: Unready, kind: &str, target: &str, namespace: &str) -> String {
    format!("canary {} {target}.{namespace} not ready: {}", kind.to_lowercase(), notify::unready(why, target))
}

/// The data of a Secret.
pub type SecretData = BTreeMap<String, Vec<u8>>;

#[cfg(test)]
mod tests;
