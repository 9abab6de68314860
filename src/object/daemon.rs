//! A DaemonSet that is released in place, and its pods as they were read.
//!
//! Its controller makes every pod of the template that stands in the spec, and knows no current revision. What a StatefulSet has in
//! its status is noted in an annotation: the template that all pods had last, and how many may be of a newer one. Which revision a
//! pod is of, its label says; which one the template is, the pods that were made of it.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::divided::{Divided, Member, Standing, count};
use super::kinds::POD;
use super::{Change, ObjectKey, Objects, value};

/// Annotation of a DaemonSet that is released in place: its [`Note`], as JSON.
pub const NOTE: &str = "serin.dev/in-place";

/// Counts the changes of the template: the apiserver on the DaemonSet, its controller on each pod that it makes. Nothing else says which
/// template a pod was made of without a look at every ControllerRevision of the cluster.
const GENERATION: &str = "deprecated.daemonset.template.generation";
const MADE_OF: &str = "pod-template-generation";

/// The strategy in which a pod is replaced when somebody deletes it.
const ON_DELETE: &str = "OnDelete";

/// What a DaemonSet does not say itself.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
#[serde(rename_all = "camelCase")]
pub struct Note {
    /// `spec.updateStrategy` as its user had it.
    pub strategy: Value,
    /// The revision that all pods had last.
    pub current: Kept,
    /// Pods that may be of a newer one.
    pub given: u32,
    /// The template that is asked for, while that of the current revision stands in its place for pods that go back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Held>,
    /// What the newer revision is called, where its template stands in the spec again and no pod was made of it since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newer: Option<Known>,
}

/// A revision and what its pods are made of.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
#[serde(rename_all = "camelCase")]
pub struct Kept {
    /// The label of its pods.
    pub revision: String,
    /// Its template.
    pub template: Value,
}

/// A template that is asked for and does not stand in the spec now.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
#[serde(rename_all = "camelCase")]
pub struct Held {
    /// The generation that it was. While the next one stands in the spec, nobody has asked for anything else.
    pub generation: u32,
    /// The label of its pods, where one was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// The template.
    pub template: Value,
}

/// The label of the pods of a generation of the template.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
#[serde(rename_all = "camelCase")]
pub struct Known {
    /// The generation.
    pub generation: u32,
    /// The label.
    pub revision: String,
}

/// A DaemonSet and its pods.
#[derive(Clone, Debug)]
pub struct Daemon<'a> {
    object: &'a Value,
    note: Option<Note>,
    pods: Vec<Member<'a>>,
    /// The label of pods that were made of what stands in the spec.
    standing: Option<&'a str>,
    /// The same of what is held.
    held: Option<&'a str>,
}

impl<'a> Daemon<'a> {
    /// The DaemonSet under this key with those of its pods that were read; `None` where it was not there.
    pub fn find(key: &ObjectKey, have: &'a Objects) -> Option<Self> {
        let object = have.find(key)?;
        let uid = value::text(object, &["metadata", "uid"])?;
        let owned = |pod: &Value| owner(pod) == Some(uid);
        let mine = have.of_kind(POD).filter(|(pod, object)| pod.namespace == key.namespace && owned(object));
        let mine: Vec<_> =
            mine.map(|(key, pod)| (key.clone(), number(pod, &["metadata", "labels", MADE_OF]))).collect();
        let read = |((key, _), index): (&(ObjectKey, Option<u32>), u32)| Member::read(index, key.clone(), have);
        let pods: Vec<_> = mine.iter().zip(0..).filter_map(read).collect();
        let made_of = |generation: Option<u32>| {
            let (key, _) = mine.iter().find(|(_, made)| made.is_some() && *made == generation)?;
            pods.iter().find(|pod| pod.key == *key).map(|pod| pod.revision)
        };
        let note = note(object);
        let held = note.as_ref().and_then(|note| note.held.as_ref()).map(|held| held.generation);
        let (standing, held) = (made_of(Some(generation(object))), made_of(held));
        Some(Self { object, note, pods, standing, held })
    }

