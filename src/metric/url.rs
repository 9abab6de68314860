//! URLs of providers, as text.

use super::{QueryError, shorten};
use crate::http;

/// A base URL in its parts.
pub(super) struct Base<'a> {
    /// Scheme, host and port.
    origin: &'a str,
    /// Without a slash at its end.
    path: &'a str,
    /// Without its question mark; empty where there is none.
    query: &'a str,
}

impl<'a> Base<'a> {
    /// Only http and https can be asked.
    pub(super) fn read(address: &'a str) -> Result<Self, QueryError> {
        let refused = || QueryError::AddressUnusable(without_password(address));
        let address = address.trim().split('#').next().unwrap_or_default();
        let origin = http::origin(address).ok_or_else(refused)?;
        let rest = address.strip_prefix(origin).unwrap_or_default();
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        Ok(Self { origin, path: path.trim_end_matches('/'), query })
    }

    /// The URL of a path below this one, with one more value in its query.
    pub(super) fn below(&self, path: &str, name: &str, value: &str) -> String {
        let Self { origin, path: base, query } = self;
        let and = if query.is_empty() { "" } else { "&" };
        format!("{origin}{base}{path}?{query}{and}{name}={}", escape(value))
    }
}

/// A text as a value in the query of a URL, as HTML forms write it.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

/// An address for a sentence.
pub(super) fn without_password(address: &str) -> String {
    let host = address.rsplit('@').next().unwrap_or_default();
    let shown = match address.split_once("//") {
        _ if host == address => address.to_owned(),
        Some((scheme, _)) => format!("{scheme}//…@{host}"),
        None => format!("…@{host}"),
    };
    shorten(&shown, 200)
}
