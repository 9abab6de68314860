//! serin: progressive delivery for Kubernetes, wire-compatible with Flagger.

pub mod metric;
pub mod model;
pub mod object;
