//! Claims about reading a canary's objects and writing what was decided. Whole releases are played in `sim`.

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::api::Canary;
use crate::model::{
    Effect, Gravity, Measurement, Percent, PrimaryMatch, PrimarySource, RouteSeen, Routing, Scaling, Seen, Shape,
};
use crate::object::{FakeStore, ObjectKey, kinds};

pub(super) fn canary() -> Value {
    json!({
        "apiVersion": "flagger.app/v1beta1",
        "kind": "Canary",
        "metadata": {"name": "podinfo", "namespace": "test", "uid": "u", "generation": 1, "resourceVersion": "1"},
        "spec": {
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "podinfo"},
            "service": {"port": 80, "targetPort": 9898},
            "analysis": {"interval": "1m", "threshold": 5, "stepWeight": 10, "maxWeight": 50, "metrics": [
                {"name": "request-success-rate", "thresholdRange": {"min": 99}, "interval": "1m"},
                {"name": "errors", "templateRef": {"name": "errors"}, "thresholdRange": {"max": 1}},
            ]},
        },
    })
}

fn deployment(name: &str, image: &str) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "test", "generation": 1},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "app", "image": image}]},
            },
        },
        "status": {"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2},
    })
}

fn template() -> Value {
    json!({
        "metadata": {"name": "errors", "namespace": "test"},
        "spec": {"provider": {"type": "prometheus", "address": "http://prom:9090"}, "query": "errors{app=\"{{ target }}\"}"},
    })
}

fn target() -> ObjectKey {
    kinds::DEPLOYMENT.named("test", "podinfo")
}

/// A live Deployment, a MetricTemplate, and the Canary that was just applied.
pub(super) fn store() -> FakeStore {
    let mut store = FakeStore::default();
    store.put(target(), deployment("podinfo", "app:1"));
    store.put(kinds::METRIC_TEMPLATE.named("test", "errors"), template());
    store
}

pub(super) fn scene_of(canary: Value, store: &FakeStore) -> Scene {
    Scene {
        canary: serde_json::from_value::<Canary>(canary).unwrap(),
        objects: store.objects().clone(),
        defaults: Arc::new(Defaults::default()),
        unserved: BTreeSet::new(),
    }
}

fn scene(store: &FakeStore) -> Scene {
    scene_of(canary(), store)
}

fn write(store: &mut FakeStore, effect: &Effect) {
    let changes = scene(store).changes(std::slice::from_ref(effect)).unwrap();
    assert!(!changes.is_empty(), "{effect:?} changes nothing");
    for change in changes {
        store.write(&change).unwrap();
    }
    assert_eq!(scene(store).changes(std::slice::from_ref(effect)).unwrap(), [], "{effect:?} is not done yet");
}

#[test]
fn in_a_mesh_that_picks_pods_the_sides_are_more_than_services() {
    let mut canary = canary();
    canary["spec"]["provider"] = "appmesh:v1beta2".into();
    let mut store = store();
    let made = |store: &FakeStore| -> Vec<_> {
        let changes = scene_of(canary.clone(), store).changes(&[Effect::Sides]).unwrap();
        changes.into_iter().map(|change| (change.key().unwrap().kind.kind, change)).collect()
    };
    let kinds: Vec<_> = made(&store).into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["Service", "Service", "VirtualNode", "VirtualNode"]);
    for (_, change) in made(&store).into_iter().filter(|(kind, _)| *kind == "Service") {
        store.write(&change).unwrap();
    }
    assert_eq!(
        scene_of(canary.clone(), &store).facts().sides,
        Shape::Missing,
        "the primary would start without its sidecar"
    );
}

