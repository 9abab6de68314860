//! Routes that hold their backends in lists: their weights change in place, and nothing else.

use serde_json::{Map, Value, json};

use super::lists::{self, Dialect, List};
use super::note::Note;
use super::refusals;
use super::share::Share;
use crate::model::Percent;
use crate::object::{Change, ObjectKey, value};
use crate::route::{Acceptance, BEFORE, RouteError, Target, gateway};

/// The next write on the way to a route that gives the canary this share; `None` where it does, or the last one is not taken over.
pub(super) fn render(
    target: &Target<'_>,
    key: &ObjectKey,
    route: &Value,
    canary: Percent,
) -> Result<Option<Change>, RouteError> {
    let next = next(target, key, route, canary)?;
    Ok(next.and_then(|(lists, note)| write(key, route, &lists, &note)))
}

/// The most that the canary has in any list.
pub(super) fn share(target: &Target<'_>, key: &ObjectKey, route: &Value) -> Result<Percent, RouteError> {
    let most = ours(target, key, route).iter().map(List::canary).max();
    most.ok_or_else(|| refusals::leads_elsewhere(target, key))
}

/// The write after which the route is as the user wrote it; `None` where it is.
pub(super) fn release(target: &Target<'_>, key: &ObjectKey, route: &Value) -> Option<Change> {
    let note = Note::of(route);
    let back = |list: List<'_>| {
        let original = note.original(&list);
        list.replaced(original)
    };
    let lists: Vec<_> = ours(target, key, route).into_iter().map(back).collect();
    write(key, route, &lists, &Note::default())
}

/// The lists of backends that lead to the apex.
fn ours<'a>(target: &Target<'a>, key: &ObjectKey, route: &'a Value) -> Vec<List<'a>> {
    lists::all(target, Dialect::of(key.kind), route).into_iter().filter(List::leads_to_apex).collect()
}

/// Whether the route's controllers have taken it over; Istio's does not say.
pub(super) fn accepted(key: &ObjectKey, route: &Value) -> Acceptance {
    match Dialect::of(key.kind) {
        Dialect::Gateway => gateway::acceptance::of(key, route),
        Dialect::Istio => Acceptance::Accepted,
    }
}

/// The lists of a route to write next on the way to `canary`, and what the user had; `None` while the last write is not taken over.
///
/// A gateway that learns of routes and of backends in streams of their own answers 503 to a request whose backend it does not know
/// yet, or no longer. So where it gives its word on each write, the canary is named before it gets requests, and after.
fn next(
    target: &Target<'_>,
    key: &ObjectKey,
    route: &Value,
    canary: Percent,
) -> Result<Option<(Vec<lists::Replaced>, Note)>, RouteError> {
    let told = Dialect::of(key.kind) == Dialect::Gateway && gateway::acceptance::is_told(route);
    let lists = ours(target, key, route);
    let note = Note::of(route);
    let shares = lists.iter().map(|list| Share::new(list, &note, key)).collect::<Result<Vec<_>, _>>()?;
    let wanted = shares.iter().map(|share| share.with(canary)).collect::<Result<Vec<_>, _>>()?;
    let differ = shares.iter().zip(&wanted).any(|(share, wanted)| share.list.backends != wanted.as_slice());
    if told && differ && accepted(key, route) == Acceptance::Pending {
        return Ok(None);
    }
    let step = |(share, wanted): (&Share<'_>, Vec<Value>)| if told { share.step_to(wanted) } else { wanted };
    let backends: Vec<_> = shares.iter().zip(wanted).map(step).collect();
    // All of them or none: beside a note, a canary in a list without one is ours.
    let changed = shares.iter().zip(&backends).any(|(share, next)| share.original != *next);
    let noted = shares.iter().filter(|_| changed);
    let note = Note::new(noted.map(|share| (share.list.place(), share.original.clone())));
    Ok(Some((lists.into_iter().zip(backends).map(|(list, backends)| list.replaced(backends)).collect(), note)))
}

/// The write after which a route has these lists and this note; `None` where it has them. It holds only for what was read: the
/// rules around the lists are written with them.
fn write(key: &ObjectKey, route: &Value, lists: &[lists::Replaced], note: &Note) -> Option<Change> {
    let mut after = route.clone();
    for list in lists {
        list.put(&mut after);
    }
    let mut patch = Map::new();
    for field in Dialect::of(key.kind).fields() {
        let (before, after) = (value::at(route, &["spec", field]), value::at(&after, &["spec", field]));
        if let Some(after) = after.filter(|after| before != Some(after)) {
            patch.insert((*field).to_owned(), after.clone());
        }
    }
    let noted = note.text();
    if patch.is_empty() && value::text(route, &["metadata", "annotations", BEFORE]) == noted.as_deref() {
        return None;
    }
    let version = value::at(route, &["metadata", "resourceVersion"]);
    let mut merge = json!({"metadata": {"resourceVersion": version, "annotations": {BEFORE: noted}}});
    if !patch.is_empty() {
        value::merge(&mut merge, &json!({ "spec": patch }));
    }
    Some(Change::Merge(key.clone(), merge))
}
