//! Several canaries of one group, each in a cluster of its own that shows the others' Canaries too: seeded faults, and the rule that a
//! round of the group never ends in two ways.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::faults::{Fault, Skip, Temper};
use super::invariants::Violation;
use super::random::Random;
use super::trial::{IN_PLACE, Trial};
use super::{Report, corner};
use crate::model::{Phase, Stand, Time};
use crate::object::kinds::CANARY;
use crate::object::value;

/// Seeds from here on release whole groups.
pub(super) const GROUPS: u64 = 1 << 34;

/// Seeds of a member are so far apart.
const APART: u64 = 16;

/// A group, and how its rounds have ended.
struct Band {
    members: Vec<Trial>,
    shown: Vec<Option<Value>>,
    agreed: BTreeSet<u64>,
    failed: BTreeSet<u64>,
}

/// How the last sync of a run turns out.
enum Sync {
    /// All revisions deserve promotion.
    Healthy,
    /// That of one member deserves a rollback.
    Bad(usize, Temper),
}

/// Plays the run of a seed: faults first, then a sync that changes every member.
pub(super) fn run(seed: u64) -> Report {
    let mut random = Random::new(seed.wrapping_add(7));
    let mut band = Band::new(seed, 2 + random.below(4));
    let began = band.now();
    while band.members.iter().any(|member| !member.faults.is_empty()) && band.broken().is_none() {
        band.play(|member| member.faults.last().map(|(at, _)| at.after(Duration::from_millis(1))));
    }
    band.end(&mut random);
    let took = band.now().since(began);
    let broken = band.broken();
    let mut report = Report { seed, rounds: 0, took, broken, reached: BTreeSet::new(), plans: Vec::new() };
    for member in band.members {
        report.rounds += member.record.rounds;
        report.reached.extend(member.record.invariants.reached);
        report.plans.extend(member.record.plans);
    }
    report.plans.sort_by_key(|decided| decided.at);
    report
}

impl Band {
    fn new(seed: u64, count: u64) -> Self {
        let grouped = json!({"spec": {"group": "band"}});
        let member = |at: u64| {
            let own = (seed - GROUPS) * APART * 8 + at * APART;
            let kind = if Random::new(own.wrapping_add(8)).chance(20) { IN_PLACE } else { 0 };
            let mut member = Trial::named(kind + own, &format!("app-{at}"), &grouped);
            // Who asks by hand leaves the group for once, and so does who takes a Canary away.
            member.faults.retain(|(_, fault)| !matches!(fault, Fault::Ask(..) | Fault::DeleteCanary(_)));
            member
        };
        let members: Vec<_> = (0..count).map(member).collect();
        let shown = members.iter().map(|_| None).collect();
        Self { members, shown, agreed: BTreeSet::new(), failed: BTreeSet::new() }
    }

    fn now(&self) -> Time {
        self.members.iter().map(|member| member.cluster.now).max().unwrap_or(Time::from_millis(0))
    }

    fn broken(&self) -> Option<Violation> {
        self.members.iter().find_map(|member| member.record.invariants.broken.clone())
    }

    /// One event after the other, whosever it is, until nothing happens before the last of the ends that the members name.
    fn play(&mut self, end: impl Fn(&Trial) -> Option<Time>) {
        let Some(end) = self.members.iter().filter_map(end).max() else { return };
        while self.broken().is_none() {
            let due = |member: &Trial| member.next().map(|at| at.max(member.cluster.now));
            let next = self.members.iter().enumerate().filter_map(|(at, member)| Some((due(member)?, at))).min();
            let Some((time, at)) = next.filter(|(time, _)| *time < end) else { return };
            if let Some(member) = self.members.get_mut(at) {
                member.play(time.after(Duration::from_millis(1)));
            }
            self.show(at);
        }
    }

