//! Everything that touches the outside.

mod backoff;
mod cache;
mod claim;
mod clock;
mod cluster;
mod failure;
mod lease;
mod metrics;
mod place;
mod queue;
mod watch;
