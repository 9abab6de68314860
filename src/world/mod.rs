//! Everything that touches the outside.

mod ask;
mod backoff;
mod cache;
mod claim;
mod clock;
mod cluster;
mod failure;
mod http;
mod lease;
mod malformed;
mod metrics;
mod place;
mod queue;
mod server;
mod watch;
mod writes;
