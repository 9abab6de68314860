//! `serin crds` and `serin rbac`: what an installation needs, as YAML.

use std::process::ExitCode;

use super::out;
use crate::{api, install, route};

/// Prints the CRDs, for `kubectl apply --server-side -f -`.
pub(super) fn crds() -> ExitCode {
    let texts: Result<Vec<_>, _> = api::crds().iter().map(api::yaml).collect();
    match texts {
        Ok(texts) => out::print(&texts.join("---\n")),
        Err(error) => out::complain(&format!("the CRDs cannot be written as YAML: {error}")),
    }
}

/// Prints the ClusterRole for these routers; for all of them where none is named.
pub(super) fn rbac(routers: &[String]) -> ExitCode {
    let found: Result<Vec<_>, _> =
        routers.iter().map(|name| route::named(name).ok_or_else(|| route::unknown(name))).collect();
    match found {
        Ok(found) if found.is_empty() => out::print(&install::rbac::cluster_role(&route::every().collect::<Vec<_>>())),
        Ok(found) => out::print(&install::rbac::cluster_role(&found)),
        Err(error) => out::complain(&error.sentence),
    }
}
