//! serin: progressive delivery for Kubernetes, wire-compatible with Flagger.

pub mod alert;
pub mod api;
pub mod backtest;
pub mod check;
pub mod cli;
pub mod hook;
pub mod http;
pub mod install;
pub mod judge;
pub mod loadtest;
pub mod metric;
pub mod model;
pub mod notify;
pub mod object;
pub mod plan;
pub mod power;
pub mod route;
pub mod scene;
pub mod schedule;
pub mod settings;
pub mod sim;
pub mod workload;
pub mod world;

#[cfg(test)]
mod tidy;
