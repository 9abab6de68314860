//! serin: progressive delivery for Kubernetes, wire-compatible with Flagger.

pub mod api;
pub mod cli;
pub mod judge;
pub mod metric;
pub mod model;
pub mod notify;
pub mod object;
pub mod plan;
pub mod scene;
pub mod world;
