//! Analyses with conditions: copies of the user's rules for the requests that match, and the rules themselves as they are.

use expect_test::expect;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{HTTP, ISTIO, backends, refused, routes, scene, unversioned};
use crate::model::Routing;
use crate::route::testing::{Scene, split};
use crate::route::{Acceptance, OWN, RouteError, Target};

const GRPC: [&str; 2] = ["gateway.networking.k8s.io/v1", "GRPCRoute"];

/// Requests with this header.
fn insiders() -> Value {
    json!([{"headers": {"x-canary": {"exact": "insider"}}}])
}

fn matching(form: [&str; 2], spec: &Value) -> Scene {
    scene(form, spec).matching(&insiders())
}

/// A route with one rule to the apex, and another to `help` before it.
fn plain() -> Scene {
    let rules = json!([
        {"matches": [{"path": {"type": "PathPrefix", "value": "/help"}}], "backendRefs": [{"name": "help", "port": 80}]},
        {"matches": [{"path": {"type": "PathPrefix", "value": "/"}}], "backendRefs": [{"name": "podinfo", "port": 80}]},
    ]);
    matching(HTTP, &json!({"parentRefs": [{"name": "gateway"}], "rules": rules}))
}

fn rules(scene: &Scene) -> Vec<Value> {
    scene.only()["spec"]["rules"].as_array().cloned().unwrap_or_default()
}

/// The weights of the rule that was added, if any was.
fn shares(scene: &Scene) -> Option<Vec<u64>> {
    let copy = rules(scene).into_iter().find(|rule| rule.to_string().contains("podinfo-canary"))?;
    Some(copy["backendRefs"].as_array()?.iter().map(|backend| backend["weight"].as_u64().unwrap_or(1)).collect())
}

