//! Puts the questions of a decision, side by side. A failure is an answer: nothing here can stop a decision.

use futures::future::{OptionFuture, join, join_all};
use k8s_openapi::api::core::v1::Secret;

use super::World;
use super::cluster::Cluster;
use super::place::Place;
use crate::metric::{Ask, SecretData, SecretName};
use crate::model::{Answer, CanaryRef, Kpi, Measurement, Question, Span};
use crate::object::kinds::SECRET;
use crate::scene::{Pair, Scene};

/// Answers in the order of the questions.
pub(crate) async fn ask(world: &World, scene: &Scene, canary: &CanaryRef, questions: &[Question]) -> Vec<Answer> {
    let answer = async |question: &Question| match question {
        Question::Measure(kpi) => Answer::Measured(kpi.name.clone(), of_canary(world, scene, kpi).await),
        Question::Watch(kpi) => {
            let (measured, counted) = (scene.watch(kpi), || scene.watch_requests(kpi));
            Answer::Measured(kpi.name.clone(), measure(world, kpi, measured, counted).await)
        }
        Question::Compare(kpi, span) => Answer::Measured(kpi.name.clone(), compare(world, scene, kpi, *span).await),
        Question::Hook(call) => Answer::Hook(call.clone(), world.calls.ask(canary, call).await),
        Question::Turn => {
            let own = Place::new(&canary.namespace, &canary.name);
            Answer::Turn(world.turns.ask(&world.cache, &world.queue, &own, scene))
        }
    };
    join_all(questions.iter().map(answer)).await
}

async fn of_canary(world: &World, scene: &Scene, kpi: &Kpi) -> Measurement {
    measure(world, kpi, scene.ask(kpi), || scene.count(kpi)).await
}

/// The KPI, and the requests that it rests on where the user wants to know.
async fn measure(
    world: &World,
    kpi: &Kpi,
    asked: Result<Ask, Measurement>,
    counted: impl FnOnce() -> Result<Ask, Measurement>,
) -> Measurement {
    let answer = async |ask: Result<Ask, Measurement>| match ask {
        Ok(ask) => world.providers.measure(&ask).await,
        Err(measurement) => measurement,
    };
    let least = kpi.rules.min_requests;
    if least == 0 {
        return answer(asked).await;
    }
    let (measured, counted) = join(answer(asked), answer(counted())).await;
    measured.resting_on(counted, least)
}

/// What both sides had in the span.
async fn compare(world: &World, scene: &Scene, kpi: &Kpi, span: Span) -> Measurement {
    let Some(comparison) = &kpi.comparison else { return of_canary(world, scene, kpi).await };
    match scene.pair(kpi, comparison, span) {
        Err(measurement) => measurement,
        Ok(Pair::Counted(growth)) => world.providers.count(&growth).await,
        Ok(Pair::Valued { canary, primary, counted }) => {
            let sides = join(world.providers.measure(&canary), world.providers.measure(&primary));
            let counted = OptionFuture::from(counted.as_ref().map(|ask| world.providers.measure(ask)));
            let ((canary, primary), counted) = join(sides, counted).await;
            let both = canary.beside(primary);
            match counted {
                Some(counted) => both.of_requests(counted),
                None => both,
            }
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
