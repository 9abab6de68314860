//! The wire as a whole: nothing that a user writes is lost, and every field and every sentence has an example.

use std::collections::BTreeSet;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    AlertProvider, Canary, CanaryStatus, DeliveryPolicy, MetricTemplate, ParentRef, Word, crds, fixtures, sentences,
};
use crate::model::{Phase, Truth};

fn round_trip<T: DeserializeOwned + Serialize>(object: &Value) -> Value {
    serde_json::to_value(serde_json::from_value::<T>(object.clone()).unwrap()).unwrap()
}

#[test]
fn what_a_user_writes_is_written_back_unchanged() {
    for good in fixtures::good() {
        for object in good.objects {
            let written = match object["kind"].as_str() {
                Some("Canary") => round_trip::<Canary>(&object),
                Some("MetricTemplate") => round_trip::<MetricTemplate>(&object),
                Some("AlertProvider") => round_trip::<AlertProvider>(&object),
                Some("DeliveryPolicy") => round_trip::<DeliveryPolicy>(&object),
                kind => panic!("{} holds a {kind:?}", good.file),
            };
            assert_eq!(floats(written), floats(object), "{}", good.file);
        }
    }
}

/// 99 and 99.0 are the same number to a reader of JSON.
fn floats(value: Value) -> Value {
    match value {
        Value::Number(number) => number.as_f64().into(),
        Value::Array(items) => items.into_iter().map(floats).collect(),
        Value::Object(fields) => fields.into_iter().map(|(name, field)| (name, floats(field))).collect(),
        other => other,
    }
}

#[test]
fn a_gateway_reference_without_a_kind_means_a_gateway() {
    let reference: ParentRef = serde_json::from_value(serde_json::json!({ "name": "public" })).unwrap();
    assert_eq!((reference.group.as_str(), reference.kind.as_str()), ("gateway.networking.k8s.io", "Gateway"));
}

#[test]
fn the_counters_of_a_status_are_always_written() {
    let status = serde_json::to_value(CanaryStatus::default()).unwrap();
    for counter in ["failedChecks", "canaryWeight", "iterations"] {
        assert_eq!(status[counter], 0, "{counter}");
    }
}

#[test]
fn a_status_that_flagger_wrote_is_read() {
    let status: CanaryStatus = serde_json::from_value(serde_json::json!({
        "phase": "Succeeded", "canaryWeight": 0, "failedChecks": 1, "iterations": -1,
        "lastAppliedSpec": "5b6d8f9c7", "lastPromotedSpec": "5b6d8f9c7", "lastTransitionTime": "2026-11-20T14:03:10Z",
        "trackedConfigs": { "configmap/podinfo": "2c1b5a7f9e8d6c4b" },
        "conditions": [{
            "type": "Promoted", "status": "True", "reason": "Succeeded",
            "message": "Canary analysis completed successfully, promotion finished.",
            "lastUpdateTime": "2026-11-20T14:03:10Z", "lastTransitionTime": "2026-11-20T14:03:10Z",
        }],
    }))
    .unwrap();
    assert_eq!((status.phase, status.iterations), (Word(Phase::Succeeded), -1));
    assert_eq!(status.conditions[0].status, Word(Truth::True));
}

#[test]
fn every_field_of_the_schema_has_an_example() {
    let mut used = BTreeSet::new();
    for object in fixtures::good().into_iter().flat_map(|good| good.objects) {
        used_fields(&object["spec"], &mut format!("{}.spec", object["kind"].as_str().unwrap()), &mut used);
    }
    let mut known = BTreeSet::new();
    for crd in crds() {
        let root = crd.spec.versions[0].schema.clone().unwrap().open_api_v3_schema.unwrap();
        let spec = &root.properties.unwrap()["spec"];
        known_fields(spec, &format!("{}.spec", crd.spec.names.kind), &mut known);
    }
    assert_eq!(known.difference(&used).collect::<Vec<_>>(), Vec::<&String>::new());
}

/// Items of a list count as their list; the keys of a map are not fields, so a map counts as one.
fn known_fields(schema: &JSONSchemaProps, path: &str, known: &mut BTreeSet<String>) {
    known.insert(path.to_owned());
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &schema.items {
        known_fields(items, path, known);
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &schema.additional_properties {
        for (name, field) in values.properties.iter().flatten() {
            known_fields(field, &format!("{path}.*.{name}"), known);
        }
    }
    for (name, field) in schema.properties.iter().flatten() {
        known_fields(field, &format!("{path}.{name}"), known);
    }
}

fn used_fields(value: &Value, path: &mut String, used: &mut BTreeSet<String>) {
    used.insert(path.clone());
    let here = path.len();
    match value {
        Value::Array(items) => items.iter().for_each(|item| used_fields(item, path, used)),
        Value::Object(fields) => {
            for (name, field) in fields {
                for step in [name.as_str(), "*"] {
                    path.push('.');
                    path.push_str(step);
                    used_fields(field, path, used);
                    path.truncate(here);
                }
            }
        }
        _ => {}
    }
}

/// Told of a canary's surroundings, not of the object itself: the rooms that tell them show them in their tests.
const OF_THE_SURROUNDINGS: &[&str] = &[
    "CAN029", "CAN030", "CAN032", "CAN053", "CAN054", "CAN055", "CAN060", "CAN061", "CAN062", "CAN063", "CAN064",
    "CAN065", "CAN066", "CAN070", "CAN080", "CAN081", "CAN085", "CAN095", "CAN096", "CAN097", "CAN132", "CAN133",
    "CAN135", "CAN136", "CAN156", "CAN157", "MET002", "MET012", "MET013", "MET015", "MET016", "MET017",
];

#[test]
fn every_field_explains_itself_and_has_a_bound() {
    for crd in crds() {
        let root = crd.spec.versions[0].schema.clone().unwrap().open_api_v3_schema.unwrap();
        let properties = root.properties.unwrap();
        for (name, field) in properties {
            assert_explained(&field, &format!("{}.{name}", crd.spec.names.kind));
        }
    }
}

fn assert_explained(schema: &JSONSchemaProps, path: &str) {
    assert!(schema.description.is_some(), "{path} has no description");
    assert_bounded(schema, path);
    for (name, field) in schema.properties.iter().flatten() {
        assert_explained(field, &format!("{path}.{name}"));
    }
}

fn assert_bounded(schema: &JSONSchemaProps, path: &str) {
    assert_eq!(schema.nullable, None, "{path} admits null");
    if schema.type_.as_deref() == Some("string") {
        let bounded = schema.max_length.is_some() || schema.enum_.is_some() || schema.format.is_some();
        assert!(bounded, "{path} is a text without a bound");
    }
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &schema.items {
        assert!(schema.max_items.is_some(), "{path} is a list without a bound");
        assert_bounded(items, path);
        items.properties.iter().flatten().for_each(|(name, field)| assert_explained(field, &format!("{path}.{name}")));
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &schema.additional_properties {
        assert!(schema.max_properties.is_some(), "{path} is a map without a bound");
        assert_bounded(values, path);
    }
}

#[test]
fn every_sentence_about_an_object_has_a_bad_object() {
    let bad = fixtures::bad();
    let shown: BTreeSet<_> = bad.iter().filter_map(|bad| bad.said("check")).collect();
    for sentence in sentences::ALL {
        let elsewhere = OF_THE_SURROUNDINGS.contains(&sentence.id);
        assert!(elsewhere || shown.contains(sentence.id), "nothing in fixtures/bad is refused by {}", sentence.id);
    }
}
