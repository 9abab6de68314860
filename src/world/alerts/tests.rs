use axum::Router;
use axum::extract::State;
use axum::http::{Request, Response, StatusCode};
use axum::routing::post;
use kube::Client;
use kube::client::Body;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};

use super::*;
use crate::alert::{ChatKind, Severity};
use crate::api::Canary;
use crate::object::Objects;
use crate::scene::Defaults;
use crate::world::claim::{Claim, Hold};

fn alerts() -> (Alerts, Arc<Metrics>) {
    let (service, _) = tower_test::mock::pair::<Request<Body>, Response<Body>>();
    let metrics = Arc::new(Metrics::new("istio"));
    let claim = Claim::new(watch::channel(Hold::Alone).1);
    let cluster = Cluster::new(Client::new(service, "default"), claim, Arc::clone(&metrics));
    (Alerts::new(&Http::new().unwrap(), cluster, Arc::default(), Arc::clone(&metrics)), metrics)
}

/// A chat on this machine that answers with this status and hands on the texts that it gets.
async fn chat(status: StatusCode) -> (Chat, mpsc::UnboundedReceiver<String>) {
    let (sender, texts) = mpsc::unbounded_channel();
    let take = async move |State(sender): State<mpsc::UnboundedSender<String>>, body: String| {
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        sender.send(body["attachments"][0]["text"].as_str().unwrap().to_owned()).unwrap();
        status
    };
    let routes = Router::new().route("/", post(take)).with_state(sender);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    (Chat { kind: ChatKind::Slack, address, token: None, channel: None, username: None, proxy: None }, texts)
}

fn scene(notifiers: Vec<Chat>, status: CanaryStatus) -> Scene {
    let spec = json!({"targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "podinfo"},
        "analysis": {"interval": "1m", "threshold": 5, "stepWeight": 10}});
    let mut canary = Canary::new("podinfo", serde_json::from_value(spec).unwrap());
    canary.metadata.namespace = Some("test".to_owned());
    canary.status = Some(status);
    let defaults = Arc::new(Defaults { notifiers, ..Defaults::default() });
    Scene { canary, objects: Objects::default(), defaults, unserved: std::collections::BTreeSet::new() }
}

fn place() -> Place {
    Place::new("test", "podinfo")
}

fn alert(message: &str, end: alert::End) -> Alert {
    let (about, message) = ("podinfo.test".to_owned(), message.to_owned());
    Alert { about, severity: Severity::Info, message, fields: Vec::new(), end }
}

/// Lets what is under way go on until it holds.
async fn until(holds: impl Fn() -> bool) {
    while !holds() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn the_end_of_a_release_is_written_down_told_once_and_struck_out() {
    let (alerts, _) = alerts();
    let (chat, mut texts) = chat(StatusCode::OK).await;
    let end = vec![alert("over", alert::End::Yes)];
    let status = alerts.journal(&place(), CanaryStatus::default(), &end);
    assert_eq!(status.alert.as_ref().map(|alert| alert.message.as_str()), Some("over"));
    let scene = scene(vec![chat], status.clone());
    alerts.tell(&place(), &scene, &CanaryRef::podinfo(), end);
    alerts.tell(&place(), &scene, &CanaryRef::podinfo(), Vec::new());
    assert_eq!(texts.recv().await.as_deref(), Some("over"));
    until(|| alerts.told(&place(), status.alert.as_ref().unwrap()) == Some(Told::Done)).await;
    alerts.tell(&place(), &scene, &CanaryRef::podinfo(), Vec::new());
    assert_eq!(alerts.journal(&place(), status, &[]).alert, None);
    assert!(texts.try_recv().is_err(), "once");
    assert!(alerts.ends().is_empty(), "nothing is kept");
}

#[tokio::test]
async fn an_end_that_is_too_long_for_the_status_is_cut_and_known_again() {
    let (alerts, _) = alerts();
    let status = alerts.journal(&place(), CanaryStatus::default(), &[alert(&"long ".repeat(999), alert::End::Yes)]);
    let left = status.alert.clone().unwrap();
    assert_eq!(left.message.chars().count(), LONGEST_MESSAGE + 1);
    let again = scene(Vec::new(), status).untold(&CanaryRef::podinfo()).unwrap();
    assert_eq!(pending(&again), left);
}

#[tokio::test]
async fn an_end_that_a_stopped_operator_wrote_down_is_told_by_the_next_one() {
    let (alerts, _) = alerts();
    let (chat, mut texts) = chat(StatusCode::OK).await;
    let left = PendingAlert { severity: "error".to_owned(), message: "over".to_owned() };
    let scene = scene(vec![chat], CanaryStatus { alert: Some(left), ..CanaryStatus::default() });
    alerts.tell(&place(), &scene, &CanaryRef::podinfo(), Vec::new());
    assert_eq!(texts.recv().await.as_deref(), Some("over"));
}

#[tokio::test]
async fn a_chat_that_refuses_holds_up_no_other_and_is_counted() {
    let (alerts, metrics) = alerts();
    let (dead, mut tries) = chat(StatusCode::INTERNAL_SERVER_ERROR).await;
    let (alive, mut texts) = chat(StatusCode::OK).await;
    let scene = scene(vec![dead, alive], CanaryStatus::default());
    alerts.tell(&place(), &scene, &CanaryRef::podinfo(), vec![alert("news", alert::End::No)]);
    assert_eq!(texts.recv().await.as_deref(), Some("news"));
    assert_eq!(tries.recv().await.as_deref(), Some("news"));
    tokio::time::pause();
    for _ in 1..PAUSES.len() {
        assert_eq!(tries.recv().await.as_deref(), Some("news"), "it is tried again");
    }
    until(|| metrics.text().contains("serin_alerts_lost_total 1")).await;
}

#[tokio::test]
async fn who_wants_errors_only_hears_no_news() {
    let (alerts, metrics) = alerts();
    let receiver = |least, address: &str| {
        let chat = Chat {
            kind: ChatKind::Slack,
            address: address.to_owned(),
            token: None,
            channel: None,
            username: None,
            proxy: None,
        };
        Ok(Receiver { name: "x".to_owned(), least, chat, secret: None })
    };
    alerts.deliver(&place(), receiver(Severity::Error, "no url"), &[alert("news", alert::End::No)]).await;
    assert!(metrics.text().contains("serin_alerts_lost_total 0"));
    alerts.deliver(&place(), receiver(Severity::Info, "no url"), &[alert("news", alert::End::No)]).await;
    assert!(metrics.text().contains("serin_alerts_lost_total 1"), "an address that is no URL loses it");
}
