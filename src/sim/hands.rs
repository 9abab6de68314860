//! Carries faults out: what other hands write, and what befalls the operator.

use std::time::Duration;

use serde_json::{Value, json};

use super::corner;
use super::faults::{Fault, Knob, Skip, Temper};
use super::fixture;
use super::hooks::Mood;
use super::operator::Operator;
use super::pods::image;
use super::provider::Health;
use super::trial::Trial;
use crate::model::{Phase, Request, Verb};
use crate::object::kinds::{CANARY, CONFIG_MAP, DAEMON_SET, DEPLOYMENT, HPA, POD, SERVICE, STATEFUL_SET};
use crate::object::{Kind, content, value};

/// The routing object of the seeded runs.
const VIRTUAL_SERVICE: Kind =
    Kind { group: "networking.istio.io", version: "v1beta1", kind: "VirtualService", plural: "virtualservices" };

/// How long a person takes to come.
const VISIT: Duration = Duration::from_secs(25);

/// Fewest pods that anybody scales a workload of this kind to.
fn least(kind: Kind) -> u32 {
    match kind {
        // One without pods takes its newest revision for one that all of them have.
        STATEFUL_SET => 2,
        DAEMON_SET => 1,
        _ => 0,
    }
}

impl Trial {
    /// Lets a fault happen now. Gives back what follows from it later.
    pub(super) fn suffer(&mut self, fault: &Fault) -> Option<(Duration, Fault)> {
        let now = self.cluster.now;
        match fault {
            Fault::Crash(after) => self.operator.dies_after = Some(*after),
            Fault::Takeover(kind, lag) => self.operator = self.heir(*kind, *lag),
            Fault::TwoLeaders(kind, lag) => {
                let heir = self.heir(*kind, *lag);
                self.deposed = Some((std::mem::replace(&mut self.operator, heir), now.after(*lag)));
            }
            Fault::StaleCaches(lag) => self.operator.cache.stick_all(now.after(*lag)),
            Fault::StaleCache(kind, lag) => self.operator.cache.stick(self.watched(*kind), now.after(*lag)),
            Fault::LostWakes(lag) => self.deaf_until = Some(now.after(*lag)),
            Fault::SpareWake => self.operator.wake_at(now),
            Fault::Conflict => self.cluster.interfere = true,
            Fault::ProviderDown(lag) => self.others.health = Health::Down(now.after(*lag)),
            Fault::ProviderEmpty(lag) => self.others.health = Health::Empty(now.after(*lag)),
            Fault::HookAgainst(moments, lag) => self.others.hooks.turn(moments, Mood::Against, now.after(*lag)),
            Fault::HookSilent(moments, lag) => self.others.hooks.turn(moments, Mood::Silent, now.after(*lag)),
            Fault::HookBroken(moments, lag) => self.others.hooks.turn(moments, Mood::Broken, now.after(*lag)),
            Fault::NoTraffic(lag) => self.quiet_until = Some(now.after(*lag)),
            Fault::Release(temper) => self.release(*temper),
            Fault::Deploy(image) => {
                self.image.clone_from(image);
                self.deploy();
            }
            Fault::Autoscale(pods) => self.autoscale(*pods),
            Fault::EditConfig(setting) => self.configure(*setting),
            Fault::Revert => self.revert(),
            Fault::Scale(replicas) => {
                let key = self.cluster.target_key();
                self.cluster.scale(&key, *replicas.max(&least(key.kind)));
            }
            Fault::Suspend(lag) => {
                self.edit_canary(&json!({"spec": {"suspend": true}}));
                return Some((*lag, Fault::Resume));
            }
            Fault::Resume => self.edit_canary(&json!({"spec": {"suspend": false}})),
            Fault::Skip(Skip::On) => self.edit_canary(&json!({"spec": {"skipAnalysis": true}})),
            Fault::Skip(Skip::Off) => self.edit_canary(&json!({"spec": {"skipAnalysis": false}})),
            Fault::EditAnalysis(knob) => self.turn(*knob),
            Fault::Freeze(lag) => {
                let freeze =
                    json!({"from": now.to_string(), "to": now.after(*lag).to_string(), "reason": "a big sale"});
                self.edit_canary(&json!({"spec": {"schedule": {"freezes": [freeze]}}}));
            }
            Fault::ElderReleases(lag) => {
                self.elder_is(Phase::Progressing);
                return Some((*lag, Fault::ElderSettles));
            }
            Fault::ElderSettles => self.elder_is(Phase::Succeeded),
            Fault::Thaw => self.edit_canary(&json!({"spec": {"schedule": null}})),
            Fault::Ask(verb, lag) => {
                self.ask(*verb);
                return (*verb == Verb::Pause).then_some((*lag, Fault::Ask(Verb::Resume, *lag)));
            }
            Fault::EditWeight(_)
            | Fault::EditHosts
            | Fault::EditPrimary
            | Fault::DeletePrimary
            | Fault::DeleteSides
            | Fault::DeleteRoute
            | Fault::DeleteTarget(_)
            | Fault::RestoreTarget
            | Fault::DeleteCanary(_)
            | Fault::RestoreCanary => return self.meddle(fault),
        }
        None
    }

