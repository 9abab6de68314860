//! Puts the questions of a decision, side by side. A failure is an answer: nothing here can stop a decision.

use futures::future::join_all;
use k8s_openapi::api::core::v1::Secret;

use super::World;
use super::cluster::Cluster;
use crate::metric::{SecretData, SecretName};
use crate::model::{Answer, CanaryRef, Question};
use crate::object::Kind;
use crate::scene::Scene;

const SECRET: Kind = Kind { group: "", version: "v1", kind: "Secret", plural: "secrets" };

/// Answers in the order of the questions.
pub(crate) async fn ask(world: &World, scene: &Scene, canary: &CanaryRef, questions: &[Question]) -> Vec<Answer> {
    let answer = async |question: &Question| match question {
        Question::Measure(kpi) => {
            let measurement = match scene.ask(kpi) {
                Ok(ask) => world.providers.measure(&ask).await,
                Err(measurement) => measurement,
            };
            Answer::Measured(kpi.name.clone(), measurement)
        }
        Question::Hook(call) => Answer::Hook(call.clone(), world.calls.ask(canary, call).await),
    };
    join_all(questions.iter().map(answer)).await
}

/// Secrets are read at use and forgotten: never watched, never cached.
pub(crate) async fn read_secret(name: &SecretName, cluster: &Cluster) -> Result<Option<SecretData>, String> {
    let found =
        cluster.fetch(&SECRET.named(&name.namespace, &name.name)).await.map_err(|failure| failure.to_string())?;
    let Some(item) = found else { return Ok(None) };
    let secret: Secret = serde_json::from_value(item.into_value()).map_err(|error| error.to_string())?;
    Ok(Some(secret.data.unwrap_or_default().into_iter().map(|(key, bytes)| (key, bytes.0)).collect()))
}
