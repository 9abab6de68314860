use std::sync::Mutex;

use axum::http::{Request, Response, StatusCode};
use kube::client::Body;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::*;

/// An apiserver that knows one Lease and checks resourceVersions.
#[derive(Default)]
struct Server {
    lease: Mutex<Option<Value>>,
    down: Mutex<bool>,
}

impl Server {
    fn holder(&self) -> String {
        let lease = self.lease.lock().unwrap();
        lease.as_ref().and_then(|l| l["spec"]["holderIdentity"].as_str()).unwrap_or("nobody").to_owned()
    }

    fn answer(&self, method: &str, body: Option<Value>) -> (StatusCode, Value) {
        if *self.down.lock().unwrap() {
            return (StatusCode::INTERNAL_SERVER_ERROR, json!({"code": 500, "message": "etcd is down"}));
        }
        let mut lease = self.lease.lock().unwrap();
        let version = |lease: &Value| lease["metadata"]["resourceVersion"].as_str().map(str::to_owned);
        match (method, &*lease, body) {
            ("GET", None, _) => {
                (StatusCode::NOT_FOUND, json!({"code": 404, "reason": "NotFound", "details": {"name": NAME}}))
            }
            ("GET", Some(lease), _) => (StatusCode::OK, lease.clone()),
            ("POST", Some(_), _) => (StatusCode::CONFLICT, json!({"code": 409, "reason": "AlreadyExists"})),
            ("PUT", Some(have), Some(want)) if version(have) != version(&want) => {
                (StatusCode::CONFLICT, json!({"code": 409, "reason": "Conflict"}))
            }
            (_, have, Some(mut want)) => {
                let before = have.as_ref().and_then(version).and_then(|v| v.parse().ok()).unwrap_or(0_u64);
                want["metadata"]["resourceVersion"] = (before + 1).to_string().into();
                *lease = Some(want.clone());
                (StatusCode::OK, want)
            }
            (_, _, None) => (StatusCode::BAD_REQUEST, json!({"code": 400})),
        }
    }
}

fn serve() -> (Arc<Server>, Client) {
    let (service, mut requests) = tower_test::mock::pair::<Request<Body>, Response<Body>>();
    let server = Arc::new(Server::default());
    let serving = Arc::clone(&server);
    tokio::spawn(async move {
        while let Some((request, answer)) = requests.next_request().await {
            let method = request.method().to_string();
            let body = request.into_body().collect_bytes().await.unwrap();
            let (status, body) = serving.answer(&method, serde_json::from_slice(&body).ok());
            let body = Body::from(serde_json::to_vec(&body).unwrap());
            answer.send_response(Response::builder().status(status).body(body).unwrap());
        }
    });
    (server, Client::new(service, "default"))
}

struct Contender {
    hold: watch::Receiver<Hold>,
    stop: Option<oneshot::Sender<()>>,
    end: tokio::task::JoinHandle<Result<(), Lost>>,
}

impl Contender {
    fn start(client: &Client, me: &str) -> Self {
        let (sender, hold) = watch::channel(Hold::Nothing);
        let (stop, stopped) = oneshot::channel();
        let metrics = Arc::new(Metrics::new("istio"));
        let election = Election::new(client.clone(), "kube-system", me.to_owned(), sender, metrics);
        let end = tokio::spawn(election.run(async { drop(stopped.await) }));
        Self { hold, stop: Some(stop), end }
    }

    fn leads(&self) -> bool {
        matches!(*self.hold.borrow(), Hold::Until(end) if Instant::now() < end)
    }
}

async fn after(seconds: u64) {
    sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn of_two_contenders_one_leads_and_keeps_leading() {
    let (server, client) = serve();
    let (a, b) = (Contender::start(&client, "a"), Contender::start(&client, "b"));
    for _ in 0..120 {
        after(1).await;
        assert!(a.leads() != b.leads(), "exactly one leads");
    }
    assert_eq!(server.holder() == "a", a.leads());
}

#[tokio::test(start_paused = true)]
async fn a_killed_leader_is_replaced_within_twenty_seconds_and_never_doubled() {
    let (server, client) = serve();
    let a = Contender::start(&client, "a");
    after(1).await;
    let b = Contender::start(&client, "b");
    after(3).await;
    a.end.abort();
    let killed = Instant::now();
    while !b.leads() {
        assert!(killed.elapsed() < Duration::from_secs(20));
        after(1).await;
        assert!(!(a.leads() && b.leads()));
    }
    assert_eq!(server.holder(), "b");
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_stops_hands_over_at_once() {
    let (_server, client) = serve();
    let mut a = Contender::start(&client, "a");
    after(1).await;
    let b = Contender::start(&client, "b");
    after(1).await;
    drop(a.stop.take());
    assert!(a.end.await.unwrap().is_ok());
    assert!(matches!(*a.hold.borrow(), Hold::Nothing));
    after(LOOK_EVERY.as_secs() + 1).await;
    assert!(b.leads());
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_cannot_renew_stops_writing_and_ends() {
    let (server, client) = serve();
    let a = Contender::start(&client, "a");
    after(1).await;
    assert!(a.leads());
    *server.down.lock().unwrap() = true;
    after(RENEW_WITHIN.as_secs()).await;
    assert!(!a.leads());
    after(DURATION.as_secs() - RENEW_WITHIN.as_secs()).await;
    assert!(a.end.is_finished(), "the process ends before another may lead");
}

#[tokio::test(start_paused = true)]
async fn a_lease_taken_by_force_ends_the_former_leader_at_its_next_renewal() {
    let (server, client) = serve();
    let a = Contender::start(&client, "a");
    after(1).await;
    let forced = json!({"metadata": {"name": NAME, "resourceVersion": "77"}, "spec": {"holderIdentity": "flagger"}});
    *server.lease.lock().unwrap() = Some(forced);
    after(RENEW_EVERY.as_secs()).await;
    assert!(a.end.is_finished());
    assert_eq!(server.holder(), "flagger");
}
