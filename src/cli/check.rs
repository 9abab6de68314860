//! `serin check canary NAME` and `serin check metric NAME`: reports for people, or as JSON.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::out::{self, Output, exit};
use super::{flags, paint::Paint};
use crate::check::{Category, Check, Outcome, Report};
use crate::model::duration;
use crate::world::{self, CheckOptions, QueryOptions};

/// What can be checked.
#[derive(Subcommand, Debug)]
pub(super) enum What {
    /// Whether a Canary can be released and each of its KPIs measured on the primary now
    ///
    /// Exits with 0 if all is fine or only deserves a look, 1 if something is wrong, 2 if it could not be found out.
    Canary(Box<Canary>),

    /// What a MetricTemplate answers now: serin check metric errors -n monitoring --canary shop/cart
    ///
    /// Exits with 0 if it has a value or finds nothing, 1 if it is wrong, 2 if it could not be found out.
    Metric(Metric),
}

/// Flags of `check metric`.
#[derive(Args, Debug)]
pub(super) struct Metric {
    /// Name of the MetricTemplate
    name: String,

    /// Its namespace; that of the kubeconfig's context, or of the pod, where it is left out
    #[arg(long, short, value_name = "NAMESPACE")]
    namespace: Option<String>,

    /// Canary whose names stand in the query: NAME, or NAMESPACE/NAME; it need not be there
    #[arg(long, value_name = "CANARY")]
    canary: Option<String>,

    /// What {{ interval }} stands for
    #[arg(long, default_value = "1m", value_parser = interval, value_name = "DURATION")]
    interval: String,

    /// What {{ variables.NAME }} stands for
    #[arg(long = "variable", value_parser = variable, value_name = "NAME=VALUE")]
    variables: Vec<(String, String)>,

    /// For people, or for machines
    #[arg(long, short, value_enum, default_value_t)]
    output: Output,
}

/// Flags of `check canary`.
#[derive(Args, Debug)]
pub(super) struct Canary {
    /// Name of the Canary
    #[arg(value_parser = name)]
    name: String,

    /// Its namespace; that of the kubeconfig's context, or of the pod, where it is left out
    #[arg(long, short, value_name = "NAMESPACE")]
    namespace: Option<String>,

    #[command(flatten)]
    defaults: flags::Defaults,

    /// For people, or for machines
    #[arg(long, short, value_enum, default_value_t)]
    output: Output,
}

/// `cart`, and `canary/cart` as kubectl prints it.
pub(super) fn name(text: &str) -> Result<String, String> {
    let name = text.strip_prefix("canary/").unwrap_or(text);
    if name.is_empty() { Err("the name of a Canary is missing".to_owned()) } else { Ok(name.to_owned()) }
}

fn interval(text: &str) -> Result<String, String> {
    let length = duration::parse(text).ok_or("write a number with h, m or s, for example 5m")?;
    if length.is_zero() { Err("write a length above 0".to_owned()) } else { Ok(text.to_owned()) }
}

fn variable(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

pub(super) fn check(what: What) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return out::complain(&format!("cannot start: {error}")),
    };
    let given = |namespace: Option<String>| namespace.filter(|namespace| !namespace.is_empty());
    match what {
        What::Canary(flags) => {
            let Canary { name, namespace, defaults, output } = *flags;
            let options = CheckOptions { name, namespace: given(namespace), defaults: defaults.into() };
            let found = runtime.block_on(world::check(options));
            out::show(output, found, |report| text(report, &Paint::of_stdout()), |report| code(report.outcome()))
        }
        What::Metric(Metric { name, namespace, canary, interval, variables, output }) => {
            let variables = variables.into_iter().collect();
            let options = QueryOptions { name, namespace: given(namespace), canary, interval, variables };
            let found = runtime.block_on(world::query(options));
            out::show(output, found, |check| lines(check, &Paint::of_stdout()), |check| code(check.outcome))
        }
    }
}

const fn code(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Fine | Outcome::Warning => exit::YES,
        Outcome::Wrong => exit::NO,
        Outcome::Unknown => exit::UNKNOWN,
    }
}

/// Linkerd's layout: a sign and a sentence a line, what explains it below.
fn text(report: &Report, paint: &Paint) -> String {
    report.checks.iter().map(|check| lines(check, paint)).collect()
}

fn lines(check: &Check, paint: &Paint) -> String {
    let subject = match check.category {
        Category::Kpi => check.name.clone(),
        other => format!("{} {}", other.as_str(), check.name),
    };
    let below = check.reason.iter().chain(&check.hint).map(|line| format!("    {line}\n"));
    let first = format!("{} {subject}: {}\n", paint.sign(check.outcome), check.sentence);
    std::iter::once(first).chain(below).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let check = |category, name: &str, outcome, sentence: &str| Check {
            category,
            name: name.to_owned(),
            outcome,
            sentence: sentence.to_owned(),
            reason: None,
            hint: None,
        };
        let wrong = check(Category::Kpi, "errors", Outcome::Wrong, "the query finds nothing");
        Report {
            canary: "cart".to_owned(),
            namespace: "shop".to_owned(),
            checks: vec![
                check(Category::Target, "deploy/cart", Outcome::Fine, "3/3 ready"),
                check(Category::Kpi, "latency", Outcome::Warning, "slow"),
                Check { reason: Some("because".to_owned()), hint: Some("write".to_owned()), ..wrong },
            ],
        }
    }

    #[test]
    fn a_line_has_a_sign_and_what_explains_it_below() {
        let plain = text(&report(), &Paint::default());
        assert_eq!(
            plain,
            "ok target deploy/cart: 3/3 ready\n!! latency: slow\nx  errors: the query finds nothing\n    because\n    write\n"
        );
    }

    #[test]
    fn the_worst_outcome_is_the_exit_code_and_warnings_do_not_fail() {
        assert_eq!(code(report().outcome()), 1);
        assert_eq!(code(Outcome::Warning), 0);
        assert_eq!(code(Outcome::Unknown), 2);
    }

    #[test]
    fn json_names_every_field() {
        let json = serde_json::to_value(report()).unwrap();
        let expected = serde_json::json!({"category": "kpi", "name": "errors", "outcome": "wrong",
            "sentence": "the query finds nothing", "reason": "because", "hint": "write"});
        assert_eq!((json["canary"].as_str(), &json["checks"][2]), (Some("cart"), &expected));
    }

    #[test]
    fn a_variable_has_a_name_and_a_value_and_an_interval_a_length() {
        assert_eq!(variable("a=b=c"), Ok(("a".to_owned(), "b=c".to_owned())));
        assert!(variable("a").is_err());
        assert_eq!(interval("5m").as_deref(), Ok("5m"));
        assert!(interval("0s").is_err() && interval("soon").is_err());
    }

    #[test]
    fn kubectls_name_of_a_canary_is_taken() {
        assert_eq!(name("canary/cart"), Ok("cart".to_owned()));
        assert!(name("canary/").is_err());
    }
}
