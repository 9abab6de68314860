//! How one list of backends is shared: the weight that leads to the apex, between the primary and the canary.

use serde_json::{Value, json};

use super::lists::List;
use super::note::Note;
use crate::model::Percent;
use crate::object::{ObjectKey, value};
use crate::route::RouteError;

/// One list, and what the user had in it.
#[derive(Clone, Debug)]
pub(super) struct Share<'a> {
    pub(super) list: &'a List<'a>,
    pub(super) original: Vec<Value>,
    /// Position of the primary's backend in the original.
    primary: usize,
    /// What a sentence calls the list.
    name: String,
}

impl<'a> Share<'a> {
    /// # Errors
    /// Where the weight of the apex cannot be told apart, or its part of pods cannot be that of the canary.
    pub(super) fn new(list: &'a List<'a>, note: &Note, key: &ObjectKey) -> Result<Self, RouteError> {
        let original = note.original(list);
        let name = format!("{key}: {}", list.place());
        let apex = list.apex();
        match list.to_apex(&original).as_slice() {
            [primary] => match list.subset(*primary) {
                None => Ok(Self { list, original, primary: *primary, name }),
                Some(subset) => Err(refusal(&format!(
                    "{name} leads to subset {subset} of {apex}, which the canary's Service has not; remove the subset"
                ))),
            },
            _ => Err(refusal(&format!("{name} names {apex} more than once; leave one of them"))),
        }
    }

    /// The backends where the canary has this share of what leads to the apex.
    ///
    /// # Errors
    /// Where the user's weights are too small for it.
    pub(super) fn with(&self, canary: Percent) -> Result<Vec<Value>, RouteError> {
        let of_user = self.list.to_canary(&self.original);
        if canary.is_zero() && of_user.is_none_or(|position| self.list.weight(&self.original, position) == 0) {
            return Ok(self.original.clone());
        }
        if let Some(other) = self.list.other_canary() {
            return Err(refusal(&format!(
                "{} is shared by the canary of {other} now, and of one list only one can have a share at a time; wait for its end, or \
                 give each a rule of its own",
                self.name
            )));
        }
        let ours = 1 + usize::from(of_user.is_some());
        let asked = [Some(self.primary), of_user].into_iter().flatten();
        let asked: u128 = asked.map(|position| self.list.weight(&self.original, position)).sum();
        // Where nobody else is in the list, only the proportion counts.
        let alone = u128::from(canary.proportion() + canary.rest().proportion());
        let all = if self.original.len() == ours { alone } else { asked };
        let whole = u128::from(Percent::FULL.as_hundredths());
        let part = (all * u128::from(canary.as_hundredths()) + whole / 2) / whole;
        if Percent::nearest(part, all) != canary {
            let apex = self.list.apex();
            return Err(refusal(&format!(
                "{}: {apex} has weight {all} beside others, of which {canary} % is no whole number; write all weights of this list a \
                 hundred times as large",
                self.name
            )));
        }
        Ok(self.weighted(all - part, part))
    }

    /// The next step on the way from these backends, or none, to those that are wanted, or none.
    pub(super) fn step(&self, have: &[Value], wanted: Vec<Value>) -> Vec<Value> {
        let list = self.list;
        let weight = |backends: &[Value]| list.to_canary(backends).map(|position| list.weight(backends, position));
        match (weight(have), weight(&wanted)) {
            (None, Some(1..)) => self.idle(),
            (Some(1..), None) => self.idle(),
            _ => wanted,
        }
    }

    /// The canary is named and gets nothing.
    fn idle(&self) -> Vec<Value> {
        self.weighted(self.list.weight(&self.original, self.primary).max(1), 0)
    }

    fn weighted(&self, primary: u128, canary: u128) -> Vec<Value> {
        let mut backends = self.original.clone();
        let of_canary = self.list.to_canary(&backends);
        let position = of_canary.unwrap_or(self.primary + 1);
        if let (None, Some(backend)) = (of_canary, self.original.get(self.primary)) {
            backends.insert(position, self.list.as_canary(backend));
        }
        for (position, weight) in [(self.primary, primary), (position, canary)] {
            if let Some(backend) = backends.get_mut(position) {
                value::merge(backend, &json!({"weight": u64::try_from(weight).unwrap_or(u64::MAX)}));
            }
        }
        backends
    }
}

fn refusal(what: &str) -> RouteError {
    RouteError { reason: "RouteCannotBeShared", sentence: format!("{what}, and releases go on") }
}
