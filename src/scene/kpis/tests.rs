//! What is asked for a comparison of quantiles, and what keeps one from being asked.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::object::{FakeStore, value};
use crate::settings::{self, Defaults};

/// The MetricTemplate and the Canary of `examples/verdict/latency.yaml`, changed by these patches.
fn example(template: &Value, canary: &Value) -> (Scene, Settings) {
    let mut documents: Vec<Value> =
        serde_saphyr::from_multiple(include_str!("../../../examples/verdict/latency.yaml")).unwrap();
    value::merge(&mut documents[0], template);
    value::merge(&mut documents[1], canary);
    let mut store = FakeStore::default();
    store.put(kinds::METRIC_TEMPLATE.named("shop", "checkout-latency"), documents[0].clone());
    let canary: crate::api::Canary = serde_json::from_value(documents[1].clone()).unwrap();
    let settings = settings::resolve(&canary.spec, &Defaults { provider: "", namespace: "shop" }).unwrap();
    let defaults = crate::scene::Defaults { metrics_server: "http://prometheus:9090".to_owned(), ..Default::default() };
    let objects = store.objects().clone();
    (Scene { canary, objects, defaults: Arc::new(defaults), unserved: BTreeSet::new() }, settings)
}

const SPAN: Span = Span { from: Time::from_millis(60_000), to: Time::from_millis(120_000), first: true };

fn pairs((scene, settings): &(Scene, Settings)) -> Vec<Result<Pair, Measurement>> {
    settings.kpis.iter().map(|kpi| scene.pair(kpi, &kpi.comparison.unwrap(), SPAN)).collect()
}

#[test]
fn the_buckets_of_both_sides_are_asked_for_by_the_router_and_by_a_template() {
    let example = example(&json!({}), &json!({}));
    let queries: Vec<_> = pairs(&example)
        .into_iter()
        .map(|pair| match pair {
            Ok(Pair::Counted(growth)) => (growth.grown.query, growth.before.unwrap().query),
            other => panic!("{other:?}"),
        })
        .collect();
    let [(router, before), (template, _)] = &queries[..] else { panic!("{queries:?}") };
    assert!(router.contains("istio_request_duration_milliseconds_bucket{") && router.contains("\"checkout-primary\""));
    assert!(before.contains("\"checkout-primary\"") && !before.contains("=~\"checkout\""), "{before}");
    for side in ["checkout", "checkout-primary"] {
        let of_side = format!("checkout_duration_seconds_bucket{{namespace=\"shop\", deployment=\"{side}\"}}");
        assert!(template.contains(&of_side), "{template}");
    }
    assert!(example.1.kpis.iter().all(|kpi| kpi.rules.min_requests == 500));
}

#[test]
fn a_query_that_is_none_of_a_histogram_says_how_one_is_written() {
    let said = |template: &Value| {
        let (scene, settings) = example(template, &json!({}));
        match scene.pair(&settings.kpis[1], &settings.kpis[1].comparison.unwrap(), SPAN) {
            Err(Measurement::Error(why)) => why,
            other => panic!("{other:?}"),
        }
    };
    let why = said(&json!({"spec": {"query": "max(latency{app=\"{{ target }}\"})"}}));
    assert!(
        why.starts_with("metric checkout-latency has comparison.type quantile, and its query is not read as")
            && why.contains("write histogram_quantile(0.99, sum(rate(NAME_bucket[1m])) by (le)) for Prometheus"),
        "{why}"
    );
    assert_eq!(said(&json!({"spec": {"provider": {"type": "datadog"}}})), why, "a provider that has no buckets");
}

#[test]
fn a_router_without_a_histogram_says_what_to_write() {
    let (scene, settings) = example(
        &json!({}),
        &json!({"spec": {"provider": "nginx", "ingressRef": {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "name": "shop"}}}),
    );
    let pair = scene.pair(&settings.kpis[0], &settings.kpis[0].comparison.unwrap(), SPAN);
    let Err(Measurement::Error(why)) = pair else { panic!("{pair:?}") };
    assert!(
        why.contains("nginx brings no counters of them along") && why.contains("write comparison.type sign"),
        "{why}"
    );
}

