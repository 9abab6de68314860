//! serin: progressive delivery for Kubernetes, wire-compatible with Flagger.

pub mod api;
pub mod judge;
pub mod model;
pub mod object;
pub mod plan;
pub mod sim;
#[cfg(test)]
mod tidy;
