//! `serin loadtest`: flags into options. Names and defaults are those of Flagger's load tester.

use std::process::ExitCode;

use clap::Args as Flags;

use super::{log, out, run};
use crate::loadtest::{self, Namespaces, Options};
use crate::settings;

/// Arguments of `serin loadtest`.
#[derive(Flags, Debug)]
pub(super) struct Args {
    /// Port of gates, tasks, /metrics and /healthz
    #[arg(long, default_value_t = 9090)]
    port: u16,

    /// Longest time of one task
    #[arg(long, default_value = "1h", value_name = "DURATION")]
    timeout: String,

    /// Namespaces whose canaries are served, for example ^(team-a|team-b-.*)$; all of them where it is empty
    #[arg(long, default_value = "", hide_default_value = true, value_name = "PATTERN")]
    namespace_regexp: String,

    /// debug, info, warn or error
    #[arg(long, default_value = "info", value_name = "LEVEL")]
    log_level: String,

    /// json, or console for people
    #[arg(long, default_value = "json", value_name = "ENCODING")]
    zap_encoding: String,

    /// Taken and ignored
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true)]
    zap_replace_globals: Option<Option<String>>,
}

pub(super) fn run(args: &Args) -> ExitCode {
    let options = match options(args) {
        Ok(options) => options,
        Err(sentence) => return out::complain(&sentence),
    };
    log::start(&args.log_level, &args.zap_encoding);
    run::end(loadtest::run(options, run::stop("requests finish, then what runs is ended")))
}

fn options(args: &Args) -> Result<Options, String> {
    let timeout = settings::duration(&args.timeout).filter(|timeout| !timeout.is_zero());
    let timeout = timeout.ok_or_else(|| {
        format!(
            "--timeout={} is no length of time, so every task would end at once; write for example 30m or 1h",
            args.timeout
        )
    })?;
    let namespaces = Namespaces::parse(&args.namespace_regexp)?;
    Ok(Options { port: args.port, timeout, namespaces })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn typed(line: &[&str]) -> Result<Options, String> {
        let words = std::iter::once("loadtest").chain(line.iter().copied()).map(Into::into);
        options(&Line::try_parse_from(super::super::go::normalised(words)).unwrap().args)
    }

    #[test]
    fn the_arguments_of_flaggers_chart_are_taken() {
        let options =
            typed(&["-port=8080", "-log-level=info", "-timeout=30m", "-namespace-regexp=", "-zap-replace-globals"]);
        let options = options.unwrap();
        assert_eq!((options.port, options.timeout), (8080, Duration::from_secs(1800)));
        let options = typed(&[]).unwrap();
        assert_eq!((options.port, options.timeout), (9090, Duration::from_secs(3600)));
    }

    #[test]
    fn a_timeout_that_is_none_is_refused() {
        assert!(typed(&["-timeout", "soon"]).unwrap_err().contains("--timeout=soon"));
    }
}
