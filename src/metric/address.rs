//! Base URLs of providers.

use reqwest::Url;

use super::QueryError;

/// Reads a base URL; only http and https can be asked.
pub(super) fn read(address: &str) -> Result<Url, QueryError> {
    let url = Url::parse(address.trim()).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    url.ok_or_else(|| unusable(address))
}

/// The error for an address, without a password that may stand in it.
pub(super) fn unusable(address: &str) -> QueryError {
    let host = address.rsplit('@').next().unwrap_or_default();
    QueryError::AddressUnusable(match address.split_once("//") {
        _ if host == address => address.to_owned(),
        Some((scheme, _)) => format!("{scheme}//…@{host}"),
        None => format!("…@{host}"),
    })
}
