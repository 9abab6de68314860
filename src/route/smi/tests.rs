//! SMI's own tests, beside the laws that all routers obey.

use expect_test::expect;
use serde_json::json;

use super::{OSM, V1ALPHA1, V1ALPHA2};
use crate::model::Builtin;
use crate::object::Change;
use crate::route::testing::{Scene, check, split};
use crate::route::{Router, Target, find};

#[test]
fn a_split_of_90_to_10() {
    let mut scene = Scene::of(&V1ALPHA2, &json!({}));
    check(
        scene.route(&split(10)).only(),
        &expect![[r#"
        apiVersion: split.smi-spec.io/v1alpha2
        kind: TrafficSplit
        metadata:
          annotations:
            serin.dev/before: absent
          name: podinfo
          namespace: test
          resourceVersion: "1"
        spec:
          service: podinfo
          backends:
          - service: podinfo-canary
            weight: 10
          - service: podinfo-primary
            weight: 90
    "#]],
    );
}

#[test]
fn the_first_version_writes_weights_as_quantities_and_reads_numbers_too() {
    let mut scene = Scene::of(&V1ALPHA1, &json!({"hosts": ["shop.example", "other.example"]}));
    check(
        &scene.route(&split(10)).only()["spec"],
        &expect![[r#"
        service: shop.example
        backends:
        - service: podinfo-canary
          weight: "10"
        - service: podinfo-primary
          weight: "90"
    "#]],
    );
    scene.merge(&json!({"spec": {"backends": [
        {"service": "podinfo-canary", "weight": 1}, {"service": "podinfo-primary", "weight": "3"},
    ]}}));
    assert_eq!(scene.read(), Some(split(25)));
}

#[test]
fn a_split_of_flaggers_is_taken_over_without_a_write_and_goes_in_the_end() {
    let owner = json!([{"apiVersion": "flagger.app/v1beta1", "kind": "Canary", "name": "podinfo", "uid": "1", "controller": true}]);
    let backends = json!([{"service": "podinfo-canary", "weight": 30}, {"service": "podinfo-primary", "weight": 70}]);
    let mut scene = Scene::of(&OSM, &json!({"apex": {"labels": {"team": "a"}}}));
    scene.put(&json!({"metadata": {"ownerReferences": owner}, "spec": {"service": "podinfo", "backends": backends}}));
    assert_eq!(scene.read(), Some(split(30)));
    assert_eq!(scene.render(&split(30)), Ok(vec![]));
    scene.route(&split(31)).release();
    assert_eq!(scene.read(), None);
}

#[test]
fn conditions_are_refused_rather_than_ignored() {
    let scene = Scene::analysed(&V1ALPHA2, &json!({}), &json!({"match": [{"headers": {"a": {"exact": "b"}}}]}));
    let refusal = scene.render(&split(100)).expect_err("a split has no conditions");
    assert!(refusal.sentence.starts_with("spec.analysis.match is set, but provider smi:v1alpha2 cannot"), "{refusal}");
}

#[test]
fn a_mesh_behind_the_version_means_the_version() {
    for (provider, version) in [
        ("linkerd", "v1alpha1"),
        ("smi:v1alpha1:linkerd", "v1alpha1"),
        ("osm", "v1alpha2"),
        ("smi:v1alpha3", "v1alpha3"),
    ] {
        let router = find(provider).expect("it is known");
        assert_eq!(router.kinds()[0].version, version, "{provider}");
    }
    assert!(find("smi").is_none() && find("smi:v1alpha4").is_none());
}

#[test]
fn only_istios_adapter_is_told_of_gateways() {
    let scene = Scene::of(&V1ALPHA2, &json!({"gateways": ["public", "mesh"]}));
    let told = |provider| {
        let target = Target { provider, ..scene.target() };
        let changes = V1ALPHA2.render(&target, &split(0), scene.store.objects()).expect("it renders");
        let [Change::Apply(_, object)] = &*changes else { panic!("one apply was expected: {changes:?}") };
        object["metadata"]["annotations"]["VirtualService.v1alpha3.networking.istio.io/spec.gateways"].clone()
    };
    assert_eq!(told("smi:v1alpha2:istio"), r#"["public","mesh"]"#);
    assert_eq!(told("smi:v1alpha2"), json!(null));
}

#[test]
fn each_mesh_is_asked_in_its_own_words() {
    let query = |router: &dyn Router| router.query(Builtin::SuccessRate).query;
    assert!(query(&OSM).contains("osm_request_total"));
    assert!(query(&V1ALPHA1).contains("classification!=\"failure\""));
}
