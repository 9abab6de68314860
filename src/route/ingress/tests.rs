//! Both controllers' twins, beside the laws that all routers obey.

use expect_test::expect;
use serde_json::{Value, json};

use super::{INGRESS, Nginx, Skipper};
use crate::model::{Builtin, Percent, Routing};
use crate::object::{Change, ObjectKey, value};
use crate::route::Router;
use crate::route::testing::{Scene, check, split};

fn twin() -> ObjectKey {
    INGRESS.named("test", "podinfo-canary")
}

fn found(scene: &Scene) -> &Value {
    scene.store.objects().find(&twin()).expect("there is a twin")
}

fn annotations(scene: &Scene) -> &Value {
    &found(scene)["metadata"]["annotations"]
}

/// An A/B test on these conditions.
fn matching(router: &'static dyn Router, conditions: &Value) -> Scene {
    Scene::analysed(router, &json!({}), &json!({"iterations": 5, "match": conditions}))
}

fn refusal(scene: &Scene) -> String {
    scene.render(&split(100)).expect_err("this cannot be said").sentence
}

#[test]
fn nginx_at_90_to_10() {
    let mut scene = Scene::of(&Nginx, &json!({}));
    check(
        found(scene.route(&split(10))),
        &expect![[r#"
        apiVersion: networking.k8s.io/v1
        kind: Ingress
        metadata:
          labels:
            tier: edge
          annotations:
            example.com/owner: shop
            helm.toolkit.fluxcd.io/driftDetection: disabled
            kustomize.toolkit.fluxcd.io/reconcile: disabled
            nginx.ingress.kubernetes.io/canary: "true"
            nginx.ingress.kubernetes.io/canary-weight: "10"
            serin.dev/before: absent
          name: podinfo-canary
          namespace: test
          resourceVersion: "2"
        spec:
          defaultBackend:
            service:
              name: nobody
              port:
                number: 80
          ingressClassName: public
          rules:
          - host: redirect.example
          - host: shop.example
            http:
              paths:
              - path: /
                pathType: Prefix
                backend:
                  service:
                    name: podinfo-canary
                    port:
                      number: 80
              - path: /help
                pathType: Prefix
                backend:
                  service:
                    name: help
                    port:
                      number: 80
    "#]],
    );
}

#[test]
fn nginx_while_b_is_served_and_when_it_is_idle() {
    let conditions =
        json!([{"headers": {"x-canary": {"exact": "insider"}}}, {"headers": {"cookie": {"exact": "canary"}}}]);
    let mut scene = matching(&Nginx, &conditions);
    check(
        annotations(scene.route(&split(100))),
        &expect![[r#"
        example.com/owner: shop
        helm.toolkit.fluxcd.io/driftDetection: disabled
        kustomize.toolkit.fluxcd.io/reconcile: disabled
        nginx.ingress.kubernetes.io/canary: "true"
        nginx.ingress.kubernetes.io/canary-by-cookie: canary
        nginx.ingress.kubernetes.io/canary-by-header: x-canary
        nginx.ingress.kubernetes.io/canary-by-header-value: insider
        nginx.ingress.kubernetes.io/canary-weight: "0"
        serin.dev/before: absent
    "#]],
    );
    check(
        annotations(scene.route(&split(0))),
        &expect![[r#"
        example.com/owner: shop
        helm.toolkit.fluxcd.io/driftDetection: disabled
        kustomize.toolkit.fluxcd.io/reconcile: disabled
        nginx.ingress.kubernetes.io/canary: "true"
        nginx.ingress.kubernetes.io/canary-weight: "0"
        serin.dev/before: absent
    "#]],
    );
}

#[test]
fn nginx_finds_the_beginning_and_the_end_of_a_header_by_an_expression() {
    for (form, pattern) in [("prefix", "^a\\.b"), ("suffix", "a\\.b$"), ("regex", "a.b")] {
        let mut scene = matching(&Nginx, &json!([{"headers": {"x-canary": {form: "a.b"}}}]));
        scene.route(&split(100));
        assert_eq!(annotations(&scene)["nginx.ingress.kubernetes.io/canary-by-header-pattern"], pattern);
    }
}

#[test]
fn nginx_refuses_what_its_annotations_cannot_say() {
    let header = json!({"headers": {"a": {"exact": "b"}}});
    for (conditions, sentence) in [
        (json!([header, {"headers": {"c": {"exact": "d"}}}]), "reads no more than one header and one cookie in all"),
        (
            json!([{"headers": {"a": {"exact": "b"}, "cookie": {"exact": "d"}}}]),
            "write one header or cookie into each entry of match",
        ),
        (json!([{"headers": {"cookie": {"regex": "d"}}}]), "its value must be `always`"),
        (json!([header, {"queryParams": {"a": {"exact": "b"}}}]), "spec.analysis.match[1].queryParams is set"),
        (json!([{}]), "reads one header or cookie of each condition"),
    ] {
        let sentence_found = refusal(&matching(&Nginx, &conditions));
        assert!(sentence_found.contains(sentence), "{sentence_found}");
    }
}

#[test]
fn nginx_never_shares_matching_requests_by_weight() {
    let scene = matching(&Nginx, &json!([{"headers": {"a": {"exact": "b"}}}]));
    let refusal = scene.render(&split(30)).expect_err("a header is for all of its requests");
    assert!(refusal.sentence.contains("cannot share matching requests by weight"), "{refusal}");
}

#[test]
fn what_the_users_ingress_gains_and_loses_the_twin_gains_and_loses() {
    let mut scene = Scene::of(&Nginx, &json!({}));
    let proxy = "nginx.ingress.kubernetes.io/proxy-body-size";
    scene
        .merge(&json!({"metadata": {"annotations": {proxy: "8m", "kubernetes.io/ingress.class": "nginx"}}}))
        .route(&split(10));
    assert_eq!(annotations(&scene)[proxy], "8m");
    scene
        .merge(&json!({"metadata": {"annotations": {proxy: null, "kubernetes.io/ingress.class": null}}}))
        .route(&split(10));
    let without = |scene: &Scene, name: &str| annotations(scene).get(name).is_none();
    assert!(without(&scene, proxy) && without(&scene, "kubernetes.io/ingress.class"));
    scene.merge(&json!({"spec": {"tls": [{"hosts": ["shop.example"]}]}})).route(&split(10));
    assert_eq!(found(&scene)["spec"]["tls"], json!([{"hosts": ["shop.example"]}]));
    assert_eq!(scene.read(), Some(split(10)));
}

#[test]
fn a_header_that_another_hand_left_on_the_twin_routes_nobody() {
    let mut scene = Scene::of(&Nginx, &json!({}));
    scene.route(&split(10));
    let header = "nginx.ingress.kubernetes.io/canary-by-header";
    let edit = json!({"metadata": {"annotations": {header: "always", "example.com/note": "mine"}}});
    scene.store.write(&Change::Merge(twin(), edit)).expect("it is written");
    scene.route(&split(10));
    assert_eq!(annotations(&scene).get(header), None);
    assert_eq!(annotations(&scene)["example.com/note"], "mine");
}

#[test]
fn an_ingress_that_is_missing_or_leads_elsewhere_is_named() {
    let mut scene = Scene::of(&Nginx, &json!({}));
    scene.put(
        &json!({"spec": {"rules": [{"host": "a"}, {"http": {"paths": [{"backend": {"service": {"name": "b"}}}]}}]}}),
    );
    assert_eq!(
        refusal(&scene),
        "Ingress/podinfo.test has no path to the Service podinfo, so the canary can get no traffic; \
         add a path whose backend is podinfo, or correct spec.ingressRef.name"
    );
    scene.store.remove(&INGRESS.named("test", "podinfo"));
    let sentence = "Ingress/podinfo.test is not there, so the canary can get no traffic; create it, or correct spec.ingressRef.name";
    assert_eq!(refusal(&scene), sentence);
}

#[test]
fn the_users_ingress_is_never_written_and_the_twin_goes_in_the_end() {
    for router in [&Nginx as &'static dyn Router, &Skipper] {
        let mut scene = Scene::of(router, &json!({}));
        let before = scene.only().clone();
        scene.route(&split(10)).route(&split(0)).release();
        assert_eq!(scene.only(), &before);
        assert_eq!(scene.store.objects().find(&twin()), None);
    }
}

#[test]
fn a_twin_of_flaggers_is_taken_over_without_a_write() {
    let owner = json!([{"apiVersion": "flagger.app/v1beta1", "kind": "Canary", "name": "podinfo", "uid": "1", "controller": true}]);
    for router in [&Nginx as &'static dyn Router, &Skipper] {
        let mut scene = Scene::of(router, &json!({}));
        let mut flaggers = found(scene.route(&split(0))).clone();
        let ours = json!({"metadata": {"ownerReferences": owner, "annotations": {crate::route::BEFORE: null}}});
        value::merge(&mut flaggers, &ours);
        scene.store.put(twin(), flaggers);
        assert_eq!(scene.render(&split(0)), Ok(vec![]));
        scene.release();
        assert_eq!(scene.store.objects().find(&twin()), None, "what Flagger made goes, too");
    }
}

#[test]
fn skipper_at_90_to_10() {
    let mut scene = Scene::of(&Skipper, &json!({}));
    check(
        found(scene.route(&split(10))),
        &expect![[r#"
        apiVersion: networking.k8s.io/v1
        kind: Ingress
        metadata:
          labels:
            tier: edge
          annotations:
            example.com/owner: shop
            helm.toolkit.fluxcd.io/driftDetection: disabled
            kustomize.toolkit.fluxcd.io/reconcile: disabled
            serin.dev/before: absent
            zalando.org/backend-weights: "{\"podinfo-canary\":10,\"podinfo-primary\":90}"
            zalando.org/skipper-predicate: Weight(100)
          name: podinfo-canary
          namespace: test
          resourceVersion: "2"
        spec:
          defaultBackend:
            service:
              name: nobody
              port:
                number: 80
          ingressClassName: public
          rules:
          - host: redirect.example
          - host: shop.example
            http:
              paths:
              - path: /
                pathType: Prefix
                backend:
                  service:
                    name: podinfo-primary
                    port:
                      number: 80
              - path: /help
                pathType: Prefix
                backend:
                  service:
                    name: help
                    port:
                      number: 80
              - path: /
                pathType: Prefix
                backend:
                  service:
                    name: podinfo-canary
                    port:
                      number: 80
    "#]],
    );
}

#[test]
fn skipper_when_it_is_idle() {
    let mut scene = Scene::of(&Skipper, &json!({}));
    check(
        annotations(scene.route(&split(0))),
        &expect![[r#"
        example.com/owner: shop
        helm.toolkit.fluxcd.io/driftDetection: disabled
        kustomize.toolkit.fluxcd.io/reconcile: disabled
        serin.dev/before: absent
        zalando.org/backend-weights: "{\"podinfo-canary\":0,\"podinfo-primary\":100}"
        zalando.org/skipper-predicate: False()
    "#]],
    );
}

#[test]
fn skipper_shares_what_matches_and_keeps_what_the_user_asks_of_a_request() {
    let conditions = json!([{"headers": {"x-canary": {"exact": "a\"b"}, "user-agent": {"regex": "Fire\\w+"}}, "queryParams": {"beta": {}}}]);
    let mut scene = matching(&Skipper, &conditions);
    let theirs = json!({"metadata": {"annotations": {"zalando.org/skipper-predicate": "Method(\"GET\")"}}});
    scene.merge(&theirs).route(&split(30));
    let predicate = annotations(&scene)["zalando.org/skipper-predicate"].clone();
    let expected = "Weight(100) && Method(\"GET\") && HeaderRegexp(\"user-agent\", \"Fire\\\\w+\") && Header(\"x-canary\", \"a\\\"b\") \
                    && QueryParam(\"beta\")";
    assert_eq!(predicate, expected);
    assert_eq!(scene.read(), Some(split(30)));
}

#[test]
fn skipper_has_no_or() {
    let conditions = json!([{"headers": {"a": {"exact": "b"}}}, {"headers": {"c": {"exact": "d"}}}]);
    let sentence = refusal(&matching(&Skipper, &conditions));
    assert!(sentence.contains("reads one condition only"), "{sentence}");
}

#[test]
fn weights_that_are_no_weights_read_as_no_traffic() {
    for weights in ["", "[]", "{}", "{\"podinfo-canary\":\"x\"}", "{\"podinfo-canary\":-3,\"podinfo-primary\":3}"] {
        let mut scene = Scene::of(&Skipper, &json!({}));
        scene.route(&split(10));
        let edit = json!({"metadata": {"annotations": {"zalando.org/backend-weights": weights}}});
        scene.store.write(&Change::Merge(twin(), edit)).expect("it is written");
        assert_eq!(scene.read().map(|routing| routing.canary), Some(Percent::ZERO), "{weights}");
    }
}

#[test]
fn durations_come_in_seconds() {
    for router in [&Nginx as &'static dyn Router, &Skipper] {
        let scale = |builtin| router.query(builtin).scale.to_string();
        assert_eq!([scale(Builtin::SuccessRate), scale(Builtin::Duration)], ["1", "1000"]);
    }
}

#[test]
fn nginx_shows_a_preview_beside_its_weight() {
    let header = json!({"headers": {"x-user": {"exact": "insider"}}});
    let mut scene = Scene::analysed(&Nginx, &json!({}), &json!({"preview": {"match": [header]}}));
    let want = Routing { preview: true, ..split(20) };
    scene.route(&want);
    assert_eq!(scene.read(), Some(want));
    let says = |name: &str| annotations(&scene)[format!("nginx.ingress.kubernetes.io/{name}")].clone();
    assert_eq!(["canary-weight", "canary-by-header", "canary-by-header-value"].map(says), ["20", "x-user", "insider"]);
}

#[test]
fn nginx_has_one_set_of_conditions() {
    let header = json!([{"headers": {"x-user": {"exact": "insider"}}}]);
    let both = json!({"iterations": 5, "match": header, "preview": {"match": header}});
    let sentence = refusal(&Scene::analysed(&Nginx, &json!({}), &both));
    assert!(sentence.starts_with("spec.analysis.preview is set, but provider nginx reads one set"), "{sentence}");
}
