//! A hand on the lever: what a person or a pipeline asks of a release by annotation.

use std::fmt;

use super::{Percent, Time};

/// `serin.dev/request` as it stands on the Canary.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// The whole text. The same text is the same request: it is handled once.
    pub text: String,
    /// What is asked; `None` where that cannot be read.
    pub verb: Option<Verb>,
    /// Who wrote it, by its name in managedFields.
    pub by: Option<String>,
}

impl Request {
    /// The annotation.
    pub const ANNOTATION: &str = "serin.dev/request";
    /// How the outcome of a request begins that changed nothing.
    pub const REFUSED: &str = "refused: ";
    /// Longer texts are cut: an id of a commit or a run is shorter by far.
    pub const LENGTH: usize = 128;

    /// `verb/id`. `None` for an empty text, which asks for nothing.
    pub fn new(text: &str, by: Option<String>) -> Option<Self> {
        let text: String = text.trim().chars().take(Self::LENGTH).collect();
        let verb = text.split_once('/').filter(|(_, id)| !id.is_empty()).and_then(|(verb, _)| Verb::parse(verb));
        (!text.is_empty()).then_some(Self { text, verb, by })
    }
}

/// What may be asked of a release.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verb {
    /// Promote the canary now, whatever steps and gates are left; begin a release that waits.
    Promote,
    /// Roll the release back now.
    Abort,
    /// Hold the release where it is.
    Pause,
    /// Go on with a release that is held; open the gate that waits for a person.
    Resume,
    /// Analyse the revision again that was rolled back.
    Retry,
    /// Give the canary this share, and go on from there.
    SetWeight(Percent),
}

impl Verb {
    /// How each is written.
    pub const WORDS: &str = "promote, abort, pause, resume, retry or set-weight=N";

    fn parse(word: &str) -> Option<Self> {
        match word {
            "promote" => Some(Self::Promote),
            "abort" => Some(Self::Abort),
            "pause" => Some(Self::Pause),
            "resume" => Some(Self::Resume),
            "retry" => Some(Self::Retry),
            _ => word.strip_prefix("set-weight=")?.parse().ok().map(Self::SetWeight),
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Promote => f.write_str("promote"),
            Self::Abort => f.write_str("abort"),
            Self::Pause => f.write_str("pause"),
            Self::Resume => f.write_str("resume"),
            Self::Retry => f.write_str("retry"),
            Self::SetWeight(weight) => write!(f, "set-weight={weight}"),
        }
    }
}

/// A request that was carried out or refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Handled {
    /// Its text.
    pub request: String,
    /// Who asked.
    pub by: Option<String>,
    /// When.
    pub at: Time,
    /// What came of it, in a sentence.
    pub outcome: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verb(text: &str) -> Option<Verb> {
        Request::new(text, None).unwrap().verb
    }

    #[test]
    fn each_verb_is_read_as_it_is_written() {
        let weight = Verb::SetWeight(Percent::new(7).unwrap());
        for known in [Verb::Promote, Verb::Abort, Verb::Pause, Verb::Resume, Verb::Retry, weight] {
            assert_eq!(verb(&format!("{known}/1")), Some(known));
        }
    }

    #[test]
    fn a_request_is_a_verb_and_an_id() {
        assert_eq!(verb("promote/7f3"), Some(Verb::Promote));
        assert_eq!(verb(" set-weight=30/run/12 "), Percent::new(30).map(Verb::SetWeight));
        for unreadable in ["promote", "promote/", "Promote/1", "set-weight=101/1", "set-weight=x/1", "/1", "stop/1"] {
            assert_eq!(verb(unreadable), None, "{unreadable}");
        }
        assert_eq!(Request::new("  ", None), None);
        assert_eq!(Request::new(&"é".repeat(500), None).unwrap().text.chars().count(), Request::LENGTH);
    }
}
