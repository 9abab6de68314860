//! The controller of StatefulSets: revisions, the partition of a rolling update, and pods one after the other.

use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::{Value, json};

use super::super::apiserver::Apiserver;
use super::super::app::App;
use super::super::corner;
use super::super::random::Random;
use super::{Pod, Template, Workloads, generation};
use crate::model::Time;
use crate::object::kinds::{CONTROLLER_REVISION, POD, STATEFUL_SET};
use crate::object::{ObjectKey, stateful, value};

/// What a pod of a StatefulSet or a DaemonSet is besides.
#[derive(Clone, PartialEq, Debug)]
pub(in super::super) struct Member {
    pub(super) index: u32,
    pub(super) key: ObjectKey,
    /// The label that says which revision it is of.
    pub(in super::super) revision: String,
    pub(super) uid: String,
    /// The metadata of its object.
    pub(super) meta: Value,
}

/// What the controller knows of one of them.
#[derive(Clone, Debug)]
pub(super) struct Set {
    pub(super) generation: u32,
    /// When the controller gets round to it.
    pub(super) due: Time,
    /// Pods made so far.
    pub(super) made: u32,
}

impl Set {
    /// One that the controller has just come to know.
    pub(super) const fn new(now: Time) -> Self {
        Self { generation: 0, due: now, made: 0 }
    }
}

/// The spec and the revisions that the controller goes by.
struct Order {
    pods: Vec<ObjectKey>,
    partition: u32,
    parallel: bool,
    current: String,
    newest: String,
}

impl Workloads {
    /// Lets the controller do what is due.
    pub(super) fn tick_sets(
        &mut self,
        api: &mut Apiserver,
        apps: &BTreeMap<String, App>,
        random: &mut Random,
        now: Time,
    ) {
        let keys: Vec<_> = api.objects().of_kind(STATEFUL_SET).map(|(key, _)| key.clone()).collect();
        self.sets.retain(|key, _| keys.contains(key));
        // What has no owner goes too.
        self.lose(api);
        let orphans: Vec<_> = api.objects().of_kind(POD).map(|(key, _)| key.clone()).collect();
        let is_owned = |key: &ObjectKey| self.pods.iter().any(|pod| pod.member.as_ref().is_some_and(|m| m.key == *key));
        orphans.iter().filter(|key| !is_owned(key)).for_each(|key| api.delete(key));
        for key in keys {
            let Some(object) = api.find(&key).cloned() else { continue };
            let mut set = self.sets.remove(&key).unwrap_or_else(|| Set::new(now));
            if set.generation != generation(&object) {
                (set.generation, set.due) = (generation(&object), now.after(random.millis(5, 400)));
            }
            if set.due <= now && self.reconcile(api, &key, &object, &mut set, (apps, random, now)) {
                set.due = now.after(random.millis(200, 2_000));
            }
            self.sets.insert(key, set);
        }
    }

    /// A pod that somebody deleted is gone.
    pub(in super::super) fn lose(&mut self, api: &Apiserver) {
        self.pods.retain(|pod| pod.member.as_ref().is_none_or(|member| uid(api, &member.key) == Some(&member.uid)));
    }

    /// One step. Whether there is another one to come by itself.
    fn reconcile(
        &mut self,
        api: &mut Apiserver,
        key: &ObjectKey,
        object: &Value,
        set: &mut Set,
        around: (&BTreeMap<String, App>, &mut Random, Time),
    ) -> bool {
        let now = around.2;
        let order = Order::read(api, key, object);
        // In order, a pod that is down holds up everything else.
        let acted =
            self.make(api, &order, key, set, around) || self.is_free(&order, key, now) && self.unmake(&order, key, now);
        self.show(api, key, u32::try_from(order.pods.len()).unwrap_or(u32::MAX), now);
        let status = self.status(&order, key, set.generation, now);
        api.set(key, &["status"], status);
        acted
    }

    /// Makes the pods that are missing; in order, each when those before it are ready.
    fn make(
        &mut self,
        api: &Apiserver,
        order: &Order,
        key: &ObjectKey,
        set: &mut Set,
        (apps, random, now): (&BTreeMap<String, App>, &mut Random, Time),
    ) -> bool {
        let mut acted = false;
        for (pod, index) in order.pods.iter().zip(0..) {
            match self.at(key, index) {
                Some(there) if there.is_ready(now) || order.parallel => {}
                Some(_) => return acted,
                None => {
                    let revision = if index < order.partition { &order.current } else { &order.newest };
                    let Some(template) = api.find(&CONTROLLER_REVISION.named(&key.namespace, revision)) else {
                        return acted;
                    };
                    let template = Rc::new(Template::read(template.get("data").unwrap_or(&Value::Null)));
                    let app = apps.get(&template.image).cloned().unwrap_or_default();
                    let jitter = random.millis(1, 2000);
                    let ready_at = app.ready_after(&key.name).map(|delay| now.after(delay + jitter));
                    let breaks_at = app.breaks_after.map(|delay| now.after(delay + jitter));
                    set.made += 1;
                    let (pod, uid) = (pod.clone(), format!("{pod}-{}", set.made));
                    let meta = json!({"uid": uid, "labels": {"controller-revision-hash": revision}});
                    let member = Some(Member { index, key: pod, revision: revision.clone(), uid, meta });
                    self.pods.push(Pod { owner: key.clone(), template, born: now, ready_at, breaks_at, member });
                    acted = true;
                    if !order.parallel {
                        return acted;
                    }
                }
            }
        }
        acted
    }

