//! How traffic is shared between primary and canary.

use super::Percent;

/// What the router shall do, or what was read back from its objects. The primary gets what the canary does not.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Routing {
    /// Share of the canary (of the matching requests only, where the analysis has a match).
    pub canary: Percent,
    /// Copies of the primary's requests that the canary gets too.
    pub mirror: Mirror,
    /// Cookies that keep a user on one side.
    pub affinity: Affinity,
}

impl Routing {
    /// Everything to the primary: no weight, no copies, no cookies.
    pub const PRIMARY: Self = Self { canary: Percent::ZERO, mirror: Mirror::Off, affinity: Affinity::None };

    /// A plain split.
    pub const fn split(canary: Percent) -> Self {
        Self { canary, mirror: Mirror::Off, affinity: Affinity::None }
    }
}

/// Whether the canary gets copies of requests whose answers nobody sees.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Mirror {
    /// No copies.
    #[default]
    Off,
    /// A copy of every request.
    All,
    /// A copy of this share of the requests.
    Share(Percent),
}

/// Whether users are kept on the side that they met first.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Affinity {
    /// Nobody is.
    #[default]
    None,
    /// While a release runs.
    Sticky {
        /// Given with each answer of the canary; who brings it back gets the canary.
        canary: Cookie,
        /// Given with each answer of the primary, where the user asked for it.
        primary: Option<Cookie>,
    },
    /// After a release: the cookie of the last one is taken back.
    Expire(Cookie),
}

/// A cookie, as in `name=value`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cookie {
    /// Before the `=`.
    pub name: String,
    /// After the `=`; random for each release.
    pub value: String,
}
