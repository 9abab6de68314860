use axum::Router;
use axum::http::HeaderMap;
use axum::response::Redirect;
use axum::routing::get;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use super::*;

/// A server on this machine; returns its URL.
async fn serve(routes: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    url
}

fn ask(url: String) -> HttpRequest {
    let (method, credentials, trust) = (Method::Get, Credentials::Bearer("secret".to_owned()), Trust::System);
    HttpRequest { method, url, headers: vec![("x-team".to_owned(), "a".to_owned())], credentials, body: vec![], trust }
}

#[tokio::test]
async fn an_answer_comes_with_its_status_and_the_request_with_its_headers() {
    let echo = async |headers: HeaderMap| format!("{:?} {:?}", headers["authorization"], headers["x-team"]);
    let url = serve(Router::new().route("/a", get(echo))).await;
    let http = Http::new().unwrap();
    let answer = http.send(ask(format!("{url}/a"))).await.unwrap();
    assert_eq!((answer.status, answer.body), (200, br#""Bearer secret" "a""#.to_vec()));
    assert_eq!(http.send(ask(format!("{url}/b"))).await.unwrap().status, 404);
}

#[tokio::test]
async fn a_host_that_does_not_answer_holds_up_nobody_else() {
    let dead = serve(Router::new().route("/", get(std::future::pending::<&str>))).await;
    let alive = serve(Router::new().route("/", get(async || "1"))).await;
    let http = Http::new().unwrap();
    let waiting: Vec<_> = (0..QUESTIONS_TO_A_HOST * 4)
        .map(|_| {
            tokio::spawn({
                let (http, dead) = (http.clone(), dead.clone());
                async move { http.send(ask(dead)).await }
            })
        })
        .collect();
    while http.turns.of(&dead).available_permits() > 0 {
        tokio::task::yield_now().await;
    }
    assert!(http.send(ask(alive)).await.is_ok());
    waiting.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn the_sentence_of_a_failure_holds_neither_the_query_nor_a_secret() {
    let http = Http::new().unwrap();
    let why = http.send(ask("http://127.0.0.1:1/api?query=up".to_owned())).await.unwrap_err();
    assert!(why.contains("refused"), "{why}");
    assert!(!why.contains("query") && !why.contains("secret"), "{why}");
}

#[tokio::test]
async fn an_answer_of_50_mb_is_cut_off() {
    let long = async || "x".repeat(50_000_000);
    let url = serve(Router::new().route("/", get(long))).await;
    let why = Http::new().unwrap().send(ask(url)).await.unwrap_err();
    assert_eq!(why, "the answer is longer than 1048576 bytes");
}

/// Half of a table is a table, and half of a number a number: only the length tells.
#[tokio::test]
async fn an_answer_that_breaks_off_is_no_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut guest, _) = listener.accept().await.unwrap();
        guest.readable().await.unwrap();
        guest.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n,_result,").await.unwrap();
    });
    let why = Http::new().unwrap().send(ask(url)).await;
    assert!(why.is_err(), "{why:?}");
}

#[tokio::test]
async fn a_redirect_is_followed_on_the_same_host_and_nowhere_else() {
    let routes = Router::new()
        .route("/here", get(async || Redirect::temporary("/there")))
        .route("/there", get(async || "there"))
        .route("/away", get(async || Redirect::temporary("http://localhost:1/secret")));
    let url = serve(routes).await;
    let http = Http::new().unwrap();
    assert_eq!(http.send(ask(format!("{url}/here"))).await.unwrap().body, b"there");
    assert_eq!(http.send(ask(format!("{url}/away"))).await.unwrap().status, 307);
}

#[tokio::test]
async fn an_answer_tells_when_to_try_again() {
    let busy = async || ([("retry-after", "7")], "later");
    let url = serve(Router::new().route("/", get(busy))).await;
    let answer = Http::new().unwrap().call(ask(url), Duration::from_secs(5)).await.unwrap();
    assert_eq!(answer.retry_after, Some(Duration::from_secs(7)));
}
