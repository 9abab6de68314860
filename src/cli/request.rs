//! `serin promote NAME` and its like: what a person asks of a release, and what came of it.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::out::{self, Output, exit};
use crate::model::{NotAPercentage, Percent, Verb, duration};
use crate::world::{self, Acknowledged, RequestOptions};

/// Of which Canary, and how long to wait.
#[derive(Args, Debug)]
pub(super) struct Target {
    /// Name of the Canary
    #[arg(value_parser = super::check::name)]
    name: String,

    /// Its namespace; that of the kubeconfig's context, or of the pod, where it is left out
    #[arg(long, short, value_name = "NAMESPACE")]
    namespace: Option<String>,

    /// How long to wait for the operator
    #[arg(long, default_value = "30s", value_parser = length, value_name = "DURATION")]
    timeout: Duration,

    /// For people, or for machines
    #[arg(long, short, value_enum, default_value_t)]
    output: Output,
}

pub(super) fn percent(text: &str) -> Result<Percent, String> {
    text.parse()
        .map_err(|NotAPercentage| "write a number from 0 to 100 with at most two decimals, for example 30".to_owned())
}

fn length(text: &str) -> Result<Duration, String> {
    duration::parse(text).ok_or_else(|| "write a number with h, m or s, for example 30s".to_owned())
}

/// Asks, and shows what came of it.
pub(super) fn request(verb: Verb, target: Target) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return out::complain(&format!("cannot start: {error}")),
    };
    let Target { name, namespace, timeout, output } = target;
    let namespace = namespace.filter(|namespace| !namespace.is_empty());
    let options = RequestOptions { name, namespace, verb, patience: timeout };
    out::show(
        output,
        runtime.block_on(world::request(options)),
        text,
        |found| {
            if found.refused { exit::NO } else { exit::YES }
        },
    )
}

fn text(found: &Acknowledged) -> String {
    let Acknowledged { canary, namespace, outcome, .. } = found;
    format!("canary/{canary} in {namespace}: {outcome}\n")
}
