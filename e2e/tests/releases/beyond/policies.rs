//! What a DeliveryPolicy makes of the releases of a namespace.

use std::time::Duration;

use kube::api::{DeleteParams, Patch, PatchParams};
use kube::{Api, Client};
use serde_json::json;
use serin::api::{DeliveryPolicy, ReleaseFreeze, ReleaseSchedule};
use serin::model::Phase;

use super::super::app::{App, quick_to_drain};
use super::super::operator::Operator;
use super::super::traffic::Traffic;
use super::windows::from_now;
use super::{MOVES_WITHIN, RELEASED_WITHIN};
use crate::apiserver::establish_our_definitions;
use crate::support::{Outcome, in_namespace};

/// A policy of one namespace, by the namespace's name.
struct Policy {
    policies: Api<DeliveryPolicy>,
    namespace: String,
}

impl Policy {
    fn of(client: &Client, namespace: &str) -> Self {
        Self { policies: Api::all(client.clone()), namespace: namespace.to_owned() }
    }

    async fn says(&self, spec: serde_json::Value) -> Outcome {
        let mut policy = json!({
            "apiVersion": "flagger.app/v1beta1", "kind": "DeliveryPolicy", "metadata": {"name": self.namespace},
            "spec": {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": self.namespace}}},
        });
        policy["spec"].as_object_mut().ok_or("a spec")?.extend(spec.as_object().cloned().unwrap_or_default());
        let parameters = PatchParams::apply("claims").force();
        self.policies.patch(&self.namespace, &parameters, &Patch::Apply(policy)).await?;
        Ok(())
    }

    async fn is_taken_back(&self) -> Outcome {
        self.policies.delete(&self.namespace, &DeleteParams::default()).await?;
        Ok(())
    }
}

#[tokio::test]
async fn releases_take_turns_under_the_limit_of_a_policy_and_lose_nothing() -> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        let policy = Policy::of(&client, &namespace);
        policy.says(json!({"maxConcurrent": 1})).await?;
        let _operator = Operator::start(&namespace, &[])?;
        let [first, second, third] = ["first", "second", "third"].map(|name| App::new(&client, &namespace, name));
        let analysis = json!({"spec": {"analysis": {"stepWeight": 50, "maxWeight": 50, "metrics": []}}});
        for app in [&first, &second, &third] {
            app.go_live(&quick_to_drain()).await?;
            app.adopted(&analysis).await?;
        }
        let traffic = Traffic::start(&client, &second.host()).await?;

        first.release(&[("VERSION", "2")]).await?;
        for (app, place) in [(&second, 1), (&third, 2)] {
            app.change(&[("VERSION", "2")]).await?;
            app.reaches(Phase::Waiting, MOVES_WITHIN).await?;
            let waiting = app.status().await?.waiting.ok_or("it says for what it waits")?;
            assert_eq!((waiting.position, waiting.until), (Some(place), None), "{}", waiting.reason);
        }
        let told = second.tells("ReleaseHeld", MOVES_WITHIN).await?;
        assert!(told.contains("lets 1 release run at once"), "{told}");

        second.reaches(Phase::Progressing, RELEASED_WITHIN).await?;
        assert_eq!(first.status().await?.phase.0, Phase::Succeeded, "its turn came after the first one's");
        assert_eq!(third.status().await?.phase.0, Phase::Waiting);
        second.reaches(Phase::Succeeded, RELEASED_WITHIN).await?;
        third.reaches(Phase::Succeeded, RELEASED_WITHIN).await?;
        policy.is_taken_back().await?;
        traffic.end()?.lost_nothing()
    })
    .await
}

#[tokio::test]
async fn a_freeze_of_a_policy_holds_a_release_until_it_is_taken_back() -> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        let policy = Policy::of(&client, &namespace);
        let _operator = Operator::start(&namespace, &[])?;
        let app = App::new(&client, &namespace, "hello");
        app.go_live(&quick_to_drain()).await?;
        app.adopted(&json!({"spec": {"analysis": {"stepWeight": 50, "maxWeight": 50, "metrics": []}}})).await?;

        let [from, to] = [Duration::ZERO, Duration::from_secs(3_600)].map(from_now);
        let freeze = ReleaseFreeze { from: from?, to: to?, reason: Some("sale".to_owned()) };
        let schedule = ReleaseSchedule { freezes: Some(vec![freeze]), ..ReleaseSchedule::default() };
        policy.says(json!({ "schedule": schedule })).await?;
        app.change(&[("VERSION", "2")]).await?;
        app.reaches(Phase::Waiting, MOVES_WITHIN).await?;
        let told = app.tells("ReleaseHeld", MOVES_WITHIN).await?;
        assert!(told.contains(&format!("a freeze of DeliveryPolicy {namespace} (sale)")), "{told}");

        policy.is_taken_back().await?;
        app.reaches(Phase::Succeeded, RELEASED_WITHIN).await
    })
    .await
}
