//! What every claim needs: a client, a namespace that ends with the test, and waiting with a bound.

use std::error::Error;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use futures::FutureExt;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, Patch, PatchParams, PostParams, TypeMeta};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::Value;

/// A test ends with `Ok`, with the error that stopped it, or with a failed assertion.
pub(crate) type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// Asking the apiserver five times a second is quick for a person and nothing for a cluster.
const POLL: Duration = Duration::from_millis(200);

/// A client with the rights and the address of `KUBECONFIG`.
pub(crate) async fn client() -> Outcome<Client> {
    let kubeconfig = Kubeconfig::from_env()?.ok_or("KUBECONFIG is not set: run these tests by e2e/test.sh cluster")?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    Ok(Client::try_from(config)?)
}

/// Runs `claim` in a fresh namespace, and deletes the namespace however the claim ends.
pub(crate) async fn in_namespace(claim: impl AsyncFnOnce(Client, String) -> Outcome) -> Outcome {
    let client = client().await?;
    let namespaces = Api::<Namespace>::all(client.clone());
    let mut fresh = Namespace::default();
    fresh.metadata.generate_name = Some("claim-".into());
    let name =
        namespaces.create(&PostParams::default(), &fresh).await?.metadata.name.ok_or("a namespace without a name")?;
    let outcome = AssertUnwindSafe(claim(client, name.clone())).catch_unwind().await;
    namespaces.delete(&name, &DeleteParams::background()).await?;
    outcome.unwrap_or_else(|panic| resume_unwind(panic))
}

/// Asks until there is an answer, and returns it; past the bound the error says what was waited for.
pub(crate) async fn wait_until<T>(
    what: &str,
    bound: Duration,
    mut ask: impl AsyncFnMut() -> Outcome<Option<T>>,
) -> Outcome<T> {
    let asking = async {
        loop {
            if let Some(answer) = ask().await? {
                return Ok(answer);
            }
            tokio::time::sleep(POLL).await;
        }
    };
    tokio::time::timeout(bound, asking)
        .await
        .unwrap_or_else(|_| Err(format!("{what} was not seen within {} s", bound.as_secs()).into()))
}

/// Runs a program to its end and returns what it printed; a failure carries what it said.
pub(crate) fn run(program: impl AsRef<Path>, arguments: &[&str]) -> Outcome<String> {
    let program = program.as_ref();
    let output =
        Command::new(program).args(arguments).output().map_err(|error| format!("{}: {error}", program.display()))?;
    if output.status.success() {
        return Ok(String::from_utf8(output.stdout)?);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{} {}: {}: {said}", program.display(), arguments.join(" "), output.status).into())
}

/// Applies an object of a kind that the cluster serves, as a user would. A field that its definition does not know is an
/// error.
pub(crate) async fn apply(client: &Client, namespace: &str, object: &Value) -> Outcome {
    let types: TypeMeta = serde_json::from_value(object.clone())?;
    let kind = ApiResource::from_gvk(&(&types).try_into()?);
    let name = object["metadata"]["name"].as_str().ok_or("an object without a name")?;
    let objects = Api::<DynamicObject>::namespaced_with(client.clone(), namespace, &kind);
    objects.patch(name, &PatchParams::apply("claims").force(), &Patch::Apply(object)).await?;
    Ok(())
}

/// A file of the project.
pub(crate) fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
