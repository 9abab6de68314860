//! Pods, and the controller of Deployments that makes and removes them.

mod daemon;
mod stateful;

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use serde_json::{Value, json};

use super::apiserver::Apiserver;
use super::app::App;
use super::random::Random;
use crate::model::Time;
use crate::object::kinds::DEPLOYMENT;
use crate::object::{ObjectKey, value};
use stateful::{Member, Set};

/// One pod.
#[derive(Clone, Debug)]
pub(super) struct Pod {
    pub(super) owner: ObjectKey,
    pub(super) template: Rc<Template>,
    pub(super) born: Time,
    ready_at: Option<Time>,
    breaks_at: Option<Time>,
    /// What it is besides, where it is one of a StatefulSet's or a DaemonSet's.
    pub(super) member: Option<Member>,
}

impl Pod {
    pub(super) fn is_ready(&self, now: Time) -> bool {
        self.ready_at.is_some_and(|t| t <= now) && self.breaks_at.is_none_or(|t| now < t)
    }

    /// Whether a Service with this selector means the pod.
    pub(super) fn matches(&self, selector: &Value) -> bool {
        let wanted = selector.as_object().into_iter().flatten();
        wanted.into_iter().all(|(key, value)| self.template.labels.get(key).map(String::as_str) == value.as_str())
    }
}

/// What the pods of one template have in common.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Template {
    pub(super) image: String,
    labels: BTreeMap<String, String>,
    /// The whole of it, to be compared.
    text: String,
}

impl Template {
    fn read(object: &Value) -> Self {
        let template = value::at(object, &["spec", "template"]).cloned().unwrap_or_default();
        let labels = value::at(&template, &["metadata", "labels"]).and_then(Value::as_object);
        let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
        Self {
            image: image(&template).to_owned(),
            labels: labels.into_iter().flatten().map(|(k, v)| (k.clone(), text(v))).collect(),
            text: template.to_string(),
        }
    }
}

/// The image of a template's first container: in the simulation the name of the revision.
pub(super) fn image(template: &Value) -> &str {
    value::text(template, &["spec", "containers", "0", "image"]).unwrap_or_default()
}

/// What the controller knows of one Deployment.
#[derive(Clone, Debug)]
struct Rollout {
    generation: u32,
    template: Rc<Template>,
    want: u32,
    recreate: bool,
    /// progressDeadlineSeconds.
    patience: Duration,
    /// When the controller gets round to this generation.
    due: Time,
    progressed: Time,
    /// When the progress deadline passes; `None` once the template was rolled out completely.
    deadline: Option<Time>,
    /// What was written to the status.
    written: Option<(u32, Counts, &'static str)>,
    complete: bool,
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
    sets: BTreeMap<ObjectKey, Set>,
    daemons: BTreeMap<ObjectKey, Set>,
    /// Nodes for DaemonSets.
    pub(super) nodes: u32,
}

impl Workloads {
    pub(super) fn pods(&self) -> &[Pod] {
        &self.pods
    }

    /// The next moment after `now` at which something happens by itself.
    pub(super) fn next(&self, now: Time) -> Option<Time> {
        let pods = self.pods.iter().flat_map(|p| [p.ready_at, p.breaks_at]).flatten();
        let dues = self.rollouts.values().flat_map(|r| [Some(r.due), r.deadline]).flatten();
        let sets = self.sets.values().chain(self.daemons.values()).map(|set| set.due);
        pods.chain(dues).chain(sets).filter(|t| *t > now).min()
    }

    /// Lets the controller do what is due.
    pub(super) fn tick(&mut self, api: &mut Apiserver, apps: &BTreeMap<String, App>, random: &mut Random, now: Time) {
        let found: Vec<_> = api.objects().of_kind(DEPLOYMENT).map(|(k, o)| (k.clone(), generation(o))).collect();
        self.pods.retain(|p| api.find(&p.owner).is_some());
        self.rollouts.retain(|key, _| found.iter().any(|(k, _)| k == key));
        self.tick_sets(api, apps, random, now);
        self.tick_daemons(api, apps, random, now);
        for (key, generation) in found {
            if self.rollouts.get(&key).is_none_or(|r| r.generation != generation) {
                let seen = api.find(&key).map(|object| self.see(&key, object, now.after(random.millis(5, 400))));
                self.rollouts.extend(seen.map(|rollout| (key.clone(), rollout)));
            }
            if let Some(mut rollout) = self.rollouts.get(&key).filter(|r| r.due <= now).cloned() {
                self.roll(&key, &rollout, apps, random, now);
                if let Some(status) = rollout.status(self.counts(&key, &rollout.template, now), now) {
                    api.set(&key, &["status"], status);
                }
                self.rollouts.insert(key, rollout);
            }
        }
    }

