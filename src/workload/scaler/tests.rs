use serde_json::json;

use super::super::samples;
use super::*;
use crate::api::ScalerReplicas;
use crate::object::FakeStore;

fn wanted(kind: AutoscalerKind) -> AutoscalerRef {
    AutoscalerRef {
        api_version: "autoscaling/v2beta1".to_owned(),
        kind,
        name: "cart".to_owned(),
        primary_scaler_queries: Default::default(),
        primary_scaler_replicas: None,
    }
}

fn hpa() -> Value {
    json!({
        "metadata": {"labels": {"team": "basket", "app.kubernetes.io/managed-by": "Helm"}, "annotations": {"note": "x"}},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "cart"},
            "minReplicas": 3, "maxReplicas": 30,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}}}],
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 60}},
        },
    })
}

fn scaled_object() -> Value {
    json!({
        "metadata": {
            "labels": {KEDAS: "cart"},
            "annotations": {"scaledobject.keda.sh/transfer-hpa-ownership": "true", PAUSED: "0"},
        },
        "spec": {
            "scaleTargetRef": {"name": "cart"},
            "minReplicaCount": 2, "maxReplicaCount": 10, "idleReplicaCount": 0, "initialCooldownPeriod": 30,
            "advanced": {"horizontalPodAutoscalerConfig": {"name": "cart"}, "scalingModifiers": {"formula": "a"}},
            "triggers": [
                {"type": "prometheus", "name": "a", "useCachedMetrics": true, "metadata": {"query": "sum(rate(x{app=\"cart\"}[1m]))"}},
                {"type": "kafka", "metadata": {"topic": "cart"}},
            ],
        },
    })
}

/// A primary, and the user's autoscaler of this kind.
fn store(kind: AutoscalerKind) -> FakeStore {
    let mut store = FakeStore::default();
    let primary = json!({"metadata": {"annotations": {CANARY: "cart"}}, "spec": {"replicas": 3}});
    store.put(samples::subject().primary(), primary);
    let object = if kind == AutoscalerKind::ScaledObject { scaled_object() } else { hpa() };
    store.put(key("shop", &wanted(kind)), object);
    store
}

fn primary(store: &FakeStore) -> Value {
    store.objects().find(&samples::subject().primary()).cloned().expect("it is there")
}

fn mend(store: &mut FakeStore, wanted: &AutoscalerRef, hold: Option<Hold>) -> Vec<Change> {
    let changes = changes(&samples::subject(), wanted, hold, &primary(store), store.objects());
    changes.iter().for_each(|change| store.write(change).expect("no other hand wrote"));
    changes
}

fn copy(store: &FakeStore, wanted: &AutoscalerRef) -> Value {
    store.objects().find(&copy_of(&key("shop", wanted))).cloned().expect("it was made")
}

fn look(store: &FakeStore, wanted: &AutoscalerRef) -> Option<ScalerSeen> {
    seen(&samples::subject(), wanted, Some(&primary(store)), store.objects())
}

const HPAS: AutoscalerKind = AutoscalerKind::HorizontalPodAutoscaler;
const KEDA: AutoscalerKind = AutoscalerKind::ScaledObject;

#[test]
fn the_copy_of_an_hpa_scales_the_primary_by_the_same_rules() {
    let (mut store, wanted) = (store(HPAS), wanted(HPAS));
    assert_eq!(look(&store, &wanted).map(|seen| seen.shape), Some(Shape::Missing));
    mend(&mut store, &wanted, None);
    let made = copy(&store, &wanted);
    let mut spec = hpa()["spec"].clone();
    spec["scaleTargetRef"]["name"] = json!("cart-primary");
    assert_eq!((&made["spec"], &made["metadata"]["labels"]), (&spec, &json!({"team": "basket"})));
    assert_eq!(made["metadata"].get("ownerReferences"), None);
    let expected = ScalerSeen { shape: Shape::AsWanted, hold: None, least: 3, most: 30 };
    assert_eq!((look(&store, &wanted), mend(&mut store, &wanted, None)), (Some(expected), vec![]));
}

