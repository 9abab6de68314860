//! APISIX's own tests, beside the laws that all routers obey.

use expect_test::expect;
use serde_json::{Value, json};

use super::{APISIX_ROUTE, Apisix};
use crate::model::{Mirror, Percent, Routing};
use crate::object::{Change, ObjectKey, value};
use crate::route::testing::{Scene, check, split};
use crate::route::{Acceptance, Router};

fn twin() -> ObjectKey {
    APISIX_ROUTE.named("test", "podinfo-podinfo-canary")
}

fn found(scene: &Scene) -> &Value {
    scene.store.objects().find(&twin()).expect("there is a twin")
}

fn refusal(entries: &Value) -> String {
    let mut scene = Scene::of(&Apisix, &json!({}));
    scene.put(&json!({"spec": {"http": entries}}));
    scene.render(&split(10)).expect_err("this cannot be shared").sentence
}

#[test]
fn a_split_of_90_to_10() {
    let mut scene = Scene::of(&Apisix, &json!({}));
    check(
        found(scene.route(&split(10))),
        &expect![[r#"
        apiVersion: apisix.apache.org/v2
        kind: ApisixRoute
        metadata:
          annotations:
            example.com/owner: shop
            serin.dev/before: absent
          name: podinfo-podinfo-canary
          namespace: test
          resourceVersion: "2"
        spec:
          http:
          - name: shop
            match:
              hosts:
              - shop.example
              paths:
              - /*
            plugins:
            - name: cors
              enable: true
            backends:
            - serviceName: podinfo-primary
              servicePort: 80
              subset: v1
              weight: 90
            - serviceName: podinfo-canary
              servicePort: 80
              subset: v1
              weight: 10
            priority: 10000
            websocket: false
          ingressClassName: apisix
    "#]],
    );
}

#[test]
fn a_preview_counts_before_a_split_gets_no_copies_and_reads_back() {
    let insiders = json!({"match": [{"headers": {"x-canary": {"exact": "insider"}}}]});
    let mut scene = Scene::analysed(&Apisix, &json!({}), &json!({"preview": insiders}));
    let want = Routing { preview: true, mirror: Mirror::All, ..Routing::PRIMARY };
    check(
        &found(scene.route(&want))["spec"]["http"],
        &expect![[r#"
        - name: shop-preview
          match:
            hosts:
            - shop.example
            paths:
            - /*
            exprs:
            - subject:
                scope: Header
                name: x-canary
              op: Equal
              value: insider
          plugins:
          - name: cors
            enable: true
          backends:
          - serviceName: podinfo-canary
            servicePort: 80
            subset: v1
            weight: 100
          priority: 10001
          websocket: false
        - name: shop
          match:
            hosts:
            - shop.example
            paths:
            - /*
          plugins:
          - name: cors
            enable: true
          - name: proxy-mirror
            enable: true
            config:
              host: http://podinfo-canary.test.svc.cluster.local:80
          backends:
          - serviceName: podinfo-primary
            servicePort: 80
            subset: v1
            weight: 100
          - serviceName: podinfo-canary
            servicePort: 80
            subset: v1
            weight: 0
          priority: 10000
          websocket: false
    "#]],
    );
    assert_eq!(scene.read(), Some(want));
}

#[test]
fn an_a_b_test_has_an_entry_for_each_condition() {
    let conditions =
        json!([{"headers": {"x-canary": {"exact": "insider"}}}, {"queryParams": {"beta": {"prefix": "y"}}}]);
    let mut scene = Scene::analysed(&Apisix, &json!({}), &json!({"match": conditions}));
    check(
        &found(scene.route(&split(100)))["spec"]["http"],
        &expect![[r#"
        - name: shop
          match:
            hosts:
            - shop.example
            paths:
            - /*
            exprs:
            - subject:
                scope: Header
                name: x-canary
              op: Equal
              value: insider
          plugins:
          - name: cors
            enable: true
          backends:
          - serviceName: podinfo-primary
            servicePort: 80
            subset: v1
            weight: 0
          - serviceName: podinfo-canary
            servicePort: 80
            subset: v1
            weight: 100
          priority: 10000
          websocket: false
        - name: shop-2
          match:
            hosts:
            - shop.example
            paths:
            - /*
            exprs:
            - subject:
                scope: Query
                name: beta
              op: RegexMatch
              value: ^y
          plugins:
          - name: cors
            enable: true
          backends:
          - serviceName: podinfo-primary
            servicePort: 80
            subset: v1
            weight: 0
          - serviceName: podinfo-canary
            servicePort: 80
            subset: v1
            weight: 100
          priority: 10000
          websocket: false
    "#]],
    );
}

#[test]
fn copies_are_a_plugin_that_takes_the_place_of_the_users_until_they_end() {
    let plugins =
        json!([{"name": "proxy-mirror", "enable": true, "config": {"host": "http://audit:80"}}, {"name": "cors"}]);
    let backends = json!([{"serviceName": "podinfo", "servicePort": 80}]);
    let mut scene = Scene::of(&Apisix, &json!({}));
    scene.put(&json!({"spec": {"http": [{"name": "shop", "plugins": plugins, "backends": backends}]}}));
    let mirror = Mirror::Share(Percent::clamped(29));
    check(
        &found(scene.route(&Routing { mirror, ..Routing::PRIMARY }))["spec"]["http"][0]["plugins"],
        &expect![[r#"
            - name: cors
            - name: proxy-mirror
              enable: true
              config:
                host: http://podinfo-canary.test.svc.cluster.local:80
                sample_ratio: 0.29
        "#]],
    );
    assert_eq!(found(scene.route(&split(10)))["spec"]["http"][0]["plugins"], plugins);
}

#[test]
fn every_entry_to_the_apex_is_shared() {
    let entry = |name: &str, service: &str, priority: i64| json!({"name": name, "priority": priority, "match": {"paths": ["/*"]}, "backends": [{"serviceName": service, "servicePort": 80}]});
    let mut scene = Scene::of(&Apisix, &json!({}));
    scene.put(&json!({"spec": {"http": [entry("get", "podinfo", 1), entry("help", "help", 0), entry("post", "podinfo", 20_000)]}}));
    let twins = found(scene.route(&split(10)))["spec"]["http"].as_array().cloned().unwrap_or_default();
    let seen: Vec<_> = twins.iter().map(|twin| (twin["name"].as_str(), twin["priority"].as_i64())).collect();
    assert_eq!(seen, [(Some("get"), Some(10_000)), (Some("post"), Some(20_001))]);
}

#[test]
fn an_entry_that_is_no_longer_wanted_is_taken_away_by_its_whole_list() {
    let mut scene = Scene::of(&Apisix, &json!({}));
    scene.route(&split(10));
    let mut entries = found(&scene)["spec"]["http"].as_array().cloned().unwrap_or_default();
    entries.push(json!({"name": "stray", "backends": []}));
    scene.store.write(&Change::Merge(twin(), json!({"spec": {"http": entries}}))).expect("it is written");
    let changes = scene.render(&split(10)).expect("it renders");
    assert!(
        matches!(&*changes, [Change::Merge(..)]),
        "an apply would leave an entry that another hand owns: {changes:?}"
    );
}

#[test]
fn a_route_that_cannot_be_shared_says_what_to_write() {
    let apex = json!({"serviceName": "podinfo", "servicePort": 80});
    assert!(refusal(&json!([])).contains("add one, or correct spec.routeRef.name"));
    assert!(
        refusal(&json!([{"name": "a", "backends": [{"serviceName": "b"}]}]))
            .contains("no entry of spec.http with the backend podinfo")
    );
    let several = refusal(&json!([{"name": "a", "backends": [apex, {"serviceName": "b"}]}]));
    assert!(
        several.contains("the entry \"a\" of spec.http") && several.contains("leave podinfo as its only backend"),
        "{several}"
    );
}

#[test]
fn a_twin_of_flaggers_is_taken_over_without_a_write_and_goes_in_the_end() {
    let owner = json!([{"apiVersion": "flagger.app/v1beta1", "kind": "Canary", "name": "podinfo", "uid": "1", "controller": true}]);
    let backend = |service: &str, weight: u32| json!({"serviceName": service, "servicePort": 80, "weight": weight});
    let entry =
        |backends: Value| json!({"name": "method", "match": {"hosts": ["a"], "paths": ["/*"]}, "backends": backends});
    let mut theirs = entry(json!([backend("podinfo-primary", 60), backend("podinfo-canary", 40)]));
    theirs["priority"] = json!(10_000);
    theirs["websocket"] = json!(false);
    let applied = json!({"kubectl.kubernetes.io/last-applied-configuration": "{\"spec\":{\"http\":[]}}"});
    let metadata = json!({"ownerReferences": owner, "annotations": applied});
    let mut scene = Scene::of(&Apisix, &json!({}));
    scene.put(&json!({"metadata": {"annotations": applied}, "spec": {"http": [entry(json!([{"serviceName": "podinfo", "servicePort": 80}]))]}}));
    scene.store.put(twin(), json!({"metadata": metadata, "spec": {"http": [theirs]}}));
    assert_eq!(scene.read(), Some(split(40)));
    assert_eq!(scene.render(&split(40)), Ok(vec![]));
    scene.route(&split(50)).release();
    assert_eq!(scene.store.objects().find(&twin()), None);
}

/// What becomes of the second version of a twin of which a controller says this.
fn told(conditions: &Value) -> Acceptance {
    let mut scene = Scene::of(&Apisix, &json!({}));
    let mut told = found(scene.route(&split(10))).clone();
    value::merge(&mut told, &json!({"metadata": {"generation": 2}, "status": {"conditions": conditions}}));
    scene.store.put(twin(), told);
    Apisix.acceptance(&scene.target(), scene.store.objects())
}

#[test]
fn a_twin_counts_once_apisix_has_seen_this_very_version_and_synced_it() {
    for kind in ["Accepted", "ResourcesAvailable"] {
        let said = |status: &str, seen: u64| {
            told(
                &json!([{"type": kind, "status": status, "observedGeneration": seen, "reason": "SyncFailed", "message": "no upstream."}]),
            )
        };
        assert_eq!(
            (said("True", 2), said("True", 1), said("False", 1)),
            (Acceptance::Accepted, Acceptance::Pending, Acceptance::Pending)
        );
        let Acceptance::Refused(error) = said("False", 2) else { panic!("it was not synced") };
        let words =
            format!("podinfo-podinfo-canary.test: APISIX says {kind} False (SyncFailed: no upstream), so the weights");
        assert!(error.sentence.contains(&words), "{error}");
    }
}

#[test]
fn a_word_that_an_older_controller_left_behind_is_not_waited_for_and_neither_is_one_that_nobody_says() {
    let old = json!({"type": "ResourcesAvailable", "status": "True", "observedGeneration": 1});
    let new = json!({"type": "Accepted", "status": "True", "observedGeneration": 2});
    assert_eq!(told(&json!([old, new])), Acceptance::Accepted);
    assert_eq!(told(&json!([])), Acceptance::Accepted);
}