    /// Reads a new generation, which the controller gets round to at `due`.
    fn see(&self, key: &ObjectKey, object: &Value, due: Time) -> Rollout {
        let before = self.rollouts.get(key);
        let template = Template::read(object);
        let same = before.filter(|r| *r.template == template);
        let count = |field| value::count(object, &["spec", field]);
        Rollout {
            generation: generation(object),
            want: count("replicas").unwrap_or(1),
            recreate: value::text(object, &["spec", "strategy", "type"]) == Some("Recreate"),
            patience: Duration::from_secs(count("progressDeadlineSeconds").unwrap_or(600).into()),
            due,
            progressed: due,
            deadline: None,
            written: before.and_then(|r| r.written),
            complete: same.is_some_and(|r| r.complete),
            template: same.map_or_else(|| Rc::new(template), |r| Rc::clone(&r.template)),
        }
    }

    fn counts(&self, key: &ObjectKey, template: &Rc<Template>, now: Time) -> Counts {
        self.pods.iter().filter(|p| p.owner == *key).fold(Counts::default(), |c, pod| Counts {
            total: c.total + 1,
            updated: c.updated + u32::from(pod.template == *template),
            ready: c.ready + u32::from(pod.is_ready(now)),
        })
    }

    /// One step of a rolling update (or of the strategy Recreate), or of scaling.
    fn roll(
        &mut self,
        key: &ObjectKey,
        rollout: &Rollout,
        apps: &BTreeMap<String, App>,
        random: &mut Random,
        now: Time,
    ) {
        let (template, want) = (&rollout.template, rollout.want);
        let (surge, unavailable) = (want.div_ceil(4), want / 4);
        let new = |pod: &Pod| pod.template == *template;
        // Old pods go first: those that are not ready at once, the others as far as enough stay available.
        if rollout.recreate || want == 0 {
            self.pods.retain(|p| p.owner != *key || (new(p) && want > 0));
        }
        let surplus = self.counts(key, template, now).updated.saturating_sub(want);
        for _ in 0..surplus {
            self.remove(key, |p| new(p) && !p.is_ready(now)).or_else(|| self.remove(key, new));
        }
        while self.remove(key, |p| !new(p) && !p.is_ready(now)).is_some() {}
        while self.counts(key, template, now).ready > want.saturating_sub(unavailable)
            && self.remove(key, |p| !new(p)).is_some()
        {}
        let counts = self.counts(key, template, now);
        let room = (want + surge).saturating_sub(counts.total);
        let app = apps.get(&template.image).cloned().unwrap_or_default();
        for _ in 0..room.min(want.saturating_sub(counts.updated)) {
            let jitter = random.millis(1, 2000);
            let ready_at = app.ready_after(&key.name).map(|d| now.after(d + jitter));
            let breaks_at = app.breaks_after.map(|d| now.after(d + jitter));
            let template = Rc::clone(template);
            let member = None;
            self.pods.push(Pod { owner: key.clone(), template, born: now, ready_at, breaks_at, member });
        }
    }

    fn remove(&mut self, key: &ObjectKey, which: impl Fn(&Pod) -> bool) -> Option<Pod> {
        let index = self.pods.iter().rposition(|p| p.owner == *key && which(p))?;
        Some(self.pods.remove(index))
    }
}

impl Rollout {
    /// The status of the Deployment, where it is another one than was written last.
    fn status(&mut self, counts: Counts, now: Time) -> Option<Value> {
        if self.written.is_none_or(|(_, before, _)| before != counts) {
            self.progressed = now;
        }
        self.complete |= counts == Counts { total: self.want, updated: self.want, ready: self.want };
        let deadline = self.progressed.after(self.patience);
        self.deadline = (!self.complete).then_some(deadline);
        let (progressing, reason) = match (self.complete, now >= deadline) {
            (true, _) => ("True", "NewReplicaSetAvailable"),
            (false, false) => ("True", "ReplicaSetUpdated"),
            (false, true) => ("False", "ProgressDeadlineExceeded"),
        };
        let written = Some((self.generation, counts, reason));
        if self.written == written {
            return None;
        }
        self.written = written;
        Some(json!({
            "observedGeneration": self.generation,
            "replicas": counts.total,
            "updatedReplicas": counts.updated,
            "readyReplicas": counts.ready,
            "availableReplicas": counts.ready,
            "conditions": [{"type": "Progressing", "status": progressing, "reason": reason}],
        }))
    }
}

fn generation(object: &Value) -> u32 {
    value::count(object, &["metadata", "generation"]).unwrap_or(0)
}
