//! Reads one Canary and its objects once, and puts the questions of `check`. Never writes, never decides.

mod template;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{join_all, try_join_all};
use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};
use kube::api::{ListParams, PostParams};
use kube::{Api, Client};
use tokio::sync::watch;
use tokio::time::timeout;

use super::cache::Item;
use super::claim::{Claim, Hold};
use super::cluster::{Cluster, resource};
use super::connect::connect;
use super::failure::{Failure, chain};
use super::http::Http;
use super::malformed;
use super::metrics::Metrics;
use super::providers::Providers;
use crate::api::Canary;
use crate::check::{self, Account, Check, Inquiry, Next, Report, Right};
use crate::metric::diagnosis::Heard;
use crate::object::kinds::CANARY;
use crate::object::{Kind, ObjectKey, Objects};
use crate::scene::{self, Defaults, Labelled, Scene};

pub use template::{QueryOptions, query};

/// Which Canary is checked.
#[derive(Clone, Debug)]
pub struct CheckOptions {
    /// Its name.
    pub name: String,
    /// Its namespace; that of the kubeconfig's context, or of the pod, where it is `None`.
    pub namespace: Option<String>,
    /// What the operator was started with.
    pub defaults: Defaults,
}

/// Why nothing could be checked at all.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The kubeconfig or the pod's ServiceAccount cannot be used.
    #[error("cannot connect to the cluster: {0}")]
    Connect(String),
    /// The HTTP clients cannot be made.
    #[error("cannot make an HTTP client: {0}")]
    Http(String),
    /// There is no such Canary.
    #[error(
        "there is no canary {0} in namespace {1}; kubectl get canaries -A lists them, -n NAMESPACE names another namespace"
    )]
    NotFound(String, String),
    /// The Canary cannot be decoded.
    #[error("canary/{0}: {1}")]
    Unreadable(String, String),
    /// An object cannot be read.
    #[error("{0}")]
    Cluster(String),
}

/// For one question to the apiserver.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Checks one Canary.
///
/// # Errors
/// What keeps the Canary and its objects from being read.
pub async fn check(options: CheckOptions) -> Result<Report, CheckError> {
    let (eye, namespace) = Eye::open(options.namespace.clone(), &options.defaults.provider).await?;
    let scene = eye.scene(&CANARY.named(&namespace, &options.name), options.defaults).await?;
    let facts = scene.facts();
    let account = eye.account().await?;
    let lacking = eye.lacking(check::rights(&scene), &namespace).await?;
    let mut checks: Vec<Check> = check::target(&scene, &facts).into_iter().collect();
    checks.extend(check::spec(&scene, &facts));
    checks.extend(check::router(&scene, &facts, &account, &lacking));
    checks.sort_by_key(|check| check.category);
    let inquiries = check::inquiries(&scene, &facts).into_iter();
    checks.extend(join_all(inquiries.map(|inquiry| eye.inquire(inquiry))).await);
    Ok(Report { canary: options.name, namespace, checks })
}

/// What it looks with.
struct Eye {
    client: Client,
    cluster: Cluster,
    providers: Providers,
}

impl Eye {
    /// Connects as kubectl would; with the namespace that was given, or that of the context.
    async fn open(namespace: Option<String>, router: &str) -> Result<(Self, String), CheckError> {
        // First, because it chooses the TLS provider of both clients.
        let http = Http::new().map_err(CheckError::Http)?;
        let client = connect(None, None).await.map_err(CheckError::Connect)?;
        let namespace = namespace.unwrap_or_else(|| client.default_namespace().to_owned());
        let (_hold, held) = watch::channel(Hold::Nothing);
        let cluster = Cluster::new(client.clone(), Claim::new(held), Arc::new(Metrics::new(router)));
        let providers = Providers::new(http, cluster.clone());
        Ok((Self { client, cluster, providers }, namespace))
    }

    async fn scene(&self, key: &ObjectKey, defaults: Defaults) -> Result<Scene, CheckError> {
        let stored = self.cluster.fetch(key).await.map_err(refused)?.map(|item| item.store(CANARY));
        let stored = stored.ok_or_else(|| CheckError::NotFound(key.name.clone(), key.namespace.clone()))?;
        let canary: Canary =
            malformed::decode(&stored).map_err(|sentence| CheckError::Unreadable(key.name.clone(), sentence))?;
        let lookups = scene::lookups(&canary, &defaults);
        let kinds: BTreeSet<Kind> = lookups.keys.iter().map(|key| key.kind).collect();
        let served = try_join_all(kinds.iter().map(|kind| self.serves(*kind))).await?;
        let unserved = kinds.into_iter().zip(served).filter(|(_, served)| !served).map(|(kind, _)| kind).collect();
        let mut objects = Objects::default();
        for (key, found) in try_join_all(lookups.keys.into_iter().map(|key| self.read(key))).await? {
            if let Some(item) = found {
                objects.insert(key, item.into_value().into());
            }
        }
        // What hangs on no label says nothing about the Canary, and takes more rights than a person may have.
        let groups = lookups.labelled.iter().filter(|group| ![scene::EVERY, scene::GROUP].contains(&group.label));
        for (kind, items) in try_join_all(groups.map(|group| self.list(group))).await? {
            for item in items {
                let place = item.place();
                objects.insert(kind.named(place.namespace(), place.name()), item.into_value().into());
            }
        }
        let further = scene::further(&canary, &objects, &defaults);
        for (key, found) in try_join_all(further.into_iter().map(|key| self.read(key))).await? {
            if let Some(item) = found {
                objects.insert(key, item.into_value().into());
            }
        }
        Ok(Scene { canary, objects, defaults: Arc::new(defaults), unserved })
    }

