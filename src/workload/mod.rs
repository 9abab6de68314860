//! The user's workload and what is made of it: the primary, the Services of both sides, and the kept templates.
//!
//! Objects in, changes or domain values out. Never a client, a clock, a decision, or the routing between the sides.

mod adoption;
pub mod budget;
pub mod configs;
mod core_service;
mod daemon_set;
mod defaults;
mod deployment;
pub mod endpoints;
mod error;
mod hash;
mod in_place;
mod knative;
#[cfg(test)]
mod laws;
mod metadata;
mod patch;
pub mod pods;
mod ports;
pub mod primary;
#[cfg(test)]
mod samples;
pub mod scaler;
mod selector;
pub mod services;
pub mod snapshot;
mod subject;
mod template;
pub mod whole;

pub use configs::Configs;
pub use error::WorkloadError;
pub use hash::{revision, revision_with};
pub use knative::newest as newest_knative_revision;
pub use selector::Selector;
pub use subject::{CANARY, Replicas, Role, Subject};
