//! serin: progressive delivery for Kubernetes, wire-compatible with Flagger.

pub mod api;
pub mod model;
pub mod object;
pub mod scene;
pub mod world;
