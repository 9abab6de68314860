//! A canary's part in what its group promotes together.

use super::Time;

/// Where a canary stands in the rounds of its group.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Membership {
    /// Name of the group.
    pub group: String,
    /// The last round that it took part in, counted by the group; 0 before the first.
    pub round: u64,
    /// How far it is in that round.
    pub stand: Stand,
    /// Since when.
    pub since: Time,
    /// The member that ended the round, where it was another one.
    pub by: Option<String>,
}

/// How far a canary is in a round of its group.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stand {
    /// In none: it has no release, or one that came after others had voted.
    Out,
    /// It has a release, and says so before it takes part.
    Joining,
    /// It takes part: nobody promotes without it.
    In,
    /// Its analysis is over, and it has voted for the promotion, which it cannot take back.
    Ready,
    /// All had voted: it promotes, or has.
    Agreed,
    /// The round ended without a promotion.
    Failed,
}

impl Stand {
    /// Every stand.
    pub const ALL: [Self; 6] = [Self::Out, Self::Joining, Self::In, Self::Ready, Self::Agreed, Self::Failed];

    /// The word in `status.group.stand`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Out => "out",
            Self::Joining => "joining",
            Self::In => "in",
            Self::Ready => "ready",
            Self::Agreed => "agreed",
            Self::Failed => "failed",
        }
    }
}

impl Membership {
    /// Out of every round of `group`.
    pub fn new(group: &str, since: Time) -> Self {
        Self { group: group.to_owned(), round: 0, stand: Stand::Out, since, by: None }
    }

    /// Whether nobody promotes before its vote.
    pub const fn holds(&self) -> bool {
        matches!(self.stand, Stand::Joining | Stand::In)
    }

    /// Whether it still has to learn how its round ends.
    pub const fn is_open(&self) -> bool {
        matches!(self.stand, Stand::In | Stand::Ready)
    }
}