    /// The object itself.
    pub const fn object(&self) -> &'a Value {
        self.object
    }

    /// What was noted; `None` where its pods are its controller's own.
    pub const fn note(&self) -> Option<&Note> {
        self.note.as_ref()
    }

    /// Its pods that are there and stay, by name.
    pub fn staying(&self) -> impl Iterator<Item = &Member<'a>> {
        self.pods.iter().filter(|pod| pod.standing != Standing::Leaving)
    }

    /// The template that is asked for, though that of the current revision may stand in the spec.
    pub fn asked(&self) -> &Value {
        self.held().map_or_else(|| self.template(), |held| &held.template)
    }

    /// The template in the spec.
    pub fn template(&self) -> &'a Value {
        value::at(self.object, &["spec", "template"]).unwrap_or(&Value::Null)
    }

    /// What stands back for the template of the current revision.
    pub fn held(&self) -> Option<&Held> {
        held(self.object, self.note.as_ref())
    }

    /// Whether nothing but the current revision is asked for.
    pub fn is_at_rest(&self) -> bool {
        self.held().is_none() && self.note.as_ref().is_none_or(|note| note.current.template == *self.template())
    }

    /// Which generation of the template stands in the spec.
    pub fn generation(&self) -> u32 {
        generation(self.object)
    }

    /// The label of pods that were made of what stands in the spec, where one was.
    pub const fn made_now(&self) -> Option<&'a str> {
        self.standing
    }

    /// Pods that stay and are neither of the current revision nor of the newer one.
    pub fn strangers(&self) -> impl Iterator<Item = &Member<'a>> {
        let known = [self.current(), self.newer()].map(|name| name.map(str::to_owned));
        self.staying().filter(move |pod| !known.iter().any(|name| name.as_deref() == Some(pod.revision)))
    }

    /// The write that notes this and makes `template` what pods are made of; `None` where it is so. Nobody but us replaces a pod from
    /// then on. It holds only for what was seen.
    pub fn write(&self, key: &ObjectKey, note: &Note, template: &Value) -> Option<Change> {
        let mut patch = json!({});
        if self.note.as_ref() != Some(note) {
            value::extend(&mut patch, &json!({"metadata": {"annotations": {NOTE: json!(note).to_string()}}}));
        }
        if !self.waits() {
            value::extend(&mut patch, &json!({"spec": {"updateStrategy": {"type": ON_DELETE, "rollingUpdate": null}}}));
        }
        if let Some(difference) = value::difference(self.template(), template) {
            value::extend(&mut patch, &json!({"spec": {"template": difference}}));
        }
        self.seen(key, patch)
    }

    /// The write that gives its user everything back: the strategy, and the template that was asked for; `None` where nothing was taken.
    pub fn give_back(&self, key: &ObjectKey) -> Option<Change> {
        let strategy = &self.note.as_ref()?.strategy;
        let mut patch = json!({"metadata": {"annotations": {NOTE: null}}, "spec": {"updateStrategy": strategy}});
        if let Some(difference) = value::difference(self.template(), self.asked()) {
            value::extend(&mut patch, &json!({"spec": {"template": difference}}));
        }
        self.seen(key, patch)
    }

    /// Whether its controller waits until somebody deletes a pod.
    pub fn waits(&self) -> bool {
        value::text(self.object, &["spec", "updateStrategy", "type"]) == Some(ON_DELETE)
    }

    fn seen(&self, key: &ObjectKey, mut patch: Value) -> Option<Change> {
        if value::is_unset(&patch) {
            return None;
        }
        let version = value::at(self.object, &["metadata", "resourceVersion"]);
        value::extend(&mut patch, &json!({"metadata": {"resourceVersion": version}}));
        Some(Change::Merge(key.clone(), patch))
    }

    /// Pods that answer, of whatever revision.
    pub fn answering(&self) -> u32 {
        count(self.pods.iter().filter(|pod| pod.standing == Standing::Ready))
    }

    /// How many more pods may stop answering now, by the user's own `maxUnavailable`. Of several one answers whatever that says.
    pub fn spare(&self) -> u32 {
        let told = value::count(self.object, &["status", "numberUnavailable"]).unwrap_or(0);
        let missing = self.replicas().saturating_sub(self.answering()).max(told);
        let own = value::at(self.object, &["spec", "updateStrategy"]);
        let strategy = self.note.as_ref().map(|note| &note.strategy).or(own).unwrap_or(&Value::Null);
        let spare = most_unavailable(strategy, self.replicas()).saturating_sub(missing);
        if self.replicas() > 1 { spare.min(self.answering().saturating_sub(1)) } else { spare }
    }
}

