//! Routers on real data planes: the weights that are written are the shares that clients get.
//!
//! No operator: what a router renders is written, and `e2e/load` counts what becomes of the requests. Every claim has two
//! sides of the demo app and the objects of its data plane's users in a namespace of its own.

mod binomial;
mod measure;
mod plane;

use std::time::Duration;

use serde_json::json;
use serin::model::{Affinity, Cookie, Mirror, Percent, Routing};

use crate::support::{Outcome, in_namespace, wait_until};
use binomial::Interval;
use measure::{Load, Traffic, report};
use plane::{Copies, Plane, Stand};

/// In hundredths of a percent. Each far from the one before, so that a few requests tell which of them the data plane follows.
const WEIGHTS: [i64; 7] = [0, 5_000, 50, 9_900, 100, 1_000, 10_000];
/// The same under load.
const MOVES: [u8; 10] = [50, 1, 99, 10, 100, 0, 60, 5, 90, 20];
const REQUESTS: u32 = 2000;

#[tokio::test]
async fn istio_serves_what_is_asked() -> Outcome {
    serves_what_is_asked(&plane::ISTIO).await
}

#[tokio::test]
async fn istio_moves_a_port_that_speaks_tcp_together_with_the_first() -> Outcome {
    in_namespace(async |client, namespace| {
        let stand = Stand::up(&plane::ISTIO_OVER_TCP, &client, &namespace).await?;
        shares(&stand).await?;
        moving_weights_lose_nothing(&stand).await?;
        let weight = Percent::clamped(MOVES[MOVES.len() - 1].into());
        let seen = stand.at_first_port().ask(REQUESTS, &[])?;
        report("istio, first port", weight, &seen);
        seen.lost_nothing()?;
        let expected = Interval::of(REQUESTS, weight);
        assert!(expected.contains(seen.canary()), "{} of {REQUESTS} at {weight} %", seen.canary());
        Ok(())
    })
    .await
}

#[tokio::test]
async fn traefik_serves_what_is_asked() -> Outcome {
    serves_what_is_asked(&plane::TRAEFIK).await
}

#[tokio::test]
async fn traefik_as_a_gateway_serves_what_is_asked() -> Outcome {
    serves_what_is_asked(&plane::GATEWAY_API_ON_TRAEFIK).await
}

#[tokio::test]
async fn nginx_serves_what_is_asked() -> Outcome {
    serves_what_is_asked(&plane::NGINX).await
}

#[tokio::test]
async fn contour_serves_what_is_asked() -> Outcome {
    serves_what_is_asked(&plane::CONTOUR).await
}

#[tokio::test]
async fn contour_as_a_gateway_serves_what_is_asked() -> Outcome {
    serves_what_is_asked(&plane::GATEWAY_API_ON_CONTOUR).await
}

#[tokio::test]
async fn app_mesh_serves_what_is_asked() -> Outcome {
    serves_what_is_asked(&plane::APP_MESH_V1BETA2).await
}

#[tokio::test]
async fn the_older_app_mesh_serves_what_is_asked() -> Outcome {
    serves_what_is_asked(&plane::APP_MESH_V1BETA1).await
}

#[tokio::test]
async fn contour_as_a_gateway_loses_nothing_when_a_route_is_taken_over() -> Outcome {
    a_route_is_taken_over(&plane::GATEWAY_API_ON_CONTOUR).await
}

#[tokio::test]
async fn traefik_as_a_gateway_loses_nothing_when_a_route_is_taken_over() -> Outcome {
    a_route_is_taken_over(&plane::GATEWAY_API_ON_TRAEFIK).await
}

/// The user's own route leads to the apex, and requests never stop.
async fn a_route_is_taken_over(plane: &'static Plane) -> Outcome {
    in_namespace(async |client, namespace| {
        let stand = Stand::up(plane, &client, &namespace).await?;
        stand.users_route().await?;
        let traffic = Traffic::start(&stand, Load::Dense)?;
        stand.routed().take_over(&Routing::PRIMARY).await?;
        stand.settles(&[], |seen| seen.canary() == 0).await?;
        let seen = traffic.end()?;
        report(stand.name(), "taken over", &seen);
        seen.lost_nothing()
    })
    .await
}

