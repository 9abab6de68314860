//! From the user's own route to a release and back again on every data plane, as its users would have it:
//! `e2e/test.sh dataplanes` runs these.

mod drift;
pub(super) mod leaving;

use std::time::Duration;

use serde_json::{Value, json};
use serin::model::Phase;

use super::app::{App, in_steps, quick_to_drain};
use super::operator::Operator;
use super::traffic::Traffic;
use crate::apiserver::establish_our_definitions;
use crate::support::{Outcome, in_namespace, project, run};

/// Three steps of ten seconds, two rollouts and a drain, on a machine that carries all data planes at once.
const RELEASED_WITHIN: Duration = Duration::from_secs(240);

/// An example, and where its users ask.
pub(super) struct Plane {
    pub(super) example: &'static str,
    /// Below `e2e/dataplane`.
    pub(super) script: &'static str,
    pub(super) host: fn(&App) -> String,
    pub(super) fitting: fn(&mut Value),
    pub(super) since: Since,
    pub(super) until: Until,
    /// A port of the data plane behind which requests are bytes: each has a connection of its own, and nobody counts them.
    pub(super) bytes: Option<u16>,
}

/// From when on the app answers through the data plane.
pub(super) enum Since {
    /// Before there is a Canary.
    Ever,
    /// With the Canary: what the user's object leads to is serin's. What is lost before is not counted.
    Adopted,
}

/// Until when every request must be answered.
pub(super) enum Until {
    /// The user has everything back.
    GivenBack,
    /// The Canary is deleted.
    Deleted,
}

impl Plane {
    /// One that answers always.
    pub(super) const fn of(example: &'static str, script: &'static str) -> Self {
        Self {
            example,
            script,
            host: App::host,
            fitting: |_| (),
            since: Since::Ever,
            until: Until::GivenBack,
            bytes: None,
        }
    }
}

#[tokio::test]
async fn a_release_behind_istio_loses_nothing() -> Outcome {
    a_release_loses_nothing(Plane::of("istio", "istio.sh")).await
}

#[tokio::test]
async fn a_release_behind_nginx_loses_nothing() -> Outcome {
    a_release_loses_nothing(Plane::of("nginx", "traefik.sh")).await
}

#[tokio::test]
async fn a_release_behind_traefik_loses_nothing() -> Outcome {
    a_release_loses_nothing(Plane { since: Since::Adopted, ..Plane::of("traefik", "traefik.sh") }).await
}

#[tokio::test]
async fn a_release_behind_contour_loses_nothing() -> Outcome {
    a_release_loses_nothing(Plane { since: Since::Adopted, ..Plane::of("contour", "contour.sh") }).await
}

#[tokio::test]
async fn a_release_behind_a_gateway_of_traefik_loses_nothing() -> Outcome {
    let fitting = |object: &mut Value| joins_gateway(object, "traefik");
    a_release_loses_nothing(Plane { fitting, ..Plane::of("gatewayapi-v1", "traefik.sh") }).await
}

#[tokio::test]
async fn a_release_behind_a_gateway_of_contour_loses_nothing() -> Outcome {
    let fitting = |object: &mut Value| joins_gateway(object, "projectcontour");
    a_release_loses_nothing(Plane { fitting, ..Plane::of("gatewayapi-v1", "contour.sh") }).await
}

#[tokio::test]
async fn a_release_in_app_mesh_loses_nothing() -> Outcome {
    let host = |app: &App| format!("hello.{}", app.namespace);
    // Without its objects a mesh asks the Service, which the Envoy here knows nothing of.
    let plane =
        Plane { host, since: Since::Adopted, until: Until::Deleted, ..Plane::of("appmesh-v1beta2", "appmesh.sh") };
    a_release_loses_nothing(plane).await
}

/// Clients of a Service itself that keep a connection keep its pod, until the pod ends it: these make a new one each time.
#[tokio::test]
async fn a_blue_green_release_behind_a_service_loses_nothing() -> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        let app = App::of_example("kubernetes", |_| (), &client, &namespace, "hello");
        let _operator = Operator::start(&namespace, &[])?;
        let host = format!("hello.{namespace}");
        app.go_live(&quick_to_drain()).await?;
        let traffic = Traffic::through(&format!("http://{host}/"), &host, &["Connection: close"]).await?;
        let theirs = leaving::objects(&app).await?;
        app.adopted(&leaving::reverting(json!({}))).await?;
        is_promoted(&app).await?;
        leaving::is_as_before(&app, &theirs).await?;
        traffic.end()?.lost_nothing()
    })
    .await
}

pub(super) async fn a_release_loses_nothing(plane: Plane) -> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        let app = App::of_example(plane.example, plane.fitting, &client, &namespace, "hello");
        let _operator = Operator::start(&namespace, &[])?;
        let url = run(project("e2e/dataplane").join(plane.script), &["url"])?;
        let (mut url, host) = (url.trim().to_owned(), (plane.host)(&app));
        let (mut headers, mut steps) = (Vec::new(), in_steps(20, 60));
        if let Some(port) = plane.bytes {
            url = format!("http://{}:{port}/", authority(&url));
            headers.push("Connection: close");
            steps = json!({"spec": {"analysis": {"metrics": []}}});
        }
        app.go_live(&quick_to_drain()).await?;
        let before = match plane.since {
            Since::Ever => Some(Traffic::through(&url, &host, &headers).await?),
            Since::Adopted => None,
        };
        let theirs = leaving::objects(&app).await?;
        app.adopted(&leaving::reverting(steps)).await?;
        let traffic = match before {
            Some(traffic) => traffic,
            None => Traffic::through(&url, &host, &headers).await?,
        };
        is_promoted(&app).await?;
        match plane.until {
            Until::GivenBack => {
                leaving::is_as_before(&app, &theirs).await?;
                traffic.end()?.lost_nothing()
            }
            Until::Deleted => {
                traffic.end()?.lost_nothing()?;
                leaving::is_as_before(&app, &theirs).await
            }
        }
    })
    .await
}

/// The host of a URL, without its port.
fn authority(url: &str) -> &str {
    let rest = url.trim_start_matches("http://");
    rest.split([':', '/']).next().unwrap_or(rest)
}

async fn is_promoted(app: &App) -> Outcome {
    app.release(&[("VERSION", "2")]).await?;
    app.reaches(Phase::Succeeded, RELEASED_WITHIN).await?;
    assert_eq!(app.version_of("hello-primary").await?.as_deref(), Some("2"));
    Ok(())
}

/// Routes of the example through the Gateway that this cluster has in `namespace`.
pub(super) fn joins_gateway(object: &mut Value, namespace: &str) {
    let gateway = json!([{"name": "gateway", "namespace": namespace}]);
    match object["kind"].as_str() {
        Some("HTTPRoute" | "GRPCRoute" | "TCPRoute") => object["spec"]["parentRefs"] = gateway,
        Some("Canary") => object["spec"]["service"]["gatewayRefs"] = gateway,
        _ => (),
    }
}
