//! Hooks: calls over HTTP that test, gate, end or follow a release.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Phase, Revision, Time};

/// One hook of the analysis.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hook {
    /// Its name in the spec and in events.
    pub name: String,
    /// When it is called.
    pub moment: Moment,
    /// Where the call goes.
    pub url: String,
    /// Longest time of one try.
    pub timeout: Duration,
    /// How often a call that could not be made is tried again.
    pub retries: u32,
    /// Whose certificates are good.
    pub trust: Trust,
    /// Where what it proves, and whom it believes, is written.
    pub keys: HookKeys,
    /// What follows when a gate stays closed; `None` waits for ever.
    pub deadline: Option<Deadline>,
    /// Texts that the call carries.
    pub metadata: BTreeMap<String, String>,
}

/// Names of what a call is made with, in the canary's namespace; never what is in it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct HookKeys {
    /// The Secret with its credentials.
    pub secret: Option<String>,
    /// The only authority whose certificates are good.
    pub authority: Option<Authority>,
}

/// Where the certificate of an authority stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Authority {
    /// In which kind of object.
    pub shelf: Shelf,
    /// Its name.
    pub name: String,
    /// Under which key.
    pub key: String,
}

/// A kind of object that a certificate may stand in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shelf {
    /// A Secret.
    Secret,
    /// A ConfigMap.
    ConfigMap,
}

impl Shelf {
    /// Its kind, as in a manifest.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Secret => "Secret",
            Self::ConfigMap => "ConfigMap",
        }
    }
}

/// A gate that no server answers for: a person opens it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Approval {
    /// Its name in the spec and in events.
    pub name: String,
    /// What it holds.
    pub moment: Moment,
    /// What follows when nobody opens it; `None` waits for ever.
    pub deadline: Option<Deadline>,
}

/// How long a gate may stay closed, and what follows then.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Deadline {
    /// From the first no on.
    pub after: Duration,
    /// What follows.
    pub then: Overdue,
}

/// What follows when a gate stays closed too long.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Overdue {
    /// The release ends, and traffic goes back to the primary.
    RollBack,
    /// The release goes on as if the gate had opened.
    GoOn,
}

/// The moment of a release at which a hook is called.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Moment {
    /// Before the canary is scaled up, until it says yes.
    ConfirmRollout,
    /// Before the canary gets traffic, once for a revision; a no is a failed check.
    PreRollout,
    /// At every check, before the KPIs; a no is a failed check.
    Rollout,
    /// Before every step of weight, until it says yes.
    ConfirmTrafficIncrease,
    /// Before the promotion, until it says yes.
    ConfirmPromotion,
    /// After the release, whatever its end; a no changes nothing.
    PostRollout,
    /// At every check; a yes rolls back.
    Rollback,
    /// At every event; nobody waits for the answer.
    Event,
}

impl Moment {
    /// Every moment.
    pub const ALL: [Self; 8] = [
        Self::ConfirmRollout,
        Self::PreRollout,
        Self::Rollout,
        Self::ConfirmTrafficIncrease,
        Self::ConfirmPromotion,
        Self::PostRollout,
        Self::Rollback,
        Self::Event,
    ];

    /// The word in `type` of a hook.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ConfirmRollout => "confirm-rollout",
            Self::PreRollout => "pre-rollout",
            Self::Rollout => "rollout",
            Self::ConfirmTrafficIncrease => "confirm-traffic-increase",
            Self::ConfirmPromotion => "confirm-promotion",
            Self::PostRollout => "post-rollout",
            Self::Rollback => "rollback",
            Self::Event => "event",
        }
    }

    /// Whether a release waits for its yes, as long as that takes.
    pub const fn is_gate(self) -> bool {
        matches!(self, Self::ConfirmRollout | Self::ConfirmTrafficIncrease | Self::ConfirmPromotion)
    }

    /// When it is called, and what follows when the answer is no.
    pub const fn about(self) -> (&'static str, &'static str) {
        match self {
            Self::ConfirmRollout => ("before the canary is scaled up", "the release waits"),
            Self::PreRollout => ("before the first traffic, once for a revision", "a failed check"),
            Self::Rollout => ("at each check, before the KPIs", "a failed check"),
            Self::ConfirmTrafficIncrease => ("before each step of weight", "the weight stays, checks go on"),
            Self::ConfirmPromotion => ("before the promotion", "the release waits, checks go on"),
            Self::PostRollout => ("after the release, whatever its end", "an event"),
            Self::Rollback => ("at each check, and while a gate is closed", "nothing; a yes rolls back"),
            Self::Event => ("at each event", "nothing"),
        }
    }
}

/// Whose certificates are good.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Trust {
    /// Those of the system's authorities.
    #[default]
    System,
    /// Anybody's: the user asked not to verify.
    Anybody,
}

/// A call of a hook. Two that are equal are one call: it is made once, and whoever asks again gets the same answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Call {
    /// Who is called.
    pub hook: Hook,
    /// The phase that the call names.
    pub phase: Phase,
    /// The revision that the release is about.
    pub revision: Option<Revision>,
    /// The check that asks, by the moment at which it was due; `None` before there is any.
    pub check: Option<Time>,
}

/// What a hook said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reply {
    /// Nothing yet: the call is under way, and its end brings the next decision.
    Pending,
    /// 2xx.
    Yes,
    /// Anything else, or no answer at all; the text says which.
    No(String),
}