    fn is_free(&self, order: &Order, key: &ObjectKey, now: Time) -> bool {
        let ready = |index| self.at(key, index).is_some_and(|pod| pod.is_ready(now));
        order.parallel || (0..).take(order.pods.len()).all(ready)
    }

    /// Takes one pod away: the last that is too much, or the last that is to be of the newest revision and is not.
    fn unmake(&mut self, order: &Order, key: &ObjectKey, now: Time) -> bool {
        let wanted = u32::try_from(order.pods.len()).unwrap_or(u32::MAX);
        let mut mine: Vec<_> = self
            .pods
            .iter()
            .filter(|pod| pod.owner == *key)
            .filter_map(|pod| Some((pod.member.clone()?, pod.is_ready(now))))
            .collect();
        mine.sort_by_key(|(member, _)| std::cmp::Reverse(member.index));
        for (member, ready) in mine {
            let surplus = member.index >= wanted;
            let old = member.index >= order.partition && member.revision != order.newest;
            if surplus || old {
                self.pods.retain(|pod| pod.member.as_ref() != Some(&member));
                return true;
            }
            if !ready && member.index >= order.partition {
                return false;
            }
        }
        false
    }

    pub(super) fn at(&self, key: &ObjectKey, index: u32) -> Option<&Pod> {
        self.pods
            .iter()
            .find(|pod| pod.owner == *key && pod.member.as_ref().is_some_and(|member| member.index == index))
    }

    /// Brings the objects of the first `pods` up to date.
    pub(super) fn show(&self, api: &mut Apiserver, key: &ObjectKey, pods: u32, now: Time) {
        for index in 0..pods {
            let Some(pod) = self.at(key, index) else { continue };
            let Some(member) = &pod.member else { continue };
            let ready = if pod.is_ready(now) { "True" } else { "False" };
            let conditions = json!({"conditions": [{"type": "Ready", "status": ready}]});
            if uid(api, &member.key) == Some(&member.uid) {
                api.set(&member.key, &["status"], conditions);
            } else {
                api.put(&member.key, json!({"metadata": member.meta, "status": conditions}));
            }
        }
        let mine = api.objects().of_kind(POD).map(|(key, _)| key.clone()).collect::<Vec<_>>();
        let gone = |pod: &&ObjectKey| !self.pods.iter().any(|p| p.member.as_ref().is_some_and(|m| m.key == **pod));
        mine.iter().filter(gone).for_each(|pod| api.delete(pod));
    }

    fn status(&self, order: &Order, key: &ObjectKey, generation: u32, now: Time) -> Value {
        let mine = || self.pods.iter().filter(|pod| pod.owner == *key);
        let of =
            |revision: &str| mine().filter(|pod| pod.member.as_ref().is_some_and(|m| m.revision == revision)).count();
        let (all, ready, updated) = (mine().count(), mine().filter(|pod| pod.is_ready(now)).count(), of(&order.newest));
        let complete = [all, ready, updated].iter().all(|count| *count == order.pods.len());
        let current = if complete { &order.newest } else { &order.current };
        json!({
            "observedGeneration": generation, "replicas": all, "readyReplicas": ready, "updatedReplicas": updated,
            "currentReplicas": of(current), "currentRevision": current, "updateRevision": order.newest,
        })
    }
}

impl Order {
    fn read(api: &mut Apiserver, key: &ObjectKey, object: &Value) -> Self {
        let newest = corner::stateful_revision(&key.name, object);
        let kept = CONTROLLER_REVISION.named(&key.namespace, &newest);
        if api.find(&kept).is_none() {
            let template = value::at(object, &["spec", "template"]).cloned().unwrap_or_default();
            api.put(&kept, json!({"data": {"spec": {"template": template}}}));
        }
        let current = value::text(object, &["status", "currentRevision"]).unwrap_or(&newest).to_owned();
        Self {
            pods: stateful::keys(key, object).collect(),
            partition: value::count(object, &["spec", "updateStrategy", "rollingUpdate", "partition"]).unwrap_or(0),
            parallel: value::text(object, &["spec", "podManagementPolicy"]) == Some("Parallel"),
            current,
            newest,
        }
    }
}

fn uid<'a>(api: &'a Apiserver, key: &ObjectKey) -> Option<&'a String> {
    match api.find(key).and_then(|pod| value::at(pod, &["metadata", "uid"])) {
        Some(Value::String(uid)) => Some(uid),
        _ => None,
    }
}