#[test]
fn bounds_of_the_primary_alone_are_taken_over() {
    let replicas = ScalerReplicas { min_replicas: Some(2), max_replicas: Some(15) };
    for kind in [HPAS, KEDA] {
        let wanted = AutoscalerRef { primary_scaler_replicas: Some(replicas.clone()), ..wanted(kind) };
        let mut store = store(kind);
        mend(&mut store, &wanted, None);
        let [least, most] = bounds(kind);
        let made = copy(&store, &wanted);
        assert_eq!((&made["spec"][least], &made["spec"][most]), (&json!(2), &json!(15)));
        assert_eq!(look(&store, &wanted).map(|seen| seen.most), Some(15));
    }
}

#[test]
fn an_edit_of_the_users_object_is_seen_and_reaches_the_copy_even_where_it_takes_away() {
    let (mut store, wanted) = (store(HPAS), wanted(HPAS));
    mend(&mut store, &wanted, None);
    let mut edited = hpa();
    edited["spec"]["maxReplicas"] = json!(10);
    edited["spec"].as_object_mut().expect("a map").remove("behavior");
    store.put(key("shop", &wanted), edited);
    assert_eq!(look(&store, &wanted).map(|seen| seen.shape), Some(Shape::Differs));
    mend(&mut store, &wanted, None);
    let made = copy(&store, &wanted);
    assert_eq!((&made["spec"]["maxReplicas"], made["spec"].get("behavior")), (&json!(10), None));
    assert_eq!(mend(&mut store, &wanted, None), []);
}

#[test]
fn a_hold_raises_the_least_up_to_the_most_and_is_remembered_by_the_object() {
    let (mut store, wanted) = (store(HPAS), wanted(HPAS));
    for (hold, least) in
        [(Some(Hold::Release(12)), 12), (Some(Hold::Promotion(99)), 30), (Some(Hold::Release(1)), 3), (None, 3)]
    {
        mend(&mut store, &wanted, hold);
        assert_eq!(copy(&store, &wanted)["spec"]["minReplicas"], json!(least));
        let seen = look(&store, &wanted).expect("it is there");
        assert_eq!((seen.hold, seen.shape), (hold, Shape::AsWanted));
    }
}

#[test]
fn a_copy_that_flagger_made_stays_as_it_is_until_something_changes() {
    let (mut store, wanted) = (store(HPAS), wanted(HPAS));
    let owner = json!([{"apiVersion": "flagger.app/v1beta1", "kind": "Canary", "name": "cart"}]);
    let mut theirs = hpa();
    theirs["metadata"] = json!({"labels": {"team": "basket"}, "ownerReferences": owner});
    theirs["spec"]["scaleTargetRef"]["name"] = json!("cart-primary");
    store.put(copy_of(&key("shop", &wanted)), theirs.clone());
    assert_eq!(mend(&mut store, &wanted, None), []);
    mend(&mut store, &wanted, Some(Hold::Release(9)));
    assert_eq!(copy(&store, &wanted)["spec"]["minReplicas"], json!(9));
}

#[test]
fn the_copy_of_a_scaled_object_keeps_every_field_and_asks_about_the_primary() {
    let (mut store, wanted) = (store(KEDA), wanted(KEDA));
    mend(&mut store, &wanted, None);
    let made = copy(&store, &wanted);
    let spec = &made["spec"];
    assert_eq!(spec["scaleTargetRef"]["name"], "cart-primary");
    assert_eq!(spec["triggers"][0]["metadata"]["query"], "sum(rate(x{app=\"cart-primary\"}[1m]))");
    assert_eq!(
        (&spec["triggers"][0]["useCachedMetrics"], &spec["triggers"][1]),
        (&json!(true), &scaled_object()["spec"]["triggers"][1])
    );
    assert_eq!(spec["advanced"]["horizontalPodAutoscalerConfig"]["name"], "cart-primary");
    assert_eq!(
        (&spec["advanced"]["scalingModifiers"]["formula"], &spec["initialCooldownPeriod"]),
        (&json!("a"), &json!(30))
    );
    let metadata = &made["metadata"];
    assert_eq!(metadata["annotations"]["scaledobject.keda.sh/transfer-hpa-ownership"], "true");
    assert_eq!((metadata["annotations"].get(PAUSED), metadata["labels"].get(KEDAS)), (None, None));
}

