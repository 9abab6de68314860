//! A KPI's query with everything that is needed to put it, and the words for what comes back.

use std::collections::BTreeMap;
use std::fmt;

use super::url::without_password;
use super::{HttpRequest, HttpResponse, Provider, QueryError, SecretData, Trust};
use crate::model::Measurement;

/// A rendered query and whom to ask. All that is missing is the Secret's data.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Who answers.
    pub provider: &'static dyn Provider,
    /// Base URL.
    pub address: String,
    /// Rendered; never empty.
    pub query: String,
    /// The window of the query (`1m`).
    pub interval: String,
    /// Headers of the user.
    pub headers: BTreeMap<String, Vec<String>>,
    /// Where the credentials are.
    pub secret: Option<SecretName>,
    /// Region of the provider, where it has regions.
    pub region: Option<String>,
    /// Whose certificates are good.
    pub trust: Trust,
    /// What the result is multiplied with to get the KPI's unit.
    pub scale: f64,
    /// Name of the KPI.
    pub kpi: String,
    /// Where the query comes from.
    pub origin: Origin,
}

/// Where a query comes from; events name it in Flagger's words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Origin {
    /// From the router: its name, and the target as `name.namespace`.
    Builtin {
        /// Name of the router (`istio`).
        router: String,
        /// The target as `name.namespace`.
        target: String,
    },
    /// From the Canary itself.
    Inline,
    /// From a MetricTemplate.
    Template,
}

/// Which Secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SecretName {
    /// Its namespace: the template's.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.name, self.namespace)
    }
}

impl Ask {
    /// The request, with the data of the Secret that [`Ask::secret`] names; `None` if that Secret is not there.
    ///
    /// # Errors
    /// The measurement that stands for the refusal.
    pub fn request(&self, secret: Option<&SecretData>) -> Result<HttpRequest, Measurement> {
        self.prepare(secret).map_err(|error| self.failed(&error.to_string()))
    }

    /// The same without the words of an event around an error.
    ///
    /// # Errors
    /// What the Secret, the headers or the address lack.
    pub fn prepare(&self, secret: Option<&SecretData>) -> Result<HttpRequest, QueryError> {
        match self.secret.as_ref().filter(|_| secret.is_none()) {
            Some(name) => Err(QueryError::SecretMissing(name.clone())),
            None => self.provider.request(self, secret.filter(|_| self.secret.is_some())),
        }
    }

    /// What the answer says of the KPI, in its unit.
    pub fn read(&self, answer: &HttpResponse) -> Measurement {
        match self.measure(answer) {
            Measurement::NoData(why) => self.nothing(&why),
            Measurement::Error(why) => self.failed(&why),
            value @ Measurement::Value(_) => value,
        }
    }

    /// The same without the words of an event around what is no value.
    pub fn measure(&self, answer: &HttpResponse) -> Measurement {
        match self.provider.parse(self, answer) {
            Measurement::Value(value) if (value * self.scale).is_finite() => Measurement::Value(value * self.scale),
            Measurement::Value(value) => Measurement::NoData(format!("the result is {value}")),
            other => other,
        }
    }

    /// The address for a sentence: without a password.
    pub fn shown_address(&self) -> String {
        without_password(&self.address)
    }

    /// The measurement for a request that its provider did not answer: `why` is what the connection came to.
    pub fn unanswered(&self, why: &str) -> Measurement {
        self.failed(&format!("{}: {why}", self.shown_address()))
    }

    /// The measurement for a query that cannot be put, or whose answer is no number.
    pub fn failed(&self, why: &str) -> Measurement {
        Measurement::Error(match self.origin {
            Origin::Builtin { .. } => format!("Prometheus query failed: {why}"),
            Origin::Inline => format!("Prometheus query failed for {}: {why}", self.kpi),
            Origin::Template => format!("Metric query failed for {}: {why}", self.kpi),
        })
    }

    fn nothing(&self, why: &str) -> Measurement {
        let kpi = &self.kpi;
        Measurement::NoData(match &self.origin {
            Origin::Builtin { router, target } => {
                format!("no values found for {router} metric {kpi} probably {target} is not receiving traffic: {why}")
            }
            Origin::Inline => format!("no values found for metric: {kpi}: {why}"),
            Origin::Template => format!("no values found for custom metric: {kpi}: {why}"),
        })
    }
}
