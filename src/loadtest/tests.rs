//! Claims about the running server, asked over HTTP.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::routing::{get, post};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::*;
use crate::http::{Credentials, HttpRequest, Method, Trust};

struct LoadTester {
    url: String,
    http: Http,
    stop: oneshot::Sender<()>,
    ended: tokio::task::JoinHandle<std::io::Result<()>>,
}

impl LoadTester {
    async fn start(pattern: &str, timeout: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let options = Options { port: 0, timeout, namespaces: Namespaces::parse(pattern).unwrap() };
        let http = Http::new().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let ended = tokio::spawn(server::serve(listener, http.clone(), options, async { drop(stopped.await) }));
        Self { url, http, stop, ended }
    }

    async fn usual() -> Self {
        Self::start("", Duration::from_secs(60)).await
    }

    async fn send(&self, method: Method, path: &str, body: &str) -> (u16, String) {
        let (url, body) = (format!("{}{path}", self.url), body.as_bytes().to_vec());
        let credentials = Credentials::None;
        let request = HttpRequest { method, url, headers: vec![], credentials, body, trust: Trust::System };
        let answer = self.http.call(request, Duration::from_secs(60)).await.unwrap();
        (answer.status, String::from_utf8(answer.body).unwrap())
    }

    async fn post(&self, path: &str, body: &Value) -> (u16, String) {
        self.send(Method::Post, path, &body.to_string()).await
    }

    async fn task(&self, metadata: Value) -> (u16, String) {
        self.post("/", &json!({"name": "podinfo", "namespace": "test", "phase": "Progressing", "checksum": "c", "metadata": metadata})).await
    }
}

fn said(status: u16, text: &str) -> (u16, String) {
    (status, text.to_owned())
}

#[tokio::test]
async fn a_gate_is_closed_until_somebody_opens_it_and_only_for_its_canary() {
    let tester = LoadTester::usual().await;
    let canary = json!({"name": "podinfo", "namespace": "test"});
    for path in ["/gate", "/rollback"] {
        let check = format!("{path}/check");
        assert_eq!(tester.post(&check, &canary).await, said(403, "Forbidden"));
        assert_eq!(tester.post(&format!("{path}/open"), &canary).await, said(202, ""));
        assert_eq!(tester.post(&check, &canary).await, said(200, "Approved"));
        assert_eq!(
            tester.post(&check, &json!({"name": "podinfo", "namespace": "other"})).await,
            said(403, "Forbidden")
        );
        if path == "/gate" {
            assert_eq!(tester.post("/rollback/check", &canary).await, said(403, "Forbidden"));
        }
        assert_eq!(tester.post(&format!("{path}/close"), &canary).await, said(202, ""));
        assert_eq!(tester.post(&check, &canary).await, said(403, "Forbidden"));
    }
}

#[tokio::test]
async fn fixed_gates_and_health_need_no_payload() {
    let tester = LoadTester::usual().await;
    assert_eq!(tester.send(Method::Post, "/gate/approve", "").await, said(200, "OK"));
    assert_eq!(tester.send(Method::Post, "/gate/halt", "").await, said(403, "Forbidden"));
    assert_eq!(tester.send(Method::Get, "/healthz", "").await, said(200, "OK"));
    assert!(tester.send(Method::Get, "/metrics", "").await.1.contains("serin_loadtest_running 0"));
}

#[tokio::test]
async fn what_cannot_be_done_is_a_400_with_a_sentence() {
    let tester = LoadTester::usual().await;
    assert!(tester.send(Method::Post, "/", "{").await.1.starts_with("the payload is no JSON of a webhook"));
    assert_eq!(tester.send(Method::Post, "/gate/check", "{").await.0, 400);
    let (status, sentence) = tester.post("/", &json!({"name": "podinfo", "namespace": "test"})).await;
    assert!(status == 400 && sentence.starts_with("metadata not found in payload"), "{sentence}");
    let (status, sentence) = tester.task(json!({"type": "wrk"})).await;
    assert!(status == 400 && sentence.contains("\"wrk\", which is no task"), "{sentence}");
}