#[test]
fn queries_by_the_name_of_the_trigger_win_and_the_others_stay() {
    let mut wanted = wanted(KEDA);
    wanted.primary_scaler_queries.insert("a".to_owned(), "mine".to_owned());
    let mut store = store(KEDA);
    mend(&mut store, &wanted, None);
    assert_eq!(copy(&store, &wanted)["spec"]["triggers"][0]["metadata"]["query"], "mine");
}

#[test]
fn a_query_speaks_of_the_primary_once_and_keeps_its_labels_and_metric_names() {
    for (query, expected) in [
        (r#"x{app="cart"}"#, r#"x{app="cart-primary"}"#),
        (r#"x{a="cart-canary"} / x{a="cart"}"#, r#"x{a="cart-primary"} / x{a="cart-primary"}"#),
        (r#"x{a="cart-primary"}"#, r#"x{a="cart-primary"}"#),
        (
            r#"cart_requests{cart="cart", cart != "b", c=~"ns_cart.+"}"#,
            r#"cart_requests{cart="cart-primary", cart != "b", c=~"ns_cart-primary.+"}"#,
        ),
        ("sum:requests{service:cart}", "sum:requests{service:cart-primary}"),
        ("ä cart", "ä cart-primary"),
    ] {
        assert_eq!(of_primary(query, "cart"), expected);
    }
}

#[test]
fn of_the_users_scaled_object_only_the_pause_is_written() {
    let wanted = wanted(KEDA);
    let (mut store, users) = (store(KEDA), key("shop", &wanted));
    assert_eq!(pause(&users, store.objects(), Pause::AtZero), []);
    let before = store.objects().find(&users).cloned().expect("it is there");
    for said in [Pause::Over, Pause::AtZero] {
        let changes = pause(&users, store.objects(), said);
        assert_eq!(changes.len(), 1);
        changes.iter().for_each(|change| store.write(change).expect("no other hand wrote"));
        let after = store.objects().find(&users).cloned().expect("it is there");
        assert_eq!(after["spec"], before["spec"]);
        assert_eq!(after["metadata"]["annotations"].get(PAUSED).is_some(), said == Pause::AtZero);
    }
    assert_eq!(
        pause(&key("shop", &super::tests::wanted(HPAS)), super::tests::store(HPAS).objects(), Pause::AtZero),
        []
    );
}

#[test]
fn an_autoscaler_of_another_kind_or_none_takes_the_old_one_away() {
    let mut store = store(HPAS);
    store.put(key("shop", &wanted(KEDA)), scaled_object());
    mend(&mut store, &wanted(HPAS), None);
    let old = copy_of(&key("shop", &wanted(HPAS)));
    mend(&mut store, &wanted(KEDA), None);
    assert_eq!(store.objects().find(&old), None);
    let new = copy_of(&key("shop", &wanted(KEDA)));
    assert_eq!(made_for(&primary(&store)), Some(new.clone()));
    let changes = orphaned(&samples::subject(), &primary(&store), store.objects());
    changes.iter().for_each(|change| store.write(change).expect("no other hand wrote"));
    assert_eq!((store.objects().find(&new), made_for(&primary(&store))), (None, None));
}

#[test]
fn a_missing_autoscaler_of_the_user_writes_nothing() {
    let (mut store, wanted) = (store(HPAS), wanted(HPAS));
    store.remove(&key("shop", &wanted));
    assert_eq!((look(&store, &wanted), mend(&mut store, &wanted, None)), (None, vec![]));
}
