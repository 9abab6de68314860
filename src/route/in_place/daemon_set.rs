//! The pods of a DaemonSet: with `OnDelete` one is of another revision as soon as it was deleted, and not before.
//!
//! Its controller makes every pod of the template in the spec. For pods that go back, and only until they are there, that is the
//! template of the current revision; what is asked for is noted, and stands in the spec again afterwards.

use crate::model::Percent;
use crate::object::daemon::{Daemon, Held, Kept, Known, Note};
use crate::object::divided::{Divided, Member, Standing, count};
use crate::object::{Change, ObjectKey, Objects, value};

/// The writes that give `share` of the pods to the newest revision; `None` where there is no DaemonSet.
pub(super) fn render(key: &ObjectKey, share: Percent, have: &Objects) -> Option<Vec<Change>> {
    let set = Daemon::find(key, have)?;
    let Some(note) = set.note() else { return Some(take(key, &set).into_iter().collect()) };
    let wanted = share.of(set.replicas());
    let (next, template) = next(&set, note, wanted);
    let write = set.write(key, &next, &template);
    // Order: its controller has seen of what it is to make the next pods before the first one goes.
    let stands = set.waits() && set.template() == &template && value::is_observed(set.object());
    let going = if stands { may_go(&set, wanted) } else { Vec::new() };
    let going = going.into_iter().map(|pod| Change::DeleteThis(pod.key.clone(), pod.uid.to_owned()));
    Some(write.into_iter().chain(going).collect())
}

/// Whether its controller leaves the pods to us.
pub(super) fn is_taken(key: &ObjectKey, have: &Objects) -> bool {
    Daemon::find(key, have).is_some_and(|set| set.note().is_some())
}

/// Whether no pod is of a revision that it has lost, and what is asked for stands in the spec.
pub(super) fn is_settled(key: &ObjectKey, have: &Objects) -> bool {
    let settled = |set: &Daemon<'_>| {
        let theirs = count(set.staying().filter(|pod| set.newer() == Some(pod.revision)));
        set.held().is_none() && set.strangers().next().is_none() && theirs <= set.given()
    };
    Daemon::find(key, have).is_none_or(|set| settled(&set))
}

/// The write that gives the user everything back; `None` where nothing was taken.
pub(super) fn release(key: &ObjectKey, have: &Objects) -> Option<Change> {
    Daemon::find(key, have)?.give_back(key)
}

/// Takes the pods out of their controller's hands, once all are of one revision.
fn take(key: &ObjectKey, set: &Daemon<'_>) -> Option<Change> {
    let same = || {
        let mut revisions = set.staying().map(|pod| pod.revision);
        let first = revisions.next()?;
        revisions.all(|revision| revision == first).then_some(first)
    };
    let updated = value::count(set.object(), &["status", "updatedNumberScheduled"]).unwrap_or(0);
    let complete = set.is_observed() && updated >= set.replicas() && count(set.staying()) >= set.replicas();
    let revision = set.made_now().or_else(same).filter(|_| complete)?.to_owned();
    let strategy = value::at(set.object(), &["spec", "updateStrategy"]).cloned().unwrap_or_default();
    let current = Kept { revision, template: set.template().clone() };
    set.write(key, &Note { strategy, current, given: 0, held: None, newer: None }, set.template())
}

/// What is to be noted, and of what the next pods are to be made.
fn next(set: &Daemon<'_>, note: &Note, wanted: u32) -> (Note, serde_json::Value) {
    let current = Kept { revision: set.current().unwrap_or_default().to_owned(), ..note.current.clone() };
    // A strategy that somebody wrote meanwhile is its user's newest.
    let written = value::at(set.object(), &["spec", "updateStrategy"]).filter(|_| !set.waits());
    let strategy = written.unwrap_or(&note.strategy).clone();
    let next = Note { strategy, current, given: wanted, held: None, newer: note.newer.clone() };
    if set.is_at_rest() {
        return (Note { given: 0, newer: None, ..next }, set.template().clone());
    }
    let newer = set.newer().map(str::to_owned);
    let goes_back = elsewhere(set).len() > usize::try_from(wanted).unwrap_or(usize::MAX);
    let asked = set.asked().clone();
    match set.held() {
        // Whose pod is missing gets one of what stands in the spec.
        Some(held) if goes_back || count(set.staying()) < set.replicas() => {
            (Note { held: Some(held.clone()), ..next }, set.template().clone())
        }
        Some(_) => {
            let newer = newer.map(|revision| Known { generation: set.generation() + 1, revision });
            (Note { newer, ..next }, asked)
        }
        None if goes_back => {
            let held = Held { generation: set.generation(), revision: newer, template: asked };
            (Note { held: Some(held), newer: None, ..next }, note.current.template.clone())
        }
        None => (next, asked),
    }
}

/// Pods that stay and are not of the current revision: those that nobody asks for first, then those that answer nobody.
fn elsewhere<'s, 'a>(set: &'s Daemon<'a>) -> Vec<&'s Member<'a>> {
    set.strangers().chain(idle_first(set, set.newer())).collect()
}

/// The pods of a revision that stay, those that answer nobody first.
fn idle_first<'s, 'a>(set: &'s Daemon<'a>, revision: Option<&str>) -> Vec<&'s Member<'a>> {
    let (idle, serving): (Vec<_>, Vec<_>) =
        set.staying().filter(|pod| Some(pod.revision) == revision).partition(|pod| pod.standing == Standing::Unready);
    [idle, serving].concat()
}

/// The pods that go now, so that `wanted` of them are of the newest revision and the others of the current one: those that answer
/// nobody, and of the others as many as its user lets be missing.
fn may_go<'s, 'a>(set: &'s Daemon<'a>, wanted: u32) -> Vec<&'s Member<'a>> {
    let wanted = usize::try_from(wanted).unwrap_or(usize::MAX);
    let elsewhere = elsewhere(set);
    let chosen: Vec<_> = if set.is_at_rest() {
        elsewhere
    } else if set.held().is_some() {
        let surplus = elsewhere.len().saturating_sub(wanted);
        elsewhere.into_iter().take(surplus).collect()
    } else {
        let theirs = idle_first(set, set.newer()).len();
        let others = set.strangers().chain(idle_first(set, set.current()));
        others.take(wanted.saturating_sub(theirs)).collect()
    };
    let mut spare = set.spare();
    let may = |pod: &&Member<'_>| {
        let serves = pod.standing == Standing::Ready;
        let may = !serves || spare > 0;
        spare = spare.saturating_sub(u32::from(serves));
        may
    };
    chosen.into_iter().filter(may).collect()
}

#[cfg(test)]
mod tests;
