//! The one label that tells the canary's pods from the primary's.

use serde_json::{Value, json};

use crate::api::sentences;
use crate::model::Complaint;
use crate::object::value;

/// A label of the target's selector and its value. The primary's pods have the same label with another value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Selector {
    /// The label.
    pub label: String,
    /// Its value on the target's pods.
    pub value: String,
}

impl Selector {
    /// The first of `labels` that the target's `spec.selector.matchLabels` has; a complaint that says what to write if it has none.
    pub fn of(target: &Value, labels: &[String]) -> Result<Self, Complaint> {
        let matched = value::at(target, &["spec", "selector", "matchLabels"]);
        let found = labels.iter().find_map(|label| {
            let value = value::text(matched?, &[label])?;
            Some(Self { label: label.clone(), value: value.to_owned() })
        });
        found.ok_or_else(|| no_label(target, labels, matched))
    }

    /// The value on the primary's pods.
    pub fn primary_value(&self) -> String {
        format!("{}-primary", self.value)
    }

    /// What selects the target's pods.
    pub fn target_pods(&self) -> Value {
        json!({ &self.label: self.value })
    }

    /// What selects the primary's pods.
    pub fn primary_pods(&self) -> Value {
        json!({ &self.label: self.primary_value() })
    }
}

fn no_label(target: &Value, labels: &[String], matched: Option<&Value>) -> Complaint {
    let has: Vec<&str> =
        matched.and_then(Value::as_object).into_iter().flatten().map(|(key, _)| key.as_str()).collect();
    let cure = has.first().map_or_else(
        || "add one of them".to_owned(),
        |first| format!("add one of them, or start serin with --selector-labels={first}"),
    );
    let values = [
        ("kind", value::text(target, &["kind"]).unwrap_or("Deployment")),
        ("target", value::text(target, &["metadata", "name"]).unwrap_or_default()),
        ("labels", &labels.join(", ")),
        ("has", if has.is_empty() { "no labels" } else { &has.join(", ") }),
        ("cure", &cure),
    ];
    Complaint::blocks(sentences::CAN030.reason, sentences::CAN030.say(&values))
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    fn labels() -> Vec<String> {
        ["app", "name", "app.kubernetes.io/name"].map(ToOwned::to_owned).to_vec()
    }

    #[test]
    fn the_first_configured_label_of_the_selector_is_taken_whatever_the_order_in_the_object() {
        let mut target = samples::deployment();
        target["spec"]["selector"]["matchLabels"] =
            json!({"app.kubernetes.io/name": "a", "name": "podinfo", "tier": "front"});
        let selector = Selector::of(&target, &labels()).expect("it has two of them");
        assert_eq!(selector, Selector { label: "name".to_owned(), value: "podinfo".to_owned() });
        assert_eq!(selector.target_pods(), json!({"name": "podinfo"}));
        assert_eq!(selector.primary_pods(), json!({"name": "podinfo-primary"}));
    }

    #[test]
    fn a_target_without_such_a_label_is_told_what_to_write() {
        let mut target = samples::deployment();
        target["spec"]["selector"]["matchLabels"] = json!({"tier": "front"});
        let complaint = Selector::of(&target, &labels()).expect_err("tier is not among them");
        assert_eq!(complaint.reason, "NoSelectorLabel");
        assert_eq!(
            complaint.sentence,
            "Deployment/cart has none of the labels app, name, app.kubernetes.io/name in spec.selector.matchLabels (it has tier), so \
             its pods could not be told from those of cart-primary and nothing is released; add one of them, or start serin with \
             --selector-labels=tier"
        );
    }

    #[test]
    fn a_selector_without_labels_is_a_complaint_too() {
        let mut target = samples::deployment();
        target["spec"]["selector"] = json!({"matchExpressions": [{"key": "app", "operator": "Exists"}]});
        assert!(Selector::of(&target, &labels()).is_err());
        assert!(Selector::of(&json!(null), &labels()).is_err());
    }
}
