//! KPIs: a query of a canary into the requests to its provider, and what comes back into one number.
//!
//! One file a provider and one line in [`ALL`]. Pure: never a socket, a clock, or a judgement about the number. An empty answer is
//! "no data", never 0; whatever is not one number is an error that says what to write.

mod answer;
mod ask;
mod aws;
mod azuremonitor;
mod bearer;
mod cloudwatch;
mod coding;
mod datadog;
pub mod diagnosis;
mod dynatrace;
mod externalmetrics;
mod graphite;
pub mod group;
mod growth;
mod influxdb;
mod jsonpath;
mod keptn;
mod means;
mod newrelic;
mod prometheus;
pub mod recorded;
mod request;
pub mod resolve;
mod secret;
mod selector;
mod skywalking;
mod splunk;
mod stackdriver;
pub mod template;
mod url;
mod web;
mod window;

pub use ask::{Ask, Origin};
pub use growth::{Growth, Sides};
pub use means::{Grant, Identity, Login, Means, Session};
pub use request::{ClusterRequest, Request};
pub use secret::{SecretData, SecretName};
pub use selector::{Matcher, Selector};

use std::fmt;
use std::time::Duration;

use crate::http::{Credentials, HttpRequest, HttpResponse, Method, Trust, shorten};
use crate::model::Measurement;

/// Somebody who answers queries.
pub trait Provider: Sync {
    /// The word in `spec.provider.type` of a MetricTemplate.
    fn name(&self) -> &'static str;

    /// What a user must know to write a MetricTemplate for it.
    fn about(&self) -> About;

    /// How to get a session, where the Secret alone does not do.
    ///
    /// # Errors
    /// What the Secret or the identity of the operator lacks.
    fn login(&self, _ask: &Ask, _means: &Means<'_>) -> Result<Option<Login>, QueryError> {
        Ok(None)
    }

    /// The request that asks for the KPI: the same for the same arguments.
    ///
    /// # Errors
    /// What the Secret, the headers, the address or the query lack.
    fn request(&self, ask: &Ask, means: &Means<'_>) -> Result<Request, QueryError>;

    /// What the answer means, before scaling. The texts of "no data" and of errors are parts of sentences.
    fn parse(&self, ask: &Ask, answer: &HttpResponse) -> Measurement;

    /// What comes after these answers, of which there is at least one: mostly the end.
    fn follow(&self, ask: &Ask, heard: &[HttpResponse]) -> Step {
        let empty = || Measurement::Error("there is no answer".to_owned());
        Step::Done(heard.last().map_or_else(empty, |answer| self.parse(ask, answer)))
    }

    /// Whether its queries are PromQL, so that a [`diagnosis`] can ask more.
    fn speaks_promql(&self) -> bool {
        false
    }
}

/// What is done next for a KPI.
#[derive(Clone, PartialEq, Debug)]
pub enum Step {
    /// Send this after a while.
    Ask(Request, Duration),
    /// This is the KPI.
    Done(Measurement),
}

/// What a user must know of a provider: a row of the README.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct About {
    /// Where it is asked.
    pub address: Address,
    /// The keys of its Secret.
    pub secret: &'static str,
    /// What its query is.
    pub query: &'static str,
}

/// Where a provider is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Address {
    /// At `spec.provider.address`, which must be there.
    Needed,
    /// At `spec.provider.address`, or else here.
    Default(&'static str),
    /// At `spec.provider.address`, or else at the apiserver of the cluster.
    OrCluster,
    /// At the apiserver of the cluster.
    Cluster,
    /// At its maker's; `spec.provider.address` is not read.
    Maker(&'static str),
}

/// Every provider that is served, by name.
pub static ALL: &[&dyn Provider] = &[
    &azuremonitor::AzureMonitor,
    &cloudwatch::CloudWatch,
    &datadog::Datadog,
    &dynatrace::Dynatrace,
    &externalmetrics::ExternalMetrics,
    &graphite::Graphite,
    &influxdb::InfluxDb,
    &keptn::Keptn,
    &newrelic::NewRelic,
    &prometheus::Prometheus,
    &skywalking::SkyWalking,
    &splunk::Splunk,
    &stackdriver::Stackdriver,
    &web::Web,
];

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
    /// The template names no Secret, and the provider wants one.
    #[error("spec.provider.secretRef is missing; write the name of a Secret with {0}")]
    SecretNeeded(&'static str),
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
    /// A value of the Secret is of another form.
    #[error("Secret {secret} has a key {key} that is not {wanted}")]
    KeyMalformed {
        /// Which Secret.
        secret: SecretName,
        /// Which key.
        key: &'static str,
        /// What it should be.
        wanted: &'static str,
    },
    /// Neither a Secret nor the operator's pod say who asks.
    #[error("nobody to ask as: {0}")]
    NoIdentity(&'static str),
    /// A header that the user wrote cannot be sent.
    #[error("spec.provider.headers has {0:?}, whose name or value cannot be sent; write one line of plain text")]
    HeaderUnusable(String),
    /// The address is no URL that can be asked.
    #[error("{0} is no http or https URL; write one, for example http://prometheus.monitoring:9090")]
    AddressUnusable(String),
    /// A field beside the query cannot be used.
    #[error("spec.provider.{field} is {value:?}; write {wanted}")]
    FieldUnusable {
        /// Which field.
        field: &'static str,
        /// What it holds.
        value: String,
        /// What it should hold.
        wanted: &'static str,
    },
    /// The query has another form than the provider reads.
    #[error("the query {0:?} cannot be asked; write {1}")]
    QueryUnusable(String, &'static str),
}

#[cfg(test)]
mod tests;
