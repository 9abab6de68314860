//! Ingresses of the user's own: twins of each, and nothing written to any.

use serde_json::{Value, json};

use crate::model::Routing;
use crate::object::value;
use crate::route::OWN;
use crate::route::ingress::INGRESS;
use crate::route::testing::{Scene, split};

const CANARY_WEIGHT: &str = "nginx.ingress.kubernetes.io/canary-weight";

/// An Ingress with one path to each of these Services.
fn leading_to(services: &[&str]) -> Value {
    let path = |service: &&str| json!({"path": format!("/{service}"), "pathType": "Prefix", "backend": {"service": {"name": service, "port": {"number": 80}}}});
    let paths: Vec<_> = services.iter().map(path).collect();
    json!({
        "metadata": {"labels": {"team": "shop", "app.kubernetes.io/instance": "of-argo"}},
        "spec": {"ingressClassName": "nginx", "rules": [{"host": "shop.example.com", "http": {"paths": paths}}]},
    })
}

/// Ingresses `shop` and `api` of the user's, the second with a path to `help` too.
fn scene() -> Scene {
    let ingress = |name: &str| json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "name": name});
    let mut scene = Scene::bringing(OWN, &json!([ingress("shop"), ingress("api")]));
    scene.store.put(INGRESS.named("test", "shop"), leading_to(&["podinfo"]));
    scene.store.put(INGRESS.named("test", "api"), leading_to(&["help", "podinfo"]));
    scene
}

fn found<'a>(scene: &'a Scene, name: &str) -> Option<&'a Value> {
    scene.store.objects().find(&INGRESS.named("test", name))
}

fn weights(scene: &Scene) -> Vec<Option<&str>> {
    let twins = ["shop-canary", "api-canary"].map(|name| found(scene, name));
    twins.map(|twin| twin.and_then(|twin| value::text(twin, &["metadata", "annotations", CANARY_WEIGHT]))).to_vec()
}

/// What stands against a share of the canary.
fn told(scene: &Scene) -> String {
    OWN.read(&scene.target(), scene.store.objects()).map_err(|error| error.sentence).err().unwrap_or_default()
}

#[test]
fn every_ingress_gets_a_twin_for_the_canary_and_stays_as_it_is() {
    let mut scene = scene();
    let before = ["shop", "api"].map(|name| found(&scene, name).cloned());
    scene.route(&split(20));
    assert_eq!((weights(&scene), scene.read()), (vec![Some("20"), Some("20")], Some(split(20))));
    let twin = found(&scene, "api-canary").expect("it has a twin");
    let backends =
        [0, 1].map(|path| twin["spec"]["rules"][0]["http"]["paths"][path]["backend"]["service"]["name"].clone());
    assert_eq!(backends, ["help", "podinfo-canary"]);
    assert_eq!(twin["metadata"]["labels"], json!({"team": "shop"}), "what a tool knows its own by is not copied");
    scene.route(&Routing::PRIMARY);
    assert_eq!((weights(&scene), scene.read()), (vec![Some("0"), Some("0")], Some(Routing::PRIMARY)));
    assert_eq!(scene.render(&Routing::PRIMARY), Ok(vec![]));
    scene.release();
    assert_eq!(weights(&scene), [None, None]);
    assert_eq!(["shop", "api"].map(|name| found(&scene, name).cloned()), before);
}

#[test]
fn an_ingress_whose_twin_is_gone_is_brought_to_the_share_of_the_others() {
    let mut scene = scene();
    scene.route(&split(40));
    scene.store.remove(&INGRESS.named("test", "api-canary"));
    assert_eq!(scene.read(), Some(split(40)));
    assert_eq!(scene.render(&split(40)).map(|changes| changes.len()), Ok(1));
    scene.route(&split(40));
    assert_eq!(weights(&scene), [Some("40"), Some("40")]);
}

#[test]
fn an_ingress_that_is_missing_or_leads_elsewhere_is_told_with_the_reference_that_names_it() {
    let mut scene = scene();
    scene.store.put(INGRESS.named("test", "api"), leading_to(&["help"]));
    assert_eq!(
        told(&scene),
        "Ingress/api.test has no path to the Service podinfo, so the canary can get no traffic; add a path whose backend is podinfo, or \
         correct spec.routeRefs[1].name"
    );
    scene.store.remove(&INGRESS.named("test", "shop"));
    assert!(told(&scene).starts_with("spec.routeRefs[0]: Ingress/shop.test is not there"), "{}", told(&scene));
}

#[test]
fn of_two_canaries_on_one_ingress_the_second_is_told_and_takes_nothing_from_the_first() {
    let mut scene = scene();
    scene.store.put(INGRESS.named("test", "api"), leading_to(&["help", "podinfo"]));
    let mut theirs = leading_to(&["help-canary", "podinfo"]);
    value::merge(&mut theirs, &json!({"metadata": {"annotations": {"serin.dev/before": "absent"}}}));
    scene.store.put(INGRESS.named("test", "api-canary"), theirs.clone());
    assert_eq!(
        told(&scene),
        "Ingress/api.test: another Canary shares the traffic of help by Ingress/api-canary.test, and an Ingress has one twin, so the \
         canary of podinfo can get no traffic; move the paths to podinfo into an Ingress of their own, and name that in \
         spec.routeRefs[1].name"
    );
    assert!(scene.render(&split(20)).is_err_and(|error| error.sentence == told(&scene)));
    scene.release();
    assert_eq!(found(&scene, "api-canary").map(|twin| &twin["spec"]), Some(&theirs["spec"]));
}
