//! One seeded run: a cluster, an operator, and the schedule of what befalls them.

use std::time::Duration;

use super::cluster::Cluster;
use super::corner;
use super::faults::{self, Fault, Temper};
use super::fixture;
use super::invariants::Violation;
use super::operator::{Keep, Operator, Record, Round};
use super::provider::Others;
use super::random::Random;
use super::traffic::Names;
use crate::model::Time;
use crate::object::kinds::{CANARY, DAEMON_SET, DELIVERY_POLICY, DEPLOYMENT, HPA, SERVICE, STATEFUL_SET};
use crate::object::{Objects, value};
use serde_json::{Value, json};

/// Seeds from here on release a StatefulSet in place.
pub(super) const IN_PLACE: u64 = 1 << 32;

/// Seeds from here on release a DaemonSet in place.
pub(super) const ON_NODES: u64 = 1 << 33;

/// When every run begins.
const EPOCH: Time = Time::from_millis(1_767_225_600_000);

/// No watch of an apiserver that lives lags further behind.
const LONGEST_LAG: Duration = Duration::from_secs(20);

/// Rounds after which a run counts as one that never gets quiet: twice what reminders every ten seconds take as long as `patience` lasts.
const MOST_ROUNDS: u32 = 7_500;

/// A run in progress.
#[derive(Debug)]
pub(super) struct Trial {
    pub(super) cluster: Cluster,
    pub(super) operator: Operator,
    /// A replica that has lost its Lease, and until when it does not know.
    pub(super) deposed: Option<(Operator, Time)>,
    pub(super) record: Record,
    pub(super) others: Others,
    pub(super) random: Random,
    /// The Canary, the target and its image as they are in Git.
    pub(super) canary: Value,
    pub(super) target: Value,
    pub(super) image: String,
    /// What is still to happen, by time.
    pub(super) faults: Vec<(Time, Fault)>,
    /// The objects as they were before the last faults, or a while ago: what a watch cache that lags still shows.
    pub(super) past: Objects,
    /// Until when that may still be what it shows.
    past_until: Time,
    /// Until when watches wake nobody.
    pub(super) deaf_until: Option<Time>,
    /// When a person comes to the gate that waits for one.
    pub(super) visit: Option<Time>,
    /// Until when nobody sends requests.
    pub(super) quiet_until: Option<Time>,
}

impl Trial {
    /// An empty cluster, and what Git has for it.
    pub(super) fn of(names: Names, canary: Value, target: Value, random: Random) -> Self {
        let options = serde_json::from_value(canary.clone()).ok();
        Self {
            cluster: Cluster::new(names, options, EPOCH, random.clone()),
            operator: Operator::default(),
            deposed: None,
            record: Record::default(),
            others: Others::default(),
            random,
            canary,
            target,
            image: String::new(),
            faults: Vec::new(),
            past: Objects::default(),
            past_until: EPOCH,
            deaf_until: None,
            visit: None,
            quiet_until: None,
        }
    }

    /// A cluster in which the user's Deployment has served for a while, and the faults that await it.
    pub(super) fn new(seed: u64) -> Self {
        Self::named(seed, &fixture::names().canary, &json!({}))
    }

