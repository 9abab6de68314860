//! Pods, and the controller of Deployments that makes and removes them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::apiserver::Apiserver;
use super::app::App;
use super::random::Random;
use crate::model::Time;
use crate::object::kinds::DEPLOYMENT;
use crate::object::{ObjectKey, value};

/// One pod.
#[derive(Clone, Debug)]
pub(super) struct Pod {
    pub(super) owner: ObjectKey,
    pub(super) template: Value,
    pub(super) born: Time,
    ready_at: Option<Time>,
    breaks_at: Option<Time>,
}

impl Pod {
    pub(super) fn is_ready(&self, now: Time) -> bool {
        self.ready_at.is_some_and(|t| t <= now) && self.breaks_at.is_none_or(|t| now < t)
    }

    pub(super) fn image(&self) -> &str {
        image(&self.template)
    }

    /// Whether a Service with this selector means the pod.
    pub(super) fn matches(&self, selector: &Value) -> bool {
        let labels = value::at(&self.template, &["metadata", "labels"]);
        labels.is_some_and(|labels| value::contains(labels, selector))
    }
}

/// The image of a template's first container: in the simulation the name of the revision.
pub(super) fn image(template: &Value) -> &str {
    value::text(template, &["spec", "containers", "0", "image"]).unwrap_or_default()
}

/// What the controller remembers of one Deployment.
#[derive(Clone, Debug)]
struct Rollout {
    generation: u32,
    /// When the controller gets round to this generation.
    due: Time,
    progressed: Time,
    /// When the progress deadline passes; `None` once the template was rolled out completely.
    deadline: Option<Time>,
    counts: Counts,
    /// The template that was rolled out completely: the progress deadline no longer counts for it.
    complete: Option<Value>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Counts {
    total: u32,
    updated: u32,
    ready: u32,
}

/// All pods of the cluster.
#[derive(Clone, Debug, Default)]
pub(super) struct Workloads {
    pods: Vec<Pod>,
    rollouts: BTreeMap<ObjectKey, Rollout>,
}

impl Workloads {
    pub(super) fn pods(&self) -> &[Pod] {
        &self.pods
    }

    /// The next moment after `now` at which something happens by itself.
    pub(super) fn next(&self, now: Time) -> Option<Time> {
        let pods = self.pods.iter().flat_map(|p| [p.ready_at, p.breaks_at]).flatten();
        let dues = self.rollouts.values().flat_map(|r| [Some(r.due), r.deadline]).flatten();
        pods.chain(dues).filter(|t| *t > now).min()
    }

    /// Lets the controller do what is due.
    pub(super) fn tick(&mut self, api: &mut Apiserver, apps: &BTreeMap<String, App>, random: &mut Random, now: Time) {
        let deployments: Vec<_> = api.objects().of_kind(DEPLOYMENT).map(|(k, o)| (k.clone(), o.clone())).collect();
        self.pods.retain(|p| deployments.iter().any(|(k, _)| *k == p.owner));
        self.rollouts.retain(|key, _| deployments.iter().any(|(k, _)| k == key));
        for (key, object) in deployments {
            if self.due(&key, &object, random, now) {
                self.roll(&key, &object, apps, random, now);
                let status = self.status(&key, &object, now);
                api.set(&key, &["status"], status);
            }
        }
    }

    /// Whether the controller has noticed the newest generation by now.
    fn due(&mut self, key: &ObjectKey, object: &Value, random: &mut Random, now: Time) -> bool {
        let generation = value::count(object, &["metadata", "generation"]).unwrap_or(0);
        let rollout = self.rollouts.entry(key.clone()).or_insert_with(|| Rollout {
            generation: 0,
            due: now,
            progressed: now,
            deadline: None,
            counts: Counts::default(),
            complete: None,
        });
        if rollout.generation != generation {
            rollout.generation = generation;
            rollout.due = now.after(random.millis(5, 400));
            rollout.progressed = rollout.due;
        }
        rollout.due <= now
    }

    fn of(&self, key: &ObjectKey) -> impl Iterator<Item = &Pod> {
        self.pods.iter().filter(move |p| p.owner == *key)
    }

