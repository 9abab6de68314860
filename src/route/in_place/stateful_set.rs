//! The pods of a StatefulSet: those with the highest ordinals go to its newest revision.
//!
//! The partition of its rolling update says which pods may be of the newest revision. While nothing is released it lies beyond
//! every ordinal. A pod that is not to be of another revision any more is deleted, and its controller makes it anew.

use serde_json::{Value, json};

use crate::model::Percent;
use crate::object::divided::{Divided, Member, Standing};
use crate::object::stateful::Stateful;
use crate::object::{Change, ObjectKey, Objects, value};

/// Beyond every ordinal.
const REST: u32 = 1_000_000;

/// Annotation of a StatefulSet: the partition that its user had, as JSON.
pub(super) const BEFORE: &str = "serin.dev/partition-before";

/// The writes that give `share` of the pods to the newest revision; `None` where there is no StatefulSet.
pub(super) fn render(key: &ObjectKey, share: Percent, have: &Objects) -> Option<Vec<Change>> {
    let set = Stateful::find(key, have)?;
    let wanted = match share.of(set.replicas()) {
        0 => REST,
        given => set.replicas().saturating_sub(given),
    };
    // Order: the partition first, or the pods would come back as they were.
    let mut changes: Vec<_> = divide(key, &set, wanted).into_iter().collect();
    changes.extend(may_go(&set, wanted).into_iter().map(|pod| Change::DeleteThis(pod.key.clone(), pod.uid.to_owned())));
    Some(changes)
}

/// Whether no pod is of a revision that it has lost.
pub(super) fn is_settled(key: &ObjectKey, have: &Objects) -> bool {
    Stateful::find(key, have).is_none_or(|set| strangers(&set, set.partition()).next().is_none())
}

/// The writes that give the user the partition back; none where it was never taken.
pub(super) fn release(key: &ObjectKey, have: &Objects) -> Vec<Change> {
    let before = have.find(key).and_then(|set| value::text(set, &["metadata", "annotations", BEFORE]));
    let partition = before.and_then(|before| serde_json::from_str::<Value>(before).ok());
    let (Some(set), Some(partition)) = (Stateful::find(key, have), partition) else { return Vec::new() };
    let first = partition.as_u64().and_then(|first| u32::try_from(first).ok()).unwrap_or(0);
    // Order: nobody frees them once the partition, and with it our part, is gone.
    let stuck = stuck(&set, first).map(|pod| Change::DeleteThis(pod.key.clone(), pod.uid.to_owned()));
    stuck.chain([write(key, &partition, &Value::Null, None)]).collect()
}

/// Pods that answer nobody and are to be of another revision with this partition: the controller waits for each of them before it
/// makes another one, also where it never gets ready.
fn stuck<'a>(set: &'a Stateful<'a>, partition: u32) -> impl Iterator<Item = &'a Member<'a>> {
    let meant = move |pod: &Member<'_>| if pod.index < partition { set.current() } else { set.newest() };
    let idle = set.pods().iter().filter(|pod| pod.standing == Standing::Unready);
    idle.filter(move |pod| meant(pod).is_some_and(|meant| meant != pod.revision))
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

#[cfg(test)]
mod tests;
