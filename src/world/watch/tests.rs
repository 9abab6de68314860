use axum::http::{Request, Response};
use kube::client::Body;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::super::cache::Look;
use super::super::place::Place;
use super::*;
use crate::object::kinds::{CANARY, DELIVERY_POLICY, SERVICE};
use crate::scene::{EVERY, Labelled, Lookups};

/// What the scripted apiserver does with one request.
enum Reply {
    Json(u16, Value),
    /// Keeps the connection open: a watch in which nothing happens.
    Silence,
}

/// A watch against an apiserver that answers by URL. Canaries are listed by hand and look at the Service `a`.
fn watches(kind: Kind, reply: impl Fn(&str) -> Reply + Send + 'static) -> Watches {
    let (service, mut requests) = tower_test::mock::pair::<Request<Body>, Response<Body>>();
    tokio::spawn(async move {
        let mut silent = Vec::new();
        while let Some((request, send)) = requests.next_request().await {
            match reply(&request.uri().to_string()) {
                Reply::Json(status, body) => {
                    let body = Body::from(format!("{body}\n").into_bytes());
                    send.send_response(Response::builder().status(status).body(body).unwrap());
                }
                Reply::Silence => silent.push(send),
            }
        }
    });
    let lookups = move |_: &super::super::cache::Seen<crate::api::Canary>| {
        let policies = Labelled { kind, namespace: String::new(), label: EVERY, value: String::new() };
        let labelled = if kind.is_of_cluster() { vec![policies] } else { vec![] };
        Lookups { keys: vec![SERVICE.named("test", "a")], labelled }
    };
    let cache = Arc::new(Cache::new(Arc::new(lookups), Arc::new(|_: &_| Vec::new())));
    if kind != CANARY {
        let metadata = json!({"name": "c", "namespace": "test", "uid": "c", "resourceVersion": "1"});
        cache.absorb(CANARY, Event::Init);
        cache.absorb(CANARY, Event::InitApply(Item::new(json!({"metadata": metadata}))));
        cache.absorb(CANARY, Event::InitDone);
    }
    let (start, _) = mpsc::unbounded_channel();
    Watches { client: Client::new(service, "default"), namespace: None, cache, queue: Arc::default(), start }
}

fn list(name: &str) -> Value {
    let item = json!({"metadata": {"name": name, "namespace": "test", "resourceVersion": "5"}});
    json!({"apiVersion": "v1", "kind": "ServiceList", "metadata": {"resourceVersion": "9"}, "items": [item]})
}

fn list_none(watches: &Watches, kind: Kind) {
    watches.cache.absorb(kind, Event::Init);
    watches.cache.absorb(kind, Event::InitDone);
}

fn refusal(code: u16) -> Value {
    json!({"kind": "Status", "status": "Failure", "code": code, "message": "no", "reason": "x"})
}

fn sight(watches: &Watches) -> String {
    match watches.cache.look(&Place::new("test", "c")) {
        Look::Seen(sight) if !sight.unserved.is_empty() => "unserved".to_owned(),
        Look::Seen(sight) => sight.objects.iter().map(|(key, _)| key.to_string()).collect(),
        Look::Waiting(_) => "waiting".to_owned(),
        other => format!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn an_apiserver_that_cannot_stream_lists_is_asked_for_pages() {
    let watches = watches(SERVICE, |url| match url {
        _ if url.contains("sendInitialEvents=true") => Reply::Json(422, refusal(422)),
        _ if url.contains("limit=100") => Reply::Json(200, list("a")),
        _ => Reply::Silence,
    });
    tokio::spawn(watches.clone().watch(SERVICE));
    let turn = watches.queue.next().await;
    assert_eq!((turn.place, sight(&watches).as_str()), (Place::new("test", "c"), "Service/a.test"));
}

#[tokio::test(start_paused = true)]
async fn a_kind_that_comes_later_is_found_without_a_restart() {
    let began = Instant::now();
    let watches = watches(SERVICE, move |url| match url {
        _ if began.elapsed() < Duration::from_secs(45) => Reply::Json(404, refusal(404)),
        _ if url.contains("sendInitialEvents=true") => Reply::Json(422, refusal(422)),
        _ if url.contains("limit=100") => Reply::Json(200, list("a")),
        _ => Reply::Silence,
    });
    tokio::spawn(watches.clone().watch(SERVICE));
    watches.queue.next().await;
    assert_eq!(sight(&watches), "unserved");
    watches.queue.done(&Place::new("test", "c"));
    watches.queue.next().await;
    assert_eq!(sight(&watches), "Service/a.test");
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_the_apiserver_is_outlived() {
    let began = Instant::now();
    let watches = watches(SERVICE, move |url| match url {
        _ if began.elapsed() < Duration::from_secs(300) => Reply::Json(500, refusal(500)),
        _ if url.contains("sendInitialEvents=true") => Reply::Json(422, refusal(422)),
        _ if url.contains("limit=100") => Reply::Json(200, list("a")),
        _ => Reply::Silence,
    });
    tokio::spawn(watches.clone().watch(SERVICE));
    assert_eq!(sight(&watches), "waiting");
    watches.queue.next().await;
    assert_eq!(sight(&watches), "Service/a.test");
    assert!(began.elapsed() < Duration::from_secs(300 + 61), "at most one backoff after the outage");
}

#[tokio::test(start_paused = true)]
async fn what_may_not_be_read_is_told_with_what_to_grant() {
    let watches = watches(SERVICE, |_| Reply::Json(403, refusal(403)));
    tokio::spawn(watches.clone().watch(SERVICE));
    watches.queue.next().await;
    let sight = sight(&watches);
    assert!(sight.contains("grant list and watch on services to serin's ServiceAccount in all namespaces"), "{sight}");
}

#[tokio::test(start_paused = true)]
async fn whoever_watches_one_namespace_asks_for_policies_of_the_cluster_and_goes_on_without_them() {
    let (asked, mut urls) = mpsc::unbounded_channel();
    let watches = watches(DELIVERY_POLICY, move |url| {
        let _ = asked.send(url.to_owned());
        Reply::Json(403, refusal(403))
    });
    let watches = Watches { namespace: Some("test".to_owned()), ..watches };
    list_none(&watches, SERVICE);
    tokio::spawn(watches.clone().watch(DELIVERY_POLICY));
    watches.queue.next().await;
    assert_eq!(sight(&watches), "unserved");
    let url = urls.recv().await.unwrap();
    assert!(url.starts_with("/apis/flagger.app/v1beta1/deliverypolicies?"), "{url}");
    let before = Instant::now();
    urls.recv().await.unwrap();
    assert!(before.elapsed() >= OPTIONAL_RETRY, "an installation without them costs nothing at rest");
}
