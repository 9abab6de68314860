//! KPIs: a query of a canary into one HTTP request to its provider, and the answer into one number.
//!
//! One file a provider and one line in [`ALL`]. Pure: never a socket, a clock, or a judgement about the number. An empty answer is
//! "no data", never 0; whatever is not one number is an error that says what to write.

mod ask;
pub mod diagnosis;
mod prometheus;
pub mod resolve;
mod selector;
pub mod template;
mod url;

pub use ask::{Ask, Origin, SecretName};
pub use selector::{Matcher, Selector};

use std::collections::BTreeMap;
use std::fmt;

use crate::http::{Credentials, HttpRequest, HttpResponse, Method, Trust, shorten};
use crate::model::Measurement;

/// The data of a Secret.
pub type SecretData = BTreeMap<String, Vec<u8>>;

/// Somebody who answers queries.
pub trait Provider: Sync {
    /// The word in `spec.provider.type` of a MetricTemplate.
    fn name(&self) -> &'static str;

    /// The request that asks for the KPI: the same for the same arguments.
    ///
    /// # Errors
    /// What the Secret, the headers or the address lack.
    fn request(&self, ask: &Ask, secret: Option<&SecretData>) -> Result<HttpRequest, QueryError>;

    /// What the answer means, before scaling. The texts of "no data" and of errors are parts of sentences.
    fn parse(&self, ask: &Ask, answer: &HttpResponse) -> Measurement;
}

/// Every provider that is served, by name.
pub static ALL: &[&dyn Provider] = &[&prometheus::Prometheus];

/// The provider of this name.
pub fn find(name: &str) -> Option<&'static dyn Provider> {
    ALL.iter().copied().find(|provider| provider.name() == name)
}

impl fmt::Debug for dyn Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why no request can be made. Each is part of a sentence to the user.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum QueryError {
    /// The Secret that the template names was not found.
    #[error("Secret {0} is not there; apply it, or drop secretRef")]
    SecretMissing(SecretName),
    /// The Secret lacks keys.
    #[error("Secret {secret} has no {missing}; write {wanted}")]
    KeyMissing {
        /// Which Secret.
        secret: SecretName,
        /// The keys that it lacks.
        missing: &'static str,
        /// What it should have.
        wanted: &'static str,
    },
    /// A value of the Secret cannot stand in a header.
    #[error("Secret {0} has a key {1} that is no plain text of one line")]
    KeyUnusable(SecretName, &'static str),
    /// A header that the user wrote cannot be sent.
    #[error("spec.provider.headers has {0:?}, whose name or value cannot be sent; write one line of plain text")]
    HeaderUnusable(String),
    /// The address is no URL that can be asked.
    #[error("{0} is no http or https URL; write one, for example http://prometheus.monitoring:9090")]
    AddressUnusable(String),
}

#[cfg(test)]
mod tests;