#[tokio::test]
async fn a_bash_test_answers_with_its_outcome_and_a_failure_with_its_output() {
    let tester = LoadTester::usual().await;
    assert_eq!(tester.task(json!({"type": "bash", "cmd": "echo fine"})).await, said(200, "OK"));
    let shown =
        tester.task(json!({"type": "bash", "cmd": "[[ 1 == 1 ]] && echo fine", "returnCmdOutput": "true"})).await;
    assert_eq!(shown, said(200, "fine\n"));
    let failed = tester.task(json!({"type": "bash", "cmd": "echo 1 of 3 checks failed >&2; exit 2"})).await;
    assert_eq!(failed, said(500, "bash ended with exit status: 2\n1 of 3 checks failed"));
    assert!(
        tester
            .send(Method::Get, "/metrics", "")
            .await
            .1
            .contains(r#"serin_loadtest_tasks_total{type="bash",outcome="failed"} 1"#)
    );
}

#[tokio::test]
async fn a_test_that_takes_too_long_fails_with_what_it_wrote() {
    let tester = LoadTester::start("", Duration::from_millis(300)).await;
    let (status, text) = tester.task(json!({"type": "bash", "cmd": "echo half; sleep 1000"})).await;
    assert_eq!((status, text.as_str()), (500, "bash was killed: it ran for 0.3 s\nhalf"));
}

/// A file below the target directory that a command of this test writes to.
fn scratch(name: &str) -> String {
    format!("{}/loadtest-{name}-{}", std::env::temp_dir().display(), std::process::id())
}

#[tokio::test]
async fn a_load_command_runs_beside_the_release_once_and_ends_with_the_server() {
    let tester = LoadTester::usual().await;
    let file = scratch("once");
    let command = json!({"cmd": format!("echo x >> {file}; sleep 1000")});
    for _ in 0..3 {
        assert_eq!(tester.task(command.clone()).await, said(202, ""));
    }
    while std::fs::read_to_string(&file).unwrap_or_default().is_empty() {
        tokio::task::yield_now().await;
    }
    assert!(tester.send(Method::Get, "/metrics", "").await.1.contains("serin_loadtest_running 1"));
    tester.stop.send(()).unwrap();
    tester.ended.await.unwrap().unwrap();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "x\n");
    std::fs::remove_file(file).unwrap();
}

#[tokio::test]
async fn strangers_run_nothing_and_open_nothing() {
    let tester = LoadTester::start("^team-a$", Duration::from_secs(60)).await;
    let stranger = json!({"name": "podinfo", "namespace": "team-b", "metadata": {"type": "bash", "cmd": "true"}});
    for path in ["/", "/gate/open", "/gate/check", "/rollback/open"] {
        assert_eq!(tester.post(path, &stranger).await, said(403, "Forbidden"), "{path}");
    }
    let friend = json!({"name": "podinfo", "namespace": "team-a", "metadata": {"type": "bash", "cmd": "true"}});
    assert_eq!(tester.post("/", &friend).await.0, 200);
}

async fn serve(routes: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    url
}

#[tokio::test]
async fn a_concord_process_is_looked_at_until_it_ends() {
    let start = async |body: String| {
        assert!(
            body.contains("name=\"entryPoint\"\r\n\r\nsmoke") && body.contains("name=\"arguments.rate\"\r\n\r\n5"),
            "{body}"
        );
        axum::Json(json!({"instanceId": "i-1", "ok": true}))
    };
    let looks = Arc::new(AtomicU32::new(0));
    let seen = Arc::clone(&looks);
    let look = async move || {
        axum::Json(json!({"status": if seen.fetch_add(1, Ordering::SeqCst) == 0 { "RUNNING" } else { "FAILED" }}))
    };
    let server =
        serve(Router::new().route("/api/v1/process", post(start)).route("/api/v1/process/i-1", get(look))).await;
    let key = scratch("key");
    std::fs::write(&key, "secret\n").unwrap();
    let fields = [("org", "o"), ("entryPoint", "smoke"), ("arguments.rate", "5")];
    let concord = task::Concord {
        server,
        api_key_path: key.clone(),
        fields: fields.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        poll_interval: Duration::from_millis(1),
        poll_timeout: Duration::from_secs(60),
    };
    let ended = concord::run(&Http::new().unwrap(), &concord).await;
    assert_eq!(ended.unwrap_err(), "the Concord process i-1 ended as FAILED");
    assert_eq!(looks.load(Ordering::SeqCst), 2);
    std::fs::remove_file(key).unwrap();
}

#[tokio::test]
async fn an_ngrinder_test_is_cloned_started_and_watched() {
    let clone = async |headers: axum::http::HeaderMap| {
        assert_eq!(headers["authorization"], "Basic dTpwdw==");
        axum::Json(json!({"id": 9}))
    };
    let look = async || axum::Json(json!({"status": [{"status_id": "FINISHED"}]}));
    let routes =
        Router::new().route("/perftest/api/7/clone_and_start", post(clone)).route("/perftest/api/9/status", get(look));
    let (user, password) = ("u".to_owned(), "pw".to_owned());
    let test = task::NGrinder {
        server: serve(routes).await,
        clone: 7,
        user,
        password,
        poll_interval: Duration::from_millis(1),
    };
    assert_eq!(ngrinder::run(&Http::new().unwrap(), &test, Duration::from_secs(60)).await, Ok(String::new()));
}