#[test]
fn each_effect_is_seen_in_the_facts_and_writes_nothing_twice() {
    let mut store = store();
    let facts = scene(&store).facts();
    assert_eq!(facts.complaints, []);
    let Seen::Found(seen) = facts.target else { panic!("the target is there") };
    let revision = seen.revision;
    assert_eq!((facts.sides, facts.apex, facts.route), (Shape::Missing, Shape::Missing, RouteSeen::Missing));

    write(&mut store, &Effect::Sides);
    write(&mut store, &Effect::Primary(PrimarySource::Target(revision.clone())));
    write(&mut store, &Effect::Apex);
    write(&mut store, &Effect::Snapshot(revision.clone()));
    write(&mut store, &Effect::Route(Routing::split(Percent::clamped(30))));
    write(&mut store, &Effect::ScaleTarget(0));

    let facts = scene(&store).facts();
    assert_eq!((facts.sides, facts.apex), (Shape::AsWanted, Shape::AsWanted));
    assert!(facts.route.is(&Routing::split(Percent::clamped(30))));
    assert_eq!(facts.snapshots, std::slice::from_ref(&revision));
    assert_eq!(facts.target.found().map(|t| t.replicas), Some(0));
    assert_eq!(facts.primary.found().map(|p| &p.runs), Some(&PrimaryMatch::Revision(revision)));
}

#[test]
fn a_primary_is_mended_from_its_snapshot_when_the_target_has_moved_on() {
    let mut store = store();
    let first = scene(&store).facts().target.found().unwrap().revision.clone();
    write(&mut store, &Effect::Snapshot(first.clone()));
    store.put(target(), deployment("podinfo", "app:2"));
    let source = PrimarySource::Snapshot(first.clone());
    write(&mut store, &Effect::Primary(source));
    let facts = scene(&store).facts();
    assert_eq!(facts.primary.found().map(|p| &p.runs), Some(&PrimaryMatch::Revision(first)));
}

#[test]
fn a_revision_that_the_target_no_longer_runs_is_never_copied_from_it() {
    let mut store = store();
    let first = scene(&store).facts().target.found().unwrap().revision.clone();
    store.put(target(), deployment("podinfo", "app:2"));
    assert!(scene(&store).changes(&[Effect::Primary(PrimarySource::Target(first.clone()))]).is_err());
    assert!(scene(&store).changes(&[Effect::Snapshot(first.clone())]).is_err());
    let refused = scene(&store).changes(&[Effect::Sides, Effect::Snapshot(first)]).err();
    assert_eq!(refused.map(|complaint| complaint.gravity), Some(Gravity::Blocks), "known before anything is written");
}

#[test]
fn what_is_missing_is_told_and_heals_when_it_comes() {
    let mut store = store();
    store.remove(&target());
    let complaints = scene(&store).facts().complaints;
    assert_eq!(
        complaints.iter().map(|c| (c.gravity, c.reason)).collect::<Vec<_>>(),
        [(Gravity::Blocks, "TargetMissing")]
    );
    store.put(target(), deployment("podinfo", "app:1"));
    store.remove(&kinds::METRIC_TEMPLATE.named("test", "errors"));
    let complaints = scene(&store).facts().complaints;
    assert_eq!(
        complaints.iter().map(|c| (c.gravity, c.reason)).collect::<Vec<_>>(),
        [(Gravity::Warns, "TemplateMissing")]
    );
    store.put(kinds::METRIC_TEMPLATE.named("test", "errors"), template());
    assert_eq!(scene(&store).facts().complaints, []);
}

#[test]
fn a_cluster_without_the_routers_kinds_is_told_what_to_install() {
    let store = store();
    let mut scene = scene(&store);
    scene.unserved = crate::route::find("istio").unwrap().kinds().iter().copied().collect();
    let complaints = scene.facts().complaints;
    assert!(complaints[0].sentence.contains("destinationrules.networking.istio.io"), "{}", complaints[0].sentence);
}

#[test]
fn a_question_becomes_a_query_and_a_missing_template_its_own_answer() {
    let mut store = store();
    let kpis = scene(&store).facts().settings.unwrap().kpis;
    let ask = scene(&store).ask(&kpis[1]).unwrap();
    assert_eq!(ask.query, "errors{app=\"podinfo\"}");
    store.remove(&kinds::METRIC_TEMPLATE.named("test", "errors"));
    let answer = scene(&store).ask(&kpis[1]);
    assert!(matches!(answer, Err(Measurement::Error(why)) if why.contains("errors.test")));
}

