//! The kind DeliveryPolicy: what holds for the releases of whole namespaces, and what their Canaries mean that do not say it.

use std::collections::BTreeMap;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ReleaseSchedule, RollbackPolicy, rules};

/// What holds for every Canary of some namespaces, besides what each of them asks for itself. Of several policies all hold.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[kube(
    group = "flagger.app",
    version = "v1beta1",
    kind = "DeliveryPolicy",
    plural = "deliverypolicies",
    category = "all",
    derive = "PartialEq",
    doc = "When the releases of some namespaces may start and advance, and how many at once.",
    annotation("helm.sh/resource-policy", "keep"),
    printcolumn(name = "MaxConcurrent", type_ = "integer", json_path = ".spec.maxConcurrent"),
    printcolumn(name = "TimeZone", type_ = "string", json_path = ".spec.schedule.timeZone"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryPolicySpec {
    /// The namespaces for which it holds, by their labels. Every namespace has the label kubernetes.io/metadata.name with its name.
    /// Default: all namespaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace_selector: Option<NamespaceSelector>,

    /// How many releases may run at once in all these namespaces; those that come later wait for their turn. The canaries of a group
    /// count as one. Default: any number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub max_concurrent: Option<i32>,

    /// When releases may start and advance there. Default: always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<ReleaseSchedule>,

    /// What a Canary means that does not say it itself. What does not go with the rest of a Canary is left out there; of several
    /// policies that say the same field, the first by name counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub defaults: Option<CanaryDefaults>,
}

/// What Canaries mean that do not say it themselves.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct CanaryDefaults {
    /// In place of spec.progressDeadlineSeconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub progress_deadline_seconds: Option<i32>,

    /// In place of fields of spec.rollback, each by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback: Option<RollbackPolicy>,

    /// In place of fields of spec.analysis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub analysis: Option<AnalysisDefaults>,
}

/// Fields of an analysis that Canaries mean which do not say them themselves.
#[derive(Serialize, Deserialize, KubeSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct AnalysisDefaults {
    /// In place of spec.analysis.warmup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = rules::duration("spec.defaults.analysis.warmup"))]
    #[schemars(length(max = 32))]
    pub warmup: Option<String>,

    /// In place of spec.analysis.bake.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = rules::duration("spec.defaults.analysis.bake"))]
    #[schemars(length(max = 32))]
    pub bake: Option<String>,

    /// In place of spec.analysis.primaryReadyThreshold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub primary_ready_threshold: Option<i32>,

    /// In place of spec.analysis.canaryReadyThreshold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub canary_ready_threshold: Option<i32>,
}

/// Labels that a namespace must have. All of what is given must be true.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct NamespaceSelector {
    /// Labels with just these values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub match_labels: Option<BTreeMap<String, String>>,

    /// Labels with one of several values, or any, or none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub match_expressions: Option<Vec<LabelRule>>,
}

/// What a label must be.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct LabelRule {
    /// Name of the label.
    #[schemars(length(min = 1, max = 317))]
    pub key: String,

    /// In, NotIn, Exists or DoesNotExist.
    pub operator: LabelOperator,

    /// The values of In and NotIn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<String>>,
}

/// How a label is compared with values.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
pub enum LabelOperator {
    /// The label has one of the values.
    In,
    /// The label has none of the values, or is not there.
    NotIn,
    /// The label is there.
    Exists,
    /// The label is not there.
    DoesNotExist,
}

impl NamespaceSelector {
    /// Whether it selects what has these labels.
    pub fn selects(&self, labels: &BTreeMap<String, String>) -> bool {
        let equal = self.match_labels.iter().flatten().all(|(key, value)| labels.get(key) == Some(value));
        equal && self.match_expressions.iter().flatten().all(|rule| rule.holds(labels))
    }
}

impl LabelRule {
    fn holds(&self, labels: &BTreeMap<String, String>) -> bool {
        let have = labels.get(&self.key);
        let listed = have.is_some_and(|value| self.values.iter().flatten().any(|listed| listed == value));
        match self.operator {
            LabelOperator::In => listed,
            LabelOperator::NotIn => !listed,
            LabelOperator::Exists => have.is_some(),
            LabelOperator::DoesNotExist => have.is_none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_namespace_is_selected_as_kubectl_would_select_it() {
        let labels = BTreeMap::from([("stage".to_owned(), "production".to_owned())]);
        let selects = |selector: serde_json::Value| {
            serde_json::from_value::<NamespaceSelector>(selector).unwrap().selects(&labels)
        };
        let rule = |key: &str, operator: &str, values: &[&str]| {
            selects(json!({"matchExpressions": [{"key": key, "operator": operator, "values": values}]}))
        };
        assert!(selects(json!({})), "an empty selector selects everything");
        assert_eq!(
            ["production", "staging"].map(|stage| selects(json!({"matchLabels": {"stage": stage}}))),
            [true, false]
        );
        assert_eq!(["production", "staging"].map(|stage| rule("stage", "In", &[stage])), [true, false]);
        assert_eq!(["production", "staging"].map(|stage| rule("stage", "NotIn", &[stage])), [false, true]);
        assert_eq!(["stage", "team"].map(|key| rule(key, "Exists", &[])), [true, false]);
        assert_eq!(["stage", "team"].map(|key| rule(key, "DoesNotExist", &[])), [false, true]);
        assert!(rule("team", "NotIn", &["a"]), "a label that is not there has none of the values");
    }
}
