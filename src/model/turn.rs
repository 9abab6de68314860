//! Whose turn it is where a DeliveryPolicy limits how many releases run at once.

use super::Time;

/// How many releases a policy lets run at once in the namespaces that it selects.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Limit {
    /// Name of the DeliveryPolicy.
    pub policy: String,
    /// At least 1. The canaries of a group count as one release.
    pub most: u32,
}

/// Whether a release may begin as far as the others go.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Turn {
    /// It may.
    Given,
    /// Others come first.
    After {
        /// The limit that they fill.
        limit: Limit,
        /// Its place in the queue, from 1.
        position: u32,
    },
}

/// A place in the queue of a policy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Queued {
    /// Since when; who has waited longer comes first.
    pub since: Time,
    /// From 1.
    pub position: u32,
}

/// A canary as the others see it that share a limit with it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entrant {
    /// `namespace/name`.
    pub name: String,
    /// `namespace/group`, where it is promoted with others.
    pub group: Option<String>,
    /// How it stands.
    pub stands: Stands,
}

/// How a canary stands in the queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stands {
    /// Its release runs.
    Runs,
    /// It waits for its turn, and for nothing else, since then.
    Waits(Time),
    /// It has no release, or one that waits for something else.
    Aside,
}

impl Entrant {
    /// What counts as one release.
    pub fn release(&self) -> &str {
        self.group.as_deref().unwrap_or(&self.name)
    }
}
