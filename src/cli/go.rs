//! Flags as Go programs take them: `-log-level=info` and `-log-level info` mean `--log-level`, so that Flagger's Deployments
//! keep their arguments.

use std::ffi::OsString;

/// The same arguments with two dashes before every long flag.
pub(super) fn normalised(args: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut verbatim = false;
    args.into_iter()
        .map(|arg| {
            verbatim |= arg == "--";
            match arg.to_str() {
                Some(text) if !verbatim && is_go_flag(text) => format!("-{text}").into(),
                _ => arg,
            }
        })
        .collect()
}

/// One dash and a word. A dash and a single letter stays what it is, except klog's `-v=4`.
fn is_go_flag(arg: &str) -> bool {
    let Some(name) = arg.strip_prefix('-') else { return false };
    let word = name.split('=').next().unwrap_or_default();
    let starts_with_a_letter = word.starts_with(|c: char| c.is_ascii_alphabetic());
    starts_with_a_letter && (word.len() > 1 || word == "v")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_dash_means_two_unless_it_is_a_single_letter_or_comes_after_the_end_of_flags() {
        let args =
            ["serin", "run", "-log-level=info", "-port", "80", "--namespace=a", "-h", "-v=4", "-", "--", "-x-y", "-1"];
        let expected = [
            "serin",
            "run",
            "--log-level=info",
            "--port",
            "80",
            "--namespace=a",
            "-h",
            "--v=4",
            "-",
            "--",
            "-x-y",
            "-1",
        ];
        assert_eq!(normalised(args.map(OsString::from)), expected.map(OsString::from));
    }
}
