//! The controller of DaemonSets: a pod on every node, replaced by itself or, with `OnDelete`, when it is gone.

use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::{Value, json};

use super::super::apiserver::{Apiserver, template_generation};
use super::super::app::App;
use super::super::corner;
use super::super::random::Random;
use super::stateful::{Member, Set};
use super::{Pod, Template, Workloads, generation};
use crate::model::Time;
use crate::object::kinds::{DAEMON_SET, POD};
use crate::object::{ObjectKey, daemon, value};

impl Workloads {
    /// Lets the controller do what is due.
    pub(super) fn tick_daemons(
        &mut self,
        api: &mut Apiserver,
        apps: &BTreeMap<String, App>,
        random: &mut Random,
        now: Time,
    ) {
        let keys: Vec<_> = api.objects().of_kind(DAEMON_SET).map(|(key, _)| key.clone()).collect();
        self.daemons.retain(|key, _| keys.contains(key));
        for key in keys {
            let Some(object) = api.find(&key).cloned() else { continue };
            let mut set = self.daemons.remove(&key).unwrap_or_else(|| Set::new(now));
            if set.generation != generation(&object) {
                (set.generation, set.due) = (generation(&object), now.after(random.millis(5, 400)));
            }
            if set.due <= now {
                let made = self.make_missing(&key, &object, &mut set, (apps, random, now));
                if made | self.roll_over(&key, &object, now) {
                    set.due = now.after(random.millis(200, 2_000));
                }
                let status = self.status_of(&key, &object, set.generation, now);
                api.set(&key, &["status"], status);
            }
            self.show(api, &key, self.nodes, now);
            self.daemons.insert(key, set);
        }
    }

    /// Makes the pods that nodes lack, of what stands in the spec. Whether there were any.
    fn make_missing(
        &mut self,
        key: &ObjectKey,
        object: &Value,
        set: &mut Set,
        (apps, random, now): (&BTreeMap<String, App>, &mut Random, Time),
    ) -> bool {
        let nodes = self.nodes;
        self.pods.retain(|pod| pod.owner != *key || pod.member.as_ref().is_some_and(|member| member.index < nodes));
        let mut acted = false;
        for index in 0..nodes {
            if self.at(key, index).is_some() {
                continue;
            }
            let template = Rc::new(Template::read(object));
            let app = apps.get(&template.image).cloned().unwrap_or_default();
            let jitter = random.millis(1, 2000);
            let ready_at = app.ready_after(&key.name).map(|delay| now.after(delay + jitter));
            let breaks_at = app.breaks_after.map(|delay| now.after(delay + jitter));
            set.made += 1;
            let (pod, uid) = (format!("{}-{}", key.name, set.made), format!("{key}-{}", set.made));
            let revision = corner::label(object);
            let made_of = template_generation(object).to_string();
            let meta = json!({
                "uid": uid, "labels": {"controller-revision-hash": revision, "pod-template-generation": made_of},
                "ownerReferences": [{"uid": value::at(object, &["metadata", "uid"]), "controller": true}],
            });
            let member = Member { index, key: POD.named(&key.namespace, pod), revision, uid, meta };
            self.pods.push(Pod { owner: key.clone(), template, born: now, ready_at, breaks_at, member: Some(member) });
            acted = true;
        }
        acted
    }

    /// A step of a rolling update. Whether a pod went.
    fn roll_over(&mut self, key: &ObjectKey, object: &Value, now: Time) -> bool {
        let strategy = value::at(object, &["spec", "updateStrategy"]).unwrap_or(&Value::Null);
        if value::text(strategy, &["type"]) == Some("OnDelete") {
            return false;
        }
        let newest = corner::label(object);
        let old = |pod: &Pod| pod.owner == *key && pod.member.as_ref().is_some_and(|member| member.revision != newest);
        let before = self.pods.len();
        self.pods.retain(|pod| !old(pod) || pod.is_ready(now));
        let ready = self.pods.iter().filter(|pod| pod.owner == *key && pod.is_ready(now)).count();
        let missing = self.nodes.saturating_sub(u32::try_from(ready).unwrap_or(u32::MAX));
        for _ in missing..daemon::most_unavailable(strategy, self.nodes) {
            self.remove(key, old);
        }
        before != self.pods.len()
    }

    fn status_of(&self, key: &ObjectKey, object: &Value, generation: u32, now: Time) -> Value {
        let newest = corner::label(object);
        let mine = || self.pods.iter().filter(|pod| pod.owner == *key);
        let updated = mine().filter(|pod| pod.member.as_ref().is_some_and(|member| member.revision == newest)).count();
        let ready = mine().filter(|pod| pod.is_ready(now)).count();
        let nodes = usize::try_from(self.nodes).unwrap_or(usize::MAX);
        json!({
            "observedGeneration": generation, "desiredNumberScheduled": nodes, "currentNumberScheduled": mine().count(),
            "updatedNumberScheduled": updated, "numberReady": ready, "numberAvailable": ready,
            "numberUnavailable": nodes.saturating_sub(ready),
        })
    }
}
