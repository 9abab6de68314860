//! The user's workload and what is made of it: the primary, the Services of both sides, and the kept templates.
//!
//! Objects in, changes or domain values out. Never a client, a clock, a decision, or the routing between the sides.

mod defaults;
pub mod deployment;
mod error;
mod hash;
mod metadata;
pub mod primary;
#[cfg(test)]
mod samples;
mod selector;
pub mod snapshot;
mod subject;
mod template;

pub use error::WorkloadError;
pub use hash::revision;
pub use selector::Selector;
pub use subject::{CANARY, Role, Subject};