#[test]
fn requests_are_counted_by_the_router_over_the_window_of_the_kpi_whoever_measures_it() {
    let store = store();
    let kpis = scene(&store).facts().settings.unwrap().kpis;
    let rate = scene(&store).ask(&kpis[0]).unwrap();
    let counts: Vec<_> = kpis.iter().map(|kpi| scene(&store).count(kpi).unwrap()).collect();
    assert_eq!(format!("{} * 100", counts[0].query), rate.query.split_once(" / ").unwrap().1);
    assert_eq!((counts[0].scale, counts[0].address.as_str()), (60.0, rate.address.as_str()));
    assert_eq!(counts[0].identity(), counts[1].identity(), "so both are asked once");
}

#[test]
fn finalizers_of_others_stay() {
    let mut object = canary();
    object["metadata"]["finalizers"] = json!(["theirs"]);
    let mut store = store();
    let key = kinds::CANARY.named("test", "podinfo");
    store.put(key.clone(), object);
    for (effect, after) in [
        (Effect::AddFinalizer, json!(["theirs", "finalizer.flagger.app"])),
        (Effect::RemoveFinalizer, json!(["theirs"])),
    ] {
        let scene = scene_of(store.objects().find(&key).unwrap().clone(), &store);
        for change in scene.changes(std::slice::from_ref(&effect)).unwrap() {
            store.write(&change).unwrap();
        }
        assert_eq!(store.objects().find(&key).unwrap()["metadata"]["finalizers"], after);
    }
}

#[test]
fn only_what_was_made_for_the_canary_is_discarded() {
    let mut store = store();
    let revision = scene(&store).facts().target.found().unwrap().revision.clone();
    write(&mut store, &Effect::Sides);
    write(&mut store, &Effect::Primary(PrimarySource::Target(revision)));
    store.put(kinds::SERVICE.named("test", "podinfo-canary"), json!({"metadata": {}, "spec": {}}));
    let gone: Vec<_> =
        scene(&store).changes(&[Effect::Discard]).unwrap().iter().filter_map(crate::object::Change::key).collect();
    assert_eq!(
        gone,
        [kinds::DEPLOYMENT.named("test", "podinfo-primary"), kinds::SERVICE.named("test", "podinfo-primary")]
    );
}

#[test]
fn every_object_that_is_read_is_looked_up() {
    let canary: Canary = serde_json::from_value(canary()).unwrap();
    let lookups = lookups(&canary, &Defaults::default());
    let names: Vec<_> = lookups.keys.iter().map(ToString::to_string).collect();
    assert_eq!(names.len(), 10, "{names:?}");
    assert_eq!(lookups.labelled.len(), 5);
}

/// The target reads a ConfigMap.
fn with_config() -> FakeStore {
    let mut store = store();
    let mut reads = deployment("podinfo", "app:1");
    reads["spec"]["template"]["spec"]["containers"][0]["envFrom"] = json!([{"configMapRef": {"name": "settings"}}]);
    store.put(target(), reads);
    store.put(kinds::CONFIG_MAP.named("test", "settings"), json!({"metadata": {}, "data": {"a": "1"}}));
    store
}

#[test]
fn without_config_tracking_both_sides_read_the_users_objects() {
    let mut store = with_config();
    for (tracking, reads) in [(ConfigTracking::Off, "settings"), (ConfigTracking::On, "settings-primary")] {
        let defaults = Defaults { config_tracking: tracking, ..Defaults::default() };
        let scene = Scene { defaults: Arc::new(defaults), ..scene(&store) };
        let facts = scene.facts();
        assert_eq!(facts.configs.is_some(), tracking == ConfigTracking::On);
        let revision = facts.target.found().unwrap().revision.clone();
        for change in scene.changes(&[Effect::Primary(PrimarySource::Target(revision))]).unwrap() {
            store.write(&change).unwrap();
        }
        let primary = store.objects().find(&kinds::DEPLOYMENT.named("test", "podinfo-primary")).unwrap();
        let from = &primary["spec"]["template"]["spec"]["containers"][0]["envFrom"][0]["configMapRef"]["name"];
        assert_eq!(*from, json!(reads));
        let copy = store.objects().find(&kinds::CONFIG_MAP.named("test", "settings-primary"));
        assert_eq!(copy.is_some(), tracking == ConfigTracking::On);
        store.remove(&kinds::DEPLOYMENT.named("test", "podinfo-primary"));
    }
}

