//! Routes that hold their backends in lists. Where the analysis has no conditions, weights change in place, and nothing else; where
//! it has, the user's rules stay as they are, and copies of them that share stand before them.

use serde_json::{Map, Value, json};

use super::copies;
use super::lists::{self, Dialect, List};
use super::note::{Kept, Note};
use super::refusals;
use super::share::Share;
use crate::model::Percent;
use crate::object::{Change, ObjectKey, value};
use crate::route::{Acceptance, BEFORE, RouteError, Target, backends, gateway};

/// The next write on the way to a route that gives the canary this share; `None` where it does, or the last one is not taken over.
///
/// A gateway that learns of routes and of backends in streams of their own answers 503 to a request whose backend it does not know
/// yet, or no longer. So where it gives its word on each write, the canary is named before it gets requests, and after.
pub(super) fn render(
    target: &Target<'_>,
    key: &ObjectKey,
    route: &Value,
    canary: Percent,
) -> Result<Option<Change>, RouteError> {
    let dialect = Dialect::of(key.kind);
    let note = Note::of(target, route);
    let (theirs, copied) = copies::taken_out(target, dialect, &note, route);
    let lists = leading_to_apex(target, dialect, &theirs);
    let parts = lists.iter().map(|list| Part::new(target, key, list, &note, &copied));
    let parts = parts.collect::<Result<Vec<_>, _>>()?;
    let wanted = parts.iter().map(|part| part.with(canary)).collect::<Result<Vec<_>, _>>()?;
    let told = dialect == Dialect::Gateway && gateway::acceptance::is_told(route);
    if told && accepted(key, route) == Acceptance::Pending && !same(dialect, route, &put(&theirs, &parts, &wanted)) {
        return Ok(None);
    }
    let step = |(part, wanted): (&Part<'_>, Next)| if told { part.step_to(wanted) } else { wanted };
    let next: Vec<_> = parts.iter().zip(wanted).map(step).collect();
    let kept = kept(&parts, &next);
    copies::refuse(target, key, &theirs, &kept.added)?;
    Ok(write(key, route, &put(&theirs, &parts, &next), &note.with(kept)))
}

/// The most that the canary has by any rule.
pub(super) fn share(target: &Target<'_>, key: &ObjectKey, route: &Value) -> Result<Percent, RouteError> {
    let dialect = Dialect::of(key.kind);
    let (theirs, copied) = copies::taken_out(target, dialect, &Note::of(target, route), route);
    let lists = leading_to_apex(target, dialect, &theirs);
    let shared: Vec<_> = lists.iter().filter(|list| target.conditions().is_empty() || list.sees_requests()).collect();
    let Some(one) = shared.first() else { return Err(refusals::leads_elsewhere(target, key)) };
    let shares: Vec<_> = if target.conditions().is_empty() {
        shared.iter().map(|list| list.canary(list.backends)).collect()
    } else {
        copied.iter().map(|rule| one.canary(backends::of(rule, dialect.list()))).collect()
    };
    Ok(shares.into_iter().max().unwrap_or(Percent::ZERO))
}

/// The write after which the route is as the user wrote it; `None` where it is.
pub(super) fn release(target: &Target<'_>, key: &ObjectKey, route: &Value) -> Option<Change> {
    let dialect = Dialect::of(key.kind);
    let note = Note::of(target, route);
    let (theirs, _) = copies::taken_out(target, dialect, &note, route);
    let mut after = theirs.clone();
    for list in leading_to_apex(target, dialect, &theirs) {
        list.put(&mut after, &note.original(&list), None);
    }
    write(key, route, &after, &note.with(Kept::default()))
}

/// Whether the route's controllers have taken it over; Istio's does not say.
pub(super) fn accepted(key: &ObjectKey, route: &Value) -> Acceptance {
    match Dialect::of(key.kind) {
        Dialect::Gateway => gateway::acceptance::of(key, route),
        Dialect::Istio => Acceptance::Accepted,
    }
}

/// The lists of backends that lead to the apex.
fn leading_to_apex<'a>(target: &Target<'a>, dialect: Dialect, route: &'a Value) -> Vec<List<'a>> {
    lists::all(target, dialect, route).into_iter().filter(List::leads_to_apex).collect()
}

/// A rule of the user's that leads to the apex, and the copy of it that stands there.
struct Part<'a> {
    share: Share<'a>,
    /// What a copy is for; `None` where there is to be none.
    matches: Option<Value>,
    /// The backends of the copy; empty where there is none.
    copied: Vec<Value>,
    has_conditions: bool,
}

