//! Finds the apiserver: by a kubeconfig, or as a pod by its ServiceAccount.

use std::path::Path;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use super::failure::chain;

/// A client; `master` is the apiserver's address, where it differs from the kubeconfig's. The error is part of a sentence.
pub(crate) async fn connect(kubeconfig: Option<&Path>, master: Option<&str>) -> Result<Client, String> {
    let mut config = match kubeconfig {
        Some(path) => {
            let kubeconfig = Kubeconfig::read_from(path).map_err(|error| chain(&error))?;
            let choice = KubeConfigOptions::default();
            Config::from_custom_kubeconfig(kubeconfig, &choice).await.map_err(|error| chain(&error))?
        }
        None => Config::infer().await.map_err(|error| chain(&error))?,
    };
    if let Some(master) = master {
        config.cluster_url = master.parse().map_err(|error| format!("--master={master}: {error}"))?;
    }
    Client::try_from(config).map_err(|error| chain(&error))
}
