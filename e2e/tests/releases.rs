//! The operator's promises, on real pods behind a real Envoy, judged by a real Prometheus.
//!
//! Every claim has a namespace and an operator of its own: a process beside the cluster that sees this namespace only, so that
//! it can be killed, run twice, and cut off without a neighbour noticing. `e2e/test.sh releases` runs them side by side.

mod app;
mod audit;
mod gate;
mod operator;
mod traffic;
mod weights;

mod bad_input;
mod bad_queries;
mod beyond;
mod check;
mod crashes;
mod outages;
mod outcomes;
mod ownroutes;
mod planes;
mod providers;
mod requests;
mod strategies;
mod takeover;
mod verdicts;
