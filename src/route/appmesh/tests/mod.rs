//! App Mesh's own tests in both versions, beside the laws that all routers obey.

mod golden;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{V1Beta1, V1Beta2};
use crate::model::{Builtin, Routing};
use crate::object::{Change, ObjectKey, value};
use crate::route::testing::{Scene, split};
use crate::route::{Router, Target};

fn find<'a>(scene: &'a Scene, kind: &str, name: &str) -> (ObjectKey, &'a Value) {
    let kinds = [V1Beta1.kinds(), V1Beta2.kinds()].concat();
    let keys = kinds.into_iter().filter(|known| known.kind == kind).map(|kind| kind.named("test", name));
    let mut found = keys.filter_map(|key| Some((key.clone(), scene.store.objects().find(&key)?)));
    found.next().expect("it stands there")
}

fn spec<'a>(scene: &'a Scene, kind: &str, name: &str) -> &'a Value {
    &find(scene, kind, name).1["spec"]
}

fn a_b() -> Value {
    json!({"match": [{"headers": {"user-agent": {"regex": ".*Chrome.*"}}}, {"headers": {"x-canary": {"exact": "insider"}}}]})
}

#[test]
fn a_preview_is_tried_before_everything_else_and_reads_back() {
    let insiders = json!({"match": [{"headers": {"x-canary": {"exact": "insider"}}}]});
    let versions: [(&'static dyn Router, _, _); 2] =
        [(&V1Beta1, "VirtualService", "podinfo.test"), (&V1Beta2, "VirtualRouter", "podinfo")];
    for (version, kind, name) in versions {
        let mut scene = Scene::analysed(version, &json!({"meshName": "mesh"}), &json!({"preview": insiders}));
        let want = Routing { preview: true, ..split(10) };
        scene.route(&want);
        let routes = spec(&scene, kind, name)["routes"].as_array().expect("it has routes").clone();
        let told: Vec<_> = routes.iter().map(|route| (&route["name"], &route["priority"])).collect();
        assert_eq!(told, [(&json!("podinfo-preview"), &json!(0)), (&json!("podinfo"), &Value::Null)]);
        assert_eq!(scene.read(), Some(want));
    }
}

#[test]
fn a_virtual_service_that_somebody_deletes_is_made_anew() {
    let mut scene = Scene::of(&V1Beta2, &json!({}));
    scene.route(&split(10));
    let (key, _) = find(&scene, "VirtualService", "podinfo");
    scene.store.remove(&key);
    let changes = scene.render(&split(10)).expect("it renders");
    assert!(matches!(&*changes, [Change::Apply(..)]), "{changes:?}");
}

#[test]
fn what_app_meshs_controller_adds_stays_and_is_no_drift() {
    let mut scene = Scene::of(&V1Beta2, &json!({"apex": {"annotations": {"note": "b"}}}));
    scene.route(&split(10));
    let added = json!({"spec": {"awsName": "podinfo_test", "meshRef": {"name": "global", "uid": "1"}}});
    for kind in ["VirtualNode", "VirtualRouter", "VirtualService"] {
        let (key, _) = find(&scene, kind, "podinfo-canary");
        scene.store.write(&Change::Merge(key, added.clone())).expect("it is written");
    }
    assert_eq!(scene.render(&split(10)), Ok(vec![]));
}

#[test]
fn objects_of_flaggers_are_taken_over_without_a_write() {
    let owner = json!([{"apiVersion": "flagger.app/v1beta1", "kind": "Canary", "name": "podinfo", "uid": "1", "controller": true}]);
    let flux = json!({"helm.toolkit.fluxcd.io/driftDetection": "disabled", "kustomize.toolkit.fluxcd.io/reconcile": "disabled"});
    let mut scene = Scene::of(&V1Beta2, &json!({}));
    let [node, router, service] = V1Beta2.kinds() else { panic!("there are three kinds") };
    let port = json!({"portMapping": {"port": 80, "protocol": "http"}});
    let metadata = json!({"ownerReferences": owner, "annotations": flux});
    for (name, pods) in [("podinfo-primary", "podinfo-primary"), ("podinfo-canary", "podinfo")] {
        let spec = json!({
            "awsName": name, "listeners": [port], "podSelector": {"matchLabels": {"app": pods}},
            "serviceDiscovery": {"dns": {"hostname": format!("{name}.test.svc.cluster.local.")}},
        });
        scene.store.put(node.named("test", name), json!({"metadata": metadata, "spec": spec}));
    }
    for (name, canary) in [("podinfo", 20), ("podinfo-canary", 100)] {
        let targets = json!([
            {"virtualNodeRef": {"name": "podinfo-canary"}, "weight": canary},
            {"virtualNodeRef": {"name": "podinfo-primary"}, "weight": 100 - canary},
        ]);
        let http = json!({"match": {"prefix": "/"}, "action": {"weightedTargets": targets}});
        let spec = json!({"listeners": [port], "routes": [{"name": name, "httpRoute": http}]});
        scene.store.put(router.named("test", name), json!({"metadata": {"ownerReferences": owner}, "spec": spec}));
        let spec = json!({"provider": {"virtualRouter": {"virtualRouterRef": {"name": name}}}});
        scene.store.put(service.named("test", name), json!({"metadata": {"ownerReferences": owner}, "spec": spec}));
    }
    assert_eq!(scene.read(), Some(split(20)));
    assert_eq!(scene.render(&split(20)), Ok(vec![]));
}

#[test]
fn an_access_log_is_written_where_the_canary_asks_for_it() {
    let scene = Scene::of(&V1Beta2, &json!({}));
    let annotations = BTreeMap::from([("appmesh.flagger.app/accesslog".to_owned(), "enabled".to_owned())]);
    let target = Target { annotations: &annotations, ..scene.target() };
    let changes = V1Beta2.render(&target, &split(0), scene.store.objects()).expect("it renders");
    let Change::Apply(_, node) = &changes[0] else { panic!("the node is made first: {changes:?}") };
    assert_eq!(value::text(node, &["spec", "logging", "accessLog", "file", "path"]), Some("/dev/stdout"));
}

#[test]
fn parameters_are_compared_whole_or_not_at_all() {
    let refusal = |router, service: Value, form: &str| {
        let analysis = json!({"match": [{"queryParams": {"a": {form: "b"}}}]});
        Scene::analysed(router, &service, &analysis)
            .render(&split(0))
            .map_err(|error| error.sentence)
            .err()
            .unwrap_or_default()
    };
    assert_eq!(refusal(&V1Beta2, json!({}), "exact"), "");
    assert!(refusal(&V1Beta2, json!({}), "regex").contains("compares whole parameters only"));
    assert!(refusal(&V1Beta1, json!({"meshName": "global"}), "exact").contains("match on headers instead"));
}

#[test]
fn the_first_version_needs_the_name_of_the_mesh() {
    let refusal = Scene::of(&V1Beta1, &json!({})).render(&split(0)).expect_err("there is no mesh");
    assert!(refusal.sentence.contains("spec.service.meshName is not set"), "{refusal}");
}

#[test]
fn the_pods_of_the_primary_are_never_measured_for_the_canary() {
    let query = V1Beta2.query(Builtin::SuccessRate).query;
    let alphabet = "bcdfghjklmnpqrstvwxz2456789";
    let pods = format!("{{{{ target }}}}(-[{alphabet}]+)?-[{alphabet}]{{5}}\"");
    assert!(query.contains(&pods), "{query}");
    assert!(
        "primary".chars().any(|letter| !alphabet.contains(letter)),
        "or the pattern would describe podinfo-primary-x2x4z"
    );
}

#[test]
fn pods_find_their_virtual_nodes_when_they_start() {
    for (router, service, nodes) in
        [(&V1Beta1 as &'static dyn Router, json!({"meshName": "global"}), 3), (&V1Beta2, json!({}), 2)]
    {
        let scene = Scene::of(router, &service);
        let changes = router.before_pods(&scene.target(), scene.store.objects()).expect("it renders");
        let kinds: Vec<_> = changes.iter().filter_map(Change::key).map(|key| key.kind.kind).collect();
        assert_eq!(kinds, vec!["VirtualNode"; nodes]);
    }
}
