//! A KPI's query with everything that is needed to put it, and the words for what comes back.

use std::collections::BTreeMap;
use std::time::Duration;

use ring::digest::{Context, SHA256};

use super::prometheus::Prometheus;
use super::url::without_password;
use super::{Address, HttpResponse, Login, Means, Provider, QueryError, Request, SecretName, Step, Trust};
use crate::model::Measurement;

/// A rendered query and whom to ask. All that is missing are the [`Means`].
#[derive(Clone, Debug)]
pub struct Ask {
    /// Who answers.
    pub provider: &'static dyn Provider,
    /// Base URL; empty where the provider needs none.
    pub address: String,
    /// Rendered; never empty.
    pub query: String,
    /// How far the query looks back.
    pub window: Duration,
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

impl Ask {
    /// A query of a Prometheus that no KPI asks for.
    pub fn prometheus(address: &str, query: String) -> Self {
        Self {
            provider: &Prometheus,
            address: address.to_owned(),
            query,
            window: Duration::ZERO,
            headers: BTreeMap::new(),
            secret: None,
            region: None,
            trust: Trust::System,
            scale: 1.0,
            kpi: String::new(),
            origin: Origin::Inline,
        }
    }

    /// The request for a session, where one is needed first.
    ///
    /// # Errors
    /// What the Secret or the identity of the operator lacks.
    pub fn login(&self, means: &Means<'_>) -> Result<Option<Login>, QueryError> {
        self.complete(means)?;
        self.provider.login(self, means)
    }

    /// The request for the KPI.
    ///
    /// # Errors
    /// What the Secret, the headers, the address or the query lack.
    pub fn request(&self, means: &Means<'_>) -> Result<Request, QueryError> {
        self.complete(means)?;
        self.provider.request(self, means)
    }

    /// What comes after these answers: another request, or the KPI in its unit.
    pub fn follow(&self, heard: &[HttpResponse]) -> Step {
        match self.provider.follow(self, heard) {
            Step::Done(measured) => Step::Done(self.scaled(measured)),
            ask @ Step::Ask(..) => ask,
        }
    }

    /// The same for questions that have the same answer, whoever asks them.
    pub fn identity(&self) -> String {
        let Self { provider, address, query, window, headers, secret, region, trust, scale, kpi: _, origin: _ } = self;
        format!("{:?}", (provider, address, query, window, headers, secret, region, trust, scale))
    }

    /// Who may share a session: whoever shows the same credentials to the same provider.
    pub fn session_of(&self, means: &Means<'_>) -> [u8; 32] {
        let mut whole = Context::new(&SHA256);
        let region = self.region.as_deref().unwrap_or_default();
        let mut part = |bytes: &[u8]| {
            whole.update(&bytes.len().to_be_bytes());
            whole.update(bytes);
        };
        [self.provider.name(), &self.address, region].iter().for_each(|text| part(text.as_bytes()));
        for (key, value) in means.secret.into_iter().flatten() {
            part(key.as_bytes());
            part(value);
        }
        let digest = whole.finish();
        std::array::from_fn(|index| digest.as_ref().get(index).copied().unwrap_or_default())
    }

    fn complete(&self, means: &Means<'_>) -> Result<(), QueryError> {
        match self.secret.as_ref().filter(|_| means.secret.is_none()) {
            Some(name) => Err(QueryError::SecretMissing(name.clone())),
            None => Ok(()),
        }
    }

    /// What the answer says of the KPI, in its unit.
    pub fn measure(&self, answer: &HttpResponse) -> Measurement {
        self.scaled(self.provider.parse(self, answer))
    }

    fn scaled(&self, measured: Measurement) -> Measurement {
        match measured {
            Measurement::Value(value) if (value * self.scale).is_finite() => Measurement::Value(value * self.scale),
            Measurement::Value(value) => Measurement::NoData(format!("the result is {value}")),
            other => other,
        }
    }

    /// The measurement in the words of an event.
    pub fn told(&self, measured: Measurement) -> Measurement {
        match measured {
            Measurement::NoData(why) => self.nothing(&why),
            Measurement::Error(why) => self.failed(&why),
            value @ (Measurement::Value(_) | Measurement::Both(_) | Measurement::Few { .. }) => value,
        }
    }

    /// Who is asked, for a sentence: without a password.
    pub fn shown_address(&self) -> String {
        match self.provider.about().address {
            Address::Maker(host) => host.to_owned(),
            Address::Cluster | Address::OrCluster if self.address.is_empty() => "the apiserver".to_owned(),
            Address::Needed | Address::Default(_) | Address::OrCluster | Address::Cluster => {
                without_password(&self.address)
            }
        }
    }

    /// What stands for an answer that did not come: `why` is what the connection came to.
    pub fn unanswered(&self, why: &str) -> Measurement {
        Measurement::Error(format!("{}: {why}", self.shown_address()))
    }

    fn failed(&self, why: &str) -> Measurement {
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
