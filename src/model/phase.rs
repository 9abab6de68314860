//! Where a canary is in its life.

use std::fmt;

/// The phases of Flagger's API, in the order in which a release passes through them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Phase {
    /// The primary, the Services and the route are being made; the target still serves.
    #[default]
    Initializing,
    /// The primary serves everything; no release has run yet.
    Initialized,
    /// A new revision waits for approval to start.
    Waiting,
    /// The canary is scaled up, gets traffic in steps, and is judged.
    Progressing,
    /// The analysis passed; promotion waits for approval.
    WaitingPromotion,
    /// The primary takes the canary's revision; traffic goes back to it.
    Promoting,
    /// All traffic is on the primary; the canary drains before it is scaled down.
    Finalising,
    /// The last release was promoted.
    Succeeded,
    /// The last release was rolled back.
    Failed,
    /// The Canary is being deleted: the user's objects are given back.
    Terminating,
    /// Everything is given back.
    Terminated,
}

impl Phase {
    /// Every phase.
    pub const ALL: [Self; 11] = [
        Self::Initializing,
        Self::Initialized,
        Self::Waiting,
        Self::Progressing,
        Self::WaitingPromotion,
        Self::Promoting,
        Self::Finalising,
        Self::Succeeded,
        Self::Failed,
        Self::Terminating,
        Self::Terminated,
    ];

    /// The word in `status.phase`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Initializing => "Initializing",
            Self::Initialized => "Initialized",
            Self::Waiting => "Waiting",
            Self::Progressing => "Progressing",
            Self::WaitingPromotion => "WaitingPromotion",
            Self::Promoting => "Promoting",
            Self::Finalising => "Finalising",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
            Self::Terminating => "Terminating",
            Self::Terminated => "Terminated",
        }
    }

    /// Reads `status.phase`. Empty means that nothing has begun.
    pub fn parse(word: &str) -> Option<Self> {
        if word.is_empty() {
            return Some(Self::Initializing);
        }
        Self::ALL.into_iter().find(|p| p.as_str() == word)
    }

    /// No release runs: nothing changes until an input does.
    pub const fn is_settled(self) -> bool {
        matches!(self, Self::Initialized | Self::Succeeded | Self::Failed | Self::Terminated)
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
