mod ingresses;
mod matching;

use expect_test::expect;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::OWN;
use super::super::testing::{Scene, split};
use crate::model::Routing;
use crate::object::{Change, value};
use crate::route::{Acceptance, BEFORE};

const HTTP: [&str; 2] = ["gateway.networking.k8s.io/v1", "HTTPRoute"];
const ISTIO: [&str; 2] = ["networking.istio.io/v1", "VirtualService"];

/// One route `shop` of the user's.
fn scene([api_version, kind]: [&str; 2], spec: &Value) -> Scene {
    let mut scene = Scene::bringing(OWN, &json!([{"apiVersion": api_version, "kind": kind, "name": "shop"}]));
    scene.put(&json!({"metadata": {"name": "shop", "namespace": "test"}, "spec": spec}));
    scene
}

fn http(backends: &Value) -> Scene {
    scene(HTTP, &json!({"parentRefs": [{"name": "gateway"}], "rules": [{"backendRefs": backends}]}))
}

fn backends(scene: &Scene) -> &Value {
    &scene.only()["spec"]["rules"][0]["backendRefs"]
}

fn refused(scene: &Scene, want: &Routing) -> String {
    scene.render(want).map_err(|error| error.sentence).err().unwrap_or_default()
}

/// The object without what the apiserver counts.
fn unversioned(object: &Value) -> Value {
    let mut object = object.clone();
    value::merge(&mut object, &json!({"apiVersion": null, "kind": null, "metadata": {"resourceVersion": null}}));
    value::prune(&mut object["metadata"]);
    object
}

