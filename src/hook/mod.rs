//! Hooks: a call at a moment of a release into one HTTP request, and what came back into yes or no.
//!
//! The payload has Flagger's fields, so that whatever gates, tests or listens under Flagger does so here. Pure: never a
//! socket, a clock, or a decision about what a no means.

mod keys;
mod payload;
mod reply;
#[cfg(test)]
mod tests;

pub use keys::{Data, Equipped, Found, KeyError, equip};
pub use payload::Told;
pub use reply::{Next, next};

use crate::http::{Credentials, HttpRequest, Method};
use crate::model::{Call, CanaryRef, Hook};

/// The request of a call: the same for the same arguments.
pub fn request(call: &Call, canary: &CanaryRef) -> HttpRequest {
    post(&call.hook, payload::of_call(call, canary))
}

/// The request that tells an event to a hook.
pub fn event(hook: &Hook, canary: &CanaryRef, told: &Told<'_>) -> HttpRequest {
    post(hook, payload::of_event(hook, canary, told))
}

/// Nothing of the operator's own identity goes along: the address is anybody's who may write a Canary.
fn post(hook: &Hook, body: Vec<u8>) -> HttpRequest {
    HttpRequest {
        method: Method::Post,
        url: hook.url.clone(),
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        credentials: Credentials::None,
        body,
        trust: hook.trust,
    }
}