#[test]
fn a_budget_of_the_targets_pods_is_seen_twinned_and_discarded() {
    let mut store = store();
    let selector = json!({"matchLabels": {"app": "podinfo"}});
    let key = |name: &str| kinds::BUDGET.named("test", name);
    store.put(key("podinfo"), json!({"metadata": {}, "spec": {"minAvailable": 1, "selector": selector}}));
    assert_eq!(scene(&store).facts().budgets, Shape::Missing);
    write(&mut store, &Effect::Budgets);
    assert_eq!(scene(&store).facts().budgets, Shape::AsWanted);
    let gone: Vec<_> =
        scene(&store).changes(&[Effect::Discard]).unwrap().iter().filter_map(crate::object::Change::key).collect();
    assert_eq!(gone, [key("podinfo-primary")], "the user's own stays");
}

#[test]
fn a_missing_autoscaler_is_told_and_the_release_goes_on() {
    let mut canary = canary();
    canary["spec"]["autoscalerRef"] =
        json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "name": "podinfo"});
    let facts = scene_of(canary, &store()).facts();
    let told: Vec<_> = facts.complaints.iter().map(|c| (c.gravity, c.reason)).collect();
    assert_eq!((told, facts.scaling), (vec![(Gravity::Warns, "ScalerMissing")], Scaling::Fixed));
}

#[test]
fn a_primary_of_flaggers_loses_its_owner_and_nothing_else() {
    let mut store = store();
    let key = kinds::DEPLOYMENT.named("test", "podinfo-primary");
    let mut theirs = deployment("podinfo-primary", "app:1");
    let canary = json!({"apiVersion": "flagger.app/v1beta1", "kind": "Canary", "name": "podinfo", "controller": true});
    let other = json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "theirs"});
    theirs["metadata"]["ownerReferences"] = json!([canary, other]);
    store.put(key.clone(), theirs.clone());
    assert!(scene(&store).facts().owned);
    write(&mut store, &Effect::Disown);
    let freed = store.objects().find(&key).unwrap();
    assert_eq!(freed["metadata"]["ownerReferences"], json!([other]));
    assert_eq!(
        (&freed["spec"], &freed["metadata"]["annotations"]),
        (&theirs["spec"], &theirs["metadata"]["annotations"])
    );
    assert!(!scene(&store).facts().owned);
}

