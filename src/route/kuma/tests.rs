//! Kuma's own tests, beside the laws that all routers obey.

use std::collections::BTreeMap;

use expect_test::expect;
use serde_json::{Value, json};

use super::{Kuma, TRAFFIC_ROUTE};
use crate::model::Routing;
use crate::object::{Change, ObjectKey};
use crate::route::testing::{Scene, check, split};
use crate::route::{Router, Target};

fn bare() -> ObjectKey {
    TRAFFIC_ROUTE.named("", "podinfo")
}

/// What Flagger writes for `podinfo` of this namespace.
fn flaggers(namespace: &str, canary: u32) -> Value {
    let flux = json!({"helm.toolkit.fluxcd.io/driftDetection": "disabled", "kustomize.toolkit.fluxcd.io/reconcile": "disabled"});
    let tag = |service: &str| json!({"kuma.io/service": format!("{service}_{namespace}_svc_80")});
    json!({"mesh": "default", "metadata": {"annotations": flux}, "spec": {
        "sources": [{"match": {"kuma.io/service": "*"}}],
        "destinations": [{"match": tag("podinfo")}],
        "conf": {"split": [
            {"weight": 100 - canary, "destination": tag("podinfo-primary")}, {"weight": canary, "destination": tag("podinfo-canary")},
        ]},
    }})
}

#[test]
fn a_split_of_90_to_10() {
    let mut scene = Scene::of(&Kuma, &json!({}));
    check(
        scene.route(&split(10)).only(),
        &expect![[r#"
        apiVersion: kuma.io/v1alpha1
        kind: TrafficRoute
        metadata:
          annotations:
            helm.toolkit.fluxcd.io/driftDetection: disabled
            kustomize.toolkit.fluxcd.io/reconcile: disabled
            serin.dev/before: absent
          name: podinfo.test
          namespace: ""
          resourceVersion: "1"
        spec:
          sources:
          - match:
              kuma.io/service: "*"
          destinations:
          - match:
              kuma.io/service: podinfo_test_svc_80
          conf:
            split:
            - weight: 90
              destination:
                kuma.io/service: podinfo-primary_test_svc_80
            - weight: 10
              destination:
                kuma.io/service: podinfo-canary_test_svc_80
        mesh: default
    "#]],
    );
}

#[test]
fn a_preview_stands_before_a_split_and_reads_back() {
    let insiders = json!({"match": [{"headers": {"x-canary": {"exact": "insider"}}}]});
    let mut scene = Scene::analysed(&Kuma, &json!({}), &json!({"preview": insiders}));
    let want = Routing { preview: true, ..split(10) };
    check(
        &scene.route(&want).only()["spec"]["conf"],
        &expect![[r#"
        http:
        - match:
            headers:
              x-canary:
                exact: insider
          split:
          - weight: 100
            destination:
              kuma.io/service: podinfo-canary_test_svc_80
        split:
        - weight: 90
          destination:
            kuma.io/service: podinfo-primary_test_svc_80
        - weight: 10
          destination:
            kuma.io/service: podinfo-canary_test_svc_80
    "#]],
    );
    assert_eq!(scene.read(), Some(want));
}

#[test]
fn an_a_b_test_while_b_is_served() {
    let conditions = json!([{"headers": {"x-canary": {"exact": "insider"}, "user-agent": {"suffix": "(beta)"}}}, {"headers": {"x-user": {"prefix": "a"}}}]);
    let mut scene = Scene::analysed(&Kuma, &json!({}), &json!({"match": conditions}));
    check(
        &scene.route(&split(100)).only()["spec"]["conf"],
        &expect![[r#"
        http:
        - match:
            headers:
              user-agent:
                regex: .*\(beta\)
              x-canary:
                exact: insider
          split:
          - weight: 0
            destination:
              kuma.io/service: podinfo-primary_test_svc_80
          - weight: 100
            destination:
              kuma.io/service: podinfo-canary_test_svc_80
        - match:
            headers:
              x-user:
                prefix: a
          split:
          - weight: 0
            destination:
              kuma.io/service: podinfo-primary_test_svc_80
          - weight: 100
            destination:
              kuma.io/service: podinfo-canary_test_svc_80
        split:
        - weight: 100
          destination:
            kuma.io/service: podinfo-primary_test_svc_80
        - weight: 0
          destination:
            kuma.io/service: podinfo-canary_test_svc_80
    "#]],
    );
    assert_eq!(scene.read(), Some(split(100)));
}

#[test]
fn a_route_of_flaggers_is_taken_over_without_a_write_and_leaves_nothing_behind() {
    let mut scene = Scene::of(&Kuma, &json!({}));
    scene.store.put(bare(), flaggers("test", 20));
    assert_eq!(scene.read(), Some(split(20)));
    assert_eq!(scene.render(&split(20)), Ok(vec![]));
    scene.route(&split(30));
    assert_eq!(scene.store.objects().of_kind(TRAFFIC_ROUTE).count(), 1, "it is written where it stands");
    scene.release();
    assert_eq!(scene.store.objects().of_kind(TRAFFIC_ROUTE).count(), 0);
}

#[test]
fn canaries_of_one_name_in_two_namespaces_have_a_route_each() {
    let mut scene = Scene::of(&Kuma, &json!({}));
    scene.store.put(bare(), flaggers("other", 20));
    scene.route(&split(10));
    assert_eq!(scene.store.objects().find(&bare()).map(|route| &route["spec"]), Some(&flaggers("other", 20)["spec"]));
    assert_eq!(scene.read(), Some(split(10)));
    scene.release();
    assert!(scene.store.objects().find(&bare()).is_some(), "it is the other's");
}

#[test]
fn of_two_routes_for_one_service_ours_stays() {
    let mut scene = Scene::of(&Kuma, &json!({}));
    scene.route(&split(10));
    scene.store.put(bare(), flaggers("test", 50));
    assert_eq!(scene.render(&split(10)), Ok(vec![Change::Delete(bare())]));
}

#[test]
fn a_new_route_is_made_in_the_canarys_mesh_and_stays_there() {
    let mut scene = Scene::of(&Kuma, &json!({}));
    let mesh = |name: &str| BTreeMap::from([("kuma.io/mesh".to_owned(), name.to_owned())]);
    for (asked, weight) in [("shop", 10), ("other", 20)] {
        let annotations = mesh(asked);
        let target = Target { annotations: &annotations, ..scene.target() };
        let changes = Kuma.render(&target, &split(weight), scene.store.objects()).expect("it renders");
        changes.iter().for_each(|change| scene.store.write(change).expect("nobody else writes here"));
        assert_eq!(scene.only()["mesh"], "shop");
    }
}
