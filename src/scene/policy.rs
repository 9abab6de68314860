//! The DeliveryPolicies that hold for a canary, and what canaries show each other under one.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::Scene;
use super::lookups::{EVERY, Labelled};
use crate::api::{CanaryDefaults, DeliveryPolicySpec, NamespaceSelector, Timestamp, Word};
use crate::model::{Calendar, Complaint, Entrant, Limit, Phase, Stand, Stands};
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

/// A limit, and the namespaces that share it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ration {
    /// How many releases may run at once.
    pub limit: Limit,
    selector: NamespaceSelector,
}

impl Ration {
    /// Whether it holds for a namespace, which is `object`, where that can be read.
    pub fn covers(&self, namespace: &str, object: Option<&Value>) -> bool {
        self.selector.selects(&labels(namespace, object))
    }
}

impl Scene {
    /// The limits that hold for the canary.
    pub fn rations(&self) -> Vec<Ration> {
        let namespace = self.canary.metadata.namespace.clone().unwrap_or_default();
        rations(&namespace, &self.objects)
    }
}

/// How a canary, here as JSON, stands towards the others; `None` where not even that can be read.
pub fn entrant(canary: &[u8]) -> Option<Entrant> {
    let Seen { metadata, spec, status } = serde_json::from_slice(canary).ok()?;
    // Who has voted for the promotion of its group waits for the others, which may wait for a turn.
    let voted = status.group.is_some_and(|group| group.stand == Stand::Ready.as_str());
    let since = status.waiting.and_then(|waiting| waiting.queued_since);
    let stands = match status.phase.0 {
        Phase::Progressing | Phase::WaitingPromotion if voted => Stands::Aside,
        phase if runs(phase) => Stands::Runs,
        Phase::Waiting => since.map_or(Stands::Aside, |since| Stands::Waits(since.0)),
        _ => Stands::Aside,
    };
    let of_namespace = |name: &str| format!("{}/{name}", metadata.namespace);
    Some(Entrant { name: of_namespace(&metadata.name), group: spec.group.as_deref().map(of_namespace), stands })
}

/// Of a Canary what the others look at: this is read of all of them, again and again.
#[derive(Deserialize)]
struct Seen {
    metadata: SeenMeta,
    spec: SeenSpec,
    #[serde(default)]
    status: SeenStatus,
}

#[derive(Deserialize)]
struct SeenMeta {
    namespace: String,
    name: String,
}

#[derive(Deserialize)]
struct SeenSpec {
    group: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct SeenStatus {
    phase: Word<Phase>,
    group: Option<SeenGroup>,
    waiting: Option<SeenWaiting>,
}

#[derive(Deserialize)]
struct SeenGroup {
    stand: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SeenWaiting {
    queued_since: Option<Timestamp>,
}

/// Whether a release is under way in this phase.
pub const fn runs(phase: Phase) -> bool {
    matches!(phase, Phase::Progressing | Phase::WaitingPromotion | Phase::Promoting | Phase::Finalising)
}

/// The limits of the policies that hold for a namespace, by name.
pub(super) fn rations(name: &str, objects: &Objects) -> Vec<Ration> {
    let rations = of_namespace(name, objects).filter_map(|(key, policy)| {
        let spec = policy.ok()?;
        let most = spec.max_concurrent.and_then(|most| u32::try_from(most).ok()).filter(|most| *most > 0)?;
        let limit = Limit { policy: key.name.clone(), most };
        Some(Ration { limit, selector: spec.namespace_selector.unwrap_or_default() })
    });
    rations.collect()
}

/// What the policies that hold for a namespace say in place of its canaries, by name.
pub(super) fn defaults(name: &str, objects: &Objects) -> Vec<CanaryDefaults> {
    of_namespace(name, objects).filter_map(|(_, policy)| policy.ok()?.defaults).collect()
}

/// The calendars of the policies that hold for a namespace, by name. One that cannot be read closes those that it selects: somebody
/// meant to hold their releases, and nobody can tell when.
pub(super) fn calendars(name: &str, objects: &Objects) -> Vec<Calendar> {
    of_namespace(name, objects).filter_map(|(key, policy)| calendar(key, policy)).collect()
}

/// The policies that hold for a namespace, by name.
fn of_namespace<'a>(
    name: &str,
    objects: &'a Objects,
) -> impl Iterator<Item = (&'a ObjectKey, Result<DeliveryPolicySpec, serde_json::Error>)> {
    let labels = labels(name, objects.find(&namespace(name)));
    let policies = objects.of_kind(kinds::DELIVERY_POLICY).filter(move |(_, policy)| selects(policy, &labels));
    policies.map(|(key, policy)| (key, DeliveryPolicySpec::deserialize(&policy["spec"])))
}

fn labels(name: &str, object: Option<&Value>) -> BTreeMap<String, String> {
    let found = object.and_then(|object| value::at(object, &["metadata", "labels"]));
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

fn calendar(key: &ObjectKey, policy: Result<DeliveryPolicySpec, serde_json::Error>) -> Option<Calendar> {
    let of = format!("DeliveryPolicy {}", key.name);
    let sentences = |found: Vec<Complaint>| found.into_iter().map(|c| c.sentence).collect::<Vec<_>>().join("; ");
    let schedule = match policy {
        Ok(spec) => settings::schedule(&spec.schedule?).map_err(sentences),
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
    fn a_limit_counts_where_its_policy_selects_and_has_a_number() {
        let mut store = store();
        put(&mut store, "few", &json!({"maxConcurrent": 2}));
        put(&mut store, "none", &json!({"maxConcurrent": 0}));
        put(&mut store, "others", &json!({"maxConcurrent": 1, "namespaceSelector": {"matchLabels": {NAME: "other"}}}));
        let limits = scene_of(canary(), &store).facts().settings.unwrap().limits;
        assert_eq!(limits, [Limit { policy: "few".to_owned(), most: 2 }]);
    }

    #[test]
    fn a_canary_shows_the_others_whether_it_runs_or_waits_for_its_turn() {
        let stands = |status: Value| {
            let mut canary = canary();
            canary["status"] = status;
            entrant(canary.to_string().as_bytes()).unwrap().stands
        };
        let queued = json!({"phase": "Waiting", "waiting": {"reason": "", "queuedSince": "1970-01-01T00:00:09Z"}});
        assert_eq!(stands(queued), Stands::Waits(crate::model::Time::from_millis(9_000)));
        assert_eq!(stands(json!({"phase": "Waiting", "waiting": {"reason": "a freeze"}})), Stands::Aside);
        for phase in ["Progressing", "WaitingPromotion", "Promoting", "Finalising"] {
            assert_eq!(stands(json!({"phase": phase})), Stands::Runs, "{phase}");
        }
        for phase in ["Initializing", "Initialized", "Succeeded", "Failed", "Terminating"] {
            assert_eq!(stands(json!({"phase": phase})), Stands::Aside, "{phase}");
        }
        assert_eq!(entrant(canary().to_string().as_bytes()).unwrap().stands, Stands::Aside, "it has no status yet");
        assert_eq!(entrant(b"{}"), None);
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
