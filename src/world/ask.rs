//! Puts the questions of a decision, side by side. A failure is an answer: nothing here can stop a decision.

use futures::future::join_all;
use k8s_openapi::api::core::v1::Secret;

use super::cluster::Cluster;
use super::providers::Providers;
use crate::metric::{SecretData, SecretName};
use crate::model::{Answer, Question};
use crate::object::Kind;
use crate::scene::Scene;

const SECRET: Kind = Kind { group: "", version: "v1", kind: "Secret", plural: "secrets" };

/// Answers in the order of the questions.
pub(crate) async fn ask(scene: &Scene, questions: &[Question], providers: &Providers) -> Vec<Answer> {
    join_all(questions.iter().map(|question| answer(scene, question, providers))).await
}

async fn answer(scene: &Scene, question: &Question, providers: &Providers) -> Answer {
    match question {
        Question::Measure(kpi) => {
            let measurement = match scene.ask(question) {
                Ok(ask) => providers.measure(&ask).await,
                Err(measurement) => measurement,
            };
            Answer::Measured(kpi.name.clone(), measurement)
        }
    }
}

/// Secrets are read at use and forgotten: never watched, never cached.
pub(crate) async fn read_secret(name: &SecretName, cluster: &Cluster) -> Result<Option<SecretData>, String> {
    let found =
        cluster.fetch(&SECRET.named(&name.namespace, &name.name)).await.map_err(|failure| failure.to_string())?;
    let Some(item) = found else { return Ok(None) };
    let secret: Secret = serde_json::from_value(item.into_value()).map_err(|error| error.to_string())?;
    Ok(Some(secret.data.unwrap_or_default().into_iter().map(|(key, bytes)| (key, bytes.0)).collect()))
}
