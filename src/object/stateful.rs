//! A StatefulSet and its pods as they were read: how many may be of its newest revision, which revision each is of, and which answer.
//!
//! A pod of it is told by its index: its ordinal, less the first one. Those below the partition stay at the current revision.

use serde_json::Value;

use super::divided::{Divided, Member};
use super::kinds::POD;
use super::{ObjectKey, Objects, value};

/// A StatefulSet and its pods.
#[derive(Clone, Debug)]
pub struct Stateful<'a> {
    key: ObjectKey,
    object: &'a Value,
    pods: Vec<Member<'a>>,
}

impl<'a> Stateful<'a> {
    /// The StatefulSet under this key with those of its pods that were read; `None` where it was not there.
    pub fn find(key: &ObjectKey, have: &'a Objects) -> Option<Self> {
        let object = have.find(key)?;
        let pods = keys(key, object).zip(0..).filter_map(|(key, index)| Member::read(index, key, have));
        Some(Self { key: key.clone(), object, pods: pods.collect() })
    }

    /// The object itself.
    pub const fn object(&self) -> &'a Value {
        self.object
    }

    /// Its pods that are there, by index.
    pub fn pods(&self) -> &[Member<'a>] {
        &self.pods
    }

    /// Index of the first pod that may be of the newest revision.
    pub fn partition(&self) -> u32 {
        value::count(self.object, &PARTITION).unwrap_or(0)
    }

    /// The revision that all pods had last, and those below the partition have; `None` before there was one.
    pub fn current(&self) -> Option<&'a str> {
        self.revision("currentRevision")
    }

    /// The newest revision, while it is another one than the current.
    pub fn newer(&self) -> Option<&'a str> {
        self.newest().filter(|newest| Some(*newest) != self.current())
    }

    /// The revision of the newest template that its controller has seen.
    pub fn newest(&self) -> Option<&'a str> {
        self.revision("updateRevision")
    }

    fn revision(&self, field: &str) -> Option<&'a str> {
        value::text(self.object, &["status", field]).filter(|name| !name.is_empty())
    }
}

/// Where the partition stands.
const PARTITION: [&str; 4] = ["spec", "updateStrategy", "rollingUpdate", "partition"];

/// The pods that a StatefulSet makes, by index.
pub fn keys<'a>(key: &'a ObjectKey, object: &Value) -> impl Iterator<Item = ObjectKey> + use<'a> {
    let first = value::count(object, &["spec", "ordinals", "start"]).unwrap_or(0);
    let ordinals = first..first.saturating_add(replicas(object));
    ordinals.map(|ordinal| POD.named(&key.namespace, format!("{}-{ordinal}", key.name)))
}

fn replicas(object: &Value) -> u32 {
    value::count(object, &["spec", "replicas"]).unwrap_or(1)
}

impl Divided for Stateful<'_> {
    fn pods(&self) -> &[Member<'_>] {
        &self.pods
    }

    fn replicas(&self) -> u32 {
        replicas(self.object)
    }

    fn current(&self) -> Option<&str> {
        Stateful::current(self)
    }

    fn newer(&self) -> Option<&str> {
        Stateful::newer(self)
    }

    fn given(&self) -> u32 {
        if self.newer().is_some() { self.replicas().saturating_sub(self.partition()) } else { 0 }
    }

    fn is_observed(&self) -> bool {
        value::is_observed(self.object)
    }

    /// By the partition: whether its controller has come to them or not.
    fn sides(&self) -> [Vec<String>; 2] {
        let kept = usize::try_from(self.replicas() - self.given()).unwrap_or(usize::MAX);
        let mut pods: Vec<_> = keys(&self.key, self.object).map(|key| key.name).collect();
        let newer = pods.split_off(kept.min(pods.len()));
        [pods, newer]
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::FakeStore;
    use super::super::divided::Standing;
    use super::super::kinds::STATEFUL_SET;
    use super::*;

    #[test]
    fn pods_are_told_by_their_index_whatever_the_first_ordinal_is() {
        let (mut store, key) = (FakeStore::default(), STATEFUL_SET.named("shop", "cart"));
        store.put(
            key.clone(),
            json!({"spec": {"replicas": 2, "ordinals": {"start": 7}}, "status": {"currentRevision": "a"}}),
        );
        let ready = json!([{"type": "Ready", "status": "True"}]);
        let labels = json!({"controller-revision-hash": "a"});
        store.put(
            POD.named("shop", "cart-8"),
            json!({"metadata": {"uid": "u", "labels": labels}, "status": {"conditions": ready}}),
        );
        store.put(POD.named("shop", "cart-1"), json!({}));
        let set = Stateful::find(&key, store.objects()).unwrap();
        let seen: Vec<_> = set.pods().iter().map(|pod| (pod.index, &*pod.key.name, pod.standing)).collect();
        assert_eq!(seen, [(1, "cart-8", Standing::Ready)]);
        assert_eq!((set.ready(Some("a")), set.ready(Some("b"))), (1, 0));
    }

    #[test]
    fn nothing_is_given_to_a_revision_that_is_the_current_one() {
        let (mut store, key) = (FakeStore::default(), STATEFUL_SET.named("shop", "cart"));
        let given = |store: &FakeStore| Stateful::find(&key, store.objects()).map(|set| set.given());
        let spec = json!({"replicas": 5, "updateStrategy": {"rollingUpdate": {"partition": 3}}});
        store.put(key.clone(), json!({"spec": spec, "status": {"currentRevision": "a", "updateRevision": "b"}}));
        assert_eq!(given(&store), Some(2));
        store.put(key.clone(), json!({"spec": spec, "status": {"currentRevision": "b", "updateRevision": "b"}}));
        assert_eq!(given(&store), Some(0));
    }
}