#[test]
fn a_spec_that_cannot_be_read_is_given_back_all_the_same() {
    let mut store = store();
    for effect in [Effect::Sides, Effect::Apex, Effect::Route(Routing::PRIMARY)] {
        write(&mut store, &effect);
    }
    let mut invalid = canary();
    invalid["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    invalid["spec"]["analysis"]["stepWeights"] = json!([50, 10]);
    let scene = scene_of(invalid, &store);
    let facts = scene.facts();
    assert_eq!((facts.settings, facts.complaints), (None, vec![]));
    for effect in [Effect::ReleaseRoute, Effect::Discard] {
        assert_ne!(scene.changes(std::slice::from_ref(&effect)).unwrap(), [], "{effect:?}");
    }
}

#[test]
fn a_route_that_we_made_goes_and_the_users_own_comes_back() {
    let mut store = store();
    let kind = crate::route::find("istio").unwrap().kinds()[1];
    let theirs = json!({"hosts": ["app.example.com"], "http": [{"route": [{"destination": {"host": "podinfo"}}]}]});
    store.put(kind.named("test", "podinfo"), json!({"metadata": {}, "spec": theirs}));
    write(&mut store, &Effect::Route(Routing::PRIMARY));
    write(&mut store, &Effect::ReleaseRoute);
    let left: Vec<_> = store.objects().iter().filter(|(key, _)| key.kind.group == kind.group).collect();
    assert_eq!(left.len(), 1, "the rules of both sides are gone");
    assert_eq!(left[0].1["spec"], theirs);
}

#[test]
fn of_two_canaries_of_one_target_the_younger_stands_back() {
    let mut store = store();
    let named = |name: &str, created: &str, target: &str| {
        let mut canary = canary();
        canary["metadata"]["name"] = json!(name);
        canary["metadata"]["creationTimestamp"] = json!(created);
        canary["spec"]["targetRef"]["name"] = json!(target);
        canary
    };
    let (early, late) = ("2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z");
    let mut blocked = |other: Value| {
        store.put(kinds::CANARY.named("test", "other"), other);
        let facts = scene_of(named("podinfo", early, "podinfo"), &store).facts();
        facts.complaints.iter().any(|complaint| complaint.reason == "TargetIsTaken")
    };
    assert!(blocked(named("other", early, "podinfo")), "at the same time the name decides");
    assert!(!blocked(named("other", late, "podinfo")));
    assert!(!blocked(named("other", early, "elsewhere")));
}

#[test]
fn a_core_service_is_released_as_a_whole_and_never_scaled() {
    let mut store = FakeStore::default();
    let service = |host: &str| json!({"metadata": {}, "spec": {"type": "ExternalName", "externalName": host}});
    store.put(kinds::SERVICE.named("test", "podinfo"), service("a.example.com"));
    let mut canary = canary();
    canary["spec"]["targetRef"] = json!({"apiVersion": "v1", "kind": "Service", "name": "podinfo"});
    canary["spec"]["analysis"]["metrics"] = json!([]);
    let scene = |store: &FakeStore| scene_of(canary.clone(), store);
    let first = scene(&store).facts().target.found().expect("it is there").revision.clone();
    for effect in [Effect::Sides, Effect::Primary(PrimarySource::Target(first.clone()))] {
        for change in scene(&store).changes(std::slice::from_ref(&effect)).unwrap() {
            store.write(&change).unwrap();
        }
        assert_eq!(scene(&store).changes(std::slice::from_ref(&effect)).unwrap(), []);
    }
    let facts = scene(&store).facts();
    assert_eq!((facts.complaints, facts.scaling), (vec![], Scaling::Foreign));
    assert_eq!((facts.endpoints.primary, facts.endpoints.canary, facts.sides), (1, 1, Shape::AsWanted));
    assert!(facts.primary.found().is_some_and(|primary| primary.runs.is(&first)));
    assert_eq!(scene(&store).changes(&[Effect::ScaleTarget(0)]).unwrap(), []);

    store.put(kinds::SERVICE.named("test", "podinfo"), service("b.example.com"));
    let facts = scene(&store).facts();
    assert_ne!(facts.target.found().map(|target| &target.revision), Some(&first));
    assert_eq!(facts.sides, Shape::Differs, "the canary follows");
}

#[test]
fn a_knative_service_is_measured_by_its_newest_revision() {
    let mut canary = canary();
    canary["spec"]["provider"] = json!("knative");
    canary["spec"]["targetRef"] = json!({"apiVersion": "serving.knative.dev/v1", "kind": "Service", "name": "podinfo"});
    canary["spec"]["analysis"]["metrics"] =
        json!([{"name": "request-success-rate", "interval": "1m", "thresholdRange": {"min": 99}}]);
    let mut store = FakeStore::default();
    store.put(
        kinds::KNATIVE_SERVICE.named("test", "podinfo"),
        json!({"metadata": {}, "spec": {}, "status": {"latestCreatedRevisionName": "podinfo-00002"}}),
    );
    let scene = scene_of(canary, &store);
    let settings = scene.facts().settings.expect("the spec is right");
    let query = scene.ask(&settings.kpis[0]).expect("it can be asked").query;
    assert!(query.contains(r#"envoy_cluster_name=~"test/podinfo-00002""#), "{query}");
}

#[test]
fn a_knative_service_is_read_with_its_revisions() {
    let mut canary = canary();
    canary["spec"]["provider"] = json!("knative");
    canary["spec"]["targetRef"] = json!({"apiVersion": "serving.knative.dev/v1", "kind": "Service", "name": "podinfo"});
    canary["spec"]["analysis"]["metrics"] = json!([]);
    canary["status"] = json!({"lastPromotedSpec": "s1-podinfo-00001"});
    let mut store = FakeStore::default();
    let key = kinds::KNATIVE_SERVICE.named("test", "podinfo");
    store.put(
        key.clone(),
        json!({"metadata": {}, "spec": {}, "status": {"latestCreatedRevisionName": "podinfo-00002"}}),
    );
    let parsed: Canary = serde_json::from_value(canary.clone()).unwrap();
    let names: Vec<_> =
        further(&parsed, store.objects(), &Defaults::default()).iter().map(ToString::to_string).collect();
    assert_eq!(names, ["Revision/podinfo-00001.test", "Revision/podinfo-00002.test"]);
    assert!(lookups(&parsed, &Defaults::default()).keys.contains(&key));

    let ready = json!({"status": {"conditions": [{"type": "Ready", "status": "True"}]}});
    store.put(kinds::KNATIVE_REVISION.named("test", "podinfo-00002"), ready);
    let scene = |store: &FakeStore| scene_of(canary.clone(), store);
    assert_eq!(scene(&store).facts().primary, Seen::Missing);
    let revision = scene(&store).facts().target.found().expect("it is there").revision.clone();
    for change in scene(&store).changes(&[Effect::Primary(PrimarySource::Target(revision.clone()))]).unwrap() {
        store.write(&change).unwrap();
    }
    let facts = scene(&store).facts();
    assert!(facts.primary.found().is_some_and(|primary| primary.runs.is(&revision)));
    assert_eq!((facts.endpoints.primary, facts.scaling), (1, Scaling::Foreign));
}

/// With an HTTPRoute `shop` of the user's own in place of a route of ours.
fn bringing(provider: &str) -> (Value, FakeStore) {
    let mut canary = canary();
    canary["spec"]["provider"] = provider.into();
    let own = json!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "name": "shop"});
    canary["spec"]["routeRefs"] = json!([own]);
    let mut store = store();
    let rules = json!([{"backendRefs": [{"name": "podinfo", "port": 80}]}]);
    store.put(http_route(), json!({"metadata": {"name": "shop", "namespace": "test"}, "spec": {"rules": rules}}));
    (canary, store)
}

fn http_route() -> ObjectKey {
    let kind = crate::route::find("gatewayapi:v1").unwrap().kinds()[0];
    kind.named("test", "shop")
}

#[test]
fn a_canary_that_brings_its_routes_looks_at_them_and_makes_none() {
    let (canary, mut store) = bringing("istio");
    let scene = || scene_of(canary.clone(), &store);
    let looked_at = lookups(&scene().canary, &Defaults::default()).keys;
    assert!(looked_at.contains(&http_route()) && looked_at.iter().all(|key| key.kind.kind != "VirtualService"));
    assert_eq!(scene().facts().route, RouteSeen::Seen { routing: Routing::PRIMARY, shape: Shape::AsWanted });
    let half = Routing::split(Percent::clamped(50));
    let changes = scene().changes(&[Effect::Route(half.clone())]).unwrap();
    assert_eq!(changes.iter().filter_map(|change| change.key()).collect::<Vec<_>>(), [http_route()]);
    for change in changes {
        store.write(&change).unwrap();
    }
    let facts = scene_of(canary.clone(), &store).facts();
    assert_eq!(facts.route, RouteSeen::Seen { routing: half, shape: Shape::AsWanted });
}

#[test]
fn in_routes_of_the_users_own_the_counters_of_the_apex_are_those_of_the_primary() {
    let (mut canary, store) = bringing("contour");
    let primary = |canary: &Value| {
        let scene = scene_of(canary.clone(), &store);
        let settings = scene.facts().settings.unwrap();
        scene.sides(&settings.kpis[0]).unwrap()[1].query.clone()
    };
    assert!(primary(&canary).contains("=~\"test_podinfo_["), "{}", primary(&canary));
    canary["spec"]["routeRefs"] = Value::Null;
    assert!(primary(&canary).contains("=~\"test_podinfo-primary_["), "{}", primary(&canary));
}
