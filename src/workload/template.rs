//! The primary's pod template, made from the target's.

use serde_json::{Value, json};

use super::configs::{self, CONFIGS, Configs};
use super::{Subject, daemon_set, hash};
use crate::model::Revision;
use crate::object::{is_mark, value};

/// The template that the primary gets for a template of the target: the selector label has the primary's value, and rules that
/// keep the target's pods apart or together speak of the primary's pods instead. Its configs are copies.
pub(super) fn of_primary(subject: &Subject<'_>, template: &Value, configs: &Configs) -> Value {
    let mut template = template.clone();
    daemon_set::unpark(&mut template);
    value::merge(&mut template, &json!({"metadata": {"labels": subject.selector.primary_pods()}}));
    if let Some(annotations) = template.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
        annotations.retain(|key, _| !is_mark(key));
    }
    rename_own_pods(&mut template, &|label, value| primarys(subject, label, value));
    configs::name_copies(&mut template, configs);
    if !configs.is_empty() {
        value::merge(&mut template, &json!({"metadata": {"annotations": {CONFIGS: hash::fingerprint_of(configs)}}}));
    }
    template
}

/// A label selector of the target's pods becomes one of the primary's.
pub(super) fn select_primary(subject: &Subject<'_>, selector: &mut Value) {
    in_selector(selector, &|label, value| primarys(subject, label, value));
}

/// The value of a label on the primary's pods, where it is another one than on the target's.
fn primarys(subject: &Subject<'_>, label: &str, value: &str) -> Option<String> {
    let own = &subject.selector;
    (label == own.label && value == own.value).then(|| own.primary_value())
}

/// What the template of a primary that Flagger made is compared by: it is the same as ours for its revision, but for a random
/// annotation, more renamed values in affinity rules, and references to copies of ConfigMaps and Secrets.
pub(super) fn identity(template: &Value) -> Revision {
    let mut template = template.clone();
    if let Some(annotations) = template.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
        annotations.retain(|key, _| key != "flagger-id" && key != CONFIGS);
    }
    let targets = |name: &str| name.strip_suffix("-primary").map(ToOwned::to_owned);
    rename_own_pods(&mut template, &|_, value| targets(value));
    configs::name_originals(&mut template);
    hash::revision(&template)
}

/// Renames values in the label selectors of pod (anti-)affinity and topology spread, where `renamed` gives another for a label's value.
fn rename_own_pods(template: &mut Value, renamed: &dyn Fn(&str, &str) -> Option<String>) {
    for place in ["/spec/affinity/podAffinity", "/spec/affinity/podAntiAffinity", "/spec/topologySpreadConstraints"] {
        if let Some(rules) = template.pointer_mut(place) {
            in_rules(rules, renamed);
        }
    }
}

fn in_rules(rules: &mut Value, renamed: &dyn Fn(&str, &str) -> Option<String>) {
    match rules {
        Value::Array(list) => list.iter_mut().for_each(|rule| in_rules(rule, renamed)),
        Value::Object(rule) => {
            for (field, inner) in rule.iter_mut() {
                if field == "labelSelector" { in_selector(inner, renamed) } else { in_rules(inner, renamed) }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn in_selector(selector: &mut Value, renamed: &dyn Fn(&str, &str) -> Option<String>) {
    let rename = |label: &str, value: &mut Value| {
        if let Some(new) = value.as_str().and_then(|old| renamed(label, old)) {
            *value = Value::String(new);
        }
    };
    if let Some(labels) = selector.get_mut("matchLabels").and_then(Value::as_object_mut) {
        labels.iter_mut().for_each(|(label, value)| rename(label, value));
    }
    for expression in selector.get_mut("matchExpressions").and_then(Value::as_array_mut).into_iter().flatten() {
        let label = value::text(expression, &["key"]).unwrap_or_default().to_owned();
        let values = expression.get_mut("values").and_then(Value::as_array_mut);
        values.into_iter().flatten().for_each(|value| rename(&label, value));
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn only_the_selector_label_and_what_speaks_of_the_own_pods_differ_from_the_targets() {
        let mut expected = samples::template();
        expected["metadata"]["labels"]["app"] = json!("cart-primary");
        let affinity = &mut expected["spec"]["affinity"]["podAntiAffinity"];
        affinity["preferredDuringSchedulingIgnoredDuringExecution"][0]["podAffinityTerm"]["labelSelector"]["matchExpressions"]
            [0]["values"] = json!(["cart-primary", "till"]);
        affinity["requiredDuringSchedulingIgnoredDuringExecution"][0]["labelSelector"]["matchLabels"]["app"] =
            json!("cart-primary");
        expected["spec"]["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"]["app"] = json!("cart-primary");
        assert_eq!(of_primary(&samples::subject(), &samples::template(), &Configs::new()), expected);
    }

    #[test]
    fn a_label_that_the_primarys_pods_keep_is_not_renamed_in_its_rules() {
        let mut template = samples::template();
        template["spec"]["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"] = json!({"name": "cart"});
        let primary = of_primary(&samples::subject(), &template, &Configs::new());
        assert_eq!(primary["spec"]["topologySpreadConstraints"], template["spec"]["topologySpreadConstraints"]);
    }

    #[test]
    fn pods_that_want_to_be_together_stay_with_their_own_side() {
        let mut template = samples::template();
        let term = json!([{"topologyKey": "zone", "labelSelector": {"matchLabels": {"app": "cart"}}}]);
        template["spec"]["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"] = term;
        let primary = of_primary(&samples::subject(), &template, &Configs::new());
        let label = primary.pointer(
            "/spec/affinity/podAffinity/requiredDuringSchedulingIgnoredDuringExecution/0/labelSelector/matchLabels/app",
        );
        assert_eq!(label, Some(&json!("cart-primary")));
    }

    #[test]
    fn a_primary_that_flagger_made_is_the_same() {
        let ours = of_primary(&samples::subject(), &samples::template(), &Configs::new());
        let mut theirs = ours.clone();
        theirs["metadata"]["annotations"]["flagger-id"] = json!("0b9c");
        theirs["spec"]["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"][0]["labelSelector"]
            ["matchLabels"]["tier"] = json!("front-primary");
        let copies = [
            ("/spec/volumes/0/configMap/name", "cart-primary"),
            ("/spec/initContainers/0/envFrom/0/secretRef/name", "database-primary"),
        ];
        for (place, copy) in copies {
            *theirs.pointer_mut(place).expect("the reference is there") = json!(copy);
        }
        assert_eq!(identity(&theirs), identity(&ours));
        theirs["spec"]["containers"][0]["image"] = json!("cart:2");
        assert_ne!(identity(&theirs), identity(&ours));
    }

    #[test]
    fn marks_of_gitops_tools_do_not_reach_the_primarys_pods() {
        let mut template = samples::template();
        template["metadata"]["annotations"]["kustomize.toolkit.fluxcd.io/checksum"] = json!("1");
        assert_eq!(
            of_primary(&samples::subject(), &template, &Configs::new()),
            of_primary(&samples::subject(), &samples::template(), &Configs::new())
        );
    }
}
