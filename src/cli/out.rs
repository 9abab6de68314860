//! Standard output is data: written in one place, and a reader that has seen enough is no error.

use std::io::{ErrorKind, Write, stdout};
use std::process::ExitCode;

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

/// Says on standard error why there is no answer.
pub(super) fn complain(sentence: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "error: {sentence}");
    ExitCode::from(exit::UNKNOWN)
}
