//! Routes that hold their backends in lists. Where the analysis has no conditions, weights change in place, and nothing else; where
//! it has, the user's rules stay as they are, and copies of them that share stand before them. So do those for a preview.

use serde_json::{Map, Value, json};

use super::copies;
use super::lists::{self, Dialect, List};
use super::note::{Kept, Note};
use super::refusals;
use super::share::Share;
use crate::model::{Percent, Routing};
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
    want: &Routing,
) -> Result<Option<Change>, RouteError> {
    let dialect = Dialect::of(key.kind);
    let note = Note::of(target, route);
    let (theirs, copied) = copies::taken_out(target, dialect, &note, route);
    let lists = leading_to_apex(target, dialect, &theirs);
    let parts = lists.iter().map(|list| Part::new(target, key, list, &note, &copied));
    let parts = parts.collect::<Result<Vec<_>, _>>()?;
    let wanted = parts.iter().map(|part| part.with(want)).collect::<Result<Vec<_>, _>>()?;
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

/// What the route says, and the most of it where its rules differ.
pub(super) fn routing(target: &Target<'_>, key: &ObjectKey, route: &Value) -> Result<Routing, RouteError> {
    let dialect = Dialect::of(key.kind);
    let note = Note::of(target, route);
    let (theirs, copied) = copies::taken_out(target, dialect, &note, route);
    let lists = leading_to_apex(target, dialect, &theirs);
    let parts = lists.iter().map(|list| Part::new(target, key, list, &note, &copied));
    let parts = parts.collect::<Result<Vec<_>, _>>()?;
    let most = |shared: Shared| {
        let most = parts.iter().filter_map(|part| part.canary(shared)).max();
        most.ok_or_else(|| refusals::leads_elsewhere(target, key))
    };
    let canary = most(if target.conditions().is_empty() { Shared::Everybody } else { Shared::Matching })?;
    let preview = !target.preview().is_empty() && !most(Shared::Preview)?.is_zero();
    Ok(Routing { preview, ..Routing::split(canary) })
}

/// The write after which the route is as the user wrote it; `None` where it is.
pub(super) fn release(target: &Target<'_>, key: &ObjectKey, route: &Value) -> Option<Change> {
    let dialect = Dialect::of(key.kind);
    let note = Note::of(target, route);
    let (theirs, _) = copies::taken_out(target, dialect, &note, route);
    let mut after = theirs.clone();
    for list in leading_to_apex(target, dialect, &theirs) {
        list.put(&mut after, &note.original(&list));
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

/// Whose requests are shared by a list of backends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Shared {
    /// Those that see the canary whatever its share.
    Preview,
    /// Those that match.
    Matching,
    /// All that are left.
    Everybody,
}

/// A copy that a rule of the user's may have.
struct Copy {
    shared: Shared,
    matches: Value,
    /// Its backends as they stand; empty where there is none.
    backends: Vec<Value>,
}

/// A rule of the user's that leads to the apex, and its copies in their order.
struct Part<'a> {
    share: Share<'a>,
    copies: Vec<Copy>,
    has_conditions: bool,
}

/// The backends that a rule and each of its copies shall have; none where there is to be no copy.
struct Next {
    backends: Vec<Value>,
    copies: Vec<Vec<Value>>,
}

impl<'a> Part<'a> {
    fn new(
        target: &Target<'_>,
        key: &ObjectKey,
        list: &'a List<'a>,
        note: &Note,
        copied: &[Value],
    ) -> Result<Self, RouteError> {
        let dialect = list.dialect;
        let mut copies: Vec<Copy> = Vec::new();
        for (shared, conditions) in [(Shared::Preview, target.preview()), (Shared::Matching, target.conditions())] {
            if conditions.is_empty() || !list.sees_requests() {
                continue;
            }
            let matches = copies::matches(key, list, conditions)?;
            if copies.iter().any(|other| other.matches == matches) {
                return Err(refusals::preview_of_matching());
            }
            let found = copied.iter().find(|rule| rule.get(dialect.matches()) == Some(&matches));
            let backends = found.map(|rule| backends::of(rule, dialect.list()).to_vec()).unwrap_or_default();
            copies.push(Copy { shared, matches, backends });
        }
        Ok(Self { share: Share::new(list, note, key)?, copies, has_conditions: !target.conditions().is_empty() })
    }

    /// The canary's share of these requests; `None` where the rule has none of them.
    fn canary(&self, shared: Shared) -> Option<Percent> {
        let list = self.share.list;
        if shared == Shared::Everybody {
            return Some(list.canary(list.backends));
        }
        self.copies.iter().find(|copy| copy.shared == shared).map(|copy| list.canary(&copy.backends))
    }

    fn with(&self, want: &Routing) -> Result<Next, RouteError> {
        let of_copy = |copy: &Copy| match copy.shared {
            Shared::Preview if want.preview => self.share.with(Percent::FULL),
            Shared::Matching if !want.canary.is_zero() => self.share.with(want.canary),
            Shared::Preview | Shared::Matching | Shared::Everybody => Ok(Vec::new()),
        };
        let backends = if self.has_conditions { self.share.original.clone() } else { self.share.with(want.canary)? };
        Ok(Next { backends, copies: self.copies.iter().map(of_copy).collect::<Result<_, _>>()? })
    }

    fn step_to(&self, wanted: Next) -> Next {
        let Next { backends, copies } = wanted;
        let steps = self.copies.iter().zip(copies).map(|(copy, wanted)| self.share.step(&copy.backends, wanted));
        Next { backends: self.share.step(self.share.list.backends, backends), copies: steps.collect() }
    }

    /// The copies that there shall be, with their backends.
    fn copies<'n>(&'n self, next: &'n Next) -> impl DoubleEndedIterator<Item = (&'n Value, &'n Vec<Value>)> {
        let all = self.copies.iter().map(|copy| &copy.matches).zip(&next.copies);
        all.filter(|(_, backends)| !backends.is_empty())
    }
}

/// What has to be remembered beside these backends. All lists or none: beside a note, a canary in a list without one is ours.
fn kept(parts: &[Part<'_>], next: &[Next]) -> Kept {
    let all = || parts.iter().zip(next);
    let changed = all().any(|(part, next)| part.share.original != next.backends);
    let lists = all().filter(|_| changed).map(|(part, _)| (part.share.list.place(), part.share.original.clone()));
    let added = all().flat_map(|(part, next)| part.copies(next)).map(|(matches, _)| matches.clone());
    Kept { lists: lists.collect(), added: added.collect() }
}

/// The route of the user's with these backends and copies.
fn put(theirs: &Value, parts: &[Part<'_>], next: &[Next]) -> Value {
    let mut after = theirs.clone();
    // From behind: a copy moves the rules after it.
    for (part, next) in parts.iter().zip(next).rev() {
        let list = part.share.list;
        list.put(&mut after, &next.backends);
        for (matches, backends) in part.copies(next).rev() {
            list.put_before(&mut after, copies::copy(list, matches, backends));
        }
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