/// Without a router between them and the Service, clients get the primary, and weights are refused.
#[tokio::test]
async fn kubernetes_serves_the_primary_alone() -> Outcome {
    in_namespace(async |client, namespace| {
        let stand = Stand::up(&plane::KUBERNETES, &client, &namespace).await?;
        stand.moves(Percent::ZERO, Percent::ZERO).await?;
        let seen = stand.ask(REQUESTS, &[])?;
        report(stand.name(), Percent::ZERO, &seen);
        seen.lost_nothing()?;
        assert_eq!(seen.canary(), 0);
        let half = stand.routed().missing(&Routing::split(Percent::clamped(50))).await;
        let refusal = half.err().ok_or("a weight of 50 is not refused")?.to_string();
        assert!(refusal.contains("share requests by weight"), "{refusal}");
        Ok(())
    })
    .await
}

async fn serves_what_is_asked(plane: &'static Plane) -> Outcome {
    in_namespace(async |client, namespace| {
        let stand = Stand::up(plane, &client, &namespace).await?;
        shares(&stand).await?;
        moving_weights_lose_nothing(&stand).await?;
        rules_are_exact(&stand).await?;
        previews_are_exact(&stand).await?;
        cookies_keep_users(&stand).await?;
        copies_are_counted(&stand).await
    })
    .await
}

/// Every weight comes out as a share that chance explains, and as exactly nothing and exactly all at both ends.
async fn shares(stand: &Stand) -> Outcome {
    let mut before = Percent::ZERO;
    let fine = stand.routed().capabilities().fine;
    for weight in WEIGHTS.map(Percent::hundredths).into_iter().filter(|weight| fine || weight.is_whole()) {
        stand.moves(before, weight).await?;
        let expected = Interval::of(REQUESTS, weight);
        let mut seen = stand.ask(REQUESTS, &[])?;
        if !expected.contains(seen.canary()) {
            // One in a thousand counts is outside by chance, two in a row are not.
            seen = stand.ask(REQUESTS, &[])?;
        }
        report(stand.name(), weight, &seen);
        seen.lost_nothing()?;
        let canary = seen.canary();
        if !expected.contains(canary) {
            return Err(
                format!("{canary} of {REQUESTS} requests reached the canary at {weight} %: {expected:?}").into()
            );
        }
        before = weight;
    }
    Ok(())
}

/// Not one request is lost while weights move.
async fn moving_weights_lose_nothing(stand: &Stand) -> Outcome {
    let mut before = Percent::FULL;
    let traffic = Traffic::start(stand, Load::Steady)?;
    for weight in MOVES.map(|weight| Percent::clamped(weight.into())) {
        stand.moves(before, weight).await?;
        before = weight;
    }
    let seen = traffic.end()?;
    report(stand.name(), "moving", &seen);
    seen.lost_nothing()
}

/// With a condition exactly the requests that match it reach the canary.
async fn rules_are_exact(stand: &Stand) -> Outcome {
    if !stand.routed().capabilities().matches {
        return Ok(());
    }
    for (condition, matching, other) in stand.rules() {
        let routed = stand.with(&json!({"match": [condition]}))?;
        routed.route(&Routing::split(Percent::FULL)).await?;
        stand.settles(&[matching], |seen| seen.canary() == seen.answered()).await?;
        stand.settles(&[other], |seen| seen.canary() == 0).await?;
        for (header, wanted) in [(Some(matching), 200), (Some(other), 0), (None, 0)] {
            let seen = stand.ask(200, header.as_slice())?;
            report(stand.name(), header.unwrap_or("neither"), &seen);
            seen.lost_nothing()?;
            assert_eq!(seen.canary(), wanted, "{} answers to {header:?} with {condition}", stand.name());
        }
    }
    stand.routed().route(&Routing::PRIMARY).await?;
    stand.settles(&[], |seen| seen.canary() == 0).await
}

