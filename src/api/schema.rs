//! The CRDs, made from the types.
//!
//! Every text, list and map gets a bound here unless its type gives one: the apiserver prices CEL rules by the largest
//! object that the schema admits. The bounds are far above what anybody writes.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, CustomResourceSubresourceStatus, CustomResourceSubresources, JSONSchemaProps,
    JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use kube::CustomResourceExt;

use super::{AlertProvider, Canary, DeliveryPolicy, MetricTemplate};

/// Longest text, in characters.
const TEXT: i64 = 4_096;
/// Longest value of a map, in characters: a hook's metadata may hold a whole script.
const MAP_VALUE: i64 = 65_536;
/// Longest list.
const LIST: i64 = 256;
/// Largest map.
const MAP: i64 = 256;

/// The CRDs of all our kinds.
pub fn crds() -> [CustomResourceDefinition; 4] {
    [Canary::crd(), MetricTemplate::crd(), AlertProvider::crd(), DeliveryPolicy::crd()].map(finished)
}

/// A CRD as the text of a file.
///
/// # Errors
/// When the CRD holds something that YAML cannot express, which the tests exclude.
pub fn yaml(crd: &CustomResourceDefinition) -> Result<String, serde_saphyr::ser::Error> {
    let body = serde_saphyr::to_string(crd)?;
    Ok(format!("# Generated from src/api by `UPDATE_EXPECT=1 cargo test api::`. Do not edit.\n---\n{body}"))
}

/// Takes the description of an enum away, which would otherwise hide that of the optional field that holds it.
pub(super) fn unnamed(schema: &mut schemars::Schema) {
    schema.remove("description");
}

fn finished(mut crd: CustomResourceDefinition) -> CustomResourceDefinition {
    for version in &mut crd.spec.versions {
        // Flagger serves the subresource for its three kinds, also where there is no status to write.
        version.subresources = Some(CustomResourceSubresources {
            status: Some(CustomResourceSubresourceStatus(serde_json::json!({}))),
            ..CustomResourceSubresources::default()
        });
        let Some(root) = version.schema.as_mut().and_then(|schema| schema.open_api_v3_schema.as_mut()) else {
            continue;
        };
        bound(root, TEXT);
        if let Some(status) = root.properties.as_mut().and_then(|properties| properties.get_mut("status")) {
            forget_defaults(status);
        }
    }
    crd
}

/// Bounds everything below, and drops `nullable`: the apiserver then drops a null, as it does under Flagger's schema.
fn bound(schema: &mut JSONSchemaProps, text: i64) {
    schema.nullable = None;
    match schema.type_.as_deref() {
        Some("string") if schema.enum_.is_none() && schema.format.is_none() => {
            schema.max_length.get_or_insert(text);
        }
        Some("array") => {
            schema.max_items.get_or_insert(LIST);
        }
        _ => {}
    }
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &mut schema.items {
        bound(items, TEXT);
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &mut schema.additional_properties {
        schema.max_properties.get_or_insert(MAP);
        bound(values, MAP_VALUE);
    }
    for property in schema.properties.iter_mut().flat_map(|properties| properties.values_mut()) {
        bound(property, TEXT);
    }
}

/// What an operator writes must not be filled in by the apiserver.
fn forget_defaults(schema: &mut JSONSchemaProps) {
    schema.default = None;
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &mut schema.items {
        forget_defaults(items);
    }
    for property in schema.properties.iter_mut().flat_map(|properties| properties.values_mut()) {
        forget_defaults(property);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_the_crds_say_what_the_types_say() {
        for crd in crds() {
            let path = format!("{}/crds/{}.yaml", env!("CARGO_MANIFEST_DIR"), crd.spec.names.plural);
            expect_test::expect_file![path].assert_eq(&yaml(&crd).unwrap());
        }
    }
}
