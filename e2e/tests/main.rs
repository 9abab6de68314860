//! Claims about serin on a real cluster; `e2e/test.sh cluster` brings one up and runs them in it.
//!
//! Every test has a namespace of its own, so that they run side by side. None may need an order, a rest of another test,
//! or the machine's own network.

// A test may fail, print, and look at the clock and at its surroundings.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods)]

mod apiserver;
mod dataplanes;
#[path = "../../src/api/fixtures.rs"]
mod fixtures;
mod harness;
mod objects;
mod releases;
mod routed;
mod routers;
mod support;
