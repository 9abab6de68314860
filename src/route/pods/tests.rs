//! The apex Service as a route.

use serde_json::json;

use super::*;
use crate::route::testing::{Scene, split};
use crate::route::{PODS, RouteError};

fn deployment(labels: &Value) -> Value {
    json!({"spec": {"template": {"metadata": {"labels": labels}}}})
}

/// A canary whose pods share a label with those of the primary, which the apex Service leads to.
fn shared() -> Scene {
    let mut scene = Scene::of(PODS, &json!({"podRouting": {"sharedLabel": "release"}}));
    let both = [("podinfo", "podinfo"), ("podinfo-primary", "podinfo-primary")];
    for (name, app) in both {
        scene.store.put(DEPLOYMENT.named("test", name), deployment(&json!({"app": app, "release": "shop"})));
    }
    scene.put(&json!({"spec": {"selector": {"app": "podinfo-primary"}, "ports": [{"port": 80}]}}));
    scene
}

fn selected(scene: &Scene) -> Value {
    selector(scene.only()).clone()
}

fn refusal(scene: &Scene, canary: i64) -> Option<&'static str> {
    scene.render(&split(canary)).err().map(|RouteError { reason, .. }| reason)
}

#[test]
fn the_selector_leads_to_one_side_or_by_the_shared_label_to_both() {
    let mut scene = shared();
    assert_eq!(scene.read(), None, "nobody has routed yet");
    let sides =
        [(0, json!({"app": "podinfo-primary"})), (20, json!({"release": "shop"})), (100, json!({"app": "podinfo"}))];
    for (weight, pods) in sides {
        scene.route(&split(weight));
        assert_eq!((scene.read(), selected(&scene)), (Some(split(weight)), pods));
        assert_eq!(scene.render(&split(weight)), Ok(vec![]), "once is enough");
        assert_eq!(scene.only()["spec"]["ports"], json!([{"port": 80}]));
    }
    scene.route(&split(20)).route(&split(50));
    assert_eq!((scene.read(), selected(&scene)), (Some(split(50)), json!({"release": "shop"})));
}

#[test]
fn a_selector_that_another_hand_wrote_is_read_as_what_it_does() {
    let mut scene = shared();
    scene.route(&split(20)).merge(&json!({"spec": {"selector": {"release": null, "app": "podinfo"}}}));
    assert_eq!(scene.read(), Some(split(100)));
    scene.route(&split(20));
    assert_eq!(selected(&scene), json!({"release": "shop"}));
}

#[test]
fn an_apex_that_was_not_taken_over_is_no_route() {
    let mut scene = shared();
    scene.put(&json!({"spec": {"selector": {"app": "podinfo"}}}));
    assert_eq!((scene.read(), scene.render(&split(0))), (None, Ok(vec![])));
}

#[test]
fn what_the_apex_selects_is_left_to_the_route_only_while_it_is_one() {
    let mut scene = shared();
    let routed = |scene: &Scene| PODS.apex_pods(&scene.target(), scene.store.objects()).cloned();
    assert_eq!(routed(&scene), None);
    scene.route(&split(20));
    assert_eq!(routed(&scene), Some(json!({"release": "shop"})));
    scene.merge(&json!({"spec": {"selector": {"release": null, "tier": "front"}}}));
    assert_eq!(routed(&scene), None, "that is nobody's route");
    scene.release();
    assert_eq!(scene.read(), None);
}

#[test]
fn no_share_is_routed_by_a_label_that_one_side_lacks() {
    let mut scene = shared();
    scene.store.put(DEPLOYMENT.named("test", "podinfo-primary"), deployment(&json!({"app": "podinfo-primary"})));
    assert_eq!((refusal(&scene, 20), refusal(&scene, 100)), (Some("PrimaryLacksLabel"), None));
    scene.store.put(DEPLOYMENT.named("test", "podinfo"), deployment(&json!({"app": "podinfo"})));
    assert_eq!(refusal(&scene, 20), Some("SharedLabelMissing"));
    let own = shared().edited(&json!({"podRouting": {"sharedLabel": "app"}}));
    assert_eq!(refusal(&own, 20), Some("SharedLabelMissing"), "it tells the sides apart");
}
