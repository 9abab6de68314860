//! The conditions of `analysis.match`, as far as data planes read them alike: names of headers and parameters, and what
//! their texts must be.

use super::RouteError;
use crate::api::{HeaderMatch, MatchCondition, StringMatch};

/// What a text must be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Text<'a> {
    /// Anything, but there.
    Present,
    /// This.
    Exact(&'a str),
    /// Something that begins with this.
    Prefix(&'a str),
    /// Something that ends with this.
    Suffix(&'a str),
    /// Something that this RE2 expression describes as a whole.
    Regex(&'a str),
}

impl Text<'_> {
    /// The same as an expression for the whole text.
    pub(super) fn regex(self) -> String {
        match self {
            Self::Present => ".*".to_owned(),
            Self::Exact(text) => escaped(text),
            Self::Prefix(text) => format!("{}.*", escaped(text)),
            Self::Suffix(text) => format!(".*{}", escaped(text)),
            Self::Regex(text) => text.to_owned(),
        }
    }

    /// The same for a data plane that looks for an expression anywhere in the text. The user's own expression stays as it
    /// is: those who write for such a data plane know that.
    pub(super) fn regex_anywhere(self) -> String {
        match self {
            Self::Present => ".*".to_owned(),
            Self::Exact(text) => format!("^{}$", escaped(text)),
            Self::Prefix(text) => format!("^{}", escaped(text)),
            Self::Suffix(text) => format!("{}$", escaped(text)),
            Self::Regex(text) => text.to_owned(),
        }
    }
}

impl<'a> From<&'a HeaderMatch> for Text<'a> {
    fn from(header: &'a HeaderMatch) -> Self {
        match header {
            HeaderMatch { exact: Some(text), .. } => Self::Exact(text),
            HeaderMatch { prefix: Some(text), .. } => Self::Prefix(text),
            HeaderMatch { suffix: Some(text), .. } => Self::Suffix(text),
            HeaderMatch { regex: Some(text), .. } => Self::Regex(text),
            HeaderMatch { exact: None, prefix: None, suffix: None, regex: None } => Self::Present,
        }
    }
}

impl<'a> From<&'a StringMatch> for Text<'a> {
    fn from(text: &'a StringMatch) -> Self {
        match text {
            StringMatch { exact: Some(text), .. } => Self::Exact(text),
            StringMatch { prefix: Some(text), .. } => Self::Prefix(text),
            StringMatch { regex: Some(text), .. } => Self::Regex(text),
            StringMatch { exact: None, prefix: None, regex: None } => Self::Present,
        }
    }
}

/// The headers of a condition, by name.
pub(super) fn headers(condition: &MatchCondition) -> impl Iterator<Item = (&str, Text<'_>)> {
    condition.headers.iter().flatten().map(|(name, text)| (name.as_str(), text.into()))
}

/// The query parameters of a condition, by name.
pub(super) fn params(condition: &MatchCondition) -> impl Iterator<Item = (&str, Text<'_>)> {
    condition.query_params.iter().flatten().map(|(name, text)| (name.as_str(), text.into()))
}

/// A part of a condition that not every data plane reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Part {
    /// `queryParams`.
    QueryParams,
    /// `sourceLabels`.
    SourceLabels,
}

impl Part {
    const fn field(self) -> &'static str {
        match self {
            Self::QueryParams => "queryParams",
            Self::SourceLabels => "sourceLabels",
        }
    }

    fn is_set(self, condition: &MatchCondition) -> bool {
        match self {
            Self::QueryParams => condition.query_params.as_ref().is_some_and(|params| !params.is_empty()),
            Self::SourceLabels => condition.source_labels.as_ref().is_some_and(|labels| !labels.is_empty()),
        }
    }
}

/// An error for the first condition with a part that the data plane does not read: without it, the condition would hold for
/// more requests than the user meant.
pub(super) fn refuse(provider: &str, parts: &[Part], conditions: &[MatchCondition]) -> Result<(), RouteError> {
    refuse_in("spec.analysis.match", provider, parts, conditions)
}

/// The same of the conditions of another field.
pub(super) fn refuse_in(
    path: &str,
    provider: &str,
    parts: &[Part],
    conditions: &[MatchCondition],
) -> Result<(), RouteError> {
    let set = |(i, condition)| parts.iter().find(|part| part.is_set(condition)).map(|part| (i, part.field()));
    let Some((i, field)) = conditions.iter().enumerate().find_map(set) else { return Ok(()) };
    Err(unsupported(&format!("{path}[{i}].{field}"), provider, "cannot see it", "match on headers instead"))
}

/// Says that a field asks for what a provider cannot do.
pub(super) fn unsupported(field: &str, provider: &str, why: &str, instead: &str) -> RouteError {
    RouteError {
        reason: "UnsupportedMatch",
        sentence: format!("{field} is set, but provider {provider} {why}, so the route stays as it is; {instead}"),
    }
}

/// The text as an RE2 expression that means nothing but itself.
pub(super) fn escaped(text: &str) -> String {
    let mut regex = String::with_capacity(text.len());
    for c in text.chars() {
        if r"\.+*?()|[]{}^$".contains(c) {
            regex.push('\\');
        }
        regex.push(c);
    }
    regex
}
