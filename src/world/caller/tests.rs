use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, Request, Response, StatusCode};
use axum::response::Redirect;
use axum::routing::post;
use kube::Client;
use kube::client::Body;
use ring::hmac;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::*;
use crate::http::{Credentials, Trust};
use crate::model::Moment;
use crate::world::claim::{Claim, Hold};
use crate::world::metrics::Metrics;

const AUTHORITY: &str = include_str!("authority.pem");
const SERVER: &[u8] = include_bytes!("server.pem");
const CLIENT: [&str; 2] = [include_str!("client.crt.pem"), include_str!("client.key.pem")];

/// A cluster with these objects in namespace `test`, which may be exchanged.
fn shelves(objects: Arc<Mutex<Vec<Value>>>) -> Cluster {
    let (service, mut requests) = tower_test::mock::pair::<Request<Body>, Response<Body>>();
    tokio::spawn(async move {
        while let Some((request, send)) = requests.next_request().await {
            let path = request.uri().path().to_owned();
            let at = |o: &Value| {
                let kind = o["kind"].as_str().unwrap().to_lowercase();
                format!("/api/v1/namespaces/test/{kind}s/{}", o["metadata"]["name"].as_str().unwrap())
            };
            let found = objects.lock().unwrap().iter().find(|object| at(object) == path).cloned();
            let missing = json!({"kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404});
            let status = if found.is_some() { 200 } else { 404 };
            let body = Body::from(found.unwrap_or(missing).to_string().into_bytes());
            send.send_response(Response::builder().status(status).body(body).unwrap());
        }
    });
    let claim = Claim::new(watch::channel(Hold::Alone).1);
    Cluster::new(Client::new(service, "default"), claim, Arc::new(Metrics::new("istio")))
}

/// A cluster with these objects in namespace `test`.
pub(in super::super) fn cluster(objects: Vec<Value>) -> Cluster {
    shelves(Arc::new(Mutex::new(objects)))
}

fn secret(keys: &[(&str, &str)]) -> Value {
    use base64::Engine as _;
    let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let data: BTreeMap<_, _> = keys.iter().map(|(key, text)| ((*key).to_owned(), encode(text))).collect();
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "gate", "namespace": "test"}, "data": data})
}

fn authority(pem: &str) -> Value {
    let metadata = json!({"name": "trust", "namespace": "test"});
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"ca.crt": pem}})
}

fn caller(objects: Vec<Value>) -> Caller {
    Caller::new(Http::new().unwrap(), cluster(objects))
}

fn with_secret() -> HookKeys {
    HookKeys { secret: Some("gate".to_owned()), authority: None }
}

fn believing() -> HookKeys {
    let (shelf, name, key) = (Shelf::ConfigMap, "trust".to_owned(), "ca.crt".to_owned());
    HookKeys { secret: None, authority: Some(Authority { shelf, name, key }) }
}

fn both() -> HookKeys {
    HookKeys { secret: Some("gate".to_owned()), ..believing() }
}

async fn call(caller: &Caller, url: &str, keys: HookKeys) -> Reply {
    let hook = Hook {
        name: "gate".to_owned(),
        moment: Moment::ConfirmPromotion,
        url: url.to_owned(),
        timeout: Duration::from_secs(10),
        retries: 0,
        trust: Trust::System,
        keys,
        deadline: None,
        metadata: BTreeMap::new(),
    };
    let body = "{\"name\":\"podinfo\"}".to_owned();
    let request = HttpRequest::post(url.to_owned(), "application/json", body, Credentials::None, hook.trust);
    caller.make("test", &hook, &request).await
}

fn why(reply: Reply) -> String {
    match reply {
        Reply::No(why) => why,
        other => panic!("{other:?}"),
    }
}

/// A server on this machine; returns its URL.
async fn serve(routes: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    url
}

/// A gate that opens where `opens` says so of the headers and the body, and counts who came.
async fn gate(opens: fn(&HeaderMap, &[u8]) -> bool) -> (String, Arc<AtomicU32>) {
    let count = Arc::new(AtomicU32::new(0));
    let seen = Arc::clone(&count);
    let answer = async move |headers: HeaderMap, body: Bytes| {
        seen.fetch_add(1, Ordering::SeqCst);
        if opens(&headers, &body) { StatusCode::OK } else { StatusCode::UNAUTHORIZED }
    };
    (serve(Router::new().route("/", post(answer))).await, count)
}

/// As a receiver checks it: over the bytes that came, no older than five minutes.
fn is_signed(headers: &HeaderMap, body: &[u8]) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let at = text("x-serin-timestamp");
    let age = clock::now().as_millis() / 1000 - at.parse::<i64>().unwrap_or(0);
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"shared");
    let wanted = hmac::sign(&key, &[at.as_bytes(), b".", body].concat());
    let hex: String = wanted.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    (0..300).contains(&age) && !body.is_empty() && text("x-serin-signature") == format!("sha256={hex}")
}

#[tokio::test]
async fn a_call_carries_the_token_or_the_password_of_its_secret() {
    const GOOD: [&str; 2] = ["Bearer t0k3n", "Basic YW5uOnB3"];
    let (url, _) =
        gate(|headers, _| headers.get("authorization").is_some_and(|value| GOOD.iter().any(|g| value == g))).await;
    let asked = async |keys| call(&caller(vec![secret(keys)]), &url, with_secret()).await;
    assert_eq!(asked(&[("token", "t0k3n\n")]).await, Reply::Yes);
    assert_eq!(asked(&[("username", "ann"), ("password", "pw")]).await, Reply::Yes);
    assert_eq!(why(asked(&[("token", "other")]).await), "answered 401 without a text");
}

