//! The identity of what a workload runs.

use std::fmt;

/// A hash of a pod template that defaults, replicas and key order never change, prefixed with its scheme (`s1-…`).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(String);

impl Revision {
    /// The prefix of our own scheme; any other hash was written by another operator.
    pub const SCHEME: &'static str = "s1-";

    /// From the text in `status`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text for `status`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this hash can be compared with one that we compute.
    pub fn is_ours(&self) -> bool {
        self.0.starts_with(Self::SCHEME)
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
