//! Whole objects, as a person would read them. `UPDATE_EXPECT=1 cargo test` rewrites the texts.

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::{Scene, canary_cookie, split, sticky};
use crate::model::{Affinity, Mirror, Percent, Routing};

fn check(found: &Value, expected: &Expect) {
    expected.assert_eq(&serde_saphyr::to_string(found).expect("JSON can be written as YAML"));
}

fn rules_of(analysis: &Value, want: &Routing, expected: &Expect) {
    check(Scene::analysed(&json!({}), analysis).route(want).http(), expected);
}

#[test]
fn a_split_of_90_to_10() {
    let mut scene = Scene::of(&json!({}));
    check(
        scene.route(&split(10)).found(),
        &expect![[r#"
        apiVersion: networking.istio.io/v1beta1
        kind: VirtualService
        metadata:
          annotations:
            helm.toolkit.fluxcd.io/driftDetection: disabled
            kustomize.toolkit.fluxcd.io/reconcile: disabled
            serin.dev/before: absent
          name: podinfo
          namespace: test
          resourceVersion: "3"
        spec:
          hosts:
          - podinfo
          gateways:
          - mesh
          http:
          - route:
            - destination:
                host: podinfo-primary
              weight: 90
            - destination:
                host: podinfo-canary
              weight: 10
    "#]],
    );
    check(
        scene.destination_rule("canary"),
        &expect![[r#"
        apiVersion: networking.istio.io/v1beta1
        kind: DestinationRule
        metadata:
          annotations:
            serin.dev/before: absent
          name: podinfo-canary
          namespace: test
          resourceVersion: "2"
        spec:
          host: podinfo-canary
    "#]],
    );
}

#[test]
fn an_a_b_test_while_b_is_served() {
    let analysis = json!({"match": [{"headers": {"x-canary": {"exact": "insider"}}}]});
    rules_of(
        &analysis,
        &split(100),
        &expect![[r#"
        - match:
          - headers:
              x-canary:
                exact: insider
          route:
          - destination:
              host: podinfo-primary
            weight: 0
          - destination:
              host: podinfo-canary
            weight: 100
        - route:
          - destination:
              host: podinfo-primary
            weight: 100
    "#]],
    );
}

#[test]
fn a_mirror_of_half_the_requests() {
    let want = Routing { mirror: Mirror::Share(Percent::clamped(50)), ..split(0) };
    rules_of(
        &json!({}),
        &want,
        &expect![[r#"
        - mirror:
            host: podinfo-canary
          mirrorPercentage:
            value: 50
          route:
          - destination:
              host: podinfo-primary
            weight: 100
          - destination:
              host: podinfo-canary
            weight: 0
    "#]],
    );
}

#[test]
fn session_affinity_at_10_percent() {
    let analysis = json!({"sessionAffinity": {"cookieName": "flagger-cookie", "primaryCookieName": "primary-cookie"}});
    rules_of(
        &analysis,
        &sticky(10),
        &expect![[r#"
        - match:
          - headers:
              Cookie:
                regex: .*flagger-cookie.*AbCdEfGhIj.*
          route:
          - destination:
              host: podinfo-primary
            weight: 0
          - destination:
              host: podinfo-canary
            weight: 100
        - match:
          - headers:
              Cookie:
                regex: .*primary-cookie.*KlMnOpQrSt.*
          route:
          - destination:
              host: podinfo-primary
            weight: 100
          - destination:
              host: podinfo-canary
            weight: 0
        - route:
          - destination:
              host: podinfo-primary
            weight: 90
            headers:
              response:
                add:
                  Set-Cookie: primary-cookie=KlMnOpQrSt; Max-Age=60
          - destination:
              host: podinfo-canary
            weight: 10
            headers:
              response:
                add:
                  Set-Cookie: flagger-cookie=AbCdEfGhIj; Max-Age=86400
    "#]],
    );
}

#[test]
fn session_affinity_after_the_run() {
    let analysis = json!({"sessionAffinity": {"cookieName": "flagger-cookie"}});
    let want = Routing { affinity: Affinity::Expire(canary_cookie()), ..split(0) };
    rules_of(
        &analysis,
        &want,
        &expect![[r#"
        - match:
          - headers:
              Cookie:
                regex: .*flagger-cookie.*AbCdEfGhIj.*
          route:
          - destination:
              host: podinfo-primary
            weight: 100
          - destination:
              host: podinfo-canary
            weight: 0
          headers:
            response:
              add:
                Set-Cookie: flagger-cookie=AbCdEfGhIj; Max-Age=-1
        - route:
          - destination:
              host: podinfo-primary
            weight: 100
          - destination:
              host: podinfo-canary
            weight: 0
    "#]],
    );
}

#[test]
fn every_option_of_an_http_service() {
    let mut scene = Scene::of(&json!({
        "hosts": ["shop.example"], "gateways": ["public-gateway"], "portDiscovery": true,
        "match": [{"uri": {"prefix": "/shop"}}], "rewrite": {"uri": "/", "type": "ReplacePrefixMatch"}, "timeout": "5s",
        "retries": {"attempts": 3, "perTryTimeout": "1s", "retryOn": "gateway-error"},
        "headers": {"request": {"add": {"x-a": "1"}}, "response": {"remove": ["server"]}},
        "corsPolicy": {"allowOrigins": [{"exact": "https://a.example"}], "maxAge": "24h", "allowCredentials": false},
        "trafficPolicy": {"tls": {"mode": "ISTIO_MUTUAL"}},
        "apex": {"labels": {"team": "a"}, "annotations": {"note": "b"}},
    }));
    check(
        scene.route(&split(0)).found(),
        &expect![[r#"
        apiVersion: networking.istio.io/v1beta1
        kind: VirtualService
        metadata:
          labels:
            team: a
          annotations:
            helm.toolkit.fluxcd.io/driftDetection: disabled
            kustomize.toolkit.fluxcd.io/reconcile: disabled
            note: b
            serin.dev/before: absent
          name: podinfo
          namespace: test
          resourceVersion: "3"
        spec:
          hosts:
          - shop.example
          - podinfo
          gateways:
          - public-gateway
          http:
          - match:
            - uri:
                prefix: /shop
            rewrite:
              uri: /
            timeout: 5s
            retries:
              attempts: 3
              perTryTimeout: 1s
              retryOn: gateway-error
            corsPolicy:
              allowOrigins:
              - exact: https://a.example
              maxAge: 24h
              allowCredentials: false
            headers:
              request:
                add:
                  x-a: "1"
              response:
                remove:
                - server
            route:
            - destination:
                host: podinfo-primary
                port:
                  number: 80
              weight: 100
            - destination:
                host: podinfo-canary
                port:
                  number: 80
              weight: 0
    "#]],
    );
    check(
        &scene.destination_rule("primary")["spec"],
        &expect![[r#"
        host: podinfo-primary
        trafficPolicy:
          tls:
            mode: ISTIO_MUTUAL
    "#]],
    );
}

#[test]
fn a_tcp_service() {
    let mut scene = Scene::of(&json!({"appProtocol": "TCP", "match": [{"port": 6379}, {"uri": {"prefix": "/"}}]}));
    check(
        &scene.route(&split(25)).found()["spec"],
        &expect![[r#"
        hosts:
        - podinfo
        gateways:
        - mesh
        tcp:
        - match:
          - port: 6379
          route:
          - destination:
              host: podinfo-primary
            weight: 75
          - destination:
              host: podinfo-canary
            weight: 25
    "#]],
    );
}

#[test]
fn a_delegate() {
    let mut scene = Scene::of(&json!({"delegation": true, "portDiscovery": true}));
    check(
        &scene.route(&split(5)).found()["spec"],
        &expect![[r#"
        http:
        - route:
          - destination:
              host: podinfo-primary
              port:
                number: 80
            weight: 95
          - destination:
              host: podinfo-canary
              port:
                number: 80
            weight: 5
    "#]],
    );
}

#[test]
fn a_preview_beside_a_split() {
    let analysis = json!({"preview": {"match": [{"headers": {"x-user": {"exact": "insider"}}}]}});
    rules_of(
        &analysis,
        &Routing { preview: true, ..split(20) },
        &expect![[r#"
        - match:
          - headers:
              x-user:
                exact: insider
          route:
          - destination:
              host: podinfo-canary
            weight: 100
        - route:
          - destination:
              host: podinfo-primary
            weight: 80
          - destination:
              host: podinfo-canary
            weight: 20
    "#]],
    );
}
