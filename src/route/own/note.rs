//! What the user had in the lists that were changed, kept in an annotation of the route while a release runs.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::lists::List;
use crate::object::value;
use crate::route::BEFORE;

/// The lists by their places. A rule that the user has moved meanwhile is known again by what else is in its list.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Note(BTreeMap<String, Vec<Value>>);

impl Note {
    pub(super) fn new(lists: impl Iterator<Item = (String, Vec<Value>)>) -> Self {
        Self(lists.collect())
    }

    pub(super) fn of(route: &Value) -> Self {
        let text = value::text(route, &["metadata", "annotations", BEFORE]).unwrap_or_default();
        Self(serde_json::from_str(text).unwrap_or_default())
    }

    /// `None` where there is nothing to remember.
    pub(super) fn text(&self) -> Option<String> {
        (!self.0.is_empty()).then(|| serde_json::to_string(&self.0).unwrap_or_default())
    }

    /// What the user had, as far as it can be told: a list that the user has written since is the user's, but for our canary in it.
    pub(super) fn original(&self, list: &List<'_>) -> Vec<Value> {
        let fits = |noted: &&Vec<Value>| rest(list, noted, noted) == rest(list, list.backends, noted);
        let noted = self.0.get(&list.place()).into_iter().chain(self.0.values()).find(fits);
        match noted {
            // Whoever took the canary out of it wrote all of it.
            _ if self.0.is_empty() || list.to_canary(list.backends).is_none() => list.backends.to_vec(),
            Some(noted) => noted.clone(),
            None => self.without_ours(list),
        }
    }

    /// A list that the user has changed in the middle of a release: with the weight that its apex had before.
    fn without_ours(&self, list: &List<'_>) -> Vec<Value> {
        let mut kept = without_canary(list, list.backends);
        let noted = self
            .0
            .get(&list.place())
            .into_iter()
            .flat_map(|noted| list.to_apex(noted).into_iter().filter_map(|at| noted.get(at)));
        let weight = noted.map(|backend| backend.get("weight").cloned().unwrap_or_default()).next();
        if let (Some(weight), [apex]) = (weight, list.to_apex(&kept).as_slice())
            && let Some(backend) = kept.get_mut(*apex)
        {
            value::merge(backend, &json!({ "weight": weight }));
        }
        kept
    }
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
