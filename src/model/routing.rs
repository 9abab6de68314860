//! How traffic is shared between primary and canary.

use std::fmt;

use super::{CookieNames, Percent, Revision};

/// What the router shall do, or what was read back from its objects. The primary gets what the canary does not.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Routing {
    /// Share of the canary (of the matching requests only, where the analysis has a match).
    pub canary: Percent,
    /// Copies of the primary's requests that the canary gets too, while it has no share of its own.
    pub mirror: Mirror,
    /// Cookies that keep a user on one side.
    pub affinity: Affinity,
    /// Requests that match `analysis.preview` reach the canary, whatever its share.
    pub preview: bool,
}

impl Routing {
    /// Everything to the primary: no weight, no copies, no cookies.
    pub const PRIMARY: Self = Self::split(Percent::ZERO);

    /// A plain split.
    pub const fn split(canary: Percent) -> Self {
        Self { canary, mirror: Mirror::Off, affinity: Affinity::None, preview: false }
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
    /// A copy of this share of the requests, which is neither none nor all.
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
        /// Given with each answer of the primary; who brings it back keeps the primary for an interval.
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
    /// After the `=`; another one for each release.
    pub value: String,
}

/// The cookies of one canary.
///
/// With the canary's cookie alone every user who comes back often enough ends up on the canary, since only that side holds:
/// each visit to the primary is one more draw. So the primary gives a cookie too, also where the user named none, and a user
/// is drawn once an interval at most. Cookies that another operator gave stay as they are until their release ends.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Cookies {
    /// Of who met the canary in the release that runs.
    pub canary: Option<Cookie>,
    /// Of who met the primary in the release that runs.
    pub primary: Option<Cookie>,
    /// Of who met the canary in the release before; it is taken back.
    pub previous: Option<Cookie>,
}

impl Cookies {
    /// Has cookies of these names for the release of `revision`. Those that are there already stay.
    pub fn give(&mut self, names: &CookieNames, uid: &str, revision: &Revision) {
        let fresh = |name: &str| Some(Cookie::derived(name, uid, revision));
        if self.canary.as_ref().is_none_or(|cookie| cookie.name != names.canary) {
            *self =
                Self { canary: fresh(&names.canary), primary: fresh(&names.primary), previous: self.previous.take() };
        } else if self.primary.as_ref().is_some_and(|cookie| cookie.name != names.primary) {
            self.primary = fresh(&names.primary);
        }
    }

    /// The release has ended.
    pub fn end(&mut self) {
        self.primary = None;
        if let Some(ended) = self.canary.take() {
            self.previous = Some(ended);
        }
    }
}

/// Letters of a cookie's value, as many as Flagger's has.
const LETTERS: usize = 10;

impl Cookie {
    /// The cookie of a release: the same wherever and whenever it is asked for, so that no chance has to be remembered.
    pub fn derived(name: &str, uid: &str, revision: &Revision) -> Self {
        // FNV-1a, then the finish of MurmurHash3: the low digits of FNV alone say little about the first bytes.
        let text = [uid, revision.as_str(), name].join("/");
        let hash =
            text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3));
        let mut rest = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        rest ^= rest >> 33;
        let letter = |_| {
            let letter = char::from(b'a' + u8::try_from(rest % 26).unwrap_or(0));
            rest /= 26;
            letter
        };
        Self { name: name.to_owned(), value: (0..LETTERS).map(letter).collect() }
    }

    /// Reads `name=value`; a cookie without a name is none.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, value) = text.split_once('=')?;
        (!name.is_empty()).then(|| Self { name: name.to_owned(), value: value.to_owned() })
    }
}

impl fmt::Display for Cookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name, self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> CookieNames {
        CookieNames { canary: "side".into(), primary: "side-primary".into() }
    }

    fn given(revision: &str) -> Cookies {
        let mut cookies = Cookies::default();
        cookies.give(&names(), "uid", &Revision::new(revision));
        cookies
    }

    #[test]
    fn each_release_and_each_side_has_a_cookie_of_its_own() {
        let (first, second) = (given("s1-a"), given("s1-b"));
        let values = [&first.canary, &first.primary, &second.canary].map(|c| c.clone().unwrap().value);
        assert!(values.iter().all(|v| v.len() == LETTERS && v.bytes().all(|b| b.is_ascii_lowercase())), "{values:?}");
        assert!(values[0] != values[1] && values[0] != values[2], "{values:?}");
        assert_eq!(first, given("s1-a"), "a restart changes nothing");
    }

    #[test]
    fn a_cookie_of_another_operator_stays_for_its_release() {
        let theirs = Cookie::parse("side=XyZ");
        let mut cookies = Cookies { canary: theirs.clone(), ..Cookies::default() };
        cookies.give(&names(), "uid", &Revision::new("s1-a"));
        assert_eq!(cookies, Cookies { canary: theirs.clone(), ..Cookies::default() });
        cookies.end();
        assert_eq!(cookies, Cookies { previous: theirs, ..Cookies::default() });
    }

    #[test]
    fn a_cookie_reads_back_as_it_is_written() {
        let cookie = given("s1-a").canary.unwrap();
        assert_eq!(Cookie::parse(&cookie.to_string()), Some(cookie));
        assert_eq!(Cookie::parse("=abcdefghij"), None, "Flagger writes one without a name where it has none");
    }
}
