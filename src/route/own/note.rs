//! What the user had in the lists that were changed, and which rules we added, kept in an annotation of the route while a release
//! runs. Of each canary its own: several may share one route.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::lists::List;
use crate::object::value;
use crate::route::{BEFORE, Target};

/// The notes of all canaries, and whose is looked at.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Note {
    apex: String,
    all: BTreeMap<String, Kept>,
}

/// What is kept for one canary.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug, Default)]
pub(super) struct Kept {
    /// The lists by their places. A rule that the user has moved meanwhile is known again by what else is in its list.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) lists: BTreeMap<String, Vec<Value>>,
    /// The matches of the rules that we added.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) added: Vec<Value>,
}

impl Note {
    pub(super) fn of(target: &Target<'_>, route: &Value) -> Self {
        let text = value::text(route, &["metadata", "annotations", BEFORE]).unwrap_or_default();
        Self { apex: target.apex.to_owned(), all: serde_json::from_str(text).unwrap_or_default() }
    }

    /// The same where this is kept for our canary.
    pub(super) fn with(mut self, kept: Kept) -> Self {
        if kept == Kept::default() {
            self.all.remove(&self.apex);
        } else {
            self.all.insert(self.apex.clone(), kept);
        }
        self
    }

    /// `None` where there is nothing to remember.
    pub(super) fn text(&self) -> Option<String> {
        (!self.all.is_empty()).then(|| serde_json::to_string(&self.all).unwrap_or_default())
    }

    /// The matches of the rules that we added.
    pub(super) fn added(&self) -> &[Value] {
        self.all.get(&self.apex).map(|kept| kept.added.as_slice()).unwrap_or_default()
    }

    /// What the user had, as far as it can be told: a list that the user has written since is the user's, but for our canary in it.
    pub(super) fn original(&self, list: &List<'_>) -> Vec<Value> {
        let nothing = BTreeMap::new();
        let lists = self.all.get(&self.apex).map_or(&nothing, |kept| &kept.lists);
        let fits = |noted: &&Vec<Value>| rest(list, noted, noted) == rest(list, list.backends, noted);
        let noted = lists.get(&list.place()).into_iter().chain(lists.values()).find(fits);
        match noted {
            // Whoever took the canary out of it wrote all of it.
            _ if lists.is_empty() || list.to_canary(list.backends).is_none() => list.backends.to_vec(),
            Some(noted) => noted.clone(),
            None => without_ours(list, lists.get(&list.place())),
        }
    }
}

/// A list that the user has changed in the middle of a release: with the weight that its apex had before.
fn without_ours(list: &List<'_>, noted: Option<&Vec<Value>>) -> Vec<Value> {
    let mut kept = without_canary(list, list.backends);
    let noted = noted.into_iter().flat_map(|noted| list.to_apex(noted).into_iter().filter_map(|at| noted.get(at)));
    let weight = noted.map(|backend| backend.get("weight").cloned().unwrap_or_default()).next();
    if let (Some(weight), [apex]) = (weight, list.to_apex(&kept).as_slice())
        && let Some(backend) = kept.get_mut(*apex)
    {
        value::merge(backend, &json!({ "weight": weight }));
    }
    kept
}

/// A list without what a release changes in it, where `original` is what it was before.
fn rest(list: &List<'_>, backends: &[Value], original: &[Value]) -> Vec<Value> {
    let kept = match list.to_canary(original) {
        Some(_) => backends.to_vec(),
        None => without_canary(list, backends),
    };
    let ours: Vec<_> = list.to_apex(&kept).into_iter().chain(list.to_canary(&kept)).collect();
    let unweighted = kept.into_iter().enumerate().map(|(position, mut backend)| {
        if let Some(fields) = backend.as_object_mut().filter(|_| ours.contains(&position)) {
            fields.shift_remove("weight");
        }
        backend
    });
    unweighted.collect()
}

fn without_canary(list: &List<'_>, backends: &[Value]) -> Vec<Value> {
    let canary = list.to_canary(backends);
    let others = backends.iter().enumerate().filter(|(position, _)| Some(*position) != canary);
    others.map(|(_, backend)| backend.clone()).collect()
}
