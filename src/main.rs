//! The `serin` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    serin::cli::main(std::env::args_os())
}