/// Pods that may be missing in a rolling update of so many; 1 where it is not said.
pub fn most_unavailable(strategy: &Value, pods: u32) -> u32 {
    match value::at(strategy, &["rollingUpdate", "maxUnavailable"]) {
        Some(Value::Number(most)) => most.as_u64().and_then(|most| u32::try_from(most).ok()).unwrap_or(u32::MAX),
        Some(Value::String(share)) => {
            let share = share.strip_suffix('%').and_then(|share| share.parse::<u64>().ok()).unwrap_or(0);
            u32::try_from((u64::from(pods) * share).div_ceil(100)).unwrap_or(u32::MAX)
        }
        _ => 1,
    }
}

/// The template that is asked for of a DaemonSet: what is held, or what stands in the spec.
pub fn asked(object: &Value) -> Option<Value> {
    let note = note(object);
    let held = held(object, note.as_ref()).map(|held| held.template.clone());
    held.or_else(|| value::at(object, &["spec", "template"]).cloned())
}

/// The note on a DaemonSet.
pub fn note(object: &Value) -> Option<Note> {
    value::text(object, &["metadata", "annotations", NOTE]).and_then(|text| serde_json::from_str(text).ok())
}

fn held<'n>(object: &Value, note: Option<&'n Note>) -> Option<&'n Held> {
    note?.held.as_ref().filter(|held| held.generation + 1 == generation(object))
}

fn generation(object: &Value) -> u32 {
    number(object, &["metadata", "annotations", GENERATION]).unwrap_or(0)
}

fn number(object: &Value, path: &[&str]) -> Option<u32> {
    value::text(object, path).and_then(|text| text.parse().ok())
}

/// Uid of the workload that made a pod.
fn owner(pod: &Value) -> Option<&str> {
    let owners = value::at(pod, &["metadata", "ownerReferences"]).and_then(Value::as_array);
    let maker = owners?.iter().find(|owner| value::at(owner, &["controller"]) == Some(&Value::Bool(true)))?;
    value::text(maker, &["uid"])
}

