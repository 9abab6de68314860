//! Whether Contour has taken an HTTPProxy over, by its status.

use serde_json::Value;

use crate::object::{ObjectKey, value};
use crate::route::{Acceptance, RouteError};

pub(super) fn of(key: &ObjectKey, proxy: &Value) -> Acceptance {
    let conditions = value::at(proxy, &["status", "conditions"]).and_then(Value::as_array);
    let valid = conditions.into_iter().flatten().find(|condition| value::text(condition, &["type"]) == Some("Valid"));
    let Some(valid) = valid else { return Acceptance::Accepted };
    let observed = valid.get("observedGeneration").and_then(Value::as_u64);
    let generation = value::at(proxy, &["metadata", "generation"]).and_then(Value::as_u64);
    if observed < generation {
        Acceptance::Pending
    } else if value::text(valid, &["status"]) == Some("False") {
        Acceptance::Refused(refusal(key, proxy))
    } else {
        Acceptance::Accepted
    }
}

fn refusal(key: &ObjectKey, proxy: &Value) -> RouteError {
    let said = |field| value::text(proxy, &["status", field]).unwrap_or_default();
    RouteError {
        reason: "RouteNotAccepted",
        sentence: format!(
            "{key}: Contour calls it {} ({}), so the weights in it have no effect and no release advances; mend what it names, or \
             include it in the HTTPProxy that has the virtualhost",
            said("currentStatus"),
            said("description").trim_end_matches('.')
        ),
    }
}
