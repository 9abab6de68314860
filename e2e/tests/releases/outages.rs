//! An apiserver that cannot be reached.

use std::time::Duration;

use serin::model::Phase;
use tokio::time::sleep;

use super::app::{App, in_steps, quick_to_drain};
use super::gate::Gate;
use super::operator::Operator;
use super::traffic::Traffic;
use super::weights::Weights;
use crate::apiserver::establish_our_definitions;
use crate::support::{Outcome, in_namespace, wait_until};

const APISERVER: &str = "10.250.0.1:6443";
/// More than an interval: a check falls due and cannot be recorded.
const A_MISSED_CHECK: Duration = Duration::from_secs(15);

#[tokio::test]
async fn an_apiserver_out_of_reach_is_told_in_the_log_and_delays_a_release_without_changing_it() -> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        let mut apiserver = Gate::before(APISERVER);
        apiserver.open().await?;
        let master = format!("--master=https://{}", apiserver.address());
        // A leader would give up its lease and end; this one shows that the release itself survives.
        let operator = Operator::start(&namespace, &[&master, "--enable-leader-election=false"])?;
        let app = App::new(&client, &namespace, "hello");
        app.go_live(&quick_to_drain()).await?;
        let traffic = Traffic::start(&client, &app.host()).await?;
        app.adopted(&in_steps(20, 60)).await?;
        let weights = Weights::watch(&client, &namespace, "hello").await?;
        app.release(&[("VERSION", "2")]).await?;
        weights.are(&[20], Duration::from_secs(60)).await?;

        apiserver.shut().await;
        wait_until("a sentence about the apiserver in the log", Duration::from_secs(60), async || {
            Ok(operator.said("watch canaries failed, will be repeated")?.then_some(()))
        })
        .await?;
        sleep(A_MISSED_CHECK).await;
        assert_eq!(weights.seen(), [20]);
        apiserver.open().await?;
        app.reaches(Phase::Succeeded, Duration::from_secs(180)).await?;

        assert_eq!(weights.seen(), [20, 40, 60, 0]);
        assert!(operator.said("watch of canaries goes on")?);
        traffic.end()?.lost_nothing()
    })
    .await
}

#[tokio::test]
async fn a_leader_that_cannot_renew_its_lease_says_so_and_ends() -> Outcome {
    in_namespace(async |_, namespace| {
        let mut apiserver = Gate::before(APISERVER);
        apiserver.open().await?;
        let master = format!("--master=https://{}", apiserver.address());
        let mut operator = Operator::start(&namespace, &[&master])?;
        wait_until("a leader", Duration::from_secs(20), async || Ok(operator.said(" leading ")?.then_some(()))).await?;
        apiserver.shut().await;
        // 15 s after its last renewal another replica may lead.
        wait_until("the leader's end", Duration::from_secs(15), async || Ok(operator.ended()?.then_some(()))).await?;
        assert!(operator.said("leadership lost: Lease/flagger-leader-election could not be renewed within 10s")?);
        Ok(())
    })
    .await
}
