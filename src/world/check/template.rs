//! Asks one MetricTemplate once.

use std::collections::BTreeMap;

use super::{CheckError, Eye, refused};
use crate::api::CanarySpec;
use crate::check::{self, Check, Names};
use crate::object::ObjectKey;
use crate::object::kinds::{CANARY, METRIC_TEMPLATE};
use crate::world::malformed;

/// Which MetricTemplate is asked, and what its placeholders stand for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct QueryOptions {
    /// Its name.
    pub name: String,
    /// Its namespace; that of the kubeconfig's context, or of the pod, where it is `None`.
    pub namespace: Option<String>,
    /// The canary, as `name` in the same namespace or `namespace/name`; it need not be there.
    pub canary: Option<String>,
    /// `{{ interval }}`.
    pub interval: String,
    /// `{{ variables.x }}`.
    pub variables: BTreeMap<String, String>,
}

/// What the MetricTemplate answers now.
///
/// # Errors
/// What keeps it or the Canary from being read.
pub async fn query(options: QueryOptions) -> Result<Check, CheckError> {
    let (eye, namespace) = Eye::open(options.namespace.clone(), "").await?;
    let key = METRIC_TEMPLATE.named(&namespace, &options.name);
    let object = eye.cluster.fetch(&key).await.map_err(refused)?.map(|item| item.into_value());
    let names = eye.names(options, &namespace).await?;
    Ok(match check::query(&key, object.as_ref(), &names) {
        Ok(ask) => check::answer(&ask, &eye.providers.hear(&ask).await),
        Err(check) => check,
    })
}

impl Eye {
    async fn names(&self, options: QueryOptions, namespace: &str) -> Result<Names, CheckError> {
        let given = options.canary.as_deref().unwrap_or(&options.name);
        let (namespace, name) = given.split_once('/').unwrap_or((namespace, given));
        let window = crate::model::duration::parse(&options.interval).unwrap_or_default();
        Ok(Names {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            spec: self.spec(&CANARY.named(namespace, name)).await?,
            interval: (options.interval, window),
            variables: options.variables,
        })
    }

    /// The spec of a Canary; an empty one where there is no such Canary.
    async fn spec(&self, key: &ObjectKey) -> Result<CanarySpec, CheckError> {
        let Some(item) = self.cluster.fetch(key).await.map_err(refused)? else { return Ok(CanarySpec::default()) };
        let canary: crate::api::Canary = malformed::decode(&item.store(CANARY))
            .map_err(|sentence| CheckError::Unreadable(key.name.clone(), sentence))?;
        Ok(canary.spec)
    }
}
