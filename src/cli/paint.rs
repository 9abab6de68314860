//! Signs and their colours: plain where nobody looks, ASCII where the terminal can do no more.

use std::ffi::OsString;
use std::io::{IsTerminal, stdout};

use crate::check::Outcome;

/// How signs are drawn. Colour never says anything that the sign does not say.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Paint {
    letters: Letters,
    ink: Ink,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Letters {
    #[default]
    Ascii,
    Unicode,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Ink {
    #[default]
    None,
    Ansi,
}

impl Paint {
    /// For standard output, as the environment asks.
    pub(super) fn of_stdout() -> Self {
        Self::of(stdout().is_terminal(), |name| std::env::var_os(name).filter(|value| !value.is_empty()))
    }

    /// `NO_COLOR` before `CLICOLOR_FORCE` before `TERM=dumb` before `CI` before what stdout is.
    fn of(terminal: bool, variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(&variable);
        let locale = locale.map(|locale| locale.to_string_lossy().to_lowercase()).unwrap_or_default();
        let utf8 = locale.contains("utf-8") || locale.contains("utf8");
        let colour = if variable("NO_COLOR").is_some() {
            false
        } else if variable("CLICOLOR_FORCE").is_some_and(|value| value != "0") {
            true
        } else {
            terminal && variable("CI").is_none() && variable("TERM").is_none_or(|term| term != "dumb")
        };
        Self {
            letters: if utf8 { Letters::Unicode } else { Letters::Ascii },
            ink: if colour { Ink::Ansi } else { Ink::None },
        }
    }

    /// The sign of an outcome; all ASCII signs are equally wide.
    pub(super) fn sign(&self, outcome: Outcome) -> String {
        let (ascii, unicode, colour) = match outcome {
            Outcome::Fine => ("ok", "√", 32),
            Outcome::Warning => ("!!", "‼", 33),
            Outcome::Unknown => ("? ", "?", 33),
            Outcome::Wrong => ("x ", "×", 31),
        };
        let sign = if self.letters == Letters::Unicode { unicode } else { ascii };
        if self.ink == Ink::Ansi { format!("\x1b[{colour}m{sign}\x1b[0m") } else { sign.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sign of `Wrong` in this environment.
    fn wrong(terminal: bool, environment: &[(&str, &str)]) -> String {
        let variable =
            |name: &str| environment.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value));
        Paint::of(terminal, variable).sign(Outcome::Wrong)
    }

    #[test]
    fn a_pipe_gets_no_colour_and_a_plain_locale_no_unicode() {
        assert_eq!(wrong(false, &[("LANG", "en_US.UTF-8")]), "×");
        assert_eq!(wrong(false, &[("LANG", "en_US.UTF-8"), ("LC_ALL", "C")]), "x ");
        assert_eq!(wrong(true, &[]), "\x1b[31mx \x1b[0m");
    }

    #[test]
    fn the_environment_decides_on_colour_in_a_fixed_order() {
        assert_eq!(wrong(true, &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")]), "x ");
        assert_eq!(wrong(false, &[("CLICOLOR_FORCE", "1"), ("CI", "true")]), "\x1b[31mx \x1b[0m");
        assert_eq!(wrong(true, &[("TERM", "dumb")]), "x ");
        assert_eq!(wrong(true, &[("CI", "true")]), "x ");
    }
}
