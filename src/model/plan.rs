//! The outcome of one decision.

use super::{Effect, Journal, Notice, Time};

/// What to write, do, tell, and when to look again, in this order.
#[derive(Clone, PartialEq, Debug)]
pub struct Plan {
    /// The new status. Written first, and only if it differs.
    pub journal: Journal,
    /// In this order; the first failure ends the round and the next round goes on from there.
    pub effects: Vec<Effect>,
    /// What users shall hear, told after the effects.
    pub notices: Vec<Notice>,
    /// When to look again even if nothing changes.
    pub wake: Option<Time>,
}