    /// The same with another name of the Canary, and more in its spec.
    pub(super) fn named(seed: u64, canary: &str, more: &Value) -> Self {
        let mut random = Random::new(seed);
        let in_place = seed >= IN_PLACE;
        let kind = match seed {
            ON_NODES.. => DAEMON_SET,
            IN_PLACE.. => STATEFUL_SET,
            _ => DEPLOYMENT,
        };
        let names = Names { kind, canary: canary.to_owned(), ..fixture::names() };
        let mut canary = fixture::canary(&names, &mut random);
        let mut calendar = Random::new(seed.wrapping_add(3));
        value::merge(&mut canary, &fixture::schedule(&mut calendar));
        let policy = fixture::policy(&mut canary, &mut Random::new(seed.wrapping_add(9)));
        value::merge(&mut canary, &fixture::order(&mut calendar));
        let mut later = Random::new(seed.wrapping_add(5));
        let afterwards = fixture::afterwards(&canary, &mut later);
        value::merge(&mut canary, &afterwards);
        let mut target = fixture::deployment(&names);
        value::merge(&mut target, &fixture::replacement(&mut random));
        if value::at(&canary, &["spec", "canaryReplicas"]).is_some() {
            value::merge(&mut target, &json!({"spec": {"replicas": 2 + random.below(6)}}));
        }
        if in_place {
            let mut random = Random::new(seed.wrapping_add(4));
            value::merge(&mut canary, &fixture::in_place(&names, &mut random));
            target = match kind {
                DAEMON_SET => fixture::daemon_set(&names, &mut random),
                _ => fixture::stateful_set(&names, &mut random),
            };
        }
        value::merge(&mut canary, more);
        let key = kind.named(&names.namespace, &names.target);
        let mut trial = Self::of(names, canary, target, random);
        if kind == DAEMON_SET {
            let nodes = Random::new(seed.wrapping_add(7)).below(6);
            trial.cluster.scale(&key, 1 + u32::try_from(nodes).unwrap_or(0));
        }
        trial.configure(0);
        trial.govern(policy);
        let elder = CANARY.named(&trial.cluster.names.namespace, fixture::ELDER);
        trial.cluster.api.put(&elder, fixture::elder(&trial.cluster.names));
        // Without users on the canary somebody must send requests, or nothing is measured.
        trial.cluster.load = 10.0;
        if value::at(&trial.canary, &["spec", "autoscalerRef"]).is_some() {
            let key = HPA.named(&trial.cluster.names.namespace, fixture::SCALER);
            trial.cluster.api.put(&key, fixture::scaler(&trial.cluster.names));
        }
        trial.release(Temper::Healthy);
        if trial.random.chance(50) || in_place {
            let names = &trial.cluster.names;
            let apex = SERVICE.named(&names.namespace, &names.apex);
            let spec = json!({"selector": {"app": names.target}, "ports": [{"port": 80, "targetPort": 8080}]});
            trial.cluster.api.put(&apex, json!({"spec": spec}));
        }
        if trial.random.chance(70) {
            trial.play(EPOCH.after(fixture::PROLOGUE));
        }
        trial.apply_canary();
        // No watch shows a time from before there was a cluster.
        trial.past_is_now();
        let begin = trial.cluster.now;
        let mut faults = faults::schedule(&mut trial.random);
        faults.extend(faults::calendar(&mut calendar));
        faults.extend(faults::regrets(&mut later));
        faults.sort_by_key(|(at, _)| *at);
        trial.faults = faults.into_iter().map(|(after, fault)| (begin.after(after), fault)).collect();
        trial
    }

    /// A policy, and others whose releases fill its limit.
    fn govern(&mut self, policy: Option<Value>) {
        if let Some(policy) = policy {
            self.others.busy = true;
            self.cluster.api.put(&DELIVERY_POLICY.named("", fixture::POLICY), policy);
        }
    }

    /// Applies the Canary as Git has it.
    pub(super) fn apply_canary(&mut self) {
        let key = corner::canary_key(&self.cluster.names);
        self.cluster.api.put(&key, self.canary.clone());
    }

    /// Plays until every scheduled fault has happened.
    pub(super) fn play_faults(&mut self) {
        while let Some((last, _)) = self.faults.last()
            && self.record.invariants.broken.is_none()
        {
            self.play(last.after(Duration::from_millis(1)));
        }
    }

    /// Plays until nothing happens by itself any more, or until `end`.
    pub(super) fn play(&mut self, end: Time) {
        self.cluster.settle();
        self.record.invariants.ticked(&self.cluster);
        self.wake();
        while self.record.invariants.broken.is_none() {
            let now = self.cluster.now;
            let Some(next) = self.next().map(|t| t.max(now)).filter(|t| *t < end) else { break };
            if next > self.past_until {
                self.past_is_now();
            }
            self.cluster.asleep = self.quiet_until.is_some_and(|t| now < t);
            self.cluster.advance(next);
            self.record.invariants.ticked(&self.cluster);
            self.befall();
            self.open_gate();
            self.wake();
            if self.others.hooks.turns_at(next) {
                self.operator.wake_at(next);
            }
            if self.operator.due.is_some_and(|t| t <= next) {
                self.round();
                self.wake();
            }
            if self.deposed.as_ref().is_some_and(|(replica, _)| replica.due.is_some_and(|t| t <= next)) {
                self.round_of_the_deposed();
                self.wake();
            }
            if self.record.rounds > MOST_ROUNDS {
                self.record
                    .invariants
                    .broken
                    .get_or_insert(Violation { rule: "L3", sentence: "it never gets quiet".to_owned() });
            }
        }
        if self.record.invariants.broken.is_none() && self.cluster.now < end && self.next().is_some() {
            self.cluster.advance(end);
        }
    }