    /// Whether the release waits for a person.
    pub(super) fn is_called_for(&self) -> bool {
        let text = |object, path: &[&str]| value::text(object, path).unwrap_or_default().to_owned();
        let Some(canary) = self.cluster.api.find(&corner::canary_key(&self.cluster.names)) else { return false };
        let hooks = value::at(canary, &["spec", "analysis", "webhooks"]).and_then(Value::as_array);
        let by_hand = hooks.into_iter().flatten().filter(|hook| hook.get("url").is_none());
        let awaited = text(canary, &["status", "gate", "name"]);
        value::at(canary, &["status", "openedGate"]).is_none()
            && by_hand.into_iter().any(|hook| text(hook, &["name"]) == awaited)
    }

    /// A person comes a while after the release began to wait, and opens the gate.
    pub(super) fn open_gate(&mut self) {
        let now = self.cluster.now;
        match self.visit {
            _ if !self.is_called_for() => self.visit = None,
            // At the end of a run whoever is waited for is there.
            None if self.record.invariants.calm => self.visit = Some(now.after(Duration::from_secs(1))),
            None => self.visit = Some(now.after(VISIT)),
            Some(at) if at > now => {}
            Some(_) => {
                self.visit = None;
                self.ask(Verb::Resume);
            }
        }
    }

    fn ask(&mut self, verb: Verb) {
        let text = format!("{verb}/{}", self.cluster.now.as_millis());
        let key = corner::canary_key(&self.cluster.names);
        self.cluster.api.edit(&key, &json!({"metadata": {"annotations": {Request::ANNOTATION: text}}}));
    }

    /// A replica that begins to lead with a clock of its own, its watch of one kind lagging.
    fn heir(&mut self, kind: Kind, lag: Duration) -> Operator {
        let now = self.cluster.now;
        let kind = self.watched(kind);
        let mut heir = Operator { skew: self.random.skew(), ..Operator::default() };
        heir.cache.refresh(&self.cluster.api, now);
        heir.cache.copy(kind, &self.past);
        heir.cache.stick(kind, now.after(lag));
        heir.wake_at(now.after(lag / 4));
        heir
    }

    /// The kind whose watch matters in the place of this one.
    fn watched(&self, kind: Kind) -> Kind {
        match (self.cluster.names.kind, kind) {
            (own @ (STATEFUL_SET | DAEMON_SET), DEPLOYMENT) => own,
            (STATEFUL_SET | DAEMON_SET, SERVICE) => POD,
            _ => kind,
        }
    }

    /// What befalls pods that are replaced in place, in the stead of a route and a primary. Whether it is one of these.
    fn disturb(&mut self, fault: &Fault) -> bool {
        let key = self.cluster.target_key();
        match (fault, key.kind) {
            (Fault::EditWeight(weight), STATEFUL_SET) => {
                let pods = self.cluster.replicas(&key).unwrap_or(1).max(1);
                // The first pod stays: else its controller takes the newest revision for one that all have.
                let partition = 1 + u32::from(*weight) % pods;
                let strategy = json!({"updateStrategy": {"rollingUpdate": {"partition": partition}}});
                self.cluster.api.edit(&key, &json!({"spec": strategy}));
            }
            (Fault::DeletePrimary, STATEFUL_SET) => {
                self.cluster.api.delete(&POD.named(&key.namespace, format!("{}-0", key.name)));
            }
            (Fault::EditWeight(weight), DAEMON_SET) => self.lose_a_pod(usize::from(*weight)),
            (Fault::DeletePrimary, DAEMON_SET) => self.lose_a_pod(0),
            (Fault::EditPrimary, STATEFUL_SET | DAEMON_SET) => {}
            _ => return false,
        }
        true
    }