    /// Shows the others what has become of a member's Canary, before anything else happens.
    fn show(&mut self, at: usize) {
        let Some(member) = self.members.get(at) else { return };
        let (now, key) = (member.cluster.now, corner::canary_key(&member.cluster.names));
        let canary = member.cluster.api.find(&key).cloned();
        if self.shown.get(at) == Some(&canary) {
            return;
        }
        self.judge(at, canary.as_ref());
        let others = self.members.iter_mut().enumerate().filter(|(other, _)| *other != at);
        for (_, member) in others {
            if member.cluster.now < now {
                member.cluster.advance(now);
            }
            match canary.clone() {
                Some(mut shown) => {
                    value::merge(&mut shown, &json!({"spec": {"targetRef": {"name": key.name}}}));
                    member.cluster.api.put(&CANARY.named(&key.namespace, &key.name), shown);
                }
                None => member.cluster.api.delete(&key),
            }
            member.play(now);
        }
        if let Some(shown) = self.shown.get_mut(at) {
            *shown = canary;
        }
    }

    /// S11: what one member has promoted, none has rolled back in the same round.
    fn judge(&mut self, at: usize, canary: Option<&Value>) {
        let group = canary.and_then(|canary| value::at(canary, &["status", "group"]));
        let round = group.and_then(|group| group.get("round")).and_then(Value::as_u64).unwrap_or(0);
        match group.and_then(|group| value::text(group, &["stand"])) {
            Some(stand) if stand == Stand::Agreed.as_str() => _ = self.agreed.insert(round),
            Some(stand) if stand == Stand::Failed.as_str() => _ = self.failed.insert(round),
            _ => {}
        }
        if self.agreed.contains(&round) && self.failed.contains(&round) {
            self.fail(at, format!("round {round} is promoted by one member and rolled back by another"));
        }
    }

    fn fail(&mut self, at: usize, sentence: String) {
        if let Some(member) = self.members.get_mut(at) {
            member.record.invariants.broken.get_or_insert(Violation { rule: "S11", sentence });
        }
    }

    /// Ends the faults, lets a sync change every member, and judges what has become of it.
    fn end(&mut self, random: &mut Random) {
        self.members.iter_mut().for_each(Trial::calm);
        self.quiet();
        let bad = usize::try_from(random.below(self.members.len() as u64)).unwrap_or(0);
        let sync = match random.pick(&Temper::BAD).filter(|_| random.chance(50)) {
            Some(temper) => Sync::Bad(bad, temper),
            None => Sync::Healthy,
        };
        let serve = self.members.iter().all(|member| {
            let facts = member.facts().filter(|facts| facts.complaints.is_empty());
            facts
                .is_some_and(|facts| facts.journal.phase != Phase::Initializing && member.works(&member.served(&facts)))
        });
        let now = self.now();
        for (at, member) in self.members.iter_mut().enumerate() {
            if member.cluster.now < now {
                member.cluster.advance(now);
            }
            match sync {
                Sync::Bad(bad, temper) if bad == at => {
                    member.suffer(&Fault::Skip(Skip::Off));
                    member.release(temper);
                }
                Sync::Bad(..) | Sync::Healthy => member.release(Temper::Healthy),
            }
        }
        (0..self.members.len()).for_each(|at| self.show(at));
        self.members.iter_mut().for_each(|member| member.operator.wake_at(member.cluster.now));
        self.quiet();
        if self.broken().is_some() || !serve {
            return;
        }
        let promoted = self.members.iter().map(|member| member.primary_image() == member.image);
        let odd = match sync {
            Sync::Healthy => promoted.enumerate().find(|(_, promoted)| !promoted),
            Sync::Bad(..) => promoted.enumerate().find(|(_, promoted)| *promoted),
        };
        if let Some((at, promoted)) = odd {
            self.fail(at, format!("app-{at} has {} its revision", if promoted { "promoted" } else { "rolled back" }));
        }
    }

    /// Plays until nothing happens by itself any more.
    fn quiet(&mut self) {
        self.play(|member| Some(member.patience()));
        let stuck = self.members.iter().enumerate().find_map(|(at, member)| Some((at, member.is_quiet().err()?)));
        if let Some((at, violation)) = stuck.filter(|_| self.broken().is_none())
            && let Some(member) = self.members.get_mut(at)
        {
            member.record.invariants.broken = Some(violation);
        }
    }
}
