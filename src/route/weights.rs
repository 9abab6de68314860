//! Shares of traffic read from a list of weighted backends, as data planes read it. Never an error: what is no weight is none.

use serde_json::Value;

use crate::model::Percent;

/// The share of the backends that are the canary; `None` where none is. A data plane takes weights as proportions, and a
/// missing one as 0.
pub(super) fn share(backends: &[Value], is_canary: impl Fn(&Value) -> bool) -> Option<Percent> {
    backends.iter().any(&is_canary).then(|| {
        let sum = |of: &dyn Fn(&Value) -> bool| {
            backends.iter().filter(|backend| of(backend)).map(weight).fold(0, u64::saturating_add)
        };
        Percent::share(sum(&is_canary), sum(&|_| true))
    })
}

/// A number, or a text as in the first version of SMI.
fn weight(backend: &Value) -> u64 {
    let weight = backend.get("weight");
    weight.and_then(|weight| weight.as_u64().or_else(|| weight.as_str()?.parse().ok())).unwrap_or(0)
}
