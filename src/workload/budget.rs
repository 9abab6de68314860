//! The PodDisruptionBudget of the primary: what the user grants the target's pods, the pods that serve in their place get too.

use serde_json::{Value, json};

use super::{CANARY, Subject, template};
use crate::object::kinds::BUDGET;
use crate::object::{Change, ObjectKey, Objects, value};

/// The writes after which each budget of the target's pods has its twin for the primary's, and no twin is left without one.
pub fn changes(subject: &Subject<'_>, pods: &Value, objects: &Objects) -> Vec<Change> {
    let wanted: Vec<Value> = budgets(subject, objects).filter_map(|(_, budget)| twin(subject, pods, budget)).collect();
    let keys: Vec<_> = wanted.iter().filter_map(|twin| ObjectKey::of(BUDGET, twin)).collect();
    let mut changes: Vec<_> = left(subject, objects, &keys).map(Change::Delete).collect();
    let is_due = |key: &ObjectKey, twin: &Value| match objects.find(key) {
        Some(have) => is_ours(subject, have) && have.get("spec") != twin.get("spec"),
        None => true,
    };
    let due = keys.iter().zip(wanted).filter(|(key, twin)| is_due(key, twin));
    changes.extend(due.map(|(_, twin)| Change::Apply(BUDGET, twin)));
    changes
}

/// The writes that take every twin away.
pub fn discard(subject: &Subject<'_>, objects: &Objects) -> Vec<Change> {
    left(subject, objects, &[]).map(Change::Delete).collect()
}

/// Twins besides those that are wanted.
fn left<'a>(
    subject: &'a Subject<'_>,
    objects: &'a Objects,
    wanted: &'a [ObjectKey],
) -> impl Iterator<Item = ObjectKey> + 'a {
    let ours = budgets(subject, objects).filter(|(_, budget)| is_ours(subject, budget));
    ours.map(|(key, _)| key.clone()).filter(|key| !wanted.contains(key))
}

fn budgets<'a>(
    subject: &Subject<'_>,
    objects: &'a Objects,
) -> impl Iterator<Item = (&'a ObjectKey, &'a Value)> + use<'a> {
    let namespace = subject.namespace.to_owned();
    objects.of_kind(BUDGET).filter(move |(key, _)| key.namespace == namespace)
}

fn is_ours(subject: &Subject<'_>, budget: &Value) -> bool {
    value::text(budget, &["metadata", "annotations", CANARY]) == Some(subject.canary)
}

/// The twin of a budget; `None` where it is not one of the target's pods alone: of two budgets for one pod Kubernetes keeps neither.
fn twin(subject: &Subject<'_>, pods: &Value, budget: &Value) -> Option<Value> {
    let (spec, name) = (budget.get("spec")?, value::text(budget, &["metadata", "name"])?);
    let mut primary = pods.clone();
    value::merge(&mut primary, &subject.selector.primary_pods());
    let selector = spec.get("selector")?;
    let made = value::text(budget, &["metadata", "annotations", CANARY]).is_some();
    if made || !selects(selector, pods) || selects(selector, &primary) {
        return None;
    }
    let mut spec = spec.clone();
    template::select_primary(subject, &mut spec["selector"]);
    Some(json!({
        "apiVersion": BUDGET.api_version(),
        "kind": BUDGET.kind,
        "metadata": {
            "name": format!("{name}-primary"),
            "namespace": subject.namespace,
            "annotations": {CANARY: subject.canary},
        },
        "spec": spec,
    }))
}

