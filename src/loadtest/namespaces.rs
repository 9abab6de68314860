//! `--namespace-regexp`: whose canaries may run commands here.
//!
//! Understood are names, `|` between them, `.`, `.*`, `.+`, and `^`, `$` and one pair of parentheses around the whole. This
//! guards a pod that runs commands, so whatever else is written is refused at the start and never guessed at.

/// The namespaces that are served.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Namespaces(Option<Vec<Pattern>>);

#[derive(Clone, PartialEq, Eq, Debug)]
struct Pattern {
    pieces: Vec<Piece>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Piece {
    /// This character.
    One(char),
    /// Any character.
    Any,
    /// Any number of any characters.
    Rest,
}

impl Namespaces {
    /// All of them where `pattern` is empty.
    ///
    /// # Errors
    /// What of the pattern is not understood, and what to write instead.
    pub fn parse(pattern: &str) -> Result<Self, String> {
        if pattern.is_empty() {
            return Ok(Self::default());
        }
        let (begins, inner) = pattern.strip_prefix('^').map_or((false, pattern), |rest| (true, rest));
        let (ends, inner) = inner.strip_suffix('$').map_or((false, inner), |rest| (true, rest));
        let grouped = inner.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
        if grouped.is_none() && inner.contains('|') && (begins || ends) {
            return Err(refused(pattern));
        }
        let names = grouped.unwrap_or(inner).split('|');
        let patterns = names.map(|name| Pattern::parse(name, begins, ends).ok_or_else(|| refused(pattern)));
        patterns.collect::<Result<_, _>>().map(|patterns| Self(Some(patterns)))
    }

    /// Whether canaries of this namespace are served.
    pub fn serve(&self, namespace: &str) -> bool {
        let name: Vec<char> = namespace.chars().collect();
        self.0.as_ref().is_none_or(|patterns| patterns.iter().any(|pattern| matches(&pattern.pieces, &name)))
    }
}

impl Pattern {
    /// `None` where something else than names and wildcards is written.
    fn parse(name: &str, begins: bool, ends: bool) -> Option<Self> {
        let mut pieces = Vec::new();
        if !begins {
            pieces.push(Piece::Rest);
        }
        let mut rest = name.chars().peekable();
        while let Some(c) = rest.next() {
            match c {
                '.' => match rest.peek() {
                    Some('*') => pieces.push(Piece::Rest),
                    Some('+') => pieces.extend([Piece::Any, Piece::Rest]),
                    _ => {
                        pieces.push(Piece::Any);
                        continue;
                    }
                },
                c if c.is_ascii_alphanumeric() || c == '-' => {
                    pieces.push(Piece::One(c));
                    continue;
                }
                _ => return None,
            }
            rest.next();
        }
        if !ends {
            pieces.push(Piece::Rest);
        }
        Some(Self { pieces })
    }
}

fn matches(pieces: &[Piece], name: &[char]) -> bool {
    match (pieces, name) {
        ([], name) => name.is_empty(),
        ([Piece::Rest, more @ ..], name) => {
            (0..=name.len()).any(|skip| name.get(skip..).is_some_and(|n| matches(more, n)))
        }
        ([Piece::One(wanted), more @ ..], [c, rest @ ..]) => c == wanted && matches(more, rest),
        ([Piece::Any, more @ ..], [_, rest @ ..]) => matches(more, rest),
        ([Piece::One(_) | Piece::Any, ..], []) => false,
    }
}

fn refused(pattern: &str) -> String {
    format!(
        "--namespace-regexp={pattern} is not understood, and guessing would let strangers run commands here; write names, for example ^(team-a|team-b-.*)$"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn serves(pattern: &str, namespace: &str) -> bool {
        Namespaces::parse(pattern).unwrap().serve(namespace)
    }

    #[test]
    fn a_pattern_means_what_it_means_in_go() {
        assert!(serves("", "anything"));
        assert!(serves("^(team-a|team-b-.*)$", "team-a") && serves("^(team-a|team-b-.*)$", "team-b-dev"));
        assert!(!serves("^(team-a|team-b-.*)$", "team-ab") && !serves("^(team-a|team-b-.*)$", "team-b"));
        assert!(serves("test", "my-tests") && serves("^test", "tests") && !serves("^test", "my-test"));
        assert!(serves("^a.c$", "abc") && !serves("^a.c$", "ac") && serves("^a.+$", "ab") && !serves("^a.+$", "a"));
    }

    #[test]
    fn what_is_not_understood_is_refused_at_the_start() {
        for pattern in ["[a-z]+", "^a|b$", "(a|b)c", "a{2}", "a*", r"\d", "(?i)a"] {
            assert!(Namespaces::parse(pattern).unwrap_err().contains(pattern), "{pattern}");
        }
    }
}
