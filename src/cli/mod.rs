//! The command line: what was typed into what is meant. Never logic of its own.

mod backtest;
mod chart;
mod check;
#[cfg(test)]
mod examples;
mod flags;
mod go;
mod loadtest;
mod log;
mod manifests;
mod notifier;
mod out;
mod paint;
mod power;
#[cfg(test)]
mod readme;
mod request;
mod run;
mod simulate;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::model::{Percent, Verb};

/// Progressive delivery for Kubernetes, wire-compatible with Flagger.
#[derive(Parser, Debug)]
#[command(name = "serin", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Run the operator.
    Run(Box<flags::Run>),
    /// Play a release without a cluster: serin simulate canary.yaml --scenario bad.yaml
    Simulate(simulate::Args),
    /// Replay the rules of a Canary on its past releases: serin backtest canary.yaml --prometheus URL
    ///
    /// Each release that a Prometheus recorded is judged again by the file's own rule and by three comparisons with the primary.
    /// Then good releases are drawn from the record, and spoiled, to count how often each rule is wrong. The queries of all
    /// metrics go to --prometheus; comparisons need request-success-rate or request-duration.
    ///
    /// Exits with 0 if the file ends every release as it ended, 1 if it would have rolled back one that was promoted, or not rolled
    /// back one that was, 2 if it could not be found out.
    Backtest(Box<backtest::Args>),
    /// Print the CRDs: serin crds | kubectl apply --server-side -f -
    Crds,
    /// Print the rights that the operator needs, for just the routers in use
    Rbac {
        /// Routers in use, for example istio; all of them where none is named
        #[arg(long, value_delimiter = ',', num_args = 1.., value_name = "ROUTER")]
        routers: Vec<String>,
    },
    /// Run the load tester, which webhooks call to run tests and to ask gates
    Loadtest(loadtest::Args),
    /// Promote a canary that is ready, whatever steps and gates are left; begin a release that waits for approval
    ///
    /// Exits with 0 if it was done, 1 if it was refused, 2 if that could not be found out. So do the five below.
    Promote(request::Target),
    /// Roll a release back
    Abort(request::Target),
    /// Hold a release where it is
    Pause(request::Target),
    /// Go on with a release that is held, or open the gate that waits for a person
    Resume(request::Target),
    /// Analyse the revision again that was rolled back
    Retry(request::Target),
    /// Give the canary so many percent, and go on from there: serin set-weight 30 cart -n shop
    SetWeight {
        /// Percent of the traffic, up to the last step
        #[arg(value_parser = request::percent)]
        weight: Percent,
        #[command(flatten)]
        target: request::Target,
    },
    /// Find out before a release what would make it fail
    #[command(subcommand)]
    Check(check::What),
}

/// Does what was typed; the exit code says how it went.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(go::normalised(args)) {
        Ok(cli) => cli,
        Err(error) => {
            // To stdout for --help, to stderr otherwise; a closed pipe is nobody's fault.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match cli.command {
        Command::Run(flags) => run::run(*flags),
        Command::Simulate(args) => simulate::run(&args),
        Command::Backtest(args) => backtest::run(&args),
        Command::Crds => manifests::crds(),
        Command::Rbac { routers } => manifests::rbac(&routers),
        Command::Loadtest(args) => loadtest::run(&args),
        Command::Promote(target) => request::request(Verb::Promote, target),
        Command::Abort(target) => request::request(Verb::Abort, target),
        Command::Pause(target) => request::request(Verb::Pause, target),
        Command::Resume(target) => request::request(Verb::Resume, target),
        Command::Retry(target) => request::request(Verb::Retry, target),
        Command::SetWeight { weight, target } => request::request(Verb::SetWeight(weight), target),
        Command::Check(what) => check::check(what),
    }
}
