//! Releases through the user's own routes: `e2e/test.sh ownroutes` runs these.

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};
use serin::model::Phase;
use serin::object::value;

use super::app::{App, in_steps, quick_to_drain};
use super::operator::Operator;
use super::planes::{Plane, a_release_loses_nothing, joins_gateway};
use super::traffic::{Traffic, versions};
use crate::apiserver::establish_our_definitions;
use crate::support::{Outcome, in_namespace, project, run, wait_until};

/// Three steps of ten seconds, two rollouts and a drain, beside the other claims.
const RELEASED_WITHIN: Duration = Duration::from_secs(240);
/// By far more than a watch and a write need.
const PUT_RIGHT_WITHIN: Duration = Duration::from_secs(10);

const VIRTUAL_SERVICE: &str = "networking.istio.io/v1";
const HTTP_ROUTE: [&str; 3] = ["gateway.networking.k8s.io/v1", "HTTPRoute", "shop"];

#[tokio::test]
async fn a_release_through_my_own_http_route_of_traefik_loses_nothing() -> Outcome {
    let fitting = |object: &mut Value| joins_gateway(object, "traefik");
    a_release_loses_nothing(Plane { fitting, ..Plane::of("own-routes/httproute", "traefik.sh") }).await
}

#[tokio::test]
async fn a_release_through_my_own_http_route_of_contour_loses_nothing() -> Outcome {
    let fitting = |object: &mut Value| joins_gateway(object, "projectcontour");
    a_release_loses_nothing(Plane { fitting, ..Plane::of("own-routes/httproute", "contour.sh") }).await
}

#[tokio::test]
async fn a_release_through_my_own_virtual_service_loses_nothing() -> Outcome {
    a_release_loses_nothing(Plane::of("own-routes/virtualservice", "istio.sh")).await
}

#[tokio::test]
async fn a_release_through_two_ingresses_of_my_own_loses_nothing() -> Outcome {
    a_release_loses_nothing(Plane::of("own-routes/ingress", "traefik.sh")).await
}

#[tokio::test]
async fn an_a_b_test_through_my_own_virtual_service_leads_insiders_to_the_canary_and_nobody_else() -> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        let app = App::of_example("own-routes/virtualservice", |_| (), &client, &namespace, "hello");
        let _operator = Operator::start(&namespace, &[])?;
        app.go_live(&quick_to_drain()).await?;
        let before = app.object(VIRTUAL_SERVICE, "VirtualService", "shop").await?["spec"].clone();
        let matching = json!([{"headers": {"x-canary": {"exact": "insider"}}}]);
        let analysis =
            json!({"stepWeight": null, "maxWeight": null, "iterations": 4, "match": matching, "metrics": []});
        app.adopted(&json!({"spec": {"analysis": analysis}})).await?;
        let traffic = Traffic::start(&client, &app.host()).await?;

        app.release(&[("VERSION", "2")]).await?;
        app.has_weight(100, RELEASED_WITHIN).await?;
        wait_until("insiders on the canary", PUT_RIGHT_WITHIN, async || {
            Ok((versions(&client, &app.host(), &["x-canary: insider"]).await? == ["2".to_owned()].into()).then_some(()))
        })
        .await?;
        assert_eq!(versions(&client, &app.host(), &[]).await?, ["1".to_owned()].into());
        app.reaches(Phase::Succeeded, RELEASED_WITHIN).await?;
        assert_eq!(app.object(VIRTUAL_SERVICE, "VirtualService", "shop").await?["spec"], before);
        traffic.end()?.lost_nothing()
    })
    .await
}

#[tokio::test]
async fn a_release_through_my_own_grpc_route_of_traefik_loses_nothing() -> Outcome {
    let fitting = |object: &mut Value| {
        joins_gateway(object, "traefik");
        asked_over_http(object);
    };
    a_release_loses_nothing(Plane { fitting, ..Plane::of("own-routes/grpcroute", "traefik.sh") }).await
}

#[tokio::test]
async fn a_release_through_my_own_grpc_route_of_contour_loses_nothing() -> Outcome {
    let fitting = |object: &mut Value| {
        joins_gateway(object, "projectcontour");
        asked_over_http(object);
    };
    a_release_loses_nothing(Plane { fitting, ..Plane::of("own-routes/grpcroute", "contour.sh") }).await
}