impl Divided for Daemon<'_> {
    fn pods(&self) -> &[Member<'_>] {
        &self.pods
    }

    /// One for each node that it is to run on.
    fn replicas(&self) -> u32 {
        value::count(self.object, &["status", "desiredNumberScheduled"]).unwrap_or(0)
    }

    fn current(&self) -> Option<&str> {
        let note = self.note.as_ref()?;
        let stands = self.held().is_some() || self.is_at_rest();
        Some(self.standing.filter(|_| stands).unwrap_or(&note.current.revision))
    }

    fn newer(&self) -> Option<&str> {
        let note = self.note.as_ref().filter(|_| !self.is_at_rest())?;
        let known = || note.newer.as_ref().filter(|known| known.generation == self.generation());
        let name = match self.held() {
            Some(held) => self.held.or(held.revision.as_deref()),
            None => self.standing.or_else(|| known().map(|known| known.revision.as_str())),
        };
        name.filter(|name| Some(*name) != self.current())
    }

    fn given(&self) -> u32 {
        let note = self.note.as_ref().filter(|_| !self.is_at_rest());
        note.map_or(0, |note| note.given.min(self.replicas()))
    }

    /// What is held back for a moment is seen when it is there again.
    fn is_observed(&self) -> bool {
        value::is_observed(self.object) && self.held().is_none()
    }

    fn sides(&self) -> [Vec<String>; 2] {
        let newer = self.newer();
        let (newer, kept): (Vec<_>, Vec<_>) = self.pods.iter().partition(|pod| Some(pod.revision) == newer);
        [kept, newer].map(|pods| pods.iter().map(|pod| pod.key.name.clone()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::FakeStore;
    use super::super::kinds::DAEMON_SET;
    use super::*;

    fn key() -> ObjectKey {
        DAEMON_SET.named("shop", "agent")
    }

    /// A DaemonSet whose template is `image` at this generation, with what is noted and its pods: their revision and generation.
    fn store(image: &str, generation: u32, note: &Value, pods: &[(&str, u32)]) -> FakeStore {
        let mut store = FakeStore::default();
        let annotations = json!({NOTE: note.to_string(), GENERATION: generation.to_string()});
        store.put(
            key(),
            json!({
                "metadata": {"uid": "u", "annotations": annotations}, "spec": {"template": image},
                "status": {"desiredNumberScheduled": pods.len()},
            }),
        );
        for ((revision, generation), index) in pods.iter().zip(0..) {
            let labels = json!({"controller-revision-hash": revision, MADE_OF: generation.to_string()});
            let owners = json!([{"uid": "u", "controller": true}]);
            let ready = json!([{"type": "Ready", "status": "True"}]);
            let meta = json!({"uid": index.to_string(), "labels": labels, "ownerReferences": owners});
            store.put(
                POD.named("shop", format!("agent-{index}")),
                json!({"metadata": meta, "status": {"conditions": ready}}),
            );
        }
        store
    }

    fn noted(more: &Value) -> Value {
        let mut note = json!({"strategy": null, "current": {"revision": "a", "template": "1"}, "given": 2});
        value::merge(&mut note, more);
        note
    }

    #[test]
    fn the_newer_revision_is_that_of_the_pods_that_were_made_of_the_template() {
        let store = store("2", 5, &noted(&json!({})), &[("a", 3), ("z", 4), ("b", 5)]);
        let set = Daemon::find(&key(), store.objects()).unwrap();
        assert_eq!((set.current(), set.newer(), set.given()), (Some("a"), Some("b"), 2));
        assert_eq!(set.strangers().map(|pod| pod.revision).collect::<Vec<_>>(), ["z"]);
        assert_eq!(set.sides(), [vec!["agent-0", "agent-1"], vec!["agent-2"]]);
    }

    #[test]
    fn at_rest_nothing_is_given_and_whatever_is_made_of_the_template_is_the_current_revision() {
        let store = store("1", 5, &noted(&json!({})), &[("x", 5), ("x", 3)]);
        let set = Daemon::find(&key(), store.objects()).unwrap();
        assert_eq!((set.current(), set.newer(), set.given()), (Some("x"), None, 0));
    }

    #[test]
    fn what_is_held_is_asked_for_until_another_template_comes() {
        let held = noted(&json!({"held": {"generation": 5, "revision": "b", "template": "2"}}));
        let store_of = |generation| store("1", generation, &held, &[("a", 3), ("b", 4)]);
        let store = store_of(6);
        let set = Daemon::find(&key(), store.objects()).unwrap();
        assert_eq!((set.asked(), set.newer(), set.given()), (&json!("2"), Some("b"), 2));
        assert!(!set.is_observed(), "it does not stand in the spec");
        let store = store_of(7);
        let set = Daemon::find(&key(), store.objects()).unwrap();
        assert_eq!((set.asked(), set.newer(), set.is_at_rest()), (&json!("1"), None, true));
    }

    #[test]
    fn as_many_pods_may_be_missing_as_its_user_says() {
        let most = |most: Value, pods| most_unavailable(&json!({"rollingUpdate": {"maxUnavailable": most}}), pods);
        assert_eq!(
            [most(json!(2), 9), most(json!("30%"), 7), most(json!("0%"), 7), most(Value::Null, 7)],
            [2, 3, 0, 1]
        );
    }
}