    /// What people do to objects that are not theirs to touch, or take away.
    fn meddle(&mut self, fault: &Fault) -> Option<(Duration, Fault)> {
        if self.disturb(fault) {
            return None;
        }
        let names = self.cluster.names.clone();
        let route = VIRTUAL_SERVICE.named(&names.namespace, &names.apex);
        match fault {
            Fault::EditWeight(weight) => {
                let mut spec = self.cluster.api.find(&route).map(|o| o["spec"].clone()).unwrap_or(Value::Null);
                if let Some(routes) = spec.pointer_mut("/http/0/route").and_then(Value::as_array_mut) {
                    let shares = [100 - *weight, *weight];
                    routes.iter_mut().zip(shares).for_each(|(r, share)| r["weight"] = share.into());
                    self.cluster.api.set(&route, &["spec"], spec);
                }
            }
            Fault::EditHosts => self.cluster.api.edit(&route, &json!({"spec": {"hosts": ["elsewhere"]}})),
            Fault::EditPrimary => {
                let images: Vec<_> = self.cluster.apps.keys().cloned().collect();
                let key = self.cluster.primary_key();
                let mut template = self.cluster.template(&key).cloned().unwrap_or_default();
                if let Some(image) = template.pointer_mut("/spec/containers/0/image") {
                    *image = json!(self.random.pick(&images));
                    self.cluster.api.set(&key, &["spec", "template"], template);
                }
            }
            Fault::DeletePrimary => {
                let key = self.cluster.primary_key();
                self.cluster.api.delete(&key);
            }
            Fault::DeleteSides => {
                for side in ["primary", "canary"] {
                    self.cluster.api.delete(&SERVICE.named(&names.namespace, format!("{}-{side}", names.apex)));
                }
            }
            Fault::DeleteRoute => self.cluster.api.delete(&route),
            Fault::DeleteTarget(lag) => {
                let key = self.cluster.target_key();
                self.cluster.api.delete(&key);
                return Some((*lag, Fault::RestoreTarget));
            }
            Fault::RestoreTarget => self.deploy(),
            Fault::DeleteCanary(lag) => {
                self.cluster.api.delete(&corner::canary_key(&names));
                return Some((*lag, Fault::RestoreCanary));
            }
            Fault::RestoreCanary => {
                let key = corner::canary_key(&names);
                match self.cluster.api.find(&key) {
                    None => self.cluster.api.put(&key, self.canary.clone()),
                    Some(leaving) if value::at(leaving, &["metadata", "deletionTimestamp"]).is_some() => {
                        return Some((Duration::from_secs(60), Fault::RestoreCanary));
                    }
                    // Of two deletions the first restored it already.
                    Some(_) => {}
                }
            }
            _ => {}
        }
        None
    }

    /// A node is drained, and its pod made anew.
    fn lose_a_pod(&mut self, index: usize) {
        let pods: Vec<_> = self.cluster.api.objects().of_kind(POD).map(|(key, _)| key.clone()).collect();
        if let Some(key) = pods.get(index % pods.len().max(1)) {
            self.cluster.api.delete(key);
        }
    }

    /// Writes to the Canary as its user would; what is in Git changes too.
    pub(super) fn edit_canary(&mut self, patch: &Value) {
        value::merge(&mut self.canary, patch);
        let key = corner::canary_key(&self.cluster.names);
        self.cluster.api.edit(&key, patch);
        self.cluster.reread(&self.canary);
    }

    fn elder_is(&mut self, phase: Phase) {
        let key = CANARY.named(&self.cluster.names.namespace, fixture::ELDER);
        if self.cluster.api.find(&key).is_some() {
            self.cluster.api.edit(&key, &json!({"status": {"phase": phase.as_str()}}));
        }
    }

