//! Standard output is data: written in one place, and a reader that has seen enough is no error.

use std::fmt::Display;
use std::io::{ErrorKind, Write, stdout};
use std::process::ExitCode;

use clap::ValueEnum;
use serde::Serialize;

/// Exit codes of every verb.
pub(super) mod exit {
    /// It is so, or all is fine.
    pub(in crate::cli) const YES: u8 = 0;
    /// It is not so, or something was found.
    pub(in crate::cli) const NO: u8 = 1;
    /// It could not be found out: usage, a file, the network, rights.
    pub(in crate::cli) const UNKNOWN: u8 = 2;
}

/// Writes `text` to standard output.
pub(super) fn print(text: &str) -> ExitCode {
    match stdout().write_all(text.as_bytes()).and_then(|()| stdout().flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => complain(&format!("cannot write to standard output: {error}")),
    }
}

/// For people, or for machines.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Output {
    #[default]
    Text,
    Json,
}

/// Prints what was found, or why nothing was; the exit code says how it is.
pub(super) fn show<T: Serialize>(
    output: Output,
    found: Result<T, impl Display>,
    text: impl FnOnce(&T) -> String,
    code: impl FnOnce(&T) -> u8,
) -> ExitCode {
    let found = match found {
        Ok(found) => found,
        Err(error) => return complain(&error.to_string()),
    };
    let printed = match output {
        Output::Text => print(&text(&found)),
        Output::Json => match serde_json::to_string_pretty(&found) {
            Ok(json) => print(&(json + "\n")),
            Err(error) => complain(&format!("the report cannot be written as JSON: {error}")),
        },
    };
    if printed == ExitCode::SUCCESS { ExitCode::from(code(&found)) } else { printed }
}

/// Says on standard error why there is no answer.
pub(super) fn complain(sentence: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "error: {sentence}");
    ExitCode::from(exit::UNKNOWN)
}
