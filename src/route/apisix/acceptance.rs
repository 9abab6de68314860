//! Whether APISIX has taken the twin over, by its status. The user's own route may be refused for what the twin has not.

use serde_json::Value;

use crate::object::{ObjectKey, value};
use crate::route::{Acceptance, RouteError, status};

/// The second is what controllers before version 2 say. Later ones leave it there as it was, so it counts only alone.
const NEEDED: [&str; 2] = ["Accepted", "ResourcesAvailable"];

pub(super) fn of(key: &ObjectKey, twin: &Value) -> Acceptance {
    let said = NEEDED.iter().find_map(|kind| status::condition(twin, kind)).map(|condition| ((), condition));
    status::worst(twin, said.into_iter(), |(), condition| refusal(key, condition))
}

fn refusal(key: &ObjectKey, condition: &Value) -> RouteError {
    let said = |field| value::text(condition, &[field]).unwrap_or_default();
    RouteError {
        reason: "RouteNotAccepted",
        sentence: format!(
            "{key}: APISIX says {} False ({}: {}), so the weights in it have no effect and no release advances; mend what it names in \
             the ApisixRoute of spec.routeRef, of which this is a copy",
            said("type"),
            said("reason"),
            said("message").trim_end_matches('.')
        ),
    }
}
