//! The JSON that a hook gets.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::model::{Call, CanaryRef, Hook, Phase, Revision, Time, Tone};

/// An event, as hooks of type event hear of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Told<'a> {
    /// The phase that the event led to.
    pub phase: Phase,
    /// The revision that the release is about.
    pub revision: Option<&'a Revision>,
    /// The sentence.
    pub message: &'a str,
    /// Normal or Warning.
    pub tone: Tone,
    /// When it happened.
    pub at: Time,
}

/// Fields and their order are Flagger's.
#[derive(Serialize)]
struct Payload<'a> {
    name: &'a str,
    namespace: &'a str,
    phase: &'a str,
    checksum: &'a str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<&'a str, &'a str>,
}

pub(super) fn of_call(call: &Call, canary: &CanaryRef) -> Vec<u8> {
    encode(canary, call.phase, call.revision.as_ref(), texts(&call.hook))
}

/// The user's own texts never stand in the place of those that tell the event.
pub(super) fn of_event(hook: &Hook, canary: &CanaryRef, told: &Told<'_>) -> Vec<u8> {
    let timestamp = told.at.as_millis().to_string();
    let type_ = match told.tone {
        Tone::Normal => "Normal",
        Tone::Warning => "Warning",
    };
    let mut metadata = texts(hook);
    metadata.extend([("eventMessage", told.message), ("eventType", type_), ("timestamp", &timestamp)]);
    encode(canary, told.phase, told.revision, metadata)
}

fn texts(hook: &Hook) -> BTreeMap<&str, &str> {
    hook.metadata.iter().map(|(key, text)| (key.as_str(), text.as_str())).collect()
}

/// The checksum is the revision as `status` shows it: it stays the same for the same pod template, whatever the version of
/// the operator, and differs for another one. Receivers may compare it, and nothing else.
fn encode(canary: &CanaryRef, phase: Phase, revision: Option<&Revision>, metadata: BTreeMap<&str, &str>) -> Vec<u8> {
    let (name, namespace, phase) = (canary.name.as_str(), canary.namespace.as_str(), phase.as_str());
    let checksum = revision.map_or("", Revision::as_str);
    // Texts under texts always make JSON.
    serde_json::to_vec(&Payload { name, namespace, phase, checksum, metadata }).unwrap_or_default()
}