/// The backends that a rule and its copy shall have; no copy where that has none.
struct Next {
    backends: Vec<Value>,
    copied: Vec<Value>,
}

impl<'a> Part<'a> {
    fn new(
        target: &Target<'_>,
        key: &ObjectKey,
        list: &'a List<'a>,
        note: &Note,
        copied: &[Value],
    ) -> Result<Self, RouteError> {
        let has_conditions = !target.conditions().is_empty();
        let dialect = list.dialect;
        let matches =
            if has_conditions && list.sees_requests() { Some(copies::matches(target, key, list)?) } else { None };
        let of_this = |rule: &&Value| matches.is_some() && rule.get(dialect.matches()) == matches.as_ref();
        let copied = copied.iter().find(of_this).map(|rule| backends::of(rule, dialect.list()).to_vec());
        let share = Share::new(list, note, key)?;
        Ok(Self { share, matches, copied: copied.unwrap_or_default(), has_conditions })
    }

    fn with(&self, canary: Percent) -> Result<Next, RouteError> {
        let original = || self.share.original.clone();
        Ok(match &self.matches {
            Some(_) if !canary.is_zero() => Next { backends: original(), copied: self.share.with(canary)? },
            _ if self.has_conditions => Next { backends: original(), copied: Vec::new() },
            _ => Next { backends: self.share.with(canary)?, copied: Vec::new() },
        })
    }

    fn step_to(&self, wanted: Next) -> Next {
        let Next { backends, copied } = wanted;
        let have = self.share.list.backends;
        Next { backends: self.share.step(have, backends), copied: self.share.step(&self.copied, copied) }
    }
}

/// What has to be remembered beside these backends. All lists or none: beside a note, a canary in a list without one is ours.
fn kept(parts: &[Part<'_>], next: &[Next]) -> Kept {
    let all = || parts.iter().zip(next);
    let changed = all().any(|(part, next)| part.share.original != next.backends);
    let lists = all().filter(|_| changed).map(|(part, _)| (part.share.list.place(), part.share.original.clone()));
    let added = all().filter(|(_, next)| !next.copied.is_empty()).filter_map(|(part, _)| part.matches.clone());
    Kept { lists: lists.collect(), added: added.collect() }
}

/// The route of the user's with these backends and copies.
fn put(theirs: &Value, parts: &[Part<'_>], next: &[Next]) -> Value {
    let mut after = theirs.clone();
    // From behind: a copy moves the rules after it.
    for (part, next) in parts.iter().zip(next).rev() {
        let list = part.share.list;
        let matches = part.matches.as_ref().filter(|_| !next.copied.is_empty());
        let copy = matches.map(|matches| copies::copy(list, matches, &next.copied));
        list.put(&mut after, &next.backends, copy);
    }
    after
}

fn same(dialect: Dialect, one: &Value, other: &Value) -> bool {
    dialect.fields().iter().all(|field| value::at(one, &["spec", field]) == value::at(other, &["spec", field]))
}

/// The write after which a route has these rules and this note; `None` where it has them. It holds only for what was read: the
/// rules around those that change are written with them.
fn write(key: &ObjectKey, route: &Value, after: &Value, note: &Note) -> Option<Change> {
    let mut patch = Map::new();
    for field in Dialect::of(key.kind).fields() {
        let (before, after) = (value::at(route, &["spec", field]), value::at(after, &["spec", field]));
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
