//! The real apiserver and our own resource definitions.

use std::time::Duration;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Api;

use crate::support::{Outcome, client, project, run, wait_until};

#[tokio::test]
async fn the_apiserver_answers() -> Outcome {
    let version = client().await?.apiserver_version().await?;
    assert_eq!(version.major, "1");
    Ok(())
}

#[tokio::test]
async fn the_apiserver_establishes_our_definitions() -> Outcome {
    establish_our_definitions().await
}

/// Applies the definitions and waits until their kinds are served. Safe to repeat.
pub(crate) async fn establish_our_definitions() -> Outcome {
    let directory = project("crds");
    run("kubectl", &["apply", "--server-side", "--force-conflicts", "-f", &directory.to_string_lossy()])?;
    let definitions = Api::<CustomResourceDefinition>::all(client().await?);
    for name in ["canaries", "metrictemplates", "alertproviders", "deliverypolicies"] {
        let name = format!("{name}.flagger.app");
        wait_until(&format!("the condition Established of {name}"), Duration::from_secs(30), async || {
            Ok(is_established(&definitions.get(&name).await?).then_some(()))
        })
        .await?;
    }
    Ok(())
}

fn is_established(definition: &CustomResourceDefinition) -> bool {
    let conditions = definition.status.iter().flat_map(|status| status.conditions.iter().flatten());
    conditions.into_iter().any(|condition| condition.type_ == "Established" && condition.status == "True")
}
