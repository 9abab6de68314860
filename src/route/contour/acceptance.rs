//! Whether Contour has taken an HTTPProxy over, by its status.

use serde_json::Value;

use crate::object::{ObjectKey, value};
use crate::route::{Acceptance, RouteError, status};

pub(super) fn of(key: &ObjectKey, proxy: &Value) -> Acceptance {
    let valid = status::condition(proxy, "Valid").map(|condition| ((), condition));
    status::worst(proxy, valid.into_iter(), |(), _| refusal(key, proxy))
}

/// Whether Contour says which version of the proxy it speaks of, so that its word on the next one can be waited for.
pub(super) fn is_told(proxy: &Value) -> bool {
    status::condition(proxy, "Valid").is_some_and(|condition| status::observed(condition).is_some())
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
