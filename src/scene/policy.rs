//! The DeliveryPolicies that hold for a canary.

use std::collections::BTreeMap;

use serde_json::Value;

use super::lookups::{EVERY, Labelled};
use crate::api::{DeliveryPolicySpec, NamespaceSelector};
use crate::model::Calendar;
use crate::object::{ObjectKey, Objects, kinds, value};
use crate::settings;

/// The label that the apiserver gives every namespace.
const NAME: &str = "kubernetes.io/metadata.name";

/// The namespace, whose labels are selected.
pub(super) fn namespace(name: &str) -> ObjectKey {
    kinds::NAMESPACE.named("", name)
}

/// All policies of the cluster.
pub(super) fn every() -> Labelled {
    Labelled { kind: kinds::DELIVERY_POLICY, namespace: String::new(), label: EVERY, value: String::new() }
}

/// The calendars of the policies that hold for a namespace, by name. One that cannot be read closes those that it selects: somebody
/// meant to hold their releases, and nobody can tell when.
pub(super) fn calendars(name: &str, objects: &Objects) -> Vec<Calendar> {
    let labels = labels(name, objects);
    let policies = objects.of_kind(kinds::DELIVERY_POLICY);
    policies.filter(|(_, policy)| selects(policy, &labels)).filter_map(|(key, policy)| calendar(key, policy)).collect()
}

fn labels(name: &str, objects: &Objects) -> BTreeMap<String, String> {
    let found = objects.find(&namespace(name)).and_then(|object| value::at(object, &["metadata", "labels"]));
    let mut labels: BTreeMap<String, String> =
        found.and_then(|labels| serde_json::from_value(labels.clone()).ok()).unwrap_or_default();
    labels.insert(NAME.to_owned(), name.to_owned());
    labels
}

fn selects(policy: &Value, labels: &BTreeMap<String, String>) -> bool {
    let selector = value::at(policy, &["spec", "namespaceSelector"]).cloned().unwrap_or_default();
    let read: Result<Option<NamespaceSelector>, _> = serde_json::from_value(selector);
    read.ok().flatten().is_none_or(|selector| selector.selects(labels))
}

fn calendar(key: &ObjectKey, policy: &Value) -> Option<Calendar> {
    let of = format!("DeliveryPolicy {}", key.name);
    let spec = value::at(policy, &["spec"]).cloned().unwrap_or_default();
    let schedule = match serde_json::from_value::<DeliveryPolicySpec>(spec) {
        Ok(spec) => settings::schedule(&spec.schedule?)
            .map_err(|found| found.into_iter().map(|complaint| complaint.sentence).collect::<Vec<_>>().join("; ")),
        Err(error) => Err(error.to_string()),
    };
    Some(Calendar { of, schedule })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::{canary, scene_of, store};
    use super::*;
    use crate::object::FakeStore;

    const CHRISTMAS: &str = "2026-12-24";

    fn put(store: &mut FakeStore, name: &str, spec: &Value) {
        store.put(kinds::DELIVERY_POLICY.named("", name), json!({"metadata": {"name": name}, "spec": spec}));
    }

    fn closed(store: &FakeStore) -> Vec<(String, bool)> {
        let settings = scene_of(canary(), store).facts().settings.unwrap();
        settings.calendars.into_iter().map(|calendar| (calendar.of, calendar.schedule.is_ok())).collect()
    }

    #[test]
    fn a_policy_holds_for_the_namespaces_that_it_selects() {
        let freeze = json!({"freezes": [{"from": CHRISTMAS, "to": CHRISTMAS}]});
        let mut store = store();
        store.put(namespace("test"), json!({"metadata": {"name": "test", "labels": {"stage": "production"}}}));
        put(&mut store, "all", &json!({"schedule": freeze}));
        put(
            &mut store,
            "by-label",
            &json!({"schedule": freeze, "namespaceSelector": {"matchLabels": {"stage": "production"}}}),
        );
        put(&mut store, "by-name", &json!({"schedule": freeze, "namespaceSelector": {"matchLabels": {NAME: "test"}}}));
        put(
            &mut store,
            "others",
            &json!({"schedule": freeze, "namespaceSelector": {"matchLabels": {"stage": "staging"}}}),
        );
        put(&mut store, "says-nothing", &json!({}));
        let of = |name: &str| (format!("DeliveryPolicy {name}"), true);
        assert_eq!(closed(&store), ["all", "by-label", "by-name"].map(of));
    }

    #[test]
    fn without_the_right_to_read_namespaces_a_policy_still_knows_their_names() {
        let mut store = store();
        let schedule = json!({"freezes": [{"from": CHRISTMAS, "to": CHRISTMAS}]});
        put(
            &mut store,
            "by-name",
            &json!({"schedule": schedule, "namespaceSelector": {"matchLabels": {NAME: "test"}}}),
        );
        assert_eq!(closed(&store).len(), 1);
    }

    #[test]
    fn a_policy_that_cannot_be_read_says_what_to_write_and_closes_what_it_selects() {
        let mut store = store();
        put(&mut store, "typo", &json!({"schedule": {"timeZone": "Europe/Berln"}}));
        put(&mut store, "word", &json!({"schedule": "always"}));
        put(
            &mut store,
            "elsewhere",
            &json!({"schedule": "always", "namespaceSelector": {"matchLabels": {NAME: "other"}}}),
        );
        let settings = scene_of(canary(), &store).facts().settings.unwrap();
        let [typo, word] = &settings.calendars[..] else { panic!("{:?}", settings.calendars) };
        assert!(typo.schedule.as_ref().is_err_and(|why| why.contains("Europe/Berlin")), "{typo:?}");
        assert!(word.schedule.is_err(), "{word:?}");
    }
}