    fn turn(&mut self, knob: Knob) {
        let of_routes = matches!(knob, Knob::Strategy | Knob::Affinity | Knob::Size | Knob::Promotion);
        let knob = if of_routes && self.cluster.names.is_in_place() { Knob::Weights } else { knob };
        let random = &mut self.random;
        let mut patch = match knob {
            Knob::Interval => json!({"spec": {"analysis": {"interval": format!("{}s", 10 + random.below(40))}}}),
            Knob::Threshold => json!({"spec": {"analysis": {"threshold": 1 + random.below(6)}}}),
            Knob::Weights if self.canary.pointer("/spec/analysis/stepWeights").is_some() => {
                json!({"spec": {"analysis": {"stepWeights": fixture::weights(random)}}})
            }
            Knob::Weights | Knob::Strategy => json!({"spec": {"analysis": fixture::form(random)}}),
            Knob::Affinity => json!({"spec": {"analysis": fixture::affinity(random)}}),
            Knob::Size if self.canary.pointer("/spec/autoscalerRef").is_some() => json!({}),
            Knob::Size => json!({"spec": {"canaryReplicas": fixture::size(random)}}),
            Knob::Deadline => json!({"spec": {"progressDeadlineSeconds": 60 + random.below(160)}}),
            Knob::Promotion => json!({"spec": {"analysis": {"stepWeightPromotion": 5 + random.below(90)}}}),
        };
        value::extend(&mut patch, &fixture::incompatible(&self.canary));
        self.edit_canary(&patch);
    }

    /// A new revision, which is in Git from now on.
    pub(super) fn release(&mut self, temper: Temper) {
        self.image = format!("app:{}", self.cluster.apps.len() + 1);
        let app = fixture::app(temper, &mut self.random);
        self.cluster.apps.insert(self.image.clone(), app);
        self.deploy();
    }

    /// The autoscalers of both sides do what they are there for, as far as their bounds let them.
    fn autoscale(&mut self, pods: u32) {
        let namespace = self.cluster.names.namespace.clone();
        let sides = [(self.cluster.target_key(), ""), (self.cluster.primary_key(), "-primary")];
        for (workload, side) in sides {
            let scaler = HPA.named(&namespace, format!("{}{side}", fixture::SCALER));
            let bound = |field| self.cluster.api.find(&scaler).and_then(|hpa| value::count(hpa, &["spec", field]));
            let bounds = bound("minReplicas").zip(bound("maxReplicas"));
            let scaled = self.cluster.replicas(&workload).is_some_and(|replicas| replicas > 0);
            if let Some((least, most)) = bounds.filter(|_| scaled) {
                self.cluster.api.edit(&workload, &json!({"spec": {"replicas": pods.clamp(least, most.max(least))}}));
            }
        }
    }

    /// What the pods read changes; it stands in Git as well.
    pub(super) fn configure(&mut self, setting: u8) {
        let key = CONFIG_MAP.named(&self.cluster.names.namespace, fixture::CONFIG);
        self.cluster.api.put(&key, json!({"data": {"setting": setting.to_string()}}));
        let content = self.cluster.api.find(&key).map(content::checksum);
        self.record.invariants.configured.extend(content.map(|content| (self.cluster.now, content)));
        if let Some(template) = self.cluster.template(&self.cluster.target_key()).cloned() {
            self.introduce(&template);
        }
    }

    /// Tells the rules which revision the target asks for.
    fn introduce(&mut self, template: &Value) {
        let names = &self.cluster.names;
        let revision = corner::revision(names, template, self.cluster.api.objects());
        let config = CONFIG_MAP.named(&names.namespace, fixture::CONFIG);
        let config = self.cluster.api.find(&config).map(content::checksum).unwrap_or_default();
        self.record.invariants.knows(revision, image(template), &config);
    }

    fn revert(&mut self) {
        let images: Vec<_> = self.cluster.apps.keys().cloned().collect();
        if let Some(image) = self.random.pick(&images) {
            self.image = image;
            self.deploy();
        }
    }

    /// Applies the target as Git has it; replicas are not in Git, unless the target is not there.
    pub(super) fn deploy(&mut self) {
        let key = self.cluster.target_key();
        let image = json!(self.image);
        if let Some(place) = self.target.pointer_mut("/spec/template/spec/containers/0/image") {
            *place = image;
        }
        let template = self.target.pointer("/spec/template").cloned().unwrap_or_default();
        self.introduce(&template);
        if self.cluster.api.find(&key).is_some() {
            self.cluster.api.set(&key, &["spec", "template"], template);
        } else {
            self.cluster.owns(&key);
            self.cluster.api.put(&key, self.target.clone());
        }
    }
}
