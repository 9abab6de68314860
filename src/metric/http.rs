//! HTTP as plain values. `world` carries them out; secrets never show in a log.

use std::fmt;

/// A request to a provider.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// What is done.
    pub method: Method,
    /// The whole URL, its query encoded.
    pub url: String,
    /// Names and values, as the user wrote them.
    pub headers: Vec<(String, String)>,
    /// Who asks.
    pub credentials: Credentials,
    /// Empty for a GET.
    pub body: Vec<u8>,
    /// Whose certificates are good.
    pub trust: Trust,
}

/// What is done with a URL.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Method {
    /// Read.
    Get,
    /// Send the body.
    Post,
}

/// The header `Authorization`.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// None, or what the user's own headers say.
    None,
    /// A bearer token.
    Bearer(String),
    /// User and password.
    Basic(String, String),
}

/// Whose certificates are good.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Trust {
    /// Those of the system's authorities.
    #[default]
    System,
    /// Anybody's: the user asked not to verify.
    Anybody,
}

/// What came back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HttpResponse {
    /// The status, 100 to 599.
    pub status: u16,
    /// The body, bounded by who read it.
    pub body: Vec<u8>,
}

impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.url.split('?').next().unwrap_or_default();
        f.debug_struct("HttpRequest").field("method", &self.method).field("url", &url).finish_non_exhaustive()
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Bearer(_) => "Bearer(…)",
            Self::Basic(..) => "Basic(…)",
        })
    }
}
