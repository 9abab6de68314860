//! Something the user must change, or that the cluster lacks.

/// A sentence for the user, under a name that does not change.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Complaint {
    /// Whether work can go on.
    pub gravity: Gravity,
    /// CamelCase reason for the Stalled condition and the event, one for each situation.
    pub reason: &'static str,
    /// Names the field and its value, says the consequence, and what to write instead.
    pub sentence: String,
}

/// Whether work can go on in spite of a complaint.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Gravity {
    /// Nothing can be decided until it is mended; traffic stays where it is.
    Blocks,
    /// The release goes on; the check it concerns will fail.
    Warns,
}

impl Complaint {
    /// A complaint that stops all work on this canary.
    pub fn blocks(reason: &'static str, sentence: impl Into<String>) -> Self {
        Self { gravity: Gravity::Blocks, reason, sentence: sentence.into() }
    }

    /// A complaint that is shown while work goes on.
    pub fn warns(reason: &'static str, sentence: impl Into<String>) -> Self {
        Self { gravity: Gravity::Warns, reason, sentence: sentence.into() }
    }
}
