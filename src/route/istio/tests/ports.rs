//! Several ports of one service: a rule for each, moved together.

use expect_test::expect;
use serde_json::{Value, json};

use super::{Scene, key, split};
use crate::model::{Mirror, Percent, Routing};

fn three() -> Value {
    json!({"ports": [
        {"name": "grpc", "port": 9000, "appProtocol": "grpc"},
        {"name": "redis", "port": 6379, "appProtocol": "tcp"},
    ]})
}

/// Each rule as `port: weights of primary and canary`.
fn shown(rules: &Value) -> Vec<String> {
    let rule = |rule: &Value| {
        let port = rule.pointer("/match/0/port").map_or("any".to_owned(), Value::to_string);
        let weights = rule["route"].as_array().expect("a rule has a route");
        let weights: Vec<_> = weights.iter().map(|side| side["weight"].to_string()).collect();
        format!("{port}: {}", weights.join(" "))
    };
    rules.as_array().into_iter().flatten().map(rule).collect()
}

#[test]
fn each_port_has_a_rule_and_all_move_in_one_write() {
    let mut scene = Scene::of(&three());
    scene.route(&Routing::PRIMARY);
    let changes = scene.render(&split(30)).unwrap();
    assert_eq!(changes.len(), 1, "{changes:?}");
    let spec = scene.route(&split(30)).found()["spec"].clone();
    expect![[r#"
        hosts:
        - podinfo
        gateways:
        - mesh
        http:
        - match:
          - port: 9000
          route:
          - destination:
              host: podinfo-primary
              port:
                number: 9000
            weight: 70
          - destination:
              host: podinfo-canary
              port:
                number: 9000
            weight: 30
        - route:
          - destination:
              host: podinfo-primary
            weight: 70
          - destination:
              host: podinfo-canary
            weight: 30
        tcp:
        - match:
          - port: 6379
          route:
          - destination:
              host: podinfo-primary
              port:
                number: 6379
            weight: 70
          - destination:
              host: podinfo-canary
              port:
                number: 6379
            weight: 30
    "#]]
    .assert_eq(&serde_saphyr::to_string(&spec).unwrap());
}

#[test]
fn behind_a_gateway_the_first_port_is_named_too() {
    let mut service = three();
    service["gateways"] = json!(["istio-system/public"]);
    let mut scene = Scene::of(&service);
    let rules = scene.route(&split(30)).http();
    assert_eq!(rules[1]["route"][0]["destination"], json!({"host": "podinfo-primary", "port": {"number": 80}}));
    assert_eq!(rules[1].get("match"), None, "the listener of a gateway may have another number");
}

#[test]
fn a_weight_that_another_hand_gave_one_port_is_read_and_mended() {
    let mut scene = Scene::of(&three());
    let mut edited = scene.route(&split(30)).found().clone();
    edited["spec"]["tcp"][0]["route"][0]["weight"] = json!(10);
    edited["spec"]["tcp"][0]["route"][1]["weight"] = json!(90);
    scene.store.put(key(), edited);
    assert_eq!(scene.read(), Some(split(90)), "the canary gets 90 % of some connections");
    scene.route(&split(30));
    assert_eq!(shown(&scene.found()["spec"]["tcp"]), ["6379: 70 30"]);
}

#[test]
fn connections_stay_on_the_primary_where_requests_are_matched() {
    let conditions = json!({"match": [{"headers": {"x-user": {"exact": "insider"}}}]});
    let mut scene = Scene::analysed(&three(), &conditions);
    let spec = &scene.route(&Routing::split(Percent::FULL)).found()["spec"];
    assert_eq!(shown(&spec["tcp"]), ["6379: 100 0"]);
    assert_eq!(shown(&spec["http"]), ["9000: 0 100", "9000: 100", "any: 0 100", "any: 100"]);
    assert_eq!(scene.read(), Some(Routing::split(Percent::FULL)));
}

#[test]
fn copies_are_of_requests_and_not_of_connections() {
    let mut scene = Scene::of(&three());
    let copied = Routing { mirror: Mirror::All, ..Routing::PRIMARY };
    let spec = &scene.route(&copied).found()["spec"];
    assert_eq!(spec["http"][0]["mirror"], json!({"host": "podinfo-canary", "port": {"number": 9000}}));
    assert_eq!(spec["tcp"][0].get("mirror"), None);
    assert_eq!(scene.read(), Some(copied));
}

#[test]
fn a_port_that_left_the_spec_takes_its_rules_along() {
    let mut scene = Scene::of(&three());
    scene.route(&split(30));
    let mut scene = scene.edited(&json!({}));
    let spec = scene.route(&split(30)).found()["spec"].clone();
    assert_eq!(shown(&spec["http"]), ["any: 70 30"]);
    assert_eq!(spec.get("tcp"), None, "{spec}");
}

#[test]
fn what_is_left_of_a_route_leads_each_port_to_the_apex() {
    let mut scene = Scene::of(&three());
    let scene = scene.route(&split(30)).release();
    let spec = &scene.found()["spec"];
    let host = |rule: &str| spec.pointer(rule).cloned();
    assert_eq!(host("/http/0/route/0/destination"), Some(json!({"host": "podinfo", "port": {"number": 9000}})));
    assert_eq!(host("/http/1/route/0/destination"), Some(json!({"host": "podinfo"})));
    assert_eq!(host("/tcp/0/route/0/destination"), Some(json!({"host": "podinfo", "port": {"number": 6379}})));
}
