//! HTTP as plain values. `world` carries them out; secrets never show in a log.
//!
//! A request to the apiserver is a type of its own, without an address: so what the operator shows there can never go anywhere else.

use std::fmt;

use serde_json::Value;

/// A request for a KPI.
#[derive(Clone, PartialEq, Debug)]
pub enum Request {
    /// To an address, with the credentials that the user gave.
    Http(HttpRequest),
    /// To the apiserver, as the operator.
    Cluster(ClusterRequest),
}

/// A request to the apiserver, as the operator.
#[derive(Clone, PartialEq, Debug)]
pub struct ClusterRequest {
    /// What is done.
    pub method: Method,
    /// Path and query, which begin with `/apis/`.
    pub path: String,
    /// The object of a POST.
    pub body: Option<Value>,
}

impl From<HttpRequest> for Request {
    fn from(request: HttpRequest) -> Self {
        Self::Http(request)
    }
}

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
    /// Remove it. Of the apiserver's objects only those that were made for a query.
    Delete,
}

impl HttpRequest {
    /// Reads a URL.
    pub(super) const fn get(url: String, credentials: Credentials, trust: Trust) -> Self {
        Self { method: Method::Get, url, headers: Vec::new(), credentials, body: Vec::new(), trust }
    }

    /// Sends a body of this kind to a URL.
    pub(super) fn post(url: String, kind: &str, body: String, credentials: Credentials, trust: Trust) -> Self {
        let headers = vec![("content-type".to_owned(), kind.to_owned())];
        Self { method: Method::Post, url, headers, credentials, body: body.into_bytes(), trust }
    }
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
    /// Headers of the provider's own, by name.
    Headers(Vec<(&'static str, String)>),
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
            Self::Headers(_) => "Headers(…)",
        })
    }
}