#[test]
fn before_the_users_rule_stands_a_copy_with_its_filters_for_those_of_its_requests_that_match() {
    let filters = json!([{"type": "URLRewrite", "urlRewrite": {"hostname": "shop.internal"}}]);
    let rule = json!({"name": "cart", "matches": [{"path": {"type": "PathPrefix", "value": "/cart"}, "method": "GET"}, {"headers": [{"name": "x-app", "value": "1"}]}],
        "filters": filters, "backendRefs": [{"name": "podinfo", "port": 80, "filters": filters}], "timeouts": {"request": "5s"}});
    let mut scene = matching(HTTP, &json!({"rules": [{"backendRefs": [{"name": "help", "port": 80}]}, rule]}));
    let before = unversioned(scene.only());
    scene.route(&split(100)).check(&expect![[r#"
        metadata:
          name: shop
          namespace: test
          annotations:
            serin.dev/before: "{\"podinfo\":{\"added\":[[{\"path\":{\"type\":\"PathPrefix\",\"value\":\"/cart\"},\"method\":\"GET\",\"headers\":[{\"type\":\"Exact\",\"name\":\"x-canary\",\"value\":\"insider\"}]},{\"path\":{\"type\":\"PathPrefix\",\"value\":\"/\"},\"headers\":[{\"name\":\"x-app\",\"value\":\"1\"},{\"type\":\"Exact\",\"name\":\"x-canary\",\"value\":\"insider\"}]}]]}}"
        spec:
          rules:
          - backendRefs:
            - name: help
              port: 80
          - matches:
            - path:
                type: PathPrefix
                value: /cart
              method: GET
              headers:
              - type: Exact
                name: x-canary
                value: insider
            - path:
                type: PathPrefix
                value: /
              headers:
              - name: x-app
                value: "1"
              - type: Exact
                name: x-canary
                value: insider
            filters:
            - type: URLRewrite
              urlRewrite:
                hostname: shop.internal
            backendRefs:
            - name: podinfo
              port: 80
              filters:
              - type: URLRewrite
                urlRewrite:
                  hostname: shop.internal
              weight: 0
            - name: podinfo-canary
              port: 80
              filters:
              - type: URLRewrite
                urlRewrite:
                  hostname: shop.internal
              weight: 100
            timeouts:
              request: 5s
          - name: cart
            matches:
            - path:
                type: PathPrefix
                value: /cart
              method: GET
            - headers:
              - name: x-app
                value: "1"
            filters:
            - type: URLRewrite
              urlRewrite:
                hostname: shop.internal
            backendRefs:
            - name: podinfo
              port: 80
              filters:
              - type: URLRewrite
                urlRewrite:
                  hostname: shop.internal
            timeouts:
              request: 5s
    "#]]);
    assert_eq!((rules(&scene).len(), &rules(&scene)[2]), (3, &rule));
    assert_eq!(scene.read(), Some(split(100)));
    scene.route(&Routing::PRIMARY);
    assert_eq!(unversioned(scene.only()), before);
}

#[test]
fn a_virtual_service_gets_copies_of_its_http_rules_and_keeps_the_others() {
    let to = |host: &str| json!({"destination": {"host": host}});
    let spec = json!({
        "hosts": ["shop.example.com"],
        "http": [
            {"match": [{"uri": {"prefix": "/cart"}}, {"headers": {"x-app": {"exact": "1"}}}], "rewrite": {"uri": "/"}, "route": [to("podinfo")]},
            {"route": [to("podinfo")], "retries": {"attempts": 3}},
        ],
        "tcp": [{"route": [to("podinfo")]}],
    });
    let mut scene = matching(ISTIO, &spec);
    let before = unversioned(scene.only());
    scene.route(&split(30));
    assert_eq!(scene.read(), Some(split(30)));
    let http = scene.only()["spec"]["http"].as_array().cloned().unwrap_or_default();
    let both = json!([{"destination": {"host": "podinfo"}, "weight": 70}, {"destination": {"host": "podinfo-canary"}, "weight": 30}]);
    let insider = json!({"exact": "insider"});
    assert_eq!(
        http,
        [
            json!({
                "match": [{"uri": {"prefix": "/cart"}, "headers": {"x-canary": insider}}, {"headers": {"x-app": {"exact": "1"}, "x-canary": insider}}],
                "rewrite": {"uri": "/"}, "route": both,
            }),
            spec["http"][0].clone(),
            json!({"route": both, "retries": {"attempts": 3}, "match": [{"headers": {"x-canary": insider}}]}),
            spec["http"][1].clone(),
        ]
    );
    assert_eq!(scene.only()["spec"]["tcp"], spec["tcp"]);
    scene.release();
    assert_eq!(unversioned(scene.only()), before);
}

#[test]
fn a_grpc_route_is_matched_by_headers_without_a_path() {
    let method = json!({"service": "shop.Cart"});
    let backend = json!({"name": "podinfo", "port": 80});
    let mut scene = matching(
        GRPC,
        &json!({"rules": [{"matches": [{"method": method}], "backendRefs": [backend]}, {"backendRefs": [backend]}]}),
    );
    scene.route(&split(100));
    let matches: Vec<_> = rules(&scene).iter().map(|rule| rule["matches"].clone()).collect();
    let header = json!([{"type": "Exact", "name": "x-canary", "value": "insider"}]);
    let found = [
        json!([{"method": method, "headers": header}]),
        json!([{"method": method}]),
        json!([{"headers": header}]),
        Value::Null,
    ];
    assert_eq!(matches, found);
}

#[test]
fn a_sync_that_takes_our_rule_out_is_put_right() {
    let mut scene = plain();
    let before = scene.only()["spec"].clone();
    scene.route(&split(100)).merge(&json!({ "spec": before }));
    assert_eq!(scene.read(), Some(Routing::PRIMARY), "all of it leads to the primary meanwhile");
    scene.route(&split(100));
    assert_eq!((scene.read(), shares(&scene)), (Some(split(100)), Some(vec![0, 100])));
    scene.route(&Routing::PRIMARY);
    assert_eq!(scene.only()["spec"], before);
}

#[test]
fn whatever_another_hand_does_to_our_rule_is_undone_and_what_it_does_to_the_users_is_kept() {
    let mut scene = plain();
    scene.route(&split(100));
    let mut edited = rules(&scene);
    edited[1]["filters"] = json!([{"type": "RequestHeaderModifier"}]);
    edited[1]["backendRefs"][1]["weight"] = json!(7);
    edited[2]["timeouts"] = json!({"request": "9s"});
    edited.push(
        json!({"matches": [{"path": {"value": "/new"}}], "backendRefs": [{"name": "podinfo-canary", "port": 80}]}),
    );
    scene.merge(&json!({"spec": {"rules": edited}}));
    scene.route(&split(100));
    let mended = rules(&scene);
    assert_eq!(mended[1]["filters"], Value::Null);
    assert_eq!(mended[1]["timeouts"], json!({"request": "9s"}), "the copy follows the rule");
    assert_eq!((scene.read(), mended.len()), (Some(split(100)), 4));
    scene.release();
    assert_eq!(rules(&scene), [edited[0].clone(), edited[2].clone(), edited[3].clone()]);
}

#[test]
fn conditions_that_come_and_go_in_the_middle_of_a_release_leave_nothing_behind() {
    let mut scene = plain();
    let before = unversioned(scene.only());
    scene = scene.matching(&json!([]));
    scene.route(&split(40));
    assert_eq!(scene.read(), Some(split(40)));
    scene = scene.matching(&insiders());
    scene.route(&split(100));
    assert_eq!(rules(&scene)[2], before["spec"]["rules"][1]);
    assert_eq!(scene.read(), Some(split(100)));
    scene = scene.matching(&json!([]));
    scene.route(&split(40));
    assert_eq!((rules(&scene).len(), scene.read()), (2, Some(split(40))));
    scene.route(&Routing::PRIMARY);
    assert_eq!(unversioned(scene.only()), before);
}

#[test]
fn where_a_gateway_gives_its_word_a_copy_names_the_canary_before_it_gets_requests_and_after() {
    let mut scene = plain();
    let now = |scene: &mut Scene, generation: u64, seen: u64| {
        let condition = json!({"type": "Accepted", "status": "True", "observedGeneration": seen});
        let parent = json!({"parentRef": {"name": "gateway"}, "conditions": [condition]});
        scene.merge(&json!({"metadata": {"generation": generation}, "status": {"parents": [parent]}}));
    };
    now(&mut scene, 1, 1);
    assert_eq!(shares(scene.route(&split(100))), Some(vec![1, 0]));
    now(&mut scene, 2, 1);
    assert_eq!(scene.render(&split(100)), Ok(vec![]));
    assert_eq!(OWN.acceptance(&scene.target(), scene.store.objects()), Acceptance::Pending);
    now(&mut scene, 2, 2);
    assert_eq!(shares(scene.route(&split(100))), Some(vec![0, 100]));
    now(&mut scene, 3, 3);
    assert_eq!(shares(scene.route(&Routing::PRIMARY)), Some(vec![1, 0]));
    now(&mut scene, 4, 4);
    assert_eq!(shares(scene.route(&Routing::PRIMARY)), None);
}

#[test]
fn conditions_that_a_kind_of_route_cannot_ask_for_are_told_with_the_reference_that_names_it() {
    let told = |kind: &str, api_version: &str, conditions: &Value| {
        let scene = Scene::bringing(OWN, &json!([{"apiVersion": api_version, "kind": kind, "name": "shop"}]))
            .matching(conditions);
        OWN.check(&scene.target()).map_err(|error| error.sentence).err().unwrap_or_default()
    };
    let gateway = HTTP[0];
    assert_eq!(
        told("TCPRoute", gateway, &insiders()),
        "spec.analysis.match is set, but spec.routeRefs[0] names a TCPRoute, which sees no requests, so no release would start; remove \
         the field or the reference"
    );
    let (params, labels) = (json!([{"queryParams": {"a": {"exact": "b"}}}]), json!([{"sourceLabels": {"a": "b"}}]));
    assert!(told("GRPCRoute", gateway, &params).contains("names a GRPCRoute, which knows no queryParams"));
    assert!(told("HTTPRoute", gateway, &labels).contains("names a HTTPRoute, which knows no sourceLabels"));
    assert_eq!((told("HTTPRoute", gateway, &params), told("VirtualService", ISTIO[0], &labels)), Default::default());
    assert!(told("Ingress", "networking.k8s.io/v1", &params).contains("spec.analysis.match[0].queryParams is set"));
}

#[test]
fn rules_that_a_copy_would_contradict_or_pass_for_are_told() {
    let header = |value: &str| json!([{"path": {"type": "PathPrefix", "value": "/"}, "headers": [{"type": "Exact", "name": "X-Canary", "value": value}]}]);
    let rule = |matches: Value, to: &str| json!({"matches": matches, "backendRefs": [{"name": to, "port": 80}]});
    let other = matching(HTTP, &json!({"rules": [rule(header("beta"), "podinfo")]}));
    assert_eq!(
        refused(&other, &Routing::PRIMARY),
        "HTTPRoute/shop.test: the rule of rules[0].backendRefs asks for a header or parameter that a match in spec.analysis asks for \
         in another way, so no release advances; leave it to one of the two"
    );
    let mut same = header("insider");
    same[0]["headers"][0]["name"] = json!("x-canary");
    let everybody = || rule(json!([{"path": {"type": "PathPrefix", "value": "/"}}]), "podinfo");
    let testers = matching(HTTP, &json!({"rules": [rule(same, "podinfo-canary"), everybody()]}));
    assert!(
        refused(&testers, &split(100))
            .contains("rules[0] leads to podinfo-canary for the very requests of a match in spec.analysis")
    );
    let many: Vec<_> = (0..9).map(|_| everybody()).collect();
    let many = matching(HTTP, &json!({"rules": many}));
    assert!(
        refused(&many, &split(100)).contains("has 9 rules, and spec.analysis asks for 9 more, but the API takes 16")
    );
    let tcp = matching(ISTIO, &json!({"tcp": [{"route": [{"destination": {"host": "podinfo"}}]}]}));
    let told = |scene: &Scene| OWN.read(&scene.target(), scene.store.objects()).map_err(|error| error.reason).err();
    assert_eq!(told(&tcp), Some("RouteLeadsElsewhere"));
    assert_eq!(told(&tcp.matching(&json!([])).previewed(&insiders())), Some("RouteLeadsElsewhere"));
}

#[test]
fn ingresses_of_the_users_own_send_all_that_match_to_the_canary_or_none() {
    let ingress = json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "name": "shop"});
    let path = json!({"path": "/", "backend": {"service": {"name": "podinfo", "port": {"number": 80}}}});
    let mut scene = Scene::bringing(OWN, &json!([ingress])).matching(&insiders());
    scene.put(&json!({"spec": {"rules": [{"http": {"paths": [path]}}]}}));
    scene.route(&split(100));
    assert_eq!(scene.read(), Some(split(100)));
    let objects = OWN.objects(&scene.target());
    let twin = scene.store.objects().find(&objects[1]).expect("it has a twin");
    assert_eq!(twin["metadata"]["annotations"]["nginx.ingress.kubernetes.io/canary-by-header-value"], "insider");
    assert!(
        refused(&scene, &split(30))
            .contains("spec.routeRefs[0] names an Ingress, of whose matching requests the canary gets all or none")
    );
}

#[test]
fn a_preview_is_a_rule_of_its_own_before_the_users_whose_weights_move_beside_it() {
    let mut scene = scene(
        HTTP,
        &json!({"parentRefs": [{"name": "gateway"}], "rules": [{"backendRefs": [{"name": "podinfo", "port": 80}]}]}),
    );
    let before = unversioned(scene.only());
    scene = scene.previewed(&insiders());
    let shown = |canary: i64| Routing { preview: true, ..split(canary) };
    for want in [shown(0), shown(20), split(20), shown(100), split(0)] {
        scene.route(&want);
        assert_eq!((scene.read(), scene.render(&want)), (Some(want.clone()), Ok(vec![])));
        assert_eq!(rules(&scene).len(), 1 + usize::from(want.preview));
    }
    assert_eq!(unversioned(scene.only()), before);
    scene.route(&shown(20));
    assert_eq!(shares(&scene), Some(vec![0, 100]));
    scene = scene.matching(&json!([{"headers": {"x-beta": {"exact": "1"}}}]));
    scene.route(&shown(30));
    assert_eq!((scene.read(), rules(&scene).len()), (Some(shown(30)), 3));
    assert_eq!(rules(&scene)[2], before["spec"]["rules"][0]);
    scene.release();
    assert_eq!(unversioned(scene.only()), before);
    assert!(
        refused(&scene.matching(&insiders()), &Routing::PRIMARY)
            .contains("preview asks for the requests of spec.analysis.match")
    );
}

/// Writes this share of another canary's, whose apex is `cart`.
fn of_cart(scene: &mut Scene, canary: i64) -> Result<(), RouteError> {
    let target = Target { apex: "cart", ..scene.target() };
    let changes = OWN.render(&target, &split(canary), scene.store.objects())?;
    for change in &changes {
        scene.store.write(change).expect("nobody else writes here");
    }
    Ok(())
}

#[test]
fn two_canaries_share_one_route_rule_by_rule_and_each_gives_its_own_back() {
    let rule = |name: &str| json!({"backendRefs": [{"name": name, "port": 80, "weight": 3}]});
    let mut scene = scene(HTTP, &json!({"rules": [rule("podinfo"), rule("cart")]}));
    let before = unversioned(scene.only());
    scene.route(&split(20));
    assert_eq!(of_cart(&mut scene, 50), Ok(()));
    scene.route(&split(40));
    assert_eq!((scene.read(), backends(&scene)[1]["weight"].as_u64()), (Some(split(40)), Some(40)));
    scene.route(&Routing::PRIMARY);
    assert_eq!(rules(&scene)[0], before["spec"]["rules"][0]);
    assert_eq!(rules(&scene)[1]["backendRefs"][1]["weight"], 50);
    assert_eq!(of_cart(&mut scene, 0), Ok(()));
    assert_eq!(unversioned(scene.only()), before);
}

#[test]
fn of_two_canaries_in_one_list_the_second_waits_with_a_sentence_and_changes_nothing() {
    let list = json!([{"name": "podinfo", "port": 80, "weight": 100}, {"name": "cart", "port": 80, "weight": 100}]);
    let mut scene = scene(HTTP, &json!({"rules": [{"backendRefs": list}]}));
    let before = unversioned(scene.only());
    scene.route(&split(20));
    let told = of_cart(&mut scene, 20).map_err(|error| error.sentence);
    let sentence = "HTTPRoute/shop.test: rules[0].backendRefs is shared by the canary of podinfo now, and of one list only one can have a \
                    share at a time; wait for its end, or give each a rule of its own, and releases go on";
    assert_eq!(told, Err(sentence.to_owned()));
    assert_eq!(of_cart(&mut scene, 0), Ok(()));
    assert_eq!(scene.read(), Some(split(20)));
    scene.route(&Routing::PRIMARY);
    assert_eq!(unversioned(scene.only()), before);
    assert_eq!(of_cart(&mut scene, 20), Ok(()));
}

/// The rules of a route, of whatever kind.
fn all_rules(object: &Value) -> Vec<Value> {
    let lists = ["rules", "http", "tcp"].map(|field| object["spec"][field].as_array().cloned().unwrap_or_default());
    lists.into_iter().flatten().collect()
}

proptest! {
    #[test]
    fn every_rule_of_the_users_survives_a_b_tests_byte_for_byte(
        (form, spec) in routes(), moves in prop::collection::vec(0..=100_i64, 1..5), synced in any::<bool>(),
    ) {
        let mut scene = matching(form, &spec);
        let before = unversioned(scene.only());
        let theirs = all_rules(&before);
        for canary in moves {
            let Ok(changes) = scene.render(&split(canary)) else { return Ok(()) };
            for change in &changes {
                scene.store.write(change).expect("nobody else writes here");
            }
            let Ok(Some(read)) = OWN.read(&scene.target(), scene.store.objects()) else { return Ok(()) };
            prop_assert_eq!(read, split(canary));
            prop_assert_eq!(scene.render(&split(canary)), Ok(vec![]));
            let mut left = theirs.iter().peekable();
            for rule in all_rules(scene.only()) {
                if left.next_if(|next| **next == rule).is_none() {
                    prop_assert!(rule.to_string().contains("insider"), "{} is neither the user's nor ours", rule);
                }
            }
            prop_assert_eq!(left.next(), None);
        }
        if synced {
            scene.merge(&json!({ "spec": spec }));
        }
        scene.release();
        prop_assert_eq!(unversioned(scene.only()), before);
    }

    #[test]
    fn no_note_of_another_hand_loses_a_rule_of_the_users(
        (form, spec) in routes(), note in "(absent|\\{\"podinfo\":\\{\"added\":\\[\\[\\]\\]\\}\\}|\\{\"podinfo\":7\\}|null)", canary in 0..=100_i64,
    ) {
        let mut scene = matching(form, &spec);
        let annotated = json!({"metadata": {"annotations": {crate::route::BEFORE: note}}});
        scene.merge(&annotated);
        if let Ok(changes) = scene.render(&split(canary)) {
            for change in &changes {
                scene.store.write(change).expect("nobody else writes here");
            }
        }
        scene.release();
        prop_assert_eq!(all_rules(scene.only()), all_rules(&json!({ "spec": spec })));
    }
}
