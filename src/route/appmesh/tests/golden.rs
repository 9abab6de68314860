//! Whole objects, as a person would read them. `UPDATE_EXPECT=1 cargo test` rewrites the texts.

use expect_test::expect;
use serde_json::json;

use super::super::{V1Beta1, V1Beta2};
use super::{a_b, find, spec};
use crate::route::testing::{Scene, check, split};

#[test]
fn a_split_of_90_to_10() {
    let mut scene = Scene::of(&V1Beta2, &json!({"targetPort": 9898}));
    scene.route(&split(10)).check(&expect![[r#"
        apiVersion: appmesh.k8s.aws/v1beta2
        kind: VirtualNode
        metadata:
          annotations:
            helm.toolkit.fluxcd.io/driftDetection: disabled
            kustomize.toolkit.fluxcd.io/reconcile: disabled
            serin.dev/before: absent
          name: podinfo-primary
          namespace: test
        spec:
          listeners:
          - portMapping:
              port: 9898
              protocol: http
          serviceDiscovery:
            dns:
              hostname: podinfo-primary.test.svc.cluster.local.
          podSelector:
            matchLabels:
              app: podinfo-primary
        ---
        apiVersion: appmesh.k8s.aws/v1beta2
        kind: VirtualNode
        metadata:
          annotations:
            helm.toolkit.fluxcd.io/driftDetection: disabled
            kustomize.toolkit.fluxcd.io/reconcile: disabled
            serin.dev/before: absent
          name: podinfo-canary
          namespace: test
        spec:
          listeners:
          - portMapping:
              port: 9898
              protocol: http
          serviceDiscovery:
            dns:
              hostname: podinfo-canary.test.svc.cluster.local.
          podSelector:
            matchLabels:
              app: podinfo
        ---
        apiVersion: appmesh.k8s.aws/v1beta2
        kind: VirtualRouter
        metadata:
          annotations:
            serin.dev/before: absent
          name: podinfo
          namespace: test
        spec:
          listeners:
          - portMapping:
              port: 9898
              protocol: http
          routes:
          - name: podinfo
            httpRoute:
              action:
                weightedTargets:
                - virtualNodeRef:
                    name: podinfo-canary
                  weight: 10
                - virtualNodeRef:
                    name: podinfo-primary
                  weight: 90
              match:
                prefix: /
        ---
        apiVersion: appmesh.k8s.aws/v1beta2
        kind: VirtualRouter
        metadata:
          annotations:
            serin.dev/before: absent
          name: podinfo-canary
          namespace: test
        spec:
          listeners:
          - portMapping:
              port: 9898
              protocol: http
          routes:
          - name: podinfo-canary
            httpRoute:
              action:
                weightedTargets:
                - virtualNodeRef:
                    name: podinfo-canary
                  weight: 100
                - virtualNodeRef:
                    name: podinfo-primary
                  weight: 0
              match:
                prefix: /
        ---
        apiVersion: appmesh.k8s.aws/v1beta2
        kind: VirtualService
        metadata:
          annotations:
            serin.dev/before: absent
          name: podinfo
          namespace: test
        spec:
          provider:
            virtualRouter:
              virtualRouterRef:
                name: podinfo
        ---
        apiVersion: appmesh.k8s.aws/v1beta2
        kind: VirtualService
        metadata:
          annotations:
            serin.dev/before: absent
          name: podinfo-canary
          namespace: test
        spec:
          provider:
            virtualRouter:
              virtualRouterRef:
                name: podinfo-canary
    "#]]);
}

#[test]
fn a_split_of_90_to_10_in_the_first_version() {
    let mut scene = Scene::of(&V1Beta1, &json!({"meshName": "global"}));
    scene.route(&split(10)).check(&expect![[r#"
        apiVersion: appmesh.k8s.aws/v1beta1
        kind: VirtualNode
        metadata:
          annotations:
            helm.toolkit.fluxcd.io/driftDetection: disabled
            kustomize.toolkit.fluxcd.io/reconcile: disabled
            serin.dev/before: absent
          name: podinfo
          namespace: test
        spec:
          meshName: global
          listeners:
          - portMapping:
              port: 80
              protocol: http
          serviceDiscovery:
            dns:
              hostName: podinfo-primary.test
        ---
        apiVersion: appmesh.k8s.aws/v1beta1
        kind: VirtualNode
        metadata:
          annotations:
            helm.toolkit.fluxcd.io/driftDetection: disabled
            kustomize.toolkit.fluxcd.io/reconcile: disabled
            serin.dev/before: absent
          name: podinfo-primary
          namespace: test
        spec:
          meshName: global
          listeners:
          - portMapping:
              port: 80
              protocol: http
          serviceDiscovery:
            dns:
              hostName: podinfo-primary.test
        ---
        apiVersion: appmesh.k8s.aws/v1beta1
        kind: VirtualNode
        metadata:
          annotations:
            helm.toolkit.fluxcd.io/driftDetection: disabled
            kustomize.toolkit.fluxcd.io/reconcile: disabled
            serin.dev/before: absent
          name: podinfo-canary
          namespace: test
        spec:
          meshName: global
          listeners:
          - portMapping:
              port: 80
              protocol: http
          serviceDiscovery:
            dns:
              hostName: podinfo-canary.test
        ---
        apiVersion: appmesh.k8s.aws/v1beta1
        kind: VirtualService
        metadata:
          annotations:
            serin.dev/before: absent
          name: podinfo.test
          namespace: test
        spec:
          meshName: global
          virtualRouter:
            name: podinfo
            listeners:
            - portMapping:
                port: 80
                protocol: http
          routes:
          - name: podinfo
            http:
              match:
                prefix: /
              action:
                weightedTargets:
                - virtualNodeName: podinfo-canary
                  weight: 10
                - virtualNodeName: podinfo-primary
                  weight: 90
        ---
        apiVersion: appmesh.k8s.aws/v1beta1
        kind: VirtualService
        metadata:
          annotations:
            serin.dev/before: absent
          name: podinfo-canary.test
          namespace: test
        spec:
          meshName: global
          virtualRouter:
            name: podinfo-canary
            listeners:
            - portMapping:
                port: 80
                protocol: http
          routes:
          - name: podinfo-canary
            http:
              match:
                prefix: /
              action:
                weightedTargets:
                - virtualNodeName: podinfo-canary
                  weight: 100
                - virtualNodeName: podinfo-primary
                  weight: 0
    "#]]);
}

#[test]
fn an_a_b_test_has_a_route_for_each_condition() {
    let mut scene = Scene::analysed(&V1Beta2, &json!({}), &a_b());
    check(
        &spec(scene.route(&split(100)), "VirtualRouter", "podinfo")["routes"],
        &expect![[r#"
        - name: podinfo-a
          priority: 10
          httpRoute:
            action:
              weightedTargets:
              - virtualNodeRef:
                  name: podinfo-canary
                weight: 100
              - virtualNodeRef:
                  name: podinfo-primary
                weight: 0
            match:
              prefix: /
              headers:
              - name: user-agent
                match:
                  regex: .*Chrome.*
        - name: podinfo-a-2
          priority: 11
          httpRoute:
            action:
              weightedTargets:
              - virtualNodeRef:
                  name: podinfo-canary
                weight: 100
              - virtualNodeRef:
                  name: podinfo-primary
                weight: 0
            match:
              prefix: /
              headers:
              - name: x-canary
                match:
                  exact: insider
        - name: podinfo-b
          priority: 20
          httpRoute:
            action:
              weightedTargets:
              - virtualNodeRef:
                  name: podinfo-primary
                weight: 100
            match:
              prefix: /
    "#]],
    );
}

#[test]
fn an_a_b_test_in_the_first_version() {
    let mut scene = Scene::analysed(&V1Beta1, &json!({"meshName": "global"}), &a_b());
    check(
        &spec(scene.route(&split(0)), "VirtualService", "podinfo.test")["routes"],
        &expect![[r#"
        - name: podinfo-a
          priority: 10
          http:
            match:
              prefix: /
              headers:
              - name: user-agent
                match:
                  regex: .*Chrome.*
            action:
              weightedTargets:
              - virtualNodeName: podinfo-canary
                weight: 0
              - virtualNodeName: podinfo-primary
                weight: 100
        - name: podinfo-a-2
          priority: 11
          http:
            match:
              prefix: /
              headers:
              - name: x-canary
                match:
                  exact: insider
            action:
              weightedTargets:
              - virtualNodeName: podinfo-canary
                weight: 0
              - virtualNodeName: podinfo-primary
                weight: 100
        - name: podinfo-b
          priority: 20
          http:
            match:
              prefix: /
            action:
              weightedTargets:
              - virtualNodeName: podinfo-primary
                weight: 100
    "#]],
    );
}

#[test]
fn every_option_of_a_service() {
    let mut scene = Scene::of(
        &V1Beta2,
        &json!({
            "hosts": ["shop.example", "www.shop.example"], "match": [{"uri": {"prefix": "/shop"}}], "timeout": "1m30s",
            "retries": {"attempts": 3, "perTryTimeout": "1s", "retryOn": "gateway-error,stream-error"},
            "backends": ["backend.test", "arn:aws:appmesh:eu-west-1:1:mesh/global/virtualService/other"],
            "apex": {"labels": {"team": "a"}},
        }),
    );
    scene.route(&split(0));
    check(
        spec(&scene, "VirtualNode", "podinfo-canary"),
        &expect![[r#"
        listeners:
        - portMapping:
            port: 80
            protocol: http
          timeout:
            http:
              perRequest:
                unit: ms
                value: 90000
        serviceDiscovery:
          dns:
            hostname: podinfo-canary.test.svc.cluster.local.
        backends:
        - virtualService:
            virtualServiceRef:
              name: backend.test
        - virtualService:
            virtualServiceARN: arn:aws:appmesh:eu-west-1:1:mesh/global/virtualService/other
        podSelector:
          matchLabels:
            app: podinfo
    "#]],
    );
    check(
        &spec(&scene, "VirtualRouter", "podinfo")["routes"],
        &expect![[r#"
        - name: podinfo
          httpRoute:
            timeout:
              perRequest:
                unit: ms
                value: 90000
            retryPolicy:
              maxRetries: 3
              perRetryTimeout:
                unit: ms
                value: 1000
              httpRetryEvents:
              - gateway-error
              - stream-error
            action:
              weightedTargets:
              - virtualNodeRef:
                  name: podinfo-canary
                weight: 0
              - virtualNodeRef:
                  name: podinfo-primary
                weight: 100
            match:
              prefix: /shop
    "#]],
    );
    check(
        &find(&scene, "VirtualService", "podinfo").1["metadata"]["annotations"],
        &expect![[r#"
        gateway.appmesh.k8s.aws/domain: shop.example,www.shop.example,
        gateway.appmesh.k8s.aws/expose: "true"
        gateway.appmesh.k8s.aws/retries: "3"
        gateway.appmesh.k8s.aws/timeout: 1m30s
        serin.dev/before: absent
    "#]],
    );
    assert_eq!(
        find(&scene, "VirtualService", "podinfo-canary").1["metadata"]["annotations"],
        json!({"serin.dev/before": "absent"})
    );
}

#[test]
fn grpc_has_routes_of_its_own() {
    let mut scene = Scene::analysed(&V1Beta2, &json!({"portName": "grpc-api", "timeout": "5s"}), &a_b());
    scene.route(&split(100));
    let router = spec(&scene, "VirtualRouter", "podinfo");
    assert_eq!(router["listeners"], json!([{"portMapping": {"port": 80, "protocol": "grpc"}}]));
    check(
        &router["routes"][0],
        &expect![[r#"
        name: podinfo-a
        priority: 10
        grpcRoute:
          timeout:
            perRequest:
              unit: ms
              value: 5000
          action:
            weightedTargets:
            - virtualNodeRef:
                name: podinfo-canary
              weight: 100
            - virtualNodeRef:
                name: podinfo-primary
              weight: 0
          match:
            metadata:
            - name: user-agent
              match:
                regex: .*Chrome.*
    "#]],
    );
    assert_eq!(
        spec(&scene, "VirtualNode", "podinfo-canary")["listeners"][0]["timeout"]["grpc"]["perRequest"]["value"],
        5000
    );
    assert_eq!(scene.read(), Some(split(100)));
}
