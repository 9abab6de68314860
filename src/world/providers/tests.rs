use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::extract::State as Shared;
use axum::http::{Request as Received, Response, StatusCode};
use axum::routing::get;
use futures::future::join_all;
use kube::Client;
use kube::client::Body;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::*;
use crate::http::{Credentials, Trust};
use crate::metric::{Grant, Origin};
use crate::model::Time;
use crate::world::claim::{Claim, Hold};
use crate::world::metrics::Metrics;

/// Providers in a cluster that answers every request with this body.
fn providers(body: &'static str) -> Providers {
    let (service, mut requests) = tower_test::mock::pair::<Received<Body>, Response<Body>>();
    tokio::spawn(async move {
        while let Some((_, send)) = requests.next_request().await {
            send.send_response(Response::new(Body::from(body.as_bytes().to_vec())));
        }
    });
    let claim = Claim::new(watch::channel(Hold::Alone).1);
    let cluster = Cluster::new(Client::new(service, "default"), claim, Arc::new(Metrics::new("istio")));
    Providers::new(Http::new().unwrap(), cluster)
}

/// A server on this machine that counts; returns its URL and the count.
async fn serve(status: StatusCode, body: &'static str) -> (String, Arc<AtomicU32>) {
    let count = Arc::new(AtomicU32::new(0));
    let answer = async move |Shared(count): Shared<Arc<AtomicU32>>| {
        count.fetch_add(1, Ordering::SeqCst);
        (status, body)
    };
    let routes = Router::new().fallback(get(answer)).with_state(Arc::clone(&count));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    (url, count)
}

fn ask(provider: &str, address: &str, query: &str) -> Ask {
    Ask {
        provider: crate::metric::find(provider).unwrap(),
        address: address.to_owned(),
        query: query.to_owned(),
        window: Duration::from_secs(60),
        headers: BTreeMap::new(),
        secret: None,
        region: None,
        trust: Trust::System,
        scale: 1.0,
        kpi: "errors".to_owned(),
        origin: Origin::Template,
    }
}

#[tokio::test]
async fn what_many_canaries_ask_at_once_is_asked_once() {
    let (url, count) = serve(StatusCode::OK, r#"{"a": 7}"#).await;
    let providers = providers("{}");
    let same: Vec<Ask> = (0..50).map(|n| Ask { kpi: format!("kpi-{n}"), ..ask("web", &url, "/x\n$.a") }).collect();
    let answers = join_all(same.iter().map(|ask| providers.measure(ask))).await;
    assert!(answers.iter().all(|answer| *answer == Measurement::Value(7.0)), "{answers:?}");
    assert_eq!(count.load(Ordering::SeqCst), 1);
    providers.measure(&ask("web", &url, "/y\n$.a")).await;
    assert_eq!(count.load(Ordering::SeqCst), 2, "another question is asked");
}

#[tokio::test]
async fn an_answer_is_not_kept_for_the_next_check() {
    let state = State::default();
    let answer = state.answer("q".to_owned());
    assert!(Arc::ptr_eq(&answer, &state.answer("q".to_owned())), "it is on its way");
    tokio::time::pause();
    answer.set((Measurement::Value(1.0), Instant::now())).unwrap();
    assert!(Arc::ptr_eq(&answer, &state.answer("q".to_owned())), "it is fresh");
    tokio::time::advance(FRESH).await;
    assert!(!Arc::ptr_eq(&answer, &state.answer("q".to_owned())));
    assert_eq!(state.answers.lock().unwrap().len(), 1, "nothing old is kept");
}

#[tokio::test]
async fn each_hears_of_a_failure_under_the_name_of_its_own_kpi() {
    let (url, _) = serve(StatusCode::INTERNAL_SERVER_ERROR, "down").await;
    let told = providers("{}").measure(&ask("web", &url, "/x\n$.a")).await;
    let sentence = "Metric query failed for errors: the server answered 500: down";
    assert_eq!(told, Measurement::Error(sentence.to_owned()));
}

#[tokio::test]
async fn a_kpi_of_the_cluster_is_read_from_the_apiserver() {
    let providers = providers(r#"{"status": {"value": "3.5"}}"#);
    let told = providers.measure(&ask("keptn", "", "keptnmetric/shop/errors")).await;
    assert_eq!(told, Measurement::Value(3.5));
}

#[tokio::test]
async fn a_session_is_kept_until_its_end() {
    let (url, count) = serve(StatusCode::OK, "token").await;
    let providers = providers("{}");
    let read = |_: &HttpResponse, now: Time| {
        Ok(Session { grant: Grant::Bearer("t".to_owned()), until: now.after(Duration::from_secs(60)) })
    };
    let login = Login { request: HttpRequest::get(url, Credentials::None, Trust::System), read };
    let identity = crate::metric::Identity::default();
    let at = |seconds: i64| Means {
        secret: None,
        session: None,
        identity: &identity,
        now: Time::from_millis(seconds * 1000),
    };
    for (now, logins) in [(0, 1), (59, 1), (60, 2)] {
        providers.session([0; 32], &login, &at(now)).await.unwrap();
        assert_eq!(count.load(Ordering::SeqCst), logins, "after {now} s");
    }
    providers.session([1; 32], &login, &at(60)).await.unwrap();
    assert_eq!(count.load(Ordering::SeqCst), 3, "another one logs in");
}
