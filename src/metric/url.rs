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

    /// The URL of a path below this one, with more values in its query.
    pub(super) fn below(&self, path: &str, values: &[(&str, &str)]) -> String {
        let Self { origin, path: base, query } = self;
        let own = Some((*query).to_owned()).filter(|query| !query.is_empty());
        let more = values.iter().map(|(name, value)| format!("{name}={}", escape(value)));
        let query: Vec<String> = own.into_iter().chain(more).collect();
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{origin}{base}{path}{mark}{}", query.join("&"))
    }
}

impl Base<'_> {
    /// The URL of a path that is written as in a URL, with a query of its own or without.
    pub(super) fn under(&self, path: &str) -> String {
        let (path, values) = path.split_once('?').unwrap_or((path, ""));
        let Self { origin, path: base, query } = self;
        let queries: Vec<&str> = [*query, values].into_iter().filter(|query| !query.is_empty()).collect();
        let mark = if queries.is_empty() { "" } else { "?" };
        format!("{origin}{base}{path}{mark}{}", queries.join("&"))
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

/// The text that a value in the query of a URL stands for.
pub(super) fn unescape(value: &str) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        let code = code.and_then(|two| u8::from_str_radix(two, 16).ok());
        match (first, code) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            (b'+', _) => {
                bytes.push(b' ');
                rest = after;
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A text as a part of a path.
pub(super) fn segment(text: &str) -> String {
    escape(text).replace('+', "%20")
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
