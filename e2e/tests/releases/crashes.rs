//! Operators that die in the middle of a release.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use serin::model::Phase;
use tokio::time::{Instant, sleep_until};

use super::app::{App, in_steps, quick_to_drain};
use super::operator::Operator;
use super::traffic::Traffic;
use super::weights::Weights;
use crate::apiserver::establish_our_definitions;
use crate::support::{Outcome, in_namespace, wait_until};

const RELEASED_WITHIN: Duration = Duration::from_secs(200);
/// Ten moments within a release of five steps, which takes at least this long and a promotion.
const STEPS_TAKE: Duration = Duration::from_secs(50);

#[tokio::test]
async fn an_operator_killed_at_ten_moments_of_a_release_ends_it_as_if_it_had_lived() -> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        // Alone, it need not wait for its own lease to run out.
        let start = || Operator::start(&namespace, &["--enable-leader-election=false"]);
        let (app, mut operator) = (App::new(&client, &namespace, "hello"), start()?);
        app.go_live(&quick_to_drain()).await?;
        let traffic = Traffic::start(&client, &app.host()).await?;
        app.adopted(&in_steps(10, 50)).await?;
        let weights = Weights::watch(&client, &namespace, "hello").await?;

        let began = Instant::now();
        app.release(&[("VERSION", "2")]).await?;
        for moment in ten_moments() {
            sleep_until(began + moment).await;
            operator.kill()?;
            assert!(!app.status().await?.phase.0.is_settled(), "killed after the end, at {moment:?}");
            operator = start()?;
        }
        app.reaches(Phase::Succeeded, RELEASED_WITHIN).await?;

        assert_eq!(weights.seen(), [10, 20, 30, 40, 50, 0]);
        assert_eq!(app.version_of("hello-primary").await?.as_deref(), Some("2"));
        traffic.end()?.lost_nothing()
    })
    .await
}

/// In order, from SERIN_SEED or else the clock.
fn ten_moments() -> Vec<Duration> {
    let clock = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |now| now.as_secs());
    let seed = std::env::var("SERIN_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(clock);
    let mut state = seed;
    let mut draw = || {
        // Knuth's multiplier; the low bits of such a generator are poor.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        STEPS_TAKE.mul_f64(f64::from((state >> 40) as u32) / f64::from(1 << 24))
    };
    let mut moments: Vec<_> = (0..10).map(|_| draw()).collect();
    moments.sort();
    println!("SERIN_SEED={seed}: killed {moments:.1?} after the new revision");
    moments
}

/// What the promise allows from a leader's death to the next step.
const TAKEN_OVER_WITHIN: Duration = Duration::from_secs(20);
const SEEN_WITHIN: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_second_replica_goes_on_within_20_s_of_the_leaders_death_and_sets_no_weight_twice() -> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        let leases = Api::<Lease>::namespaced(client.clone(), &namespace);
        let leads = async |name: &str, bound| {
            wait_until(&format!("the lease of {name}"), bound, async || {
                let lease = leases.get_opt("flagger-leader-election").await?;
                let holder = lease.and_then(|lease| lease.spec).and_then(|spec| spec.holder_identity);
                Ok(holder.is_some_and(|holder| holder.starts_with(name)).then_some(()))
            })
            .await
        };
        let app = App::new(&client, &namespace, "hello");
        app.go_live(&quick_to_drain()).await?;
        let first = Operator::start(&namespace, &["--hostname=first"])?;
        leads("first", SEEN_WITHIN).await?;
        let _second = Operator::start(&namespace, &["--hostname=second"])?;
        let traffic = Traffic::start(&client, &app.host()).await?;
        app.adopted(&in_steps(10, 50)).await?;
        let weights = Weights::watch(&client, &namespace, "hello").await?;

        app.release(&[("VERSION", "2")]).await?;
        app.has_weight(20, Duration::from_secs(60)).await?;
        first.kill()?;
        app.has_weight(30, TAKEN_OVER_WITHIN).await?;
        leads("second", SEEN_WITHIN).await?;
        app.reaches(Phase::Succeeded, RELEASED_WITHIN).await?;

        assert_eq!(weights.seen(), [10, 20, 30, 40, 50, 0]);
        traffic.end()?.lost_nothing()
    })
    .await
}