/// Requests that match see the canary, always, while the others are shared by weight.
async fn previews_are_exact(stand: &Stand) -> Outcome {
    if !stand.routed().capabilities().preview {
        return Ok(());
    }
    let weight = Percent::clamped(20);
    // What does not match has no header at all: of a cookie with the value `never` ingress-nginx has an opinion, too.
    for (condition, matching, _) in stand.rules() {
        let routed = stand.with(&json!({"preview": {"match": [condition]}}))?;
        routed.route(&Routing { preview: true, ..Routing::split(weight) }).await?;
        stand.settles(&[matching], |seen| seen.canary() == seen.answered()).await?;
        stand.settles(&[], |seen| (1..seen.answered() / 2).contains(&seen.canary())).await?;
        let (seen, rest) = (stand.ask(200, &[matching])?, stand.ask(REQUESTS, &[])?);
        report(stand.name(), format!("preview, {matching}"), &seen);
        report(stand.name(), format!("{weight} beside {matching}"), &rest);
        seen.lost_nothing()?;
        rest.lost_nothing()?;
        assert_eq!(seen.canary(), 200, "{} answers to {matching} with {condition}", stand.name());
        let expected = Interval::of(REQUESTS, weight);
        assert!(expected.contains(rest.canary()), "{}: {} of {REQUESTS} at {weight} %", stand.name(), rest.canary());
    }
    stand.routed().route(&Routing::PRIMARY).await?;
    stand.settles(&[], |seen| seen.canary() == 0).await
}

/// Who brings a side's cookie back stays on that side, whatever the weights say.
async fn cookies_keep_users(stand: &Stand) -> Outcome {
    if !stand.routed().capabilities().affinity {
        return Ok(());
    }
    let cookie = |name: &str| Cookie { name: name.to_owned(), value: "a1b2c3".to_owned() };
    let affinity = Affinity::Sticky { canary: cookie("on-canary"), primary: Some(cookie("on-primary")) };
    let routed =
        stand.with(&json!({"sessionAffinity": {"cookieName": "on-canary", "primaryCookieName": "on-primary"}}))?;
    routed.route(&Routing { affinity, ..Routing::split(Percent::clamped(50)) }).await?;
    let [canary, primary] = ["Cookie: on-canary=a1b2c3", "Cookie: on-primary=a1b2c3"];
    stand.settles(&[canary], |seen| seen.canary() == seen.answered()).await?;
    for (header, wanted) in [(canary, 200), (primary, 0)] {
        let seen = stand.ask(200, &[header])?;
        report(stand.name(), header, &seen);
        seen.lost_nothing()?;
        assert_eq!(seen.canary(), wanted, "{} answers to {header}", stand.name());
    }
    stand.routed().route(&Routing::PRIMARY).await?;
    stand.settles(&[canary], |seen| seen.canary() == 0).await
}

/// Copies reach the canary, one for each request, and no client sees their answers.
async fn copies_are_counted(stand: &Stand) -> Outcome {
    let copied = Routing { mirror: Mirror::All, ..Routing::PRIMARY };
    match stand.copies() {
        None => return Ok(()),
        Some(Copies::Refused) => {
            let told = stand.with(&json!({"mirror": true}))?.is_accepted().await;
            let written = stand.routed().missing(&copied).await;
            for refusal in [told.err(), written.err()] {
                let sentence = refusal.ok_or("copies are not refused")?.to_string();
                assert!(sentence.contains("would answer 500"), "{sentence}");
            }
            return Ok(());
        }
        Some(Copies::Asked) => {}
    }
    stand.routed().route(&copied).await?;
    stand.settles(&[], |seen| seen.canary() == 0).await?;
    wait_until("a first copy", Duration::from_secs(30), async || {
        let before = stand.canary_has_answered()?;
        stand.ask(10, &[])?;
        Ok((stand.canary_has_answered()? > before).then_some(()))
    })
    .await?;
    let before = stand.canary_has_settled().await?;
    let seen = stand.ask(200, &[])?;
    seen.lost_nothing()?;
    assert_eq!(seen.canary(), 0, "answers of the canary to clients of {}", stand.name());
    wait_until("200 copies", Duration::from_secs(15), async || {
        Ok((stand.canary_has_answered()? >= before + 200).then_some(()))
    })
    .await?;
    let copies = stand.canary_has_settled().await? - before;
    report(stand.name(), format!("{copies} copies"), &seen);
    assert_eq!(copies, 200, "copies of 200 requests by {}", stand.name());
    Ok(())
}
