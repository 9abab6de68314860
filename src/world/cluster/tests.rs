use axum::http::{Request, Response};
use kube::client::Body;
use serde_json::json;
use tokio::sync::{mpsc, watch};

use super::super::claim::Hold;
use super::*;
use crate::object::kinds::{CONFIG_MAP, CONTROLLER_REVISION, POD, SERVICE};

/// A request as the apiserver got it.
struct Seen {
    line: String,
    body: Value,
}

/// A cluster whose apiserver answers every request with this status and body; `None` never answers.
fn cluster(hold: Hold, answer: Option<(u16, Value)>) -> (Cluster, mpsc::UnboundedReceiver<Seen>) {
    let (service, mut requests) = tower_test::mock::pair::<Request<Body>, Response<Body>>();
    let (sender, seen) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut unanswered = Vec::new();
        while let Some((request, send)) = requests.next_request().await {
            let line = format!("{} {}", request.method(), request.uri());
            let body = request.into_body().collect_bytes().await.unwrap();
            sender.send(Seen { line, body: serde_json::from_slice(&body).unwrap_or_default() }).unwrap();
            match &answer {
                Some((status, body)) => {
                    let body = Body::from(body.to_string().into_bytes());
                    send.send_response(Response::builder().status(*status).body(body).unwrap());
                }
                None => unanswered.push(send),
            }
        }
    });
    // Without its sender a claim keeps what it was told last.
    let claim = Claim::new(watch::channel(hold).1);
    let metrics = Arc::new(Metrics::new("istio"));
    (Cluster::new(Client::new(service, "default"), claim, metrics), seen)
}

fn object() -> Value {
    json!({"metadata": {"name": "a", "namespace": "test"}, "spec": {"x": 1}})
}

fn canary() -> api::Canary {
    let mut canary = api::Canary::new("podinfo", api::CanarySpec::default());
    canary.metadata.namespace = Some("test".to_owned());
    canary.metadata.resource_version = Some("41".to_owned());
    canary
}

#[tokio::test]
async fn an_apply_is_forced_under_our_name_and_tells_from_which_version_on_it_can_be_seen() {
    let answer = json!({"metadata": {"name": "a", "namespace": "test", "resourceVersion": "7"}});
    let (cluster, mut seen) = cluster(Hold::Alone, Some((200, answer)));
    let written = cluster.write(&Change::Apply(SERVICE, object())).await.unwrap();
    assert_eq!(written, Written { kind: SERVICE, version: 7 });
    let seen = seen.recv().await.unwrap();
    assert_eq!(seen.line, "PATCH /api/v1/namespaces/test/services/a?&force=true&fieldManager=serin");
    assert_eq!(
        (&seen.body["apiVersion"], &seen.body["kind"], &seen.body["spec"]["x"]),
        (&"v1".into(), &"Service".into(), &1.into())
    );
}

#[tokio::test]
async fn a_status_is_written_onto_the_version_that_it_was_decided_on() {
    let (cluster, mut seen) = cluster(Hold::Alone, Some((409, json!({"code": 409, "reason": "Conflict"}))));
    let outcome = cluster.patch_status(&canary(), &api::CanaryStatus::default()).await;
    assert!(matches!(outcome, Err(Failure::Conflict { .. })));
    let seen = seen.recv().await.unwrap();
    assert!(
        seen.line.starts_with("PATCH /apis/flagger.app/v1beta1/namespaces/test/canaries/podinfo/status?"),
        "{}",
        seen.line
    );
    assert_eq!(seen.body["metadata"]["resourceVersion"], "41");
    assert_eq!(seen.body["status"]["canaryWeight"], 0, "the counters are always written");
}

#[tokio::test]
async fn nothing_is_written_without_the_lease() {
    let (cluster, mut seen) = cluster(Hold::Nothing, Some((200, json!({}))));
    let outcome = cluster.write(&Change::Apply(SERVICE, object())).await;
    assert!(matches!(outcome, Err(Failure::NotLeading { .. })));
    drop(cluster);
    assert!(seen.recv().await.is_none(), "no request left");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_not_answered_ends_with_a_sentence_and_before_the_lease_does() {
    let key = SERVICE.named("test", "a");
    let (alone, _seen) = cluster(Hold::Alone, None);
    let failure = alone.fetch(&key).await.unwrap_err();
    assert_eq!(
        failure.to_string(),
        "get Service/a.test failed, will be repeated: the apiserver did not answer within 10 s"
    );
    let end = Instant::now() + Duration::from_secs(4);
    let (leader, _seen) = cluster(Hold::Until(end), None);
    assert!(leader.write(&Change::Delete(key)).await.is_err());
    assert!(Instant::now() <= end + Duration::from_millis(2));
}

/// TC-30: a ConfigMap that could not be read has neither changed nor gone.
#[tokio::test]
async fn a_read_that_fails_is_no_missing_object() {
    let key = CONFIG_MAP.named("test", "settings");
    for code in [403, 500, 503] {
        let (cluster, _seen) =
            cluster(Hold::Alone, Some((code, json!({"code": code, "message": "etcd: leader changed"}))));
        let failure = cluster.fetch(&key).await.unwrap_err();
        assert!(failure.to_string().starts_with("get ConfigMap/settings.test "), "{failure}");
    }
}

#[tokio::test]
async fn creating_what_is_there_and_deleting_what_is_gone_is_success() {
    let key = CONTROLLER_REVISION.named("test", "a");
    let done = Written { kind: CONTROLLER_REVISION, version: 0 };
    let (there, _seen) = cluster(Hold::Alone, Some((409, json!({"code": 409, "reason": "AlreadyExists"}))));
    assert_eq!(there.write(&Change::Create(CONTROLLER_REVISION, object())).await.unwrap(), done);
    let gone = json!({"code": 404, "reason": "NotFound", "details": {"name": "a"}});
    let (gone, _seen) = cluster(Hold::Alone, Some((404, gone)));
    assert_eq!(gone.write(&Change::Delete(key.clone())).await.unwrap(), done);
    assert!(gone.fetch(&key).await.unwrap().is_none());
}

#[tokio::test]
async fn of_objects_that_share_a_name_only_the_one_that_was_meant_is_deleted() {
    let (cluster, mut seen) = cluster(Hold::Alone, Some((409, json!({"code": 409, "reason": "Conflict"}))));
    let pod = POD.named("test", "a-0");
    let done = cluster.write(&Change::DeleteThis(pod, "u1".to_owned())).await.unwrap();
    assert_eq!(done, Written { kind: POD, version: 0 }, "another one has its name by now");
    let seen = seen.recv().await.unwrap();
    assert!(seen.line.starts_with("DELETE /api/v1/namespaces/test/pods/a-0"), "{}", seen.line);
    assert_eq!(seen.body["preconditions"], json!({"uid": "u1"}));
}