#[tokio::test]
async fn a_signature_is_of_the_bytes_that_are_sent_and_of_this_moment() {
    let (url, _) = gate(is_signed).await;
    assert_eq!(call(&caller(vec![secret(&[("hmacKey", "shared\n")])]), &url, with_secret()).await, Reply::Yes);
    assert_eq!(
        why(call(&caller(vec![secret(&[("hmacKey", "guessed")])]), &url, with_secret()).await),
        "answered 401 without a text"
    );
}

#[tokio::test]
async fn a_secret_that_was_exchanged_is_used_by_the_next_call() {
    let (url, _) = gate(is_signed).await;
    let objects = Arc::new(Mutex::new(vec![secret(&[("hmacKey", "old")])]));
    let caller = Caller::new(Http::new().unwrap(), shelves(Arc::clone(&objects)));
    assert!(matches!(call(&caller, &url, with_secret()).await, Reply::No(_)));
    *objects.lock().unwrap() = vec![secret(&[("hmacKey", "shared")])];
    assert_eq!(call(&caller, &url, with_secret()).await, Reply::Yes);
}

#[tokio::test]
async fn a_gate_whose_secret_is_not_there_or_of_no_use_is_not_called_and_says_no() {
    let (url, count) = gate(|_, _| true).await;
    let said = async |objects, keys| why(call(&caller(objects), &url, keys).await);
    assert_eq!(
        said(vec![], with_secret()).await,
        "was not called: Secret gate.test is not there; apply it in the canary's namespace, or correct secretRef"
    );
    let empty = said(vec![secret(&[("address", "x")])], with_secret()).await;
    assert!(empty.starts_with("was not called: Secret gate.test has none of the keys token, "), "{empty}");
    assert_eq!(
        said(vec![authority("no certificate")], believing()).await,
        "was not called: ca.crt of ConfigMap trust.test holds no certificate of an authority; write it in PEM"
    );
    assert_eq!(count.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_gate_whose_secret_the_apiserver_does_not_tell_is_not_called_and_says_no() {
    let (url, count) = gate(|_, _| true).await;
    let unreadable = json!({"kind": "Secret", "metadata": {"name": "gate", "namespace": "test"}, "data": 5});
    let said = why(call(&caller(vec![unreadable]), &url, with_secret()).await);
    assert!(said.starts_with("was not called: "), "{said}");
    assert_eq!(count.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_certificate_that_cannot_be_read_is_named_by_its_secret() {
    let unreadable = [("tls.crt", "no certificate"), ("tls.key", "no key")];
    assert_eq!(
        why(call(&caller(vec![secret(&unreadable)]), "https://127.0.0.1:1/", with_secret()).await),
        "was not called: tls.crt and tls.key of Secret gate.test are no certificate and its key; write both in PEM"
    );
}

#[tokio::test]
async fn a_redirect_never_takes_credentials_to_another_host() {
    let (other, count) = gate(|_, _| true).await;
    let elsewhere = other.replace("127.0.0.1", "localhost");
    let url = serve(Router::new().route("/", post(async move || Redirect::temporary(&elsewhere)))).await;
    let keys = [("token", "t0k3n"), ("hmacKey", "shared")];
    let said = why(call(&caller(vec![secret(&keys)]), &url, with_secret()).await);
    assert!(said.starts_with("answered 307: redirects to other hosts are not followed"), "{said}");
    assert_eq!(count.load(Ordering::SeqCst), 0);
}

/// A gate whose certificate the authority has signed. It opens for everybody who shows one of the same authority. Returns its URL.
fn tls_gate() -> String {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(AUTHORITY.as_bytes()).unwrap()).unwrap();
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let chain = CertificateDer::pem_slice_iter(SERVER).map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_slice(SERVER).unwrap();
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_client_cert_verifier(verifier.build().unwrap()).with_single_cert(chain, key).unwrap();
    answers_yes(config)
}

/// A server that says yes to whoever it and they agree on; returns its URL.
pub(in crate::world) fn answers_yes(config: ServerConfig) -> String {
    let (config, listener) = (Arc::new(config), std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    let url = format!("https://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for tcp in listener.incoming().flatten() {
            let mut tls = StreamOwned::new(ServerConnection::new(Arc::clone(&config)).unwrap(), tcp);
            // Who does not trust the other side hangs up before anything is said.
            if tls.read(&mut [0; 4096]).is_ok() {
                let _ = tls.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            }
        }
    });
    url
}

#[tokio::test]
async fn a_gate_with_a_private_authority_is_believed_and_shown_the_certificate_of_the_secret() {
    let url = tls_gate();
    let [certificate, key] = CLIENT;
    let objects = || vec![secret(&[("tls.crt", certificate), ("tls.key", key)]), authority(AUTHORITY)];
    assert_eq!(call(&caller(objects()), &url, both()).await, Reply::Yes);
    let unknown = why(call(&caller(objects()), &url, with_secret()).await);
    assert!(unknown.contains("certificate"), "without caRef nobody vouches for it: {unknown}");
    let unshown = why(call(&caller(objects()), &url, believing()).await);
    assert!(unshown.starts_with("did not answer"), "without a certificate it does not open: {unshown}");
}

#[tokio::test]
async fn an_authority_vouches_for_those_it_has_signed_alone() {
    let url = tls_gate();
    let [certificate, key] = CLIENT;
    let objects = vec![secret(&[("tls.crt", certificate), ("tls.key", key)]), authority(certificate)];
    let said = why(call(&caller(objects), &url, both()).await);
    assert!(said.contains("certificate"), "{said}");
}