/// Whether a label selector selects pods with these labels. One without conditions selects every pod.
fn selects(selector: &Value, labels: &Value) -> bool {
    let has = |label: &str| value::text(labels, &[label]);
    let matches = selector.get("matchLabels").and_then(Value::as_object);
    let expressions = selector.get("matchExpressions").and_then(Value::as_array);
    matches.into_iter().flatten().all(|(label, wanted)| has(label) == wanted.as_str())
        && expressions.into_iter().flatten().all(|expression| {
            let found = has(value::text(expression, &["key"]).unwrap_or_default());
            let values = expression.get("values").and_then(Value::as_array);
            let listed = values.into_iter().flatten().any(|value| found.is_some() && value.as_str() == found);
            match value::text(expression, &["operator"]) {
                Some("In") => listed,
                Some("NotIn") => !listed,
                Some("Exists") => found.is_some(),
                Some("DoesNotExist") => found.is_none(),
                Some(_) | None => false,
            }
        })
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;
    use crate::object::FakeStore;

    fn budget(selector: &Value) -> Value {
        json!({"metadata": {"labels": {"team": "basket"}}, "spec": {"minAvailable": 1, "selector": selector}})
    }

    fn stored(name: &str, budget: Value) -> FakeStore {
        let mut store = FakeStore::default();
        store.put(BUDGET.named("shop", name), budget);
        store
    }

    fn keep(store: &mut FakeStore) -> Vec<Change> {
        let template = samples::template();
        let changes = changes(&samples::subject(), &template["metadata"]["labels"], store.objects());
        changes.iter().for_each(|change| store.write(change).expect("no other hand wrote"));
        changes
    }

    fn twin_of(store: &FakeStore, name: &str) -> Option<Value> {
        store.objects().find(&BUDGET.named("shop", format!("{name}-primary"))).cloned()
    }

    #[test]
    fn a_budget_of_the_targets_pods_has_a_twin_that_is_kept_in_step_and_goes_with_it() {
        let mut store = stored("cart", budget(&json!({"matchLabels": {"app": "cart"}})));
        keep(&mut store);
        let twin = twin_of(&store, "cart").expect("it was made");
        assert_eq!(twin["spec"], json!({"minAvailable": 1, "selector": {"matchLabels": {"app": "cart-primary"}}}));
        assert_eq!(keep(&mut store), [], "and it is done once");
        let mut edited = budget(&json!({"matchLabels": {"app": "cart"}}));
        edited["spec"]["minAvailable"] = json!("50%");
        store.put(BUDGET.named("shop", "cart"), edited);
        keep(&mut store);
        assert_eq!(twin_of(&store, "cart").expect("it is still there")["spec"]["minAvailable"], json!("50%"));
        store.remove(&BUDGET.named("shop", "cart"));
        keep(&mut store);
        assert_eq!(twin_of(&store, "cart"), None);
    }

    #[test]
    fn conditions_on_the_selector_label_speak_of_the_primary() {
        let expression =
            |values: Value| json!({"matchExpressions": [{"key": "app", "operator": "In", "values": values}]});
        let mut store = stored("pair", budget(&expression(json!(["cart", "till"]))));
        keep(&mut store);
        let twin = twin_of(&store, "pair").expect("it was made");
        assert_eq!(twin["spec"]["selector"], expression(json!(["cart-primary", "till"])));
    }

    #[test]
    fn a_pod_never_has_two_budgets() {
        for selector in [
            json!({}),
            json!({"matchLabels": {"app": "other"}}),
            json!({"matchExpressions": [{"key": "app", "operator": "Exists"}]}),
            json!({"matchExpressions": [{"key": "app", "operator": "In", "values": ["cart", "cart-primary"]}]}),
        ] {
            assert_eq!(keep(&mut stored("all", budget(&selector))), [], "{selector}");
        }
    }

    #[test]
    fn a_budget_of_somebody_else_under_the_twins_name_stays() {
        let mut store = stored("cart", budget(&json!({"matchLabels": {"app": "cart"}})));
        let theirs = budget(&json!({"matchLabels": {"app": "mine"}}));
        store.put(BUDGET.named("shop", "cart-primary"), theirs.clone());
        assert_eq!(keep(&mut store), []);
        assert_eq!(discard(&samples::subject(), store.objects()), []);
    }
}
