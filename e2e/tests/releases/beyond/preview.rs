//! Who sees a release before everybody does.

use std::collections::BTreeSet;

use serde_json::json;
use serin::model::Phase;

use super::super::app::{App, quick_to_drain};
use super::super::operator::Operator;
use super::super::traffic::{Traffic, versions};
use super::lever::ask;
use super::{INSIDER, MOVES_WITHIN, RELEASED_WITHIN};
use crate::apiserver::establish_our_definitions;
use crate::support::{Outcome, in_namespace, wait_until};

#[tokio::test]
async fn testers_see_a_release_whose_first_weight_waits_for_a_person_and_nobody_else_does() -> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        let (app, _operator) = (App::new(&client, &namespace, "hello"), Operator::start(&namespace, &[])?);
        app.go_live(&quick_to_drain()).await?;
        let analysis = json!({
            "stepWeight": null, "maxWeight": null, "stepWeights": [40], "metrics": [],
            "webhooks": [{"name": "testers", "type": "confirm-traffic-increase"}],
            "preview": {"match": [{"headers": {"x-canary": {"exact": "insider"}}}]},
        });
        app.adopted(&json!({"spec": {"analysis": analysis}})).await?;
        let traffic = Traffic::start(&client, &app.host()).await?;
        let [first, second] = ["1", "2"].map(|version| BTreeSet::from([version.to_owned()]));

        app.release(&[("VERSION", "2")]).await?;
        wait_until("testers on the canary", MOVES_WITHIN, async || {
            Ok((versions(&client, &app.host(), &[INSIDER]).await? == second).then_some(()))
        })
        .await?;
        assert_eq!(versions(&client, &app.host(), &[]).await?, first, "its weight waits for the gate");
        ask(&app, "resume/1").await?;
        app.has_weight(40, RELEASED_WITHIN).await?;
        assert_eq!(versions(&client, &app.host(), &[INSIDER]).await?, second);
        app.reaches(Phase::Succeeded, RELEASED_WITHIN).await?;
        assert_eq!(app.version_of("hello-primary").await?.as_deref(), Some("2"));
        traffic.end()?.lost_nothing()
    })
    .await
}
