use std::sync::atomic::AtomicU32;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpListener;

use super::*;
use crate::model::{Hook, HookKeys, Phase, Revision, Time, Trust};
use crate::world::caller::tests::{answers_yes, cluster};

/// A server on this machine; returns its URL.
async fn serve(routes: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    url
}

fn call(url: &str) -> Call {
    let hook = Hook {
        name: "gate".into(),
        moment: Moment::ConfirmPromotion,
        url: url.to_owned(),
        timeout: Duration::from_secs(60),
        retries: 0,
        trust: Trust::System,
        keys: HookKeys::default(),
        deadline: None,
        metadata: BTreeMap::new(),
    };
    let revision = Some(Revision::new("s1-b"));
    Call { hook, phase: Phase::Progressing, revision, check: Some(Time::from_millis(0)) }
}

fn calls() -> Calls {
    Calls::new(&Http::new().unwrap(), cluster(Vec::new()), Arc::default())
}

/// A gate that counts its calls and answers with this status.
async fn gate(status: StatusCode) -> (String, Arc<AtomicU32>) {
    let count = Arc::new(AtomicU32::new(0));
    let seen = Arc::clone(&count);
    let answer = async move || {
        seen.fetch_add(1, Ordering::SeqCst);
        (status, "said")
    };
    (serve(Router::new().route("/", post(answer))).await, count)
}

#[tokio::test]
async fn one_check_calls_once_and_the_next_one_again() {
    let (url, count) = gate(StatusCode::FORBIDDEN).await;
    let (calls, canary, mut call) = (calls(), CanaryRef::podinfo(), call(&url));
    let no = Reply::No("answered 403: said".to_owned());
    assert_eq!([calls.ask(&canary, &call).await, calls.ask(&canary, &call).await], [no.clone(), no.clone()]);
    assert_eq!(count.load(Ordering::SeqCst), 1);
    call.check = Some(Time::from_millis(10_000));
    assert_eq!(calls.ask(&canary, &call).await, no);
    assert_eq!(count.load(Ordering::SeqCst), 2);
}

/// A gate that answers when `open` says so.
async fn slow_gate() -> (String, watch::Sender<bool>, Arc<AtomicU32>) {
    let (open, opened) = watch::channel(false);
    let count = Arc::new(AtomicU32::new(0));
    let seen = Arc::clone(&count);
    let answer = async move || {
        seen.fetch_add(1, Ordering::SeqCst);
        let _ = opened.clone().wait_for(|open| *open).await;
        "OK"
    };
    (serve(Router::new().route("/", post(answer))).await, open, count)
}

#[tokio::test]
async fn a_hook_that_hangs_holds_no_round_and_its_reply_wakes_the_canary() {
    let (url, open, count) = slow_gate().await;
    let (calls, canary, mut call) = (calls(), CanaryRef::podinfo(), call(&url));
    assert_eq!(calls.ask(&canary, &call).await, Reply::Pending);
    // The next check finds it still out, and does not call again.
    call.check = Some(Time::from_millis(10_000));
    assert_eq!(calls.ask(&canary, &call).await, Reply::Pending);
    open.send_replace(true);
    assert_eq!(calls.queue.next().await.place, Place::new("test", "podinfo"));
    assert_eq!(calls.ask(&canary, &call).await, Reply::Yes);
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn what_no_round_asks_for_any_more_is_given_up() {
    let (url, _open, _) = slow_gate().await;
    let (calls, canary, call) = (calls(), CanaryRef::podinfo(), call(&url));
    let place = Place::new("test", "podinfo");
    let reply = calls.ask(&canary, &call).await;
    calls.keep(&place, &[Answer::Hook(call.clone(), reply)]);
    assert_eq!(calls.all().len(), 1);
    let newer = Call { revision: Some(Revision::new("s1-c")), ..call.clone() };
    calls.keep(&place, &[Answer::Hook(newer, Reply::Pending)]);
    assert!(calls.all().is_empty());
}

#[tokio::test]
async fn what_follows_a_release_goes_on_when_the_next_one_begins() {
    let (url, _open, _) = slow_gate().await;
    let (calls, canary, mut call) = (calls(), CanaryRef::podinfo(), call(&url));
    call.hook.moment = Moment::PostRollout;
    calls.ask(&canary, &call).await;
    calls.keep(&Place::new("test", "podinfo"), &[]);
    assert_eq!(calls.all().len(), 1);
    calls.forget(&Place::new("test", "podinfo"));
    assert!(calls.all().is_empty());
}

#[tokio::test]
async fn a_hook_that_does_not_answer_ends_at_its_timeout() {
    let (url, _open, _) = slow_gate().await;
    let mut call = call(&url);
    call.hook.timeout = Duration::from_millis(50);
    let reply = calls().ask(&CanaryRef::podinfo(), &call).await;
    assert_eq!(reply, Reply::No(format!("did not answer: {url}: no answer within 0.05 s")));
}

/// Case 79: a failure, and a success at the second try.
#[tokio::test]
async fn a_hook_that_fails_once_and_may_be_retried_says_yes() {
    let count = Arc::new(AtomicU32::new(0));
    let seen = Arc::clone(&count);
    let flaky = async move || match seen.fetch_add(1, Ordering::SeqCst) {
        0 => (StatusCode::SERVICE_UNAVAILABLE, [("retry-after", "0")]),
        _ => (StatusCode::OK, [("retry-after", "0")]),
    };
    let url = serve(Router::new().route("/", post(flaky))).await;
    let mut call = call(&url);
    call.hook.retries = 1;
    assert_eq!(calls().ask(&CanaryRef::podinfo(), &call).await, Reply::Yes);
    assert_eq!(count.load(Ordering::SeqCst), 2);
}

/// A gate whose certificate nobody but itself has signed; it agrees to every call. Returns its URL.
fn self_signed_gate() -> String {
    let pem = include_bytes!("self-signed.pem");
    let chain = CertificateDer::pem_slice_iter(pem).map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_slice(pem).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    answers_yes(config.with_no_client_auth().with_single_cert(chain, key).unwrap())
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused_unless_the_user_asked_not_to_verify_it() {
    let url = self_signed_gate();
    let (calls, canary, mut call) = (calls(), CanaryRef::podinfo(), call(&url));
    call.hook.timeout = Duration::from_secs(10);
    let reply = calls.ask(&canary, &call).await;
    assert!(matches!(&reply, Reply::No(why) if why.contains("certificate")), "{reply:?}");
    call.hook.trust = Trust::Anybody;
    assert_eq!(calls.ask(&canary, &call).await, Reply::Yes);
}
