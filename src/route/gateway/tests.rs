//! The Gateway API's own tests, beside the laws that all routers obey.

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::{V1, V1BETA1};
use crate::model::{Affinity, Mirror, Percent, Routing};
use crate::route::testing::{Scene, canary_cookie, check, split, sticky};
use crate::route::{Acceptance, ORIGINAL, Router};

fn scene() -> Scene {
    with(&json!({}))
}

fn with(service: &Value) -> Scene {
    analysed(service, &json!({}))
}

fn analysed(service: &Value, analysis: &Value) -> Scene {
    Scene::analysed(&V1, &of_gateway(service), analysis)
}

fn of_gateway(service: &Value) -> Value {
    let mut options = json!({"gatewayRefs": [{"name": "gateway", "namespace": "ingress"}]});
    crate::object::value::merge(&mut options, service);
    options
}

fn rules(scene: &Scene) -> &Value {
    &scene.only()["spec"]["rules"]
}

fn check_rules(scene: &mut Scene, want: &Routing, expected: &Expect) {
    check(rules(scene.route(want)), expected);
}

#[test]
fn a_split_of_90_to_10() {
    check(
        with(&json!({"hosts": ["www.example.com"]})).route(&split(10)).only(),
        &expect![[r#"
        apiVersion: gateway.networking.k8s.io/v1
        kind: HTTPRoute
        metadata:
          annotations:
            helm.toolkit.fluxcd.io/driftDetection: disabled
            kustomize.toolkit.fluxcd.io/reconcile: disabled
            serin.dev/before: absent
          name: podinfo
          namespace: test
          resourceVersion: "1"
        spec:
          parentRefs:
          - group: gateway.networking.k8s.io
            kind: Gateway
            namespace: ingress
            name: gateway
          hostnames:
          - www.example.com
          rules:
          - matches:
            - path:
                type: PathPrefix
                value: /
            backendRefs:
            - group: ""
              kind: Service
              name: podinfo-primary
              port: 80
              weight: 90
            - group: ""
              kind: Service
              name: podinfo-canary
              port: 80
              weight: 10
    "#]],
    );
}

#[test]
fn an_a_b_test_while_b_is_served() {
    let analysis = json!({"match": [{"headers": {"x-canary": {"exact": "insider"}}}]});
    check_rules(
        &mut analysed(&json!({}), &analysis),
        &split(100),
        &expect![[r#"
        - matches:
          - path:
              type: PathPrefix
              value: /
            headers:
            - type: Exact
              name: x-canary
              value: insider
          backendRefs:
          - group: ""
            kind: Service
            name: podinfo-primary
            port: 80
            weight: 0
          - group: ""
            kind: Service
            name: podinfo-canary
            port: 80
            weight: 100
        - matches:
          - path:
              type: PathPrefix
              value: /
          backendRefs:
          - group: ""
            kind: Service
            name: podinfo-primary
            port: 80
            weight: 100
    "#]],
    );
}

#[test]
fn a_mirror_while_the_canary_answers_nobody() {
    check_rules(
        &mut scene(),
        &Routing { mirror: Mirror::All, ..split(0) },
        &expect![[r#"
        - matches:
          - path:
              type: PathPrefix
              value: /
          filters:
          - type: RequestMirror
            requestMirror:
              backendRef:
                group: ""
                kind: Service
                name: podinfo-canary
                port: 80
          backendRefs:
          - group: ""
            kind: Service
            name: podinfo-primary
            port: 80
            weight: 100
          - group: ""
            kind: Service
            name: podinfo-canary
            port: 80
            weight: 0
    "#]],
    );
}

#[test]
fn session_affinity_at_10_percent() {
    let mut scene = scene();
    scene.route(&sticky(10));
    let cookies = (0..2).map(|rule| rules(&scene)[rule]["matches"][0]["headers"][0]["value"].clone());
    assert_eq!(cookies.collect::<Vec<_>>(), [".*flagger-cookie.*AbCdEfGhIj.*", ".*primary-cookie.*KlMnOpQrSt.*"]);
    let weights = |rule: usize| [0, 1].map(|side| rules(&scene)[rule]["backendRefs"][side]["weight"].clone());
    assert_eq!([weights(0), weights(1)], [[0, 100], [100, 0]]);
    check(
        &rules(&scene)[2],
        &expect![[r#"
        matches:
        - path:
            type: PathPrefix
            value: /
        backendRefs:
        - group: ""
          kind: Service
          name: podinfo-primary
          port: 80
          weight: 90
          filters:
          - type: ResponseHeaderModifier
            responseHeaderModifier:
              add:
              - name: Set-Cookie
                value: primary-cookie=KlMnOpQrSt; Max-Age=60
        - group: ""
          kind: Service
          name: podinfo-canary
          port: 80
          weight: 10
          filters:
          - type: ResponseHeaderModifier
            responseHeaderModifier:
              add:
              - name: Set-Cookie
                value: flagger-cookie=AbCdEfGhIj; Max-Age=86400
    "#]],
    );
}

#[test]
fn every_option_of_the_user() {
    let service = json!({
        "timeout": "15s", "backendTimeout": "5s",
        "match": [{"uri": {"prefix": "/shop"}, "method": {"exact": "GET"}, "queryParams": {"v": {"exact": "2"}}}],
        "rewrite": {"uri": "/", "type": "ReplacePrefixMatch", "authority": "shop.internal"},
        "headers": {"request": {"set": {"b": "2", "a": "1"}, "remove": ["x"]}, "response": {}},
        "mirror": [{"backendRef": {"name": "audit", "port": 9000}}],
        "corsPolicy": {"allowOrigin": ["https://a.example"], "allowOrigins": [{"exact": "https://b.example"}], "maxAge": "24h"},
    });
    check_rules(
        &mut with(&service),
        &split(0),
        &expect![[r#"
            - matches:
              - path:
                  type: PathPrefix
                  value: /shop
                queryParams:
                - type: Exact
                  name: v
                  value: "2"
                method: GET
              filters:
              - type: RequestHeaderModifier
                requestHeaderModifier:
                  set:
                  - name: a
                    value: "1"
                  - name: b
                    value: "2"
                  remove:
                  - x
              - type: URLRewrite
                urlRewrite:
                  hostname: shop.internal
                  path:
                    type: ReplacePrefixMatch
                    replacePrefixMatch: /
              - type: RequestMirror
                requestMirror:
                  backendRef:
                    group: ""
                    kind: Service
                    name: audit
                    port: 9000
              - type: CORS
                cors:
                  allowOrigins:
                  - https://a.example
                  - https://b.example
                  maxAge: 86400
              backendRefs:
              - group: ""
                kind: Service
                name: podinfo-primary
                port: 80
                weight: 100
              - group: ""
                kind: Service
                name: podinfo-canary
                port: 80
                weight: 0
              timeouts:
                request: 15s
                backendRequest: 5s
        "#]],
    );
}

#[test]
fn the_version_before_has_neither_timeouts_nor_cors() {
    let service = of_gateway(&json!({"timeout": "15s", "corsPolicy": {"allowOrigin": ["https://a.example"]}}));
    let mut scene = Scene::of(&V1BETA1, &service);
    scene.route(&split(10));
    assert_eq!(scene.only()["apiVersion"], "gateway.networking.k8s.io/v1beta1");
    let fields: Vec<_> = rules(&scene)[0].as_object().into_iter().flatten().map(|(field, _)| field.as_str()).collect();
    assert_eq!(fields, ["matches", "backendRefs"]);
}

#[test]
fn a_canary_without_a_gateway_is_told_to_name_one() {
    let refusal = Scene::of(&V1, &json!({})).render(&split(0)).expect_err("there is no parent");
    assert_eq!(refusal.reason, "ReferenceMissing");
}

#[test]
fn a_condition_that_a_route_cannot_hold_is_refused_and_not_left_out() {
    let conditions = [
        json!({"withoutHeaders": {"x": {"exact": "1"}}}),
        json!({"method": {"regex": "GET|PUT"}}),
        json!({"sourceLabels": {"app": "web"}}),
        json!({"authority": {"exact": "a"}}),
    ];
    for condition in conditions {
        let refusal = with(&json!({"match": [condition]})).render(&split(0)).expect_err("it cannot be written");
        assert_eq!(refusal.reason, "UnsupportedMatch", "{refusal}");
    }
}

#[test]
fn a_prefix_and_a_suffix_of_a_header_are_regular_expressions() {
    let analysis = json!({"match": [{"headers": {"a": {"prefix": "x.y"}, "b": {"suffix": "z"}}}]});
    let mut scene = analysed(&json!({}), &analysis);
    scene.route(&split(100));
    let headers = &rules(&scene)[0]["matches"][0]["headers"];
    assert_eq!(headers[0]["value"], "^x\\.y.*$");
    assert_eq!(headers[1]["value"], "^.*z$");
}

#[test]
fn an_analysis_and_a_service_both_narrow_and_the_analysis_counts_for_a_header_of_both() {
    let service = json!({"match": [{"uri": {"exact": "/a"}, "headers": {"X-User": {"exact": "all"}}}, {"uri": {"regex": "/b.*"}}]});
    let analysis =
        json!({"match": [{"headers": {"x-user": {"exact": "me"}}}, {"queryParams": {"beta": {"exact": "1"}}}]});
    let mut scene = analysed(&service, &analysis);
    scene.route(&split(100));
    let matches = &rules(&scene)[0]["matches"];
    assert_eq!(matches.as_array().map(Vec::len), Some(4));
    assert_eq!(matches[0]["headers"], json!([{"type": "Exact", "name": "x-user", "value": "me"}]));
    assert_eq!(rules(&scene)[1]["matches"].as_array().map(Vec::len), Some(2));
}

#[test]
fn rules_that_lead_elsewhere_stay_and_the_shared_one_keeps_its_name_and_retries() {
    let elsewhere = json!({"name": "static", "matches": [{"path": {"type": "PathPrefix", "value": "/static"}}], "backendRefs": [{"name": "cdn", "port": 80}]});
    let redirect = json!({"filters": [{"type": "RequestRedirect", "requestRedirect": {"scheme": "https"}}]});
    let other_namespace = json!({"backendRefs": [{"name": "podinfo", "namespace": "prod", "port": 80}]});
    let theirs = json!({"name": "app", "retry": {"attempts": 2}, "backendRefs": [{"name": "podinfo", "port": 80}]});
    let mut scene = scene();
    let spec = json!({"parentRefs": [{"name": "mine"}], "rules": [elsewhere, theirs, redirect, other_namespace]});
    scene.put(&json!({ "spec": spec }));
    scene.route(&split(10)).route(&sticky(20)).route(&split(30));
    assert_eq!(rules(&scene)[0]["name"], "app");
    assert_eq!(rules(&scene)[0]["retry"], json!({"attempts": 2}));
    assert_eq!(
        rules(&scene).as_array().map(|rules| rules[1..].to_vec()),
        Some(vec![elsewhere, redirect, other_namespace])
    );
    assert!(scene.only()["metadata"]["annotations"].get(ORIGINAL).is_some());
    assert_eq!(scene.release().only()["spec"], spec);
}

#[test]
fn what_we_made_leads_to_the_apex_afterwards_and_keeps_the_users_options() {
    let mut scene = with(&json!({"timeout": "9s", "hosts": ["shop.example"]}));
    scene.route(&sticky(10)).route(&split(0)).release();
    let expected = json!([{
        "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
        "backendRefs": [{"group": "", "kind": "Service", "name": "podinfo", "port": 80}],
        "timeouts": {"request": "9s"},
    }]);
    assert_eq!(*rules(&scene), expected);
    assert_eq!(scene.only()["metadata"]["annotations"], json!({}));
}

#[test]
fn an_edit_of_the_service_in_mid_release_keeps_weights_and_cookies() {
    let mut scene = with(&json!({"match": [{"uri": {"prefix": "/a"}}]}));
    scene.route(&sticky(40));
    let mut scene = scene.edited(&of_gateway(&json!({"match": [{"uri": {"prefix": "/b"}}], "timeout": "1s"})));
    scene.route(&sticky(40));
    assert_eq!(scene.read(), Some(sticky(40)));
    for rule in 0..3 {
        assert_eq!(rules(&scene)[rule]["matches"][0]["path"]["value"], "/b");
        assert_eq!(rules(&scene)[rule]["timeouts"]["request"], "1s");
    }
}

#[test]
fn copies_of_a_share_of_the_requests() {
    let want = Routing { mirror: Mirror::Share(Percent::clamped(50)), ..split(0) };
    let mut scene = scene();
    scene.route(&want);
    assert_eq!(rules(&scene)[0]["filters"][0]["requestMirror"]["percent"], 50);
    assert_eq!(scene.read(), Some(want));
}

#[test]
fn an_old_cookie_is_taken_back_in_the_one_place_that_a_rule_has_for_headers() {
    let mut scene = with(&json!({"headers": {"response": {"add": {"set-cookie": "mine=1", "x-a": "1"}}}}));
    scene.route(&Routing { affinity: Affinity::Expire(canary_cookie()), ..split(0) });
    let added = &rules(&scene)[0]["filters"][0]["responseHeaderModifier"]["add"];
    assert_eq!(added[0], json!({"name": "x-a", "value": "1"}));
    assert_eq!(added[1]["value"], "flagger-cookie=AbCdEfGhIj; Max-Age=-1");
    assert_eq!(rules(&scene)[0]["filters"].as_array().map(Vec::len), Some(1));
}

#[test]
fn cookies_beside_a_condition_on_cookies_are_refused() {
    let service = json!({"match": [{"headers": {"cookie": {"regex": ".*beta.*"}}}]});
    let scene = analysed(&service, &json!({"sessionAffinity": {"cookieName": "c"}}));
    assert_eq!(scene.render(&split(0)).map_err(|e| e.reason), Err("TwoConditionsOnCookies"));
}

#[test]
fn weights_that_do_not_sum_to_100_read_as_what_they_do() {
    for (primary, canary, read) in [(json!(1), json!(3), 75), (json!(0), json!(0), 0), (Value::Null, json!(1), 50)] {
        let mut scene = scene();
        let backends =
            json!([{"name": "podinfo-primary", "weight": primary}, {"name": "podinfo-canary", "weight": canary}]);
        let mut spec = json!({"rules": [{"backendRefs": backends}]});
        crate::object::value::prune(&mut spec["rules"][0]["backendRefs"][0]);
        scene.put(&json!({ "spec": spec }));
        assert_eq!(scene.read(), Some(split(read)));
    }
}

fn told(generation: u64, conditions: &Value) -> Acceptance {
    let parent =
        json!({"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "gateway", "namespace": "ingress"});
    let gone = json!({"parentRef": {"name": "former"}, "conditions": [{"type": "Accepted", "status": "False", "observedGeneration": 1}]});
    let told = json!({"parentRef": parent, "conditions": conditions});
    let mut scene = scene();
    scene
        .route(&split(10))
        .merge(&json!({"metadata": {"generation": generation}, "status": {"parents": [gone, told]}}));
    V1.acceptance(&scene.target(), scene.store.objects())
}

#[test]
fn a_route_counts_once_its_gateway_has_seen_this_very_version() {
    let accepted = json!([{"type": "Accepted", "status": "True", "observedGeneration": 3}]);
    assert_eq!(told(3, &accepted), Acceptance::Accepted);
    assert_eq!(told(4, &accepted), Acceptance::Pending);
    assert_eq!(told(4, &json!([])), Acceptance::Accepted);
}

#[test]
fn a_route_that_its_gateway_refuses_is_told_with_the_gateways_words() {
    let refused = json!([{"type": "Accepted", "status": "False", "observedGeneration": 3, "reason": "NotAllowedByListeners", "message": "no listener."}]);
    let Acceptance::Refused(error) = told(3, &refused) else { panic!("it was refused") };
    assert_eq!(
        error.sentence,
        "HTTPRoute/podinfo.test: gateway says Accepted False (NotAllowedByListeners: no listener), so the weights in it have no \
         effect and no release advances; mend what it names, or name another Gateway"
    );
}

#[test]
fn an_installation_of_flaggers_is_taken_over_without_a_write() {
    let backend =
        |name: &str, weight: u32| json!({"group": "", "kind": "Service", "name": name, "port": 80, "weight": weight});
    let mut scene = with(&json!({"hosts": ["www.example.com"]}));
    scene.put(&json!({
        "metadata": {
            "annotations": {"helm.toolkit.fluxcd.io/driftDetection": "disabled", "kustomize.toolkit.fluxcd.io/reconcile": "disabled"},
            "ownerReferences": [{"apiVersion": "flagger.app/v1beta1", "kind": "Canary", "name": "podinfo", "uid": "1"}],
        },
        "spec": {
            "parentRefs": [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "gateway", "namespace": "ingress"}],
            "hostnames": ["www.example.com"],
            "rules": [{
                "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
                "backendRefs": [backend("podinfo-primary", 100), backend("podinfo-canary", 0)],
            }],
        },
    }));
    assert_eq!(scene.render(&split(0)), Ok(vec![]));
}

#[test]
fn a_preview_stands_before_everything_else_and_reads_back() {
    let header = json!({"headers": {"x-user": {"exact": "insider"}}});
    let mut scene = analysed(&json!({}), &json!({"preview": {"match": [header]}}));
    let want = Routing { preview: true, ..split(20) };
    scene.route(&want);
    assert_eq!(scene.read(), Some(want));
    let found = rules(&scene);
    assert_eq!(found.as_array().map(Vec::len), Some(2), "{found}");
    assert_eq!(found[0]["matches"][0]["headers"][0]["value"], "insider");
    assert_eq!(found[0]["backendRefs"].as_array().map(Vec::len), Some(1), "the canary alone");
    scene.route(&split(20));
    assert_eq!(rules(&scene).as_array().map(Vec::len), Some(1), "it went with its release");
}