    /// When something happens.
    pub(super) fn next(&self) -> Option<Time> {
        let fault = self.faults.first().map(|(at, _)| *at);
        let fresh = self.operator.cache.next().filter(|t| *t > self.cluster.now);
        let quiet = self.quiet_until.filter(|t| *t > self.cluster.now);
        let deposed = self.deposed.as_ref().and_then(|(replica, until)| replica.due.filter(|due| due < until));
        let hooks = self.others.hooks.next(self.cluster.now);
        let visit = self.visit.or_else(|| self.is_called_for().then_some(self.cluster.now));
        let times =
            [self.cluster.next(), self.operator.due, deposed, fresh, fault, self.deaf_until, quiet, hooks, visit];
        times.into_iter().flatten().min()
    }

    /// Lets due faults happen.
    fn befall(&mut self) {
        while self.faults.first().is_some_and(|(at, _)| *at <= self.cluster.now) {
            let (_, fault) = self.faults.remove(0);
            self.record.invariants.reached.insert(fault.name());
            if self.record.keep == Keep::All {
                self.record.events.push((self.cluster.now, fault.clone()));
            }
            if let Some((lag, next)) = self.suffer(&fault) {
                self.faults.push((self.cluster.now.after(lag), next));
                self.faults.sort_by_key(|(at, _)| *at);
            }
            self.cluster.settle();
            self.record.invariants.ticked(&self.cluster);
            self.past_is_now();
        }
    }

    fn past_is_now(&mut self) {
        self.past = self.cluster.api.objects().clone();
        self.past_until = self.cluster.now.after(LONGEST_LAG);
    }

    /// Wakes the operator when its watches bring something.
    fn wake(&mut self) {
        let now = self.cluster.now;
        if self.deaf_until.is_some_and(|t| now < t) {
            return;
        }
        self.deaf_until = None;
        let replicas = [Some(&mut self.operator), self.deposed.as_mut().map(|(replica, _)| replica)];
        for replica in replicas.into_iter().flatten() {
            if replica.cache.refresh(&self.cluster.api, now) {
                replica.wake_at(now.after(self.random.millis(1, 80)));
            }
        }
    }

    /// It acts as if it still led, until it learns better.
    fn round_of_the_deposed(&mut self) {
        let Some((mut replica, until)) = self.deposed.take() else { return };
        if self.cluster.now >= until {
            return;
        }
        let round = replica.round(&mut self.cluster, &self.others, &mut self.record);
        self.deposed = (round != Round::Crashed).then_some((replica, until));
        self.cluster.settle();
        self.record.invariants.ticked(&self.cluster);
    }

    fn round(&mut self) {
        let round = self.operator.round(&mut self.cluster, &self.others, &mut self.record);
        if round == Round::Crashed {
            self.operator = Operator { skew: self.random.skew(), ..Operator::default() };
            let delay = self.random.millis(500, 20_000);
            self.operator.wake_at(self.cluster.now.after(delay));
        }
        self.cluster.settle();
        self.record.invariants.ticked(&self.cluster);
    }

    /// No fault is left and none acts any more.
    pub(super) fn calm(&mut self) {
        self.faults.clear();
        self.suffer(&Fault::ElderSettles);
        self.deaf_until = None;
        self.quiet_until = None;
        self.deposed = None;
        self.record.invariants.calm = true;
        self.others = Others::default();
        self.operator.dies_after = None;
        self.operator.cache.catch_up();
        self.cluster.interfere = false;
    }

    /// Long enough for every release that the fixtures can make.
    pub(super) fn patience(&self) -> Time {
        let own = value::at(&self.canary, &["spec", "schedule"]).is_some_and(|schedule| !schedule.is_null());
        let scheduled = own || self.cluster.api.objects().of_kind(DELIVERY_POLICY).next().is_some();
        self.cluster.now.after(Duration::from_secs(if scheduled { 5 * 7_200 } else { 7_200 }))
    }
}