/// A call of gRPC is a request of HTTP/2, which the app answers; of health it knows by HTTP only.
fn asked_over_http(object: &mut Value) {
    if object["kind"] == "Deployment" {
        let probe = json!({"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 1});
        object["spec"]["template"]["spec"]["containers"][0]["readinessProbe"] = probe;
    }
}

#[tokio::test]
async fn a_release_through_my_own_tcp_route_of_traefik_loses_nothing() -> Outcome {
    let fitting = |object: &mut Value| joins_gateway(object, "traefik");
    a_release_loses_nothing(Plane { fitting, bytes: Some(9000), ..Plane::of("own-routes/tcproute", "traefik.sh") })
        .await
}

#[tokio::test]
async fn a_release_through_the_bytes_of_my_own_virtual_service_loses_nothing() -> Outcome {
    let fitting = |object: &mut Value| {
        if object["kind"] == "VirtualService" {
            let route = json!([{"destination": {"host": "hello"}}]);
            object["spec"]["tcp"] = json!([{"match": [{"port": 9001}], "route": route}]);
            value::merge(&mut object["spec"], &json!({"http": null}));
        }
    };
    a_release_loses_nothing(Plane { fitting, bytes: Some(9001), ..Plane::of("own-routes/virtualservice", "istio.sh") })
        .await
}

#[tokio::test]
async fn a_sync_that_applies_my_route_again_at_each_step_is_put_right_and_only_weights_ever_differ() -> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        let fitting = |object: &mut Value| joins_gateway(object, "traefik");
        let app = App::of_example("own-routes/httproute", fitting, &client, &namespace, "hello");
        let _operator = Operator::start(&namespace, &[])?;
        let url = run(project("e2e/dataplane/traefik.sh"), &["url"])?;
        app.go_live(&quick_to_drain()).await?;
        let before = route(&app).await?;
        app.adopted(&in_steps(20, 60)).await?;
        assert_eq!(route(&app).await?, before, "nothing is written between releases");
        let traffic = Traffic::through(url.trim(), &app.host(), &[]).await?;

        app.release(&[("VERSION", "2")]).await?;
        for weight in [20, 40] {
            app.has_weight(weight, RELEASED_WITHIN).await?;
            let shared = reaches(&app, weight).await?;
            assert_eq!(without_backends(&shared), without_backends(&before));
            keep("in-the-middle", &shared)?;
            app.edit(HTTP_ROUTE[0], HTTP_ROUTE[1], HTTP_ROUTE[2], &json!({"spec": before})).await?;
            reaches(&app, weight).await?;
        }
        app.reaches(Phase::Succeeded, RELEASED_WITHIN).await?;
        let after = route(&app).await?;
        keep("before", &before)?;
        keep("after", &after)?;
        assert_eq!(after, before, "the user has what was there");
        assert_eq!(app.version_of("hello-primary").await?.as_deref(), Some("2"));
        traffic.end()?.lost_nothing()
    })
    .await
}

#[tokio::test]
async fn a_route_that_is_deleted_in_the_middle_is_told_and_the_release_goes_on_when_it_is_back() -> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        let app = App::of_example("own-routes/virtualservice", |_| (), &client, &namespace, "hello");
        let _operator = Operator::start(&namespace, &[])?;
        app.go_live(&quick_to_drain()).await?;
        app.adopted(&json!({"spec": {"analysis": {"stepWeight": 20, "maxWeight": 40, "metrics": []}}})).await?;
        app.release(&[("VERSION", "2")]).await?;
        app.has_weight(20, RELEASED_WITHIN).await?;
        app.delete(VIRTUAL_SERVICE, "VirtualService", "shop").await?;
        let (reason, sentence) = app.stalls().await?;
        assert_eq!(reason, "RouteMissing", "{sentence}");
        for object in app.users()?.iter().filter(|object| object["kind"] == "VirtualService") {
            app.apply(object).await?;
        }
        app.reaches(Phase::Succeeded, RELEASED_WITHIN).await
    })
    .await
}

/// The spec of the route.
async fn route(app: &App) -> Outcome<Value> {
    let [api_version, kind, name] = HTTP_ROUTE;
    Ok(app.object(api_version, kind, name).await?["spec"].clone())
}

/// Waits until the first rule gives the canary this weight.
async fn reaches(app: &App, weight: i32) -> Outcome<Value> {
    wait_until(&format!("a weight of {weight} in the route"), PUT_RIGHT_WITHIN, async || {
        let spec = route(app).await?;
        let backends = spec["rules"][0]["backendRefs"].as_array().cloned().unwrap_or_default();
        let named = backends.iter().any(|backend| backend["name"] == "hello-canary" && backend["weight"] == weight);
        Ok(named.then_some(spec))
    })
    .await
}

fn without_backends(spec: &Value) -> Value {
    let mut spec = spec.clone();
    for rule in spec["rules"].as_array_mut().into_iter().flatten() {
        value::merge(rule, &json!({"backendRefs": null}));
    }
    spec
}

/// For people to compare.
fn keep(name: &str, spec: &Value) -> Outcome {
    let directory = project("e2e/out");
    fs::create_dir_all(&directory)?;
    Ok(fs::write(directory.join(format!("{name}.yaml")), serde_saphyr::to_string(spec)?)?)
}
