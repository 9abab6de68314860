//! The simulated cluster: apiserver, controllers, pods and traffic, moved through time.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::apiserver::Apiserver;
use super::app::App;
use super::corner;
use super::endpoints;
use super::pods::{Pod, Workloads};
use super::random::Random;
use super::traffic::{self, History, MEMORY, Names, Scenery};
use crate::api;
use crate::model::{Percent, Routing, Time};
use crate::object::kinds::{CONTROLLER_REVISION, DAEMON_SET, DEPLOYMENT, STATEFUL_SET};
use crate::object::{Change, Conflict, ObjectKey, daemon, value};

/// Everything outside the operator.
#[derive(Clone, Debug)]
pub(super) struct Cluster {
    pub(super) now: Time,
    pub(super) api: Apiserver,
    pub(super) names: Names,
    /// Behaviour by image.
    pub(super) apps: BTreeMap<String, App>,
    pub(super) history: History,
    /// Requests a second to the apex.
    pub(super) rps: f64,
    /// Requests a second that a load test sends to the canary's own Service while it is analysed.
    pub(super) load: f64,
    /// Nobody sends requests.
    pub(super) asleep: bool,
    /// Somebody else writes to the Canary just before the operator does.
    pub(super) interfere: bool,
    workloads: Workloads,
    random: Random,
    /// The options with which routing objects are read; the Canary itself may be gone.
    canary: Option<api::Canary>,
    /// How the traffic was shared at a revision of the apiserver.
    routing: RefCell<Option<(u64, Option<Routing>)>>,
    /// Workloads that the operator scaled to zero or deleted.
    parked: BTreeSet<ObjectKey>,
}

impl Cluster {
    pub(super) fn new(names: Names, canary: Option<api::Canary>, now: Time, random: Random) -> Self {
        Self {
            now,
            api: Apiserver::default(),
            names,
            apps: BTreeMap::new(),
            history: History::default(),
            rps: 100.0,
            load: 0.0,
            asleep: false,
            interfere: false,
            workloads: Workloads::default(),
            random,
            canary,
            routing: RefCell::new(None),
            parked: BTreeSet::new(),
        }
    }

    /// The Canary was edited.
    pub(super) fn reread(&mut self, canary: &Value) {
        self.canary = serde_json::from_value(canary.clone()).ok();
        self.routing.take();
    }

    /// When something happens by itself.
    pub(super) fn next(&self) -> Option<Time> {
        self.workloads.next(self.now)
    }

    /// Lets time pass: requests flow, then controllers do what is due.
    pub(super) fn advance(&mut self, to: Time) {
        let routing = self.routing();
        let scenery = Scenery {
            names: &self.names,
            objects: self.api.objects(),
            pods: self.workloads.pods(),
            apps: &self.apps,
            routing: routing.as_ref(),
            matching: self.canary.as_ref().map_or(1.0, traffic::matching),
            rps: if self.asleep { 0.0 } else { self.rps },
            load: if corner::is_analysed(&self.names, self.api.objects()) { self.load } else { 0.0 },
        };
        self.history.flow(scenery, self.now, to);
        self.now = to;
        self.history.forget(Time::from_millis(to.as_millis() - i64::try_from(MEMORY.as_millis()).unwrap_or(0)));
        self.settle();
    }

    /// Lets controllers do what is due now.
    pub(super) fn settle(&mut self) {
        self.workloads.tick(&mut self.api, &self.apps, &mut self.random, self.now);
        endpoints::tick(&mut self.api, self.workloads.pods(), self.now);
    }

    /// A write of the operator.
    pub(super) fn write(&mut self, change: &Change) -> Result<(), Conflict> {
        let key = change.key();
        self.api.write(change)?;
        if let Some(key) = key.filter(|k| k.kind == DEPLOYMENT) {
            if self.replicas(&key) == Some(0) || self.api.find(&key).is_none() {
                self.parked.insert(key);
            } else {
                self.parked.remove(&key);
            }
        }
        self.workloads.lose(&self.api);
        endpoints::tick(&mut self.api, self.workloads.pods(), self.now);
        Ok(())
    }

    /// A write of the operator to the status of the Canary that it saw at version `seen`.
    pub(super) fn write_status(&mut self, seen: &str, status: &Value) -> Result<(), Conflict> {
        let key = corner::canary_key(&self.names);
        if std::mem::take(&mut self.interfere) {
            self.api.edit(&key, &json!({"metadata": {"annotations": {"seen-by": self.now.to_string()}}}));
        }
        self.api.write_status(&key, seen, status)
    }

