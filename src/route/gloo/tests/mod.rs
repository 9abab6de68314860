//! Gloo's own tests, beside the laws that all routers obey.

use expect_test::expect;
use serde_json::{Value, json};

use super::{Gloo, ROUTE_TABLE, UPSTREAM};
use crate::model::{Affinity, Mirror, Percent, Routing};
use crate::object::{Change, ObjectKey, value};
use crate::route::testing::{Scene, canary_cookie, check, split, sticky};
use crate::route::{Acceptance, Router};

fn table(scene: &Scene) -> &Value {
    scene.store.objects().find(&ROUTE_TABLE.named("test", "podinfo")).expect("there is a RouteTable")
}

fn side(side: &str) -> ObjectKey {
    UPSTREAM.named("test", format!("test-podinfo-{side}upstream-80"))
}

fn routes_of(analysis: &Value, want: &Routing) -> Value {
    table(Scene::analysed(&Gloo, &json!({}), analysis).route(want))["spec"]["routes"].clone()
}

#[test]
fn copies_are_made_of_what_the_primary_gets() {
    let mirror = Mirror::Share(Percent::clamped(30));
    check(
        &routes_of(&json!({}), &Routing { mirror, ..Routing::PRIMARY }),
        &expect![[r#"
        - inheritablePathMatchers: true
          routeAction:
            multi:
              destinations:
              - destination:
                  upstream:
                    name: test-podinfo-primaryupstream-80
                    namespace: test
                weight: 100
              - destination:
                  upstream:
                    name: test-podinfo-canaryupstream-80
                    namespace: test
          options:
            shadowing:
              upstream:
                name: test-podinfo-canaryupstream-80
                namespace: test
              percentage: 30
    "#]],
    );
}

#[test]
fn a_split_of_90_to_10() {
    let mut scene = Scene::of(&Gloo, &json!({}));
    scene.route(&split(10)).check(&expect![[r#"
        apiVersion: gloo.solo.io/v1
        kind: Upstream
        metadata:
          annotations:
            serin.dev/before: absent
          name: test-podinfo-primaryupstream-80
          namespace: test
        spec:
          kube:
            serviceName: podinfo-primary
            serviceNamespace: test
            servicePort: 80
            selector:
              app: podinfo-primary
        ---
        apiVersion: gloo.solo.io/v1
        kind: Upstream
        metadata:
          annotations:
            serin.dev/before: absent
          name: test-podinfo-canaryupstream-80
          namespace: test
        spec:
          kube:
            serviceName: podinfo-canary
            serviceNamespace: test
            servicePort: 80
            selector:
              app: podinfo
        ---
        apiVersion: gateway.solo.io/v1
        kind: RouteTable
        metadata:
          annotations:
            helm.toolkit.fluxcd.io/driftDetection: disabled
            kustomize.toolkit.fluxcd.io/reconcile: disabled
            serin.dev/before: absent
          name: podinfo
          namespace: test
        spec:
          routes:
          - inheritablePathMatchers: true
            routeAction:
              multi:
                destinations:
                - destination:
                    upstream:
                      name: test-podinfo-primaryupstream-80
                      namespace: test
                  weight: 90
                - destination:
                    upstream:
                      name: test-podinfo-canaryupstream-80
                      namespace: test
                  weight: 10
    "#]]);
}

#[test]
fn a_request_that_no_condition_describes_finds_the_primary() {
    let conditions = json!([{"headers": {"user-agent": {"prefix": "Mobile (x)"}, "x-canary": {"exact": "insider"}}}, {"queryParams": {"beta": {}}}]);
    check(
        &routes_of(&json!({"match": conditions}), &split(100)),
        &expect![[r#"
        - inheritablePathMatchers: true
          routeAction:
            multi:
              destinations:
              - destination:
                  upstream:
                    name: test-podinfo-primaryupstream-80
                    namespace: test
              - destination:
                  upstream:
                    name: test-podinfo-canaryupstream-80
                    namespace: test
                weight: 100
          matchers:
          - headers:
            - name: user-agent
              value: Mobile \(x\).*
              regex: true
            - name: x-canary
              value: insider
          - queryParameters:
            - name: beta
        - inheritablePathMatchers: true
          routeAction:
            multi:
              destinations:
              - destination:
                  upstream:
                    name: test-podinfo-primaryupstream-80
                    namespace: test
                weight: 100
    "#]],
    );
}

#[test]
fn session_affinity_at_10_percent() {
    let analysis = json!({"sessionAffinity": {"cookieName": "flagger-cookie", "primaryCookieName": "primary-cookie"}});
    let routes = routes_of(&analysis, &sticky(10));
    let of_the_primary = ".*primary-cookie.*KlMnOpQrSt.*";
    assert_eq!(routes[1]["matchers"][0]["headers"][0]["value"], of_the_primary);
    check(
        &json!([routes[0], routes[2]]),
        &expect![[r#"
        - inheritablePathMatchers: true
          routeAction:
            multi:
              destinations:
              - destination:
                  upstream:
                    name: test-podinfo-primaryupstream-80
                    namespace: test
              - destination:
                  upstream:
                    name: test-podinfo-canaryupstream-80
                    namespace: test
                weight: 100
          matchers:
          - headers:
            - name: Cookie
              value: .*flagger-cookie.*AbCdEfGhIj.*
              regex: true
        - inheritablePathMatchers: true
          routeAction:
            multi:
              destinations:
              - destination:
                  upstream:
                    name: test-podinfo-primaryupstream-80
                    namespace: test
                weight: 90
                options:
                  headerManipulation:
                    responseHeadersToAdd:
                    - header:
                        key: Set-Cookie
                        value: primary-cookie=KlMnOpQrSt; Max-Age=60
                      append: true
              - destination:
                  upstream:
                    name: test-podinfo-canaryupstream-80
                    namespace: test
                weight: 10
                options:
                  headerManipulation:
                    responseHeadersToAdd:
                    - header:
                        key: Set-Cookie
                        value: flagger-cookie=AbCdEfGhIj; Max-Age=86400
                      append: true
    "#]],
    );
}

#[test]
fn the_cookie_is_taken_back_after_the_run() {
    let want = Routing { affinity: Affinity::Expire(canary_cookie()), ..split(0) };
    let routes = routes_of(&json!({"sessionAffinity": {"cookieName": "flagger-cookie"}}), &want);
    let header = &routes[0]["options"]["headerManipulation"]["responseHeadersToAdd"][0]["header"];
    assert_eq!(header["value"], "flagger-cookie=AbCdEfGhIj; Max-Age=-1");
}

#[test]
fn what_gloos_discovery_found_out_about_a_service_stays() {
    let mut scene = Scene::of(&Gloo, &json!({}));
    scene.route(&split(10));
    let found =
        json!({"spec": {"kube": {"serviceSpec": {"rest": {"swaggerInfo": {"url": "http://a"}}}}, "healthChecks": []}});
    scene.store.write(&Change::Merge(side("primary"), found)).expect("it is written");
    assert_eq!(scene.render(&split(10)), Ok(vec![]));
}

#[test]
fn what_is_left_of_a_table_of_ours_leads_to_the_apex() {
    let mut scene = Scene::of(&Gloo, &json!({}));
    scene.route(&split(10)).release();
    check(
        table(&scene),
        &expect![[r#"
        apiVersion: gateway.solo.io/v1
        kind: RouteTable
        metadata:
          annotations: {}
          name: podinfo
          namespace: test
          resourceVersion: "4"
        spec:
          routes:
          - inheritablePathMatchers: true
            routeAction:
              single:
                kube:
                  ref:
                    name: podinfo
                    namespace: test
                  port: 80
    "#]],
    );
    assert_eq!(scene.store.objects().of_kind(UPSTREAM).count(), 0);
}

#[test]
fn a_table_and_upstreams_of_flaggers_are_taken_over_without_a_write() {
    let owner = json!([{"apiVersion": "flagger.app/v1beta1", "kind": "Canary", "name": "podinfo", "uid": "1", "controller": true}]);
    let flux = json!({"helm.toolkit.fluxcd.io/driftDetection": "disabled", "kustomize.toolkit.fluxcd.io/reconcile": "disabled"});
    let destination =
        |side: &str| json!({"upstream": {"name": format!("test-podinfo-{side}upstream-80"), "namespace": "test"}});
    let routes = json!([{"inheritablePathMatchers": true, "routeAction": {"multi": {"destinations": [
        {"destination": destination("primary"), "weight": 100}, {"destination": destination("canary")},
    ]}}}]);
    let mut scene = Scene::of(&Gloo, &json!({}));
    let object = json!({"metadata": {"ownerReferences": owner, "annotations": flux}, "spec": {"routes": routes}});
    scene.store.put(ROUTE_TABLE.named("test", "podinfo"), object);
    for (name, pods) in [("primary", "podinfo-primary"), ("canary", "podinfo")] {
        let service = format!("podinfo-{name}");
        let kube =
            json!({"serviceName": service, "serviceNamespace": "test", "servicePort": 80, "selector": {"app": pods}});
        scene.store.put(side(name), json!({"metadata": {"ownerReferences": owner}, "spec": {"kube": kube}}));
    }
    assert_eq!(scene.read(), Some(split(0)));
    assert_eq!(scene.render(&split(0)), Ok(vec![]));
}

#[test]
fn routes_that_are_not_there_are_no_panic_and_no_route() {
    let mut scene = Scene::of(&Gloo, &json!({}));
    scene.store.put(ROUTE_TABLE.named("test", "podinfo"), json!({"spec": {"routes": []}}));
    assert_eq!(scene.read(), None);
    assert_eq!(scene.route(&split(10)).read(), Some(split(10)));
}

/// What becomes of an object of ours with this status.
fn told(key: &ObjectKey, status: &Value) -> Acceptance {
    let mut scene = Scene::of(&Gloo, &json!({}));
    scene.route(&split(10));
    let mut object = scene.store.objects().find(key).cloned().expect("it was written");
    value::merge(&mut object, &json!({ "status": status }));
    scene.store.put(key.clone(), object);
    Gloo.acceptance(&scene.target(), scene.store.objects())
}

#[test]
fn a_route_table_and_its_upstreams_count_as_gloo_says_in_words_or_numbers() {
    for key in [ROUTE_TABLE.named("test", "podinfo"), side("canary")] {
        let newer = |state: &str| {
            told(&key, &json!({"statuses": {"gloo-system": {"state": state, "reason": "no such host."}}}))
        };
        let older =
            |state: u64| told(&key, &json!({"state": state, "reason": "no such host.", "reported_by": "gateway"}));
        assert_eq!((newer("Accepted"), older(1)), (Acceptance::Accepted, Acceptance::Accepted));
        assert_eq!((newer("Pending"), older(0)), (Acceptance::Pending, Acceptance::Pending));
        for (refused, word) in
            [(newer("Rejected"), "rejected"), (older(2), "rejected"), (newer("Warning"), "partly wrong")]
        {
            let Acceptance::Refused(error) = refused else { panic!("{key} was not accepted") };
            let words = format!("{key}: Gloo calls it {word} (no such host), so the weights in it may have no effect");
            assert!(error.sentence.starts_with(&words), "{error}");
        }
    }
}

#[test]
fn of_what_gloo_made_with_others_routes_only_a_rejection_counts_and_silence_is_not_waited_for() {
    let table = ROUTE_TABLE.named("test", "podinfo");
    let whole = |state: &str| {
        let proxy = json!({"state": state, "reason": "a certificate is missing"});
        told(
            &table,
            &json!({"statuses": {"gloo-system": {"state": "Accepted", "subresourceStatuses": {"*v1.Proxy": proxy}}}}),
        )
    };
    assert_eq!(whole("Warning"), Acceptance::Accepted);
    let Acceptance::Refused(error) = whole("Rejected") else { panic!("no proxy has it") };
    assert!(error.sentence.contains("rejected (a certificate is missing)"), "{error}");
    assert_eq!((told(&table, &json!({})), told(&table, &Value::Null)), (Acceptance::Accepted, Acceptance::Accepted));
}

#[test]
fn a_preview_stands_before_a_split_and_reads_back() {
    let insiders = json!({"match": [{"headers": {"x-user": {"exact": "insider"}}}]});
    let mut scene = Scene::analysed(&Gloo, &json!({}), &json!({"preview": insiders}));
    for weight in [0, 20, 100] {
        let want = Routing { preview: true, ..split(weight) };
        scene.route(&want);
        assert_eq!(scene.read(), Some(want));
        let first = &table(&scene)["spec"]["routes"][0];
        assert_eq!(first["matchers"][0]["headers"][0]["value"], "insider");
        assert_eq!(first["routeAction"]["multi"]["destinations"].as_array().map(Vec::len), Some(1), "the canary alone");
    }
}