#[test]
fn in_a_rich_route_the_users_backend_keeps_what_a_copy_of_it_for_the_canary_gets() {
    let filters =
        json!([{"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": [{"name": "x", "value": "y"}]}}]);
    let mut scene = scene(
        HTTP,
        &json!({
            "parentRefs": [{"name": "gateway"}], "hostnames": ["shop.example.com"],
            "rules": [
                {"name": "cart", "matches": [{"path": {"value": "/cart"}}], "filters": filters,
                 "backendRefs": [{"name": "podinfo", "port": 80, "filters": filters}], "timeouts": {"request": "5s"}},
                {"name": "help", "backendRefs": [{"name": "help", "port": 80}]},
                {"name": "testers", "matches": [{"headers": [{"name": "x-tester", "value": "1"}]}],
                 "backendRefs": [{"name": "podinfo-canary", "port": 80}]},
            ],
        }),
    );
    let before = unversioned(scene.only());
    scene.route(&split(20)).check(&expect![[r#"
        metadata:
          name: shop
          namespace: test
          annotations:
            serin.dev/before: "{\"podinfo\":{\"lists\":{\"rules[0].backendRefs\":[{\"name\":\"podinfo\",\"port\":80,\"filters\":[{\"type\":\"RequestHeaderModifier\",\"requestHeaderModifier\":{\"set\":[{\"name\":\"x\",\"value\":\"y\"}]}}]}]}}}"
        spec:
          parentRefs:
          - name: gateway
          hostnames:
          - shop.example.com
          rules:
          - name: cart
            matches:
            - path:
                value: /cart
            filters:
            - type: RequestHeaderModifier
              requestHeaderModifier:
                set:
                - name: x
                  value: "y"
            backendRefs:
            - name: podinfo
              port: 80
              filters:
              - type: RequestHeaderModifier
                requestHeaderModifier:
                  set:
                  - name: x
                    value: "y"
              weight: 80
            - name: podinfo-canary
              port: 80
              filters:
              - type: RequestHeaderModifier
                requestHeaderModifier:
                  set:
                  - name: x
                    value: "y"
              weight: 20
            timeouts:
              request: 5s
          - name: help
            backendRefs:
            - name: help
              port: 80
          - name: testers
            matches:
            - headers:
              - name: x-tester
                value: "1"
            backendRefs:
            - name: podinfo-canary
              port: 80
    "#]]);
    assert_eq!(scene.read(), Some(split(20)));
    scene.route(&Routing::PRIMARY);
    assert_eq!(unversioned(scene.only()), before);
}

#[test]
fn every_list_of_a_virtual_service_that_leads_to_the_apex_moves() {
    let to = |host: &str| json!({"destination": {"host": host, "port": {"number": 80}}});
    let mut scene = scene(
        ISTIO,
        &json!({
            "hosts": ["shop.example.com"],
            "http": [{"route": [to("podinfo.test.svc.cluster.local")], "retries": {"attempts": 3}}, {"route": [to("help")]}],
            "tcp": [{"match": [{"port": 9000}], "route": [to("podinfo")]}],
            "tls": [{"route": [to("podinfo.other")]}],
        }),
    );
    let before = unversioned(scene.only());
    scene.route(&split(5)).check(&expect![[r#"
        metadata:
          name: shop
          namespace: test
          annotations:
            serin.dev/before: "{\"podinfo\":{\"lists\":{\"http[0].route\":[{\"destination\":{\"host\":\"podinfo.test.svc.cluster.local\",\"port\":{\"number\":80}}}],\"tcp[0].route\":[{\"destination\":{\"host\":\"podinfo\",\"port\":{\"number\":80}}}]}}}"
        spec:
          hosts:
          - shop.example.com
          http:
          - route:
            - destination:
                host: podinfo.test.svc.cluster.local
                port:
                  number: 80
              weight: 95
            - destination:
                host: podinfo-canary.test.svc.cluster.local
                port:
                  number: 80
              weight: 5
            retries:
              attempts: 3
          - route:
            - destination:
                host: help
                port:
                  number: 80
          tcp:
          - match:
            - port: 9000
            route:
            - destination:
                host: podinfo
                port:
                  number: 80
              weight: 95
            - destination:
                host: podinfo-canary
                port:
                  number: 80
              weight: 5
          tls:
          - route:
            - destination:
                host: podinfo.other
                port:
                  number: 80
    "#]]);
    scene.route(&Routing::PRIMARY);
    assert_eq!(unversioned(scene.only()), before);
}

#[test]
fn between_releases_nothing_is_written_to_the_users_route() {
    let mut scene = http(&json!([{"name": "podinfo", "port": 80}]));
    assert_eq!((scene.read(), scene.render(&Routing::PRIMARY)), (Some(Routing::PRIMARY), Ok(vec![])));
    scene.route(&split(50)).route(&split(100)).route(&Routing::PRIMARY);
    assert_eq!(backends(&scene), &json!([{"name": "podinfo", "port": 80}]));
    assert!(scene.only().pointer("/metadata/annotations").is_none_or(|notes| notes.get(BEFORE).is_none()));
}

#[test]
fn a_sync_that_applies_the_route_again_in_the_middle_is_put_right() {
    let mut scene = http(&json!([{"name": "podinfo", "port": 80}]));
    scene.route(&split(40));
    let newer = json!([{"name": "podinfo", "port": 81, "weight": 7}]);
    scene.merge(&json!({"spec": {"rules": [{"backendRefs": newer}]}}));
    assert_eq!(scene.read(), Some(Routing::PRIMARY), "all of it leads to the primary meanwhile");
    scene.route(&split(40));
    assert_eq!(
        backends(&scene),
        &json!([{"name": "podinfo", "port": 81, "weight": 60}, {"name": "podinfo-canary", "port": 81, "weight": 40}])
    );
    scene.route(&Routing::PRIMARY);
    assert_eq!(backends(&scene), &newer, "what the user wrote last is given back");
}

#[test]
fn a_hand_edit_of_a_shared_list_survives_the_release() {
    let mut scene = http(&json!([{"name": "podinfo", "port": 80, "weight": 1}]));
    scene.route(&split(40));
    let edited = json!([
        {"name": "podinfo", "port": 80, "weight": 60}, {"name": "podinfo-canary", "port": 80, "weight": 40},
        {"name": "legacy", "port": 80, "weight": 0},
    ]);
    scene.merge(&json!({"spec": {"rules": [{"backendRefs": edited}]}}));
    scene.route(&Routing::PRIMARY);
    assert_eq!(
        backends(&scene),
        &json!([{"name": "podinfo", "port": 80, "weight": 1}, {"name": "legacy", "port": 80, "weight": 0}])
    );
}

#[test]
fn who_names_both_sides_in_git_sees_weights_change_and_nothing_else() {
    let sides =
        json!([{"name": "podinfo", "port": 80, "weight": 100}, {"name": "podinfo-canary", "port": 8080, "weight": 0}]);
    let mut scene = http(&sides);
    assert_eq!(scene.render(&Routing::PRIMARY), Ok(vec![]));
    scene.route(&split(30));
    assert_eq!(
        backends(&scene),
        &json!([{"name": "podinfo", "port": 80, "weight": 70}, {"name": "podinfo-canary", "port": 8080, "weight": 30}])
    );
    scene.route(&Routing::PRIMARY);
    assert_eq!(backends(&scene), &sides);
}

#[test]
fn beside_others_the_canary_shares_the_weight_of_the_apex_alone() {
    let mut scene =
        http(&json!([{"name": "legacy", "port": 80, "weight": 300}, {"name": "podinfo", "port": 80, "weight": 200}]));
    scene.route(&split(25));
    let weights = backends(&scene).as_array().map(|list| list.iter().map(|b| b["weight"].clone()).collect::<Vec<_>>());
    assert_eq!(weights, Some(vec![json!(300), json!(150), json!(50)]));
    assert_eq!(scene.read(), Some(split(25)));
}

#[test]
fn what_cannot_be_shared_is_refused_with_what_to_write() {
    let small = http(&json!([{"name": "legacy", "port": 80}, {"name": "podinfo", "port": 80}]));
    assert_eq!(
        refused(&small, &split(20)),
        "HTTPRoute/shop.test: rules[0].backendRefs: podinfo has weight 1 beside others, of which 20 % is no whole number; write all \
         weights of this list a hundred times as large, and releases go on"
    );
    let twice = http(&json!([{"name": "podinfo", "port": 80}, {"name": "podinfo", "port": 81}]));
    assert!(refused(&twice, &split(20)).contains("names podinfo more than once"), "{}", refused(&twice, &split(20)));
    let subset = json!([{"route": [{"destination": {"host": "podinfo", "subset": "v1"}}]}]);
    let subset = scene(ISTIO, &json!({ "http": subset }));
    assert!(refused(&subset, &split(20)).contains("leads to subset v1 of podinfo"), "{}", refused(&subset, &split(20)));
}

#[test]
fn a_route_that_is_missing_or_leads_elsewhere_is_told() {
    let told = |scene: &Scene| OWN.read(&scene.target(), scene.store.objects()).map_err(|error| error.sentence).err();
    let other = http(&json!([{"name": "podinfo", "namespace": "elsewhere", "port": 80}, {"name": "help"}]));
    assert_eq!(
        told(&other).unwrap_or_default(),
        "HTTPRoute/shop.test: no rule leads to Service podinfo in test, so there is nothing to share and no release advances; name \
         podinfo as a backend of the rules whose traffic the canary may get"
    );
    let missing = Scene::bringing(OWN, &json!([{"apiVersion": HTTP[0], "kind": HTTP[1], "name": "shop"}]));
    assert!(told(&missing).unwrap_or_default().starts_with("spec.routeRefs[0]: HTTPRoute/shop.test is not there"));
    let refused =
        |routes: &Value| OWN.check(&Scene::bringing(OWN, routes).target()).map_err(|error| error.sentence).err();
    let unknown = refused(&json!([{"apiVersion": "v1", "kind": "Ingress", "name": "shop"}])).unwrap_or_default();
    assert!(unknown.starts_with("spec.routeRefs[0] is v1 Ingress, of which no weights are known"), "{unknown}");
    let one = json!({"apiVersion": HTTP[0], "kind": HTTP[1], "name": "shop"});
    assert!(refused(&json!([one, one])).unwrap_or_default().contains("names HTTPRoute shop once more"));
}

#[test]
fn where_a_gateway_gives_its_word_the_canary_is_named_before_it_gets_requests_and_after() {
    let mut scene = http(&json!([{"name": "podinfo", "port": 80}]));
    let now = |scene: &mut Scene, generation: u64, seen: u64| {
        let condition = json!({"type": "Accepted", "status": "True", "observedGeneration": seen});
        let parent = json!({"parentRef": {"name": "gateway"}, "conditions": [condition]});
        scene.merge(&json!({"metadata": {"generation": generation}, "status": {"parents": [parent]}}));
    };
    let weights = |scene: &Scene| {
        let list = backends(scene).as_array().cloned().unwrap_or_default();
        list.iter().map(|backend| backend["weight"].as_u64().unwrap_or(1)).collect::<Vec<_>>()
    };
    now(&mut scene, 1, 1);
    assert_eq!(weights(scene.route(&split(20))), [1, 0]);
    now(&mut scene, 2, 1);
    assert_eq!(scene.render(&split(20)), Ok(vec![]));
    assert_eq!(OWN.acceptance(&scene.target(), scene.store.objects()), Acceptance::Pending);
    now(&mut scene, 2, 2);
    assert_eq!(weights(scene.route(&split(20))), [80, 20]);
    now(&mut scene, 3, 3);
    assert_eq!(weights(scene.route(&Routing::PRIMARY)), [1, 0]);
    now(&mut scene, 4, 4);
    assert_eq!(backends(scene.route(&Routing::PRIMARY)), &json!([{"name": "podinfo", "port": 80}]));
}

#[test]
fn routes_that_differ_are_brought_to_the_same_share() {
    let named = |kind: &str, name: &str| json!({"apiVersion": HTTP[0], "kind": kind, "name": name});
    let mut scene = Scene::bringing(OWN, &json!([named("HTTPRoute", "shop"), named("GRPCRoute", "api")]));
    let rules = json!({"spec": {"rules": [{"backendRefs": [{"name": "podinfo", "port": 80}]}]}});
    for key in OWN.objects(&scene.target()) {
        scene.store.put(key, rules.clone());
    }
    scene.route(&split(20));
    let half = json!({"spec": {"rules": [{"backendRefs": [{"name": "podinfo", "port": 80}]}]}});
    scene.put(&half);
    assert_eq!(scene.read(), Some(split(20)));
    assert_eq!(scene.render(&split(20)).map(|changes| changes.len()), Ok(1));
}

fn names() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["podinfo", "podinfo-canary", "podinfo-primary", "help", "legacy"])
}

fn lists() -> impl Strategy<Value = Value> {
    let backend = (names(), prop::option::of(0..400_u64), any::<bool>()).prop_map(|(name, weight, filtered)| {
        let mut backend = json!({"name": name, "port": 80, "destination": {"host": name}});
        if let Some(weight) = weight {
            backend["weight"] = json!(weight);
        }
        if filtered {
            backend["filters"] = json!([{"type": "RequestHeaderModifier"}]);
        }
        backend
    });
    prop::collection::vec(backend, 0..4).prop_map(Value::from)
}

fn routes() -> impl Strategy<Value = ([&'static str; 2], Value)> {
    let rules = prop::collection::vec((lists(), "[a-z]{0,4}"), 0..4);
    (any::<bool>(), rules).prop_map(|(istio, rules)| {
        let rule = |(list, name): (Value, String)| json!({"name": name, "backendRefs": list, "route": list, "extra": [name, {}]});
        let rules: Vec<_> = rules.into_iter().map(rule).collect();
        let spec = json!({"rules": rules, "http": rules, "tcp": rules, "other": {"kept": true}});
        (if istio { ISTIO } else { HTTP }, spec)
    })
}

proptest! {
    #[test]
    fn whatever_is_written_reads_back_and_every_byte_that_is_not_ours_survives(
        (form, spec) in routes(), moves in prop::collection::vec(0..=100_i64, 1..5),
    ) {
        let mut scene = scene(form, &spec);
        let before = unversioned(scene.only());
        for canary in moves {
            let Ok(changes) = scene.render(&split(canary)) else { return Ok(()) };
            for change in &changes {
                scene.store.write(change).expect("nobody else writes here");
            }
            let Ok(Some(read)) = OWN.read(&scene.target(), scene.store.objects()) else { return Ok(()) };
            prop_assert_eq!(read, split(canary));
            prop_assert_eq!(scene.render(&split(canary)), Ok(Vec::<Change>::new()));
            prop_assert_eq!(without_backends(scene.only()), without_backends(&before));
        }
        scene.release();
        prop_assert_eq!(unversioned(scene.only()), before);
    }
}

fn without_backends(object: &Value) -> Value {
    let mut object = unversioned(object);
    for field in ["rules", "http", "tcp"] {
        for rule in object["spec"][field].as_array_mut().into_iter().flatten() {
            value::merge(rule, &json!({"backendRefs": null, "route": null}));
        }
    }
    object["metadata"]["annotations"] = Value::Null;
    object
}
