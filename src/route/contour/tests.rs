//! Contour's own tests, beside the laws that all routers obey.

use expect_test::expect;
use serde_json::{Value, json};

use super::Contour;
use crate::model::{Mirror, Percent, Routing};
use crate::route::testing::{Scene, check, split};
use crate::route::{Acceptance, Router};

fn scene() -> Scene {
    Scene::of(&Contour, &json!({}))
}

fn routes(scene: &Scene) -> &Value {
    &scene.only()["spec"]["routes"]
}

#[test]
fn a_split_of_90_to_10() {
    check(
        scene().route(&split(10)).only(),
        &expect![[r#"
        apiVersion: projectcontour.io/v1
        kind: HTTPProxy
        metadata:
          annotations:
            helm.toolkit.fluxcd.io/driftDetection: disabled
            kustomize.toolkit.fluxcd.io/reconcile: disabled
            serin.dev/before: absent
          name: podinfo
          namespace: test
          resourceVersion: "1"
        spec:
          routes:
          - conditions:
            - prefix: /
            services:
            - name: podinfo-primary
              port: 80
              requestHeadersPolicy:
                set:
                - name: l5d-dst-override
                  value: podinfo-primary.test.svc.cluster.local:80
              weight: 90
            - name: podinfo-canary
              port: 80
              requestHeadersPolicy:
                set:
                - name: l5d-dst-override
                  value: podinfo-canary.test.svc.cluster.local:80
              weight: 10
    "#]],
    );
}

#[test]
fn an_a_b_test_while_b_is_served() {
    let service =
        json!({"timeout": "15s", "retries": {"attempts": 3, "perTryTimeout": "1s", "retryOn": "gateway-error, reset"}});
    let analysis = json!({"match": [{"headers": {"user-agent": {"exact": "Chrome"}}}]});
    let mut scene = Scene::analysed(&Contour, &service, &analysis);
    scene.route(&split(100));
    check(
        routes(&scene),
        &expect![[r#"
        - conditions:
          - header:
              name: user-agent
              exact: Chrome
            prefix: /
          timeoutPolicy:
            response: 15s
            idle: 5m
          retryPolicy:
            count: 3
            perTryTimeout: 1s
            retryOn:
            - gateway-error
            - reset
          services:
          - name: podinfo-primary
            port: 80
            requestHeadersPolicy:
              set:
              - name: l5d-dst-override
                value: podinfo-primary.test.svc.cluster.local:80
          - name: podinfo-canary
            port: 80
            requestHeadersPolicy:
              set:
              - name: l5d-dst-override
                value: podinfo-canary.test.svc.cluster.local:80
            weight: 100
        - conditions:
          - prefix: /
          timeoutPolicy:
            response: 15s
            idle: 5m
          retryPolicy:
            count: 3
            perTryTimeout: 1s
            retryOn:
            - gateway-error
            - reset
          services:
          - name: podinfo-primary
            port: 80
            requestHeadersPolicy:
              set:
              - name: l5d-dst-override
                value: podinfo-primary.test.svc.cluster.local:80
            weight: 100
          - name: podinfo-canary
            port: 80
            requestHeadersPolicy:
              set:
              - name: l5d-dst-override
                value: podinfo-canary.test.svc.cluster.local:80
    "#]],
    );
}

#[test]
fn one_of_several_conditions_is_enough_and_all_headers_of_one_must_hold() {
    let analysis = json!({"match": [{"headers": {"a": {"prefix": "1."}, "b": {"suffix": "2"}}}, {"queryParams": {"c": {"exact": "3"}}}]});
    let mut scene = Scene::analysed(&Contour, &json!({"match": [{"uri": {"prefix": "/shop"}}]}), &analysis);
    scene.route(&split(50));
    let of = |route: usize| routes(&scene)[route]["conditions"].clone();
    let both = [
        json!({"prefix": "/shop", "header": {"name": "a", "regex": "1\\..*"}}),
        json!({"header": {"name": "b", "regex": ".*2"}}),
    ];
    assert_eq!(of(0), json!(both));
    assert_eq!(of(1), json!([{"prefix": "/shop", "queryParameter": {"name": "c", "exact": "3"}}]));
    assert_eq!(of(2), json!([{"prefix": "/shop"}]));
}

#[test]
fn copies_go_to_the_canary_beside_the_split() {
    for mirror in [Mirror::All, Mirror::Share(Percent::clamped(30))] {
        let want = Routing { mirror, ..split(0) };
        let mut scene = scene();
        assert_eq!(scene.route(&want).read(), Some(want));
        assert_eq!(routes(&scene)[0]["services"][2]["mirror"], true);
    }
}

#[test]
fn a_method_is_refused_and_not_left_out() {
    let scene = Scene::of(&Contour, &json!({"match": [{"method": {"exact": "GET"}}]}));
    let refusal = scene.render(&split(0)).expect_err("an HTTPProxy knows no methods");
    assert!(
        refusal.sentence.starts_with("spec.service.match has method, which an HTTPProxy cannot ask for"),
        "{refusal}"
    );
}

#[test]
fn a_users_proxy_keeps_its_host_its_other_routes_and_the_options_of_its_route() {
    let elsewhere = json!({"conditions": [{"prefix": "/static"}], "services": [{"name": "cdn", "port": 80}]});
    let theirs = json!({"enableWebsockets": true, "services": [{"name": "podinfo", "port": 80}]});
    let spec = json!({"virtualhost": {"fqdn": "shop.example"}, "routes": [elsewhere, theirs]});
    let mut scene = scene();
    scene.put(&json!({ "spec": spec }));
    scene.route(&split(10)).route(&split(20));
    assert_eq!(scene.only()["spec"]["virtualhost"], spec["virtualhost"]);
    assert_eq!(routes(&scene)[0]["enableWebsockets"], true);
    assert_eq!(routes(&scene)[1], elsewhere);
    assert_eq!(scene.release().only()["spec"], spec);
}

#[test]
fn what_we_made_leads_to_the_apex_afterwards() {
    let mut scene = scene();
    scene.route(&split(10)).release();
    assert_eq!(
        *routes(&scene),
        json!([{"conditions": [{"prefix": "/"}], "services": [{"name": "podinfo", "port": 80}]}])
    );
}

#[test]
fn services_without_weights_share_evenly() {
    let mut scene = scene();
    let services = json!([{"name": "podinfo-primary", "port": 80}, {"name": "podinfo-canary", "port": 80}]);
    scene.put(&json!({"spec": {"routes": [{"services": services}]}}));
    assert_eq!(scene.read(), Some(split(50)));
}

#[test]
fn a_proxy_counts_once_contour_has_seen_this_very_version_and_found_it_valid() {
    let told = |generation: u64, valid: &str| {
        let condition = json!({"type": "Valid", "status": valid, "observedGeneration": 2});
        let status = json!({"currentStatus": "orphaned", "description": "no root.", "conditions": [condition]});
        let mut scene = scene();
        scene.route(&split(10)).merge(&json!({"metadata": {"generation": generation}, "status": status}));
        Contour.acceptance(&scene.target(), scene.store.objects())
    };
    assert_eq!(told(2, "True"), Acceptance::Accepted);
    assert_eq!(told(3, "True"), Acceptance::Pending);
    let Acceptance::Refused(error) = told(2, "False") else { panic!("it is not valid") };
    assert!(
        error.sentence.contains("Contour calls it orphaned (no root), so the weights in it have no effect"),
        "{error}"
    );
}

#[test]
fn a_preview_stands_beside_a_split_and_reads_back() {
    let insiders = json!({"match": [{"headers": {"x-user": {"exact": "insider"}}}]});
    let mut scene = Scene::analysed(&Contour, &json!({}), &json!({"preview": insiders}));
    for weight in [0, 20, 100] {
        let want = Routing { preview: true, ..split(weight) };
        scene.route(&want);
        assert_eq!(scene.read(), Some(want));
        assert_eq!(routes(&scene)[0]["conditions"][0]["header"]["exact"], "insider");
        assert_eq!(routes(&scene)[0]["services"].as_array().map(Vec::len), Some(1), "the canary alone");
    }
    assert_eq!(routes(scene.route(&split(20))).as_array().map(Vec::len), Some(1), "it went with its release");
}

/// Contour has seen the last write, or has not yet.
fn seen(scene: &mut Scene, generation: u64, observed: u64) {
    let valid = json!({"type": "Valid", "status": "True", "observedGeneration": observed});
    scene.merge(&json!({"metadata": {"generation": generation}, "status": {"conditions": [valid]}}));
}

/// Name and weight of each service of the first route; 0 where there is none.
fn weights(scene: &Scene) -> Vec<(String, u64)> {
    let services = routes(scene)[0]["services"].as_array().unwrap().iter();
    services
        .map(|service| (service["name"].as_str().unwrap().to_owned(), service["weight"].as_u64().unwrap_or(0)))
        .collect()
}

#[test]
fn on_the_way_back_the_apex_is_known_before_requests_go_to_it_and_the_sides_until_none_do() {
    let named = |weights: &[(&str, u64)]| weights.iter().map(|(name, weight)| ((*name).to_owned(), *weight)).collect();
    let mut scene = scene();
    scene.route(&Routing::PRIMARY);
    seen(&mut scene, 1, 1);
    let known: Vec<_> = named(&[("podinfo-primary", 100), ("podinfo-canary", 0), ("podinfo", 0)]);
    assert_eq!(weights(scene.leave()), known);
    seen(&mut scene, 2, 1);
    assert_eq!(weights(scene.leave()), known, "Contour has not seen it yet");
    seen(&mut scene, 2, 2);
    let moved: Vec<_> = named(&[("podinfo", 100), ("podinfo-primary", 0), ("podinfo-canary", 0)]);
    assert_eq!(weights(scene.leave()), moved);
    seen(&mut scene, 3, 2);
    assert_eq!(weights(scene.leave()), moved, "Contour has not seen it yet");
    seen(&mut scene, 3, 3);
    assert_eq!(weights(scene.leave()), named(&[("podinfo", 0)]));
    let left = scene.only().clone();
    assert_eq!(*scene.leave().only(), left);
}
