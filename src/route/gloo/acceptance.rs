//! Whether Gloo has taken its objects over, by the state that each of its controllers reports in their status.
//!
//! Gloo does not say of which version of an object it speaks, so a word on the last one counts until the next is said: the wait
//! after each write is for that. Never waits for a word where none was said yet: with status writes turned off none would come.

use serde_json::Value;

use crate::object::{ObjectKey, Objects, value};
use crate::route::{Acceptance, RouteError};

/// The worst that any controller says of these objects.
pub(super) fn of<'a>(keys: impl Iterator<Item = &'a ObjectKey>, have: &Objects) -> Acceptance {
    let mut all = Acceptance::Accepted;
    for (key, object) in keys.filter_map(|key| Some((key, have.find(key)?))) {
        for report in reports(object) {
            match State::of(report) {
                // All that stands in these objects is ours, so what is partly wrong in them is the way to a side.
                Some(State::Rejected | State::Warning) => return Acceptance::Refused(refusal(key, report)),
                Some(State::Pending) => all = Acceptance::Pending,
                Some(State::Accepted) | None => {}
            }
            // What became of it with everybody else's: warnings there are about others.
            if let Some(whole) = below(report).find(|whole| State::of(whole) == Some(State::Rejected)) {
                return Acceptance::Refused(refusal(key, whole));
            }
        }
    }
    all
}

/// What a controller says of an object.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Pending,
    Accepted,
    Rejected,
    Warning,
}

impl State {
    /// Older versions write the number.
    fn of(report: &Value) -> Option<Self> {
        let all = [
            ("Pending", Self::Pending),
            ("Accepted", Self::Accepted),
            ("Rejected", Self::Rejected),
            ("Warning", Self::Warning),
        ];
        let state = report.get("state")?;
        let numbered = state.as_u64().and_then(|number| all.get(usize::try_from(number).ok()?));
        numbered.or_else(|| all.iter().find(|(name, _)| state.as_str() == Some(name))).map(|(_, state)| *state)
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Warning => "partly wrong",
        }
    }
}

/// One for each installation of Gloo that reads the object; older versions have the one only.
fn reports(object: &Value) -> impl Iterator<Item = &Value> {
    let each = value::at(object, &["status", "statuses"]).and_then(Value::as_object);
    each.into_iter().flatten().map(|(_, report)| report).chain(object.get("status"))
}

/// Of the objects that Gloo makes of this one and others.
fn below(report: &Value) -> impl Iterator<Item = &Value> {
    let named = ["subresourceStatuses", "subresource_statuses"].map(|field| report.get(field));
    named.into_iter().flatten().filter_map(Value::as_object).flatten().map(|(_, whole)| whole)
}

fn refusal(key: &ObjectKey, report: &Value) -> RouteError {
    let reason = value::text(report, &["reason"]).unwrap_or_default().trim().trim_end_matches('.');
    RouteError {
        reason: "RouteNotAccepted",
        sentence: format!(
            "{key}: Gloo calls it {} ({reason}), so the weights in it may have no effect and no release advances; mend what it names",
            State::of(report).map_or("", State::word)
        ),
    }
}
