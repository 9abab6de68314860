//! In place: the pods of a StatefulSet are shared out, those with the highest ordinals to its newest revision. No request is routed.
//!
//! The partition of its rolling update says which pods may be of the newest revision. While nothing is released it lies beyond
//! every ordinal, so that a new template starts nothing by itself. A pod that is not to be of another revision any more is deleted,
//! and its controller makes it anew.

use serde_json::{Value, json};

use super::refusal::refuse_what_it_cannot;
use super::{Acceptance, Access, BuiltinQuery, Capabilities, RouteError, Router, Target, query};
use crate::api;
use crate::model::{Builtin, Percent, Routing};
use crate::object::kinds::{POD, STATEFUL_SET};
use crate::object::stateful::{Member, Standing, Stateful};
use crate::object::{Change, Kind, ObjectKey, Objects, value};

/// Beyond every ordinal.
const REST: u32 = 1_000_000;

/// Annotation of a StatefulSet: the partition that its user had, as JSON.
const BEFORE: &str = "serin.dev/partition-before";

/// The pods of a StatefulSet.
#[derive(Clone, Copy, Debug)]
pub(super) struct InPlace;

impl Router for InPlace {
    fn providers(&self) -> &'static [&'static str] {
        &["inPlace"]
    }

    fn capabilities(&self, _service: &api::CanaryService) -> Capabilities {
        Capabilities { weights: true, ports: true, fine: true, ..Capabilities::default() }
    }

    fn kinds(&self) -> &'static [Kind] {
        &[STATEFUL_SET, POD]
    }

    fn access(&self, kind: Kind) -> Access {
        if kind == POD { Access::Renew } else { Access::Edit }
    }

    fn fields(&self, kind: Kind) -> &'static [&'static str] {
        if kind == STATEFUL_SET { &["updateStrategy"] } else { &[] }
    }

    fn annotations(&self) -> &'static [&'static str] {
        &[BEFORE]
    }

    fn objects(&self, target: &Target<'_>) -> Vec<ObjectKey> {
        vec![key(target)]
    }

    fn render(&self, target: &Target<'_>, want: &Routing, have: &Objects) -> Result<Vec<Change>, RouteError> {
        refuse_what_it_cannot(self, target, want)?;
        let key = key(target);
        let set = Stateful::find(&key, have).ok_or_else(|| missing(&key))?;
        let wanted = match want.canary.of(set.replicas()) {
            0 => REST,
            given => set.replicas().saturating_sub(given),
        };
        // Order: the partition first, or the pods would come back as they were.
        let mut changes: Vec<_> = divide(&key, &set, wanted).into_iter().collect();
        changes.extend(
            may_go(&set, wanted).into_iter().map(|pod| Change::DeleteThis(pod.key.clone(), pod.uid.to_owned())),
        );
        Ok(changes)
    }

    fn read(&self, target: &Target<'_>, have: &Objects) -> Result<Option<Routing>, RouteError> {
        let set = Stateful::find(&key(target), have);
        Ok(set.map(|set| Routing::split(Percent::share(set.given(), set.replicas()))))
    }

    fn acceptance(&self, target: &Target<'_>, have: &Objects) -> Acceptance {
        let strangers =
            Stateful::find(&key(target), have).is_some_and(|set| strangers(&set, set.partition()).next().is_some());
        if strangers { Acceptance::Pending } else { Acceptance::Accepted }
    }

    fn release(&self, target: &Target<'_>, have: &Objects) -> Vec<Change> {
        let key = key(target);
        let before = have.find(&key).and_then(|set| value::text(set, &["metadata", "annotations", BEFORE]));
        let before: Option<Value> = before.and_then(|text| serde_json::from_str(text).ok());
        before.map(|partition| write(&key, &partition, &Value::Null, None)).into_iter().collect()
    }

    fn query(&self, builtin: Builtin) -> BuiltinQuery {
        query::http(builtin)
    }
}

fn key(target: &Target<'_>) -> ObjectKey {
    STATEFUL_SET.named(target.namespace, &target.spec.target_ref.name)
}

/// The write that makes `wanted` the partition; `None` where it is.
fn divide(key: &ObjectKey, set: &Stateful<'_>, wanted: u32) -> Option<Change> {
    if set.partition() == wanted {
        return None;
    }
    let had =
        value::at(set.object(), &["spec", "updateStrategy", "rollingUpdate", "partition"]).unwrap_or(&Value::Null);
    let known = value::text(set.object(), &["metadata", "annotations", BEFORE]);
    let note = known.map_or_else(|| had.to_string(), str::to_owned);
    // Whoever gives pods to a revision must have seen which one it is; taking them away suits any.
    let seen = value::text(set.object(), &["metadata", "resourceVersion"]).filter(|_| wanted < set.partition());
    Some(write(key, &json!(wanted), &json!(note), seen))
}

fn write(key: &ObjectKey, partition: &Value, note: &Value, version: Option<&str>) -> Change {
    let mut patch = json!({
        "metadata": {"annotations": {BEFORE: note}},
        "spec": {"updateStrategy": {"rollingUpdate": {"partition": partition}}},
    });
    if let Some(version) = version {
        value::merge(&mut patch, &json!({"metadata": {"resourceVersion": version}}));
    }
    Change::Merge(key.clone(), patch)
}

/// Pods below this partition that are of another revision than the current and not on their way out, the highest ordinal first.
fn strangers<'a>(set: &'a Stateful<'a>, partition: u32) -> impl Iterator<Item = &'a Member<'a>> {
    let current = set.current();
    let stays = move |pod: &&Member<'_>| {
        pod.index >= partition
            || current.is_none_or(|current| current == pod.revision)
            || pod.standing == Standing::Leaving
    };
    set.pods().iter().rev().filter(move |pod| !stays(pod))
}

/// The strangers that go now: those that answer nobody, and of the others as many as leave half of all pods. Where fewer answer
/// anyway they go one by one, but the last pod that answers stays.
fn may_go<'a>(set: &'a Stateful<'a>, partition: u32) -> Vec<&'a Member<'a>> {
    let standing = |wanted: Standing| set.pods().iter().filter(|pod| pod.standing == wanted).count();
    let (ready, half) = (standing(Standing::Ready), set.replicas().div_ceil(2));
    let spare = ready.saturating_sub(usize::try_from(half).unwrap_or(usize::MAX));
    let alone = usize::from(ready > 1 && standing(Standing::Leaving) == 0);
    let (serving, idle): (Vec<_>, Vec<_>) = strangers(set, partition).partition(|pod| pod.standing == Standing::Ready);
    let idle = idle.into_iter().chain(in_the_way(set, partition));
    idle.chain(serving.into_iter().take(spare.max(alone))).collect()
}

/// Pods that are to be of the newest revision, are not, and answer nobody: one that is down holds up whatever comes after it.
fn in_the_way<'a>(set: &'a Stateful<'a>, partition: u32) -> impl Iterator<Item = &'a Member<'a>> {
    let newer = set.newer();
    let waits = move |pod: &&Member<'_>| newer.is_some() && Some(pod.revision) != newer && pod.index >= partition;
    set.pods().iter().filter(waits).filter(|pod| pod.standing == Standing::Unready)
}

fn missing(key: &ObjectKey) -> RouteError {
    RouteError {
        reason: "RouteMissing",
        sentence: format!(
            "{key} is not there, so there are no pods to share; apply it, or correct spec.targetRef.name"
        ),
    }
}

#[cfg(test)]
mod tests;
