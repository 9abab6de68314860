//! Stub.
#![allow(missing_docs)]
use crate::model::{CanaryRef, Notice, Tone};
pub struct Event { pub reason: &'static str, pub tone: Tone, pub action: String, pub note: String }
pub fn event(notice: &Notice, _: &CanaryRef) -> Event { Event { reason: "Notice", tone: Tone::Normal, action: format!("{notice:?}").chars().take(100).collect(), note: format!("{notice:?}") } }