    /// Another hand scales a workload, or the number of nodes for a DaemonSet.
    pub(super) fn scale(&mut self, key: &ObjectKey, replicas: u32) {
        if key.kind == DAEMON_SET {
            self.workloads.nodes = replicas;
            return;
        }
        self.owns(key);
        self.api.edit(key, &json!({"spec": {"replicas": replicas}}));
    }

    /// Another hand made the workload anew: its size is no longer the operator's doing.
    pub(super) fn owns(&mut self, key: &ObjectKey) {
        self.parked.remove(key);
    }

    /// How the proxies share the traffic; `None` where no route splits it.
    pub(super) fn routing(&self) -> Option<Routing> {
        let revision = self.api.revision();
        if let Some((at, routing)) = &*self.routing.borrow()
            && *at == revision
        {
            return routing.clone();
        }
        let routing = self.canary.as_ref().and_then(|c| corner::routing(&self.names, c, self.api.objects()));
        *self.routing.borrow_mut() = Some((revision, routing.clone()));
        routing
    }

    /// Share of the requests that get no answer although somebody could give one.
    pub(super) fn lost(&self) -> Percent {
        let routing = self.routing();
        let matching = self.canary.as_ref().map_or(1.0, traffic::matching);
        let shares = traffic::shares(routing.as_ref(), matching);
        traffic::lost(&self.names, self.api.objects(), self.workloads.pods(), &shares, self.now)
    }

    /// Whether the workload and its Canary are deleted: then nothing is wanted to serve.
    pub(super) fn is_abandoned(&self) -> bool {
        let canary = self.api.find(&corner::canary_key(&self.names));
        let leaving = canary.is_none_or(|canary| value::at(canary, &["metadata", "deletionTimestamp"]).is_some());
        leaving && self.template(&self.target_key()).is_none()
    }

    /// Whether nobody wants pods of the target.
    pub(super) fn is_scaled_to_zero(&self) -> bool {
        let target = self.api.find(&self.target_key());
        target.and_then(|target| value::at(target, &["spec", "replicas"])) == Some(&Value::from(0))
    }

    /// Whether the operator took the pods of a workload away.
    pub(super) fn is_parked(&self, workload: &ObjectKey) -> bool {
        self.parked.contains(workload)
    }

    pub(super) fn pods(&self) -> &[Pod] {
        self.workloads.pods()
    }

    /// Whether pods of the target go back to the template before.
    pub(super) fn holds_back(&self) -> bool {
        let note = self.api.find(&self.target_key()).and_then(daemon::note);
        note.is_some_and(|note| note.held.is_some())
    }

    /// Pods of a DaemonSet that do not answer, and how many of them its user lets be missing.
    pub(super) fn missing(&self) -> Option<[u32; 2]> {
        let note = self.api.find(&self.target_key()).and_then(daemon::note)?;
        let ready = self.pods().iter().filter(|pod| pod.owner == self.target_key() && pod.is_ready(self.now)).count();
        let nodes = self.workloads.nodes;
        let missing = nodes.saturating_sub(u32::try_from(ready).unwrap_or(u32::MAX));
        Some([missing, daemon::most_unavailable(&note.strategy, nodes)])
    }

    /// Whether there is a pod at most.
    pub(super) fn is_single(&self) -> bool {
        self.names.kind == DAEMON_SET && self.workloads.nodes < 2
    }

    pub(super) fn replicas(&self, key: &ObjectKey) -> Option<u32> {
        self.api.find(key).map(|o| value::count(o, &["spec", "replicas"]).unwrap_or(1))
    }

    pub(super) fn target_key(&self) -> ObjectKey {
        self.names.kind.named(&self.names.namespace, &self.names.target)
    }

    /// The workload whose pods are the primary's.
    pub(super) fn primary_key(&self) -> ObjectKey {
        match self.names.kind {
            STATEFUL_SET | DAEMON_SET => self.target_key(),
            kind => kind.named(&self.names.namespace, self.names.primary()),
        }
    }

    /// The template of the revision that serves: the primary's, or the last that all pods had, where they are replaced in place.
    pub(super) fn serving_template(&self) -> Option<Value> {
        let target = self.api.find(&self.target_key());
        match self.names.kind {
            DAEMON_SET => daemon::note(target?).map(|note| note.current.template),
            STATEFUL_SET => {
                let current = value::text(target?, &["status", "currentRevision"])?;
                let kept = self.api.find(&CONTROLLER_REVISION.named(&self.names.namespace, current))?;
                value::at(kept, &["data", "spec", "template"]).cloned()
            }
            _ => self.template(&self.primary_key()).cloned(),
        }
    }

    /// The template of a workload.
    pub(super) fn template(&self, key: &ObjectKey) -> Option<&Value> {
        self.api.find(key).and_then(|o| value::at(o, &["spec", "template"]))
    }
}
