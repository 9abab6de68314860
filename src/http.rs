//! HTTP as plain values: what is asked of an address that somebody wrote into a manifest, and what came back.
//!
//! `world` carries them out. Never a socket, and never a secret in a log.

use std::fmt;
use std::time::Duration;

pub use crate::model::Trust;

/// A request to a provider or a hook.
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

impl HttpRequest {
    /// Reads a URL.
    pub const fn get(url: String, credentials: Credentials, trust: Trust) -> Self {
        Self { method: Method::Get, url, headers: Vec::new(), credentials, body: Vec::new(), trust }
    }

    /// Sends a body of this kind to a URL.
    pub fn post(url: String, kind: &str, body: String, credentials: Credentials, trust: Trust) -> Self {
        let headers = vec![("content-type".to_owned(), kind.to_owned())];
        Self { method: Method::Post, url, headers, credentials, body: body.into_bytes(), trust }
    }
}

/// What is done with a URL.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Method {
    /// Read.
    Get,
    /// Send the body.
    Post,
    /// Change what is there.
    Put,
}

/// Who asks.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// None, or what the user's own headers say.
    None,
    /// A bearer token.
    Bearer(String),
    /// User and password.
    Basic(String, String),
    /// Headers of the server's own, by name.
    Headers(Vec<(&'static str, String)>),
}

/// What a connection of its own is made with, in PEM; what is `None` is as everywhere.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Tls {
    /// The only authorities whose certificates are good.
    pub authority: Option<Vec<u8>>,
    /// The certificates that are shown to the server, and their key.
    pub identity: Option<Vec<u8>>,
}

/// What came back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HttpResponse {
    /// The status, 100 to 599.
    pub status: u16,
    /// The body, bounded by who read it.
    pub body: Vec<u8>,
    /// How long to wait before the next try, where the answer says so.
    pub retry_after: Option<Duration>,
}

impl HttpResponse {
    /// An answer that says nothing about another try.
    pub const fn new(status: u16, body: Vec<u8>) -> Self {
        Self { status, body, retry_after: None }
    }
}

/// Scheme, host and port of an http or https URL; `None` for anything else, which cannot be asked.
pub fn origin(url: &str) -> Option<&str> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let http = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    let clean = !url.chars().any(|c| c.is_whitespace() || c.is_control());
    let host = authority.rsplit('@').next()?;
    let named = !host.is_empty() && !host.starts_with(':');
    (http && clean && named).then(|| url.get(..scheme.len() + "://".len() + authority.len()))?
}

/// Whether an http or https URL is one of https.
pub fn is_https(url: &str) -> bool {
    url.split_once("://").is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case("https"))
}

/// Text of others for a sentence: at most `length` characters, on one line.
pub fn shorten(text: &str, length: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(length) {
        Some((end, _)) => line.get(..end).unwrap_or_default().to_owned() + "…",
        None => line,
    }
}

impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.url.split('?').next().unwrap_or_default();
        f.debug_struct("HttpRequest").field("method", &self.method).field("url", &url).finish_non_exhaustive()
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (authority, identity) = (self.authority.is_some(), self.identity.is_some());
        f.debug_struct("Tls").field("authority", &authority).field("identity", &identity).finish()
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Bearer(_) => "Bearer(…)",
            Self::Basic(..) => "Basic(…)",
            Self::Headers(_) => "Headers(…)",
        })
    }
}
