//! A request for a KPI: to an address, as the user says, or to the apiserver, as the operator.
//!
//! The second has no address: so what the operator shows the apiserver can never go anywhere else.

use serde_json::Value;

use crate::http::HttpRequest;

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
pub enum ClusterRequest {
    /// Reads what is at this path, which begins with `/apis/`.
    Get(String),
    /// Makes an object in the list at this path.
    Create(String, Value),
    /// Removes an object that was made for a query.
    Delete(String),
}

impl From<HttpRequest> for Request {
    fn from(request: HttpRequest) -> Self {
        Self::Http(request)
    }
}
