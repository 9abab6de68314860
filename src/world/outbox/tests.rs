use std::collections::BTreeMap;
use std::time::Duration;

use axum::Router;
use axum::routing::post;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::*;
use crate::model::{HookKeys, Journal, Moment, Notice, Percent, Phase, Trust};
use crate::world::caller::tests::cluster;

async fn serve(routes: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    url
}

fn listener(url: String) -> Hook {
    Hook {
        name: "chat".into(),
        moment: Moment::Event,
        url,
        timeout: Duration::from_secs(60),
        retries: 0,
        trust: Trust::System,
        keys: HookKeys::default(),
        deadline: None,
        metadata: BTreeMap::new(),
    }
}

fn plan() -> Plan {
    let journal = Journal { phase: Phase::Progressing, ..Journal::default() };
    let notices = vec![Notice::Started, Notice::Advanced(Percent::clamped(10))];
    Plan { journal, effects: vec![], notices, wake: None }
}

fn outbox() -> (Outbox, Arc<Metrics>) {
    let metrics = Arc::new(Metrics::new("istio"));
    (Outbox::new(&Http::new().unwrap(), cluster(Vec::new()), Arc::clone(&metrics)), metrics)
}

#[tokio::test]
async fn a_listener_hears_the_events_of_a_decision_in_their_order() {
    let (heard, mut hears) = mpsc::unbounded_channel();
    let listen = async move |body: axum::Json<Value>| heard.send(body.0).is_ok().to_string();
    let url = serve(Router::new().route("/", post(listen))).await;
    outbox().0.tell(&[listener(url)], &CanaryRef::podinfo(), &plan());
    let mut messages = Vec::new();
    for _ in 0..2 {
        let event = hears.recv().await.unwrap();
        assert_eq!((&event["phase"], &event["metadata"]["eventType"]), (&"Progressing".into(), &"Normal".into()));
        messages.push(event["metadata"]["eventMessage"].as_str().unwrap().to_owned());
    }
    assert_eq!(messages, ["Starting canary analysis for podinfo.test", "Advance podinfo.test canary weight 10"]);
}

/// TC-77: a listener in a black hole.
#[tokio::test]
async fn a_listener_that_does_not_answer_holds_up_nobody_and_what_is_too_much_is_counted() {
    let dead = serve(Router::new().route("/", post(std::future::pending::<()>))).await;
    let (outbox, metrics) = outbox();
    for _ in 0..=WAITING_FOR_A_HOST {
        outbox.tell(&[listener(dead.clone())], &CanaryRef::podinfo(), &plan());
    }
    assert!(metrics.text().contains("serin_event_hooks_lost_total 1"), "{}", metrics.text());
    let (heard, mut hears) = mpsc::unbounded_channel();
    let alive = serve(Router::new().route("/", post(async move || heard.send(()).is_ok().to_string()))).await;
    outbox.tell(&[listener(alive)], &CanaryRef::podinfo(), &plan());
    assert!(hears.recv().await.is_some());
}

/// TC-76: Flagger waits ten seconds, whatever the spec says.
#[tokio::test]
async fn a_listener_is_given_up_after_its_own_timeout() {
    let dead = serve(Router::new().route("/", post(std::future::pending::<()>))).await;
    let (outbox, metrics) = outbox();
    let notices = vec![Notice::Started];
    outbox.tell(
        &[Hook { timeout: Duration::from_millis(1), ..listener(dead) }],
        &CanaryRef::podinfo(),
        &Plan { notices, ..plan() },
    );
    while !metrics.text().contains("serin_event_hooks_lost_total 1") {
        tokio::task::yield_now().await;
    }
}
