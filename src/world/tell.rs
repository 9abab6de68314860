//! Tells users what happened: an event on the Canary, a log line, and the counters of ended releases.
//!
//! Telling never fails a round: an event that cannot be written is counted and logged. Order: a canary's rounds follow each
//! other, so its events do too.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use tokio::time::{Instant, timeout};

use super::claim::Claim;
use super::failure::chain;
use super::metrics::Metrics;
use super::place::Place;
use crate::model::{CanaryRef, Notice, Tone};
use crate::notify;
use crate::object::Kind;

/// Who the events come from.
const REPORTER: &str = "serin";
/// For all events of one round.
const TELL_WITHIN: Duration = Duration::from_secs(5);
/// A Recorder remembers each event for six minutes and searches all of them at each new one. A fresh one after so many
/// keeps both small; all that is lost is that a repeated event is counted up.
const EVENTS_REMEMBERED: u32 = 128;

/// Writes events and log lines.
pub(crate) struct Teller {
    client: Client,
    reporter: Reporter,
    recorder: Mutex<(Recorder, u32)>,
    claim: Claim,
    metrics: Arc<Metrics>,
}

/// What an event is about.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    pub(crate) place: Place,
    reference: ObjectReference,
}

impl Subject {
    pub(crate) fn new(kind: Kind, place: Place, uid: &str) -> Self {
        let reference = ObjectReference {
            api_version: Some(kind.api_version()),
            kind: Some(kind.kind.to_owned()),
            namespace: Some(place.namespace().to_owned()),
            name: Some(place.name().to_owned()),
            uid: Some(uid.to_owned()),
            ..ObjectReference::default()
        };
        Self { place, reference }
    }
}

impl Teller {
    pub(crate) fn new(client: Client, instance: &str, claim: Claim, metrics: Arc<Metrics>) -> Self {
        let reporter = Reporter { controller: REPORTER.to_owned(), instance: Some(instance.to_owned()) };
        let recorder = Mutex::new((Recorder::new(client.clone(), reporter.clone()), 0));
        Self { client, reporter, recorder, claim, metrics }
    }

    /// Tells the notices of one decision, in their order.
    pub(crate) async fn tell(&self, subject: &Subject, canary: &CanaryRef, notices: &[Notice]) {
        let events: Vec<Event> = notices.iter().map(|notice| wire(notify::event(notice, canary))).collect();
        for (event, notice) in events.iter().zip(notices) {
            log(&subject.place, event);
            self.metrics.tell(canary, notice);
        }
        self.publish(subject, &events).await;
    }

    /// Tells what keeps an object from being worked on.
    pub(crate) async fn warn(&self, subject: &Subject, reason: &str, sentence: &str) {
        let (action, note) = ("Reconcile".to_owned(), Some(sentence.to_owned()));
        let event = Event { type_: EventType::Warning, reason: reason.to_owned(), note, action, secondary: None };
        log(&subject.place, &event);
        self.publish(subject, &[event]).await;
    }

    async fn publish(&self, subject: &Subject, events: &[Event]) {
        let all = async {
            for event in events {
                if self.claim.left(Instant::now(), TELL_WITHIN).is_none() {
                    return Ok(());
                }
                self.metrics.request("create", "events.events.k8s.io");
                self.recorder().publish(event, &subject.reference).await?;
            }
            Ok::<_, kube::Error>(())
        };
        let failed = match timeout(TELL_WITHIN, all).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => chain(&error),
            Err(_) => format!("no answer within {} s", TELL_WITHIN.as_secs()),
        };
        self.metrics.untold();
        tracing::warn!(canary = %subject.place, "an event could not be written, the release goes on: {failed}");
    }

    fn recorder(&self) -> Recorder {
        let mut slot = self.recorder.lock().unwrap_or_else(PoisonError::into_inner);
        let (recorder, told) = &mut *slot;
        *told += 1;
        if *told > EVENTS_REMEMBERED {
            (*recorder, *told) = (Recorder::new(self.client.clone(), self.reporter.clone()), 1);
        }
        recorder.clone()
    }
}

fn wire(event: notify::Event) -> Event {
    let type_ = match event.tone {
        Tone::Normal => EventType::Normal,
        Tone::Warning => EventType::Warning,
    };
    let (reason, action, note) = (event.reason.to_owned(), event.action, Some(event.note));
    Event { type_, reason, note, action, secondary: None }
}

fn log(canary: &Place, event: &Event) {
    let (reason, note) = (&event.reason, event.note.as_deref().unwrap_or_default());
    match event.type_ {
        EventType::Normal => tracing::info!(%canary, reason, "{note}"),
        EventType::Warning => tracing::warn!(%canary, reason, "{note}"),
    }
}