    async fn read(&self, key: ObjectKey) -> Result<(ObjectKey, Option<Item>), CheckError> {
        let found = self.cluster.fetch(&key).await.map_err(refused)?;
        Ok((key, found))
    }

    async fn list(&self, group: &Labelled) -> Result<(Kind, Vec<Item>), CheckError> {
        let api: Api<Item> = Api::namespaced_with(self.client.clone(), &group.namespace, &resource(group.kind));
        let params = ListParams::default().labels(&format!("{}={}", group.label, group.value));
        let what = format!("list {} in namespace {}", group.kind.plural, group.namespace);
        Ok((group.kind, answer(&what, api.list(&params)).await?.items))
    }

    /// Whether the apiserver knows the kind.
    async fn serves(&self, kind: Kind) -> Result<bool, CheckError> {
        if kind.group.is_empty() {
            return Ok(true);
        }
        let what = format!("look for {}.{}", kind.plural, kind.group);
        let asked = async {
            match self.client.list_api_group_resources(&kind.api_version()).await {
                Ok(list) => Ok(list.resources.iter().any(|resource| resource.name == kind.plural)),
                Err(kube::Error::Api(status)) if status.code == 404 => Ok(false),
                Err(error) => Err(error),
            }
        };
        answer(&what, asked).await
    }

    async fn account(&self) -> Result<Account, CheckError> {
        let api: Api<SelfSubjectReview> = Api::all(self.client.clone());
        let (question, params) = (SelfSubjectReview::default(), PostParams::default());
        let said = answer("ask who I am", api.create(&params, &question)).await?;
        let user = said.status.and_then(|status| status.user_info).and_then(|info| info.username);
        Ok(Account(user.unwrap_or_else(|| "this account".to_owned())))
    }

    /// Those of the rights that we do not have.
    async fn lacking(&self, rights: Vec<Right>, namespace: &str) -> Result<Vec<Right>, CheckError> {
        let answers = try_join_all(rights.iter().map(|right| self.may(right, namespace))).await?;
        Ok(rights.into_iter().zip(answers).filter(|(_, may)| !may).map(|(right, _)| right).collect())
    }

    async fn may(&self, right: &Right, namespace: &str) -> Result<bool, CheckError> {
        let attributes = ResourceAttributes {
            namespace: Some(namespace.to_owned()),
            group: Some(right.group.clone()),
            resource: Some(right.resource.clone()),
            verb: Some(right.verb.to_owned()),
            ..ResourceAttributes::default()
        };
        let spec = SelfSubjectAccessReviewSpec { resource_attributes: Some(attributes), ..Default::default() };
        let question = SelfSubjectAccessReview { spec, ..SelfSubjectAccessReview::default() };
        let api: Api<SelfSubjectAccessReview> = Api::all(self.client.clone());
        let said = answer("ask for my rights", api.create(&PostParams::default(), &question)).await?;
        Ok(said.status.is_some_and(|status| status.allowed))
    }

    async fn inquire(&self, inquiry: Result<Inquiry, Check>) -> Check {
        let inquiry = match inquiry {
            Ok(inquiry) => inquiry,
            Err(check) => return check,
        };
        let mut heard = Heard::new();
        loop {
            match inquiry.next(&heard) {
                Next::Done(check) => return check,
                Next::Ask(asks) => {
                    let replies = join_all(asks.iter().map(|ask| self.providers.hear(ask))).await;
                    heard.extend(asks.into_iter().map(|ask| ask.query).zip(replies));
                }
            }
        }
    }
}

/// An answer of the apiserver in time.
async fn answer<T>(what: &str, call: impl Future<Output = kube::Result<T>>) -> Result<T, CheckError> {
    match timeout(ANSWER_WITHIN, call).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(CheckError::Cluster(format!("{what} failed: {}", chain(&error)))),
        Err(_) => Err(CheckError::Cluster(format!("{what}: no answer within {} s", ANSWER_WITHIN.as_secs()))),
    }
}

/// In the words for a person, who need not be the operator.
fn refused(failure: Failure) -> CheckError {
    CheckError::Cluster(match failure {
        Failure::Forbidden { attempt, cause } => format!("{attempt} is forbidden: {cause}"),
        other => other.to_string(),
    })
}
