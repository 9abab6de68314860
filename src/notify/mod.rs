//! Stub.
#![allow(missing_docs)]
use crate::model::{CanaryRef, Notice, Tone};
pub struct Event { pub reason: &'static str, pub tone: Tone, pub action: String, pub note: String }
pub fn event(_: &Notice, _: &CanaryRef) -> Event { unimplemented!() }
