use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::extract::{RawQuery, State as Shared};
use axum::http::{Request as Received, Response, StatusCode};
use axum::routing::any;
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
    let routes = Router::new().fallback(any(answer)).with_state(Arc::clone(&count));
    (listen(routes).await, count)
}

async fn listen(routes: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    url
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

/// A builtin query, as each canary has its own.
fn builtin(address: &str, n: usize) -> Ask {
    let origin = Origin::Builtin { router: "istio".to_owned(), target: format!("app-{n}.shop") };
    Ask { origin, ..ask("prometheus", address, &format!("errors{{n=\"{n}\"}}")) }
}

/// A Prometheus that answers each part of a query with the part's number, and a query alone with 0; returns its URL and its
/// count of requests.
async fn prometheus() -> (String, Arc<AtomicU32>) {
    let count = Arc::new(AtomicU32::new(0));
    let answer = async move |Shared(count): Shared<Arc<AtomicU32>>, body: String| {
        count.fetch_add(1, Ordering::SeqCst);
        let parts = body.matches("serin_part").count();
        let series = |part: usize| serde_json::json!({"metric": {"serin_part": part.to_string()}, "value": [1, part.to_string()]});
        let alone = serde_json::json!({"metric": {}, "value": [1, "0"]});
        let result: Vec<_> = if parts == 0 { vec![alone] } else { (0..parts).map(series).collect() };
        serde_json::json!({"status": "success", "data": {"resultType": "vector", "result": result}}).to_string()
    };
    let routes = Router::new().route("/api/v1/query", any(answer)).with_state(Arc::clone(&count));
    (listen(routes).await, count)
}

#[tokio::test]
async fn builtin_queries_of_many_canaries_are_one_request() {
    let (url, count) = prometheus().await;
    let providers = providers("{}");
    let asks: Vec<Ask> = (0..20).map(|n| builtin(&url, n)).collect();
    let answers = join_all(asks.iter().map(|ask| providers.measure(ask))).await;
    let expected: Vec<_> = (0..20).map(|n| Measurement::Value(f64::from(n))).collect();
    assert_eq!(answers, expected, "each has its own");
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

/// The limit of `groups` over real sockets; `--nocapture` shows the figure.
#[tokio::test]
async fn a_second_of_a_thousand_canaries_at_10_s_is_at_most_fifty_requests() {
    let (url, count) = prometheus().await;
    let (providers, began) = (providers("{}"), Instant::now());
    // The hundred whose checks fall due within it.
    let canary = async |n: u32| {
        sleep(Duration::from_millis(10) * n).await;
        let kpis = [2 * n, 2 * n + 1].map(|kpi| builtin(&url, kpi as usize));
        join_all(kpis.iter().map(|kpi| providers.measure(kpi))).await
    };
    let answers = join_all((0..100).map(canary)).await;
    assert!(answers.iter().flatten().all(|answer| matches!(answer, Measurement::Value(_))), "{answers:?}");
    let (requests, seconds) = (count.load(Ordering::SeqCst), began.elapsed().as_secs_f64().max(1.0));
    println!("{} queries, {requests} requests in {seconds:.2} s", answers.len() * 2);
    assert!(f64::from(requests) <= 50.0 * seconds, "{requests} requests in {seconds} s");
}

#[tokio::test]
async fn where_a_group_is_not_understood_each_is_asked_alone() {
    let (url, count) =
        serve(StatusCode::OK, r#"{"data": {"resultType": "vector", "result": [{"metric": {}, "value": [1, "7"]}]}}"#)
            .await;
    let providers = providers("{}");
    let asks: Vec<Ask> = (0..3).map(|n| builtin(&url, n)).collect();
    let answers = join_all(asks.iter().map(|ask| providers.measure(ask))).await;
    assert_eq!(answers, vec![Measurement::Value(7.0); 3]);
    assert_eq!(count.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn a_query_that_is_too_slow_for_its_group_fails_alone() {
    let answer = async |RawQuery(alone): RawQuery| match alone {
        Some(query) if !query.contains("%221%22") => {
            (StatusCode::OK, r#"{"data": {"resultType": "vector", "result": [{"metric": {}, "value": [1, "7"]}]}}"#)
        }
        _ => (StatusCode::SERVICE_UNAVAILABLE, r#"{"status": "error", "error": "query timed out"}"#),
    };
    let (url, providers) = (listen(Router::new().fallback(any(answer))).await, providers("{}"));
    let asks: Vec<Ask> = (0..3).map(|n| builtin(&url, n)).collect();
    let answers = join_all(asks.iter().map(|ask| providers.measure(ask))).await;
    let failed = Measurement::Error("Prometheus query failed: Prometheus answered 503: query timed out".to_owned());
    assert_eq!(answers, [Measurement::Value(7.0), failed, Measurement::Value(7.0)]);
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
async fn a_provider_that_says_when_to_come_again_is_not_asked_before() {
    let count = Arc::new(AtomicU32::new(0));
    let busy = async move |Shared(count): Shared<Arc<AtomicU32>>| {
        count.fetch_add(1, Ordering::SeqCst);
        (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "7")], "slow down")
    };
    let url = listen(Router::new().fallback(any(busy)).with_state(Arc::clone(&count))).await;
    let providers = providers("{}");
    let said = async |query: &str| providers.measure(&ask("web", &url, query)).await;
    assert!(matches!(said("/x\n$.a").await, Measurement::Error(why) if why.contains("answered 429: slow down")));
    let later = said("/y\n$.a").await;
    assert!(matches!(&later, Measurement::Error(why) if why.contains("asked to be left alone")), "{later:?}");
    assert_eq!(count.load(Ordering::SeqCst), 1);
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