#[test]
fn where_values_are_compared_the_canarys_requests_are_asked_for_only_if_there_must_be_some() {
    let counted = |least: u32| {
        let metrics =
            json!([{"name": "checkout-latency", "templateRef": {"name": "checkout-latency"}, "comparison": {}}]);
        let example = example(&json!({}), &json!({"spec": {"analysis": {"minRequests": least, "metrics": metrics}}}));
        match pairs(&example).remove(0) {
            Ok(Pair::Valued { counted, .. }) => counted.map(|ask| ask.query),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(counted(0), None);
    assert!(counted(100).unwrap().contains("istio_requests_total"));
}

#[test]
fn in_place_each_side_is_asked_for_by_the_names_of_its_pods() {
    let query = "histogram_quantile(0.9, sum(rate(s_bucket{pod=~\"{{ pods }}\"}[1m])) by (le))";
    let in_place = json!({"spec": {
        "provider": "kubernetes",
        "targetRef": {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "checkout"},
    }});
    let (mut scene, settings) = example(&json!({"spec": {"query": query}}), &in_place);
    let queries = |scene: &Scene| {
        let sides = settings.kpis.iter().map(|kpi| scene.sides(kpi).unwrap().map(|ask| ask.query));
        sides.collect::<Vec<_>>()
    };
    let mut share = |partition: u32| {
        let strategy = json!({"rollingUpdate": {"partition": partition}});
        let status = json!({"currentRevision": "a", "updateRevision": "b"});
        let set = json!({"spec": {"replicas": 4, "updateStrategy": strategy}, "status": status});
        scene.objects.insert(kinds::STATEFUL_SET.named("shop", "checkout"), Arc::new(set));
        queries(&scene)
    };
    for [canary, primary] in share(2) {
        assert!(canary.contains("=~\"checkout-2|checkout-3\""), "{canary}");
        assert!(primary.contains("=~\"checkout-0|checkout-1\""), "{primary}");
    }
    for [canary, primary] in share(9) {
        assert!(canary.contains("=~\"checkout-()\"") && primary.contains("|checkout-3\""), "nobody: {canary}");
    }
}

#[test]
fn the_pods_of_a_daemon_set_are_told_by_what_they_were_made_of() {
    let query = "sum(rate(s_count{pod=~\"{{ pods }}\"}[1m]))";
    let in_place = json!({"spec": {
        "provider": "kubernetes",
        "targetRef": {"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "checkout", "inPlace": true},
    }});
    let (mut scene, settings) = example(&json!({"spec": {"query": query}}), &in_place);
    let note = json!({"strategy": null, "current": {"revision": "a", "template": "1"}, "given": 1}).to_string();
    let annotations = json!({"serin.dev/in-place": note, "deprecated.daemonset.template.generation": "2"});
    let set = json!({"metadata": {"uid": "u", "annotations": annotations}, "spec": {"template": "2"}});
    scene.objects.insert(kinds::DAEMON_SET.named("shop", "checkout"), Arc::new(set));
    for (name, revision, made_of) in [("checkout-x", "a", "1"), ("checkout-y", "b", "2"), ("checkout-z", "a", "1")] {
        let labels = json!({"controller-revision-hash": revision, "pod-template-generation": made_of});
        let owners = json!([{"uid": "u", "controller": true}]);
        let pod = json!({"metadata": {"labels": labels, "ownerReferences": owners}});
        scene.objects.insert(kinds::POD.named("shop", name), Arc::new(pod));
    }
    for kpi in &settings.kpis {
        let [canary, primary] = scene.sides(kpi).unwrap().map(|ask| ask.query);
        assert!(canary.contains("=~\"checkout-y\""), "{canary}");
        assert!(primary.contains("=~\"checkout-x|checkout-z\""), "{primary}");
    }
}