    fn counts(&self, key: &ObjectKey, template: &Value, now: Time) -> Counts {
        self.of(key).fold(Counts::default(), |c, pod| Counts {
            total: c.total + 1,
            updated: c.updated + u32::from(pod.template == *template),
            ready: c.ready + u32::from(pod.is_ready(now)),
        })
    }

    /// One step of a rolling update (or of the strategy Recreate), or of scaling.
    fn roll(
        &mut self,
        key: &ObjectKey,
        object: &Value,
        apps: &BTreeMap<String, App>,
        random: &mut Random,
        now: Time,
    ) {
        let template = value::at(object, &["spec", "template"]).cloned().unwrap_or_default();
        let want = value::count(object, &["spec", "replicas"]).unwrap_or(1);
        let recreate = value::text(object, &["spec", "strategy", "type"]) == Some("Recreate");
        let (surge, unavailable) = (want.div_ceil(4), want / 4);
        let new = |pod: &Pod| pod.template == template;
        // Old pods go first: those that are not ready at once, the others as far as enough stay available.
        if recreate || want == 0 {
            self.pods.retain(|p| p.owner != *key || (new(p) && want > 0));
        }
        let surplus = |pods: &Self| pods.counts(key, &template, now).updated.saturating_sub(want);
        for _ in 0..surplus(self) {
            self.remove(key, |p| new(p) && !p.is_ready(now)).or_else(|| self.remove(key, new));
        }
        while self.remove(key, |p| !new(p) && !p.is_ready(now)).is_some() {}
        while self.counts(key, &template, now).ready > want.saturating_sub(unavailable)
            && self.remove(key, |p| !new(p)).is_some()
        {}
        let counts = self.counts(key, &template, now);
        let room = (want + surge).saturating_sub(counts.total);
        let app = apps.get(image(&template)).cloned().unwrap_or_default();
        for _ in 0..room.min(want.saturating_sub(counts.updated)) {
            let jitter = random.millis(1, 2000);
            let ready_at = app.ready_after.map(|d| now.after(d + jitter));
            let breaks_at = app.breaks_after.map(|d| now.after(d + jitter));
            self.pods.push(Pod { owner: key.clone(), template: template.clone(), born: now, ready_at, breaks_at });
        }
    }

    fn remove(&mut self, key: &ObjectKey, which: impl Fn(&Pod) -> bool) -> Option<Pod> {
        let index = self.pods.iter().rposition(|p| p.owner == *key && which(p))?;
        Some(self.pods.remove(index))
    }

    fn status(&mut self, key: &ObjectKey, object: &Value, now: Time) -> Value {
        let template = value::at(object, &["spec", "template"]).cloned().unwrap_or_default();
        let want = value::count(object, &["spec", "replicas"]).unwrap_or(1);
        let deadline = value::count(object, &["spec", "progressDeadlineSeconds"]).unwrap_or(600);
        let counts = self.counts(key, &template, now);
        let done = counts == Counts { total: want, updated: want, ready: want };
        let Some(rollout) = self.rollouts.get_mut(key) else { return json!({}) };
        if rollout.counts != counts {
            rollout.counts = counts;
            rollout.progressed = now;
        }
        if done {
            rollout.complete = Some(template.clone());
        }
        let complete = rollout.complete.as_ref() == Some(&template);
        let deadline = rollout.progressed.after(Duration::from_secs(u64::from(deadline)));
        let late = now >= deadline;
        rollout.deadline = (!complete).then_some(deadline);
        let (progressing, reason) = match (complete, late) {
            (true, _) => ("True", "NewReplicaSetAvailable"),
            (false, false) => ("True", "ReplicaSetUpdated"),
            (false, true) => ("False", "ProgressDeadlineExceeded"),
        };
        json!({
            "observedGeneration": rollout.generation,
            "replicas": counts.total,
            "updatedReplicas": counts.updated,
            "readyReplicas": counts.ready,
            "availableReplicas": counts.ready,
            "conditions": [{"type": "Progressing", "status": progressing, "reason": reason}],
        })
    }
}
