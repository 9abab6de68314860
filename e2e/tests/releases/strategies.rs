//! What Flagger's users have beside weights: A/B tests, blue/green, cookies, gates, other workloads, and every ending.

mod endings;
mod gates;
mod sharing;
mod workloads;

use std::time::Duration;

use serde_json::{Value, json};

/// A few intervals of ten seconds, a rollout and a drain, on a busy machine.
pub(super) const RELEASED_WITHIN: Duration = Duration::from_secs(200);
/// From one state of a release to the next.
pub(super) const MOVES_WITHIN: Duration = Duration::from_secs(90);

/// Who is sent to the canary in an A/B test.
pub(super) const INSIDER: &str = "x-canary: insider";

/// An analysis that counts checks in place of weights. Without KPIs: nobody but the test sends what would be measured.
fn iterations(count: u32) -> Value {
    json!({"iterations": count, "stepWeight": null, "maxWeight": null, "metrics": []})
}
