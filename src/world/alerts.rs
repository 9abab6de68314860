//! Alerts on their way to chats, in the background: nobody waits for a chat that does not answer.
//!
//! The end of a release is written into the status before it is told, and struck out after, so a restart in between tells it
//! again. Never keeps more than it can deliver: what is too much for a chat is dropped, counted and logged.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use tokio::time::sleep;

use super::ask::read_secret;
use super::cluster::Cluster;
use super::http::{Http, Turns};
use super::metrics::Metrics;
use super::place::Place;
use super::queue::Queue;
use crate::alert::{self, Alert, Chat};
use crate::api::{CanaryStatus, PendingAlert};
use crate::http::shorten;
use crate::model::CanaryRef;
use crate::scene::{Receiver, Scene};

/// Rounds whose alerts may wait for one receiver.
const WAITING_FOR_ONE: usize = 256;
/// Messages at once to one host: chats keep their order only if they come one after the other.
const MESSAGES_TO_A_HOST: usize = 4;
/// For one try.
const TAKEN_WITHIN: Duration = Duration::from_secs(5);
/// Before each try: five minutes in all, within which a chat is mostly back.
const PAUSES: [Duration; 5] = [
    Duration::ZERO,
    Duration::from_secs(2),
    Duration::from_secs(10),
    Duration::from_secs(60),
    Duration::from_secs(240),
];

/// Characters of a message that is written down.
const LONGEST_MESSAGE: usize = 1000;

/// Sends alerts to chats.
#[derive(Clone)]
pub(crate) struct Alerts {
    http: Http,
    cluster: Cluster,
    queue: Arc<Queue>,
    metrics: Arc<Metrics>,
    places: Arc<Turns>,
    ends: Arc<Mutex<BTreeMap<Place, End>>>,
}

/// The end of a release that is being told, or was.
#[derive(Clone, PartialEq, Eq)]
struct End {
    alert: PendingAlert,
    told: Told,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    OnItsWay,
    Done,
}

impl Alerts {
    pub(crate) fn new(http: &Http, cluster: Cluster, queue: Arc<Queue>, metrics: Arc<Metrics>) -> Self {
        let http = http.apart(MESSAGES_TO_A_HOST);
        Self { http, cluster, queue, metrics, places: Arc::new(Turns::new(WAITING_FOR_ONE)), ends: Arc::default() }
    }

    /// The status with the end of a release that is to be told, and without the one that was.
    pub(crate) fn journal(&self, canary: &Place, status: CanaryStatus, alerts: &[Alert]) -> CanaryStatus {
        let end = alerts.iter().rev().find(|alert| alert.end == alert::End::Yes).map(pending);
        let left = status.alert.clone().filter(|left| self.told(canary, left) != Some(Told::Done));
        let alert = end.or(left);
        if alert.is_none() && status.alert.is_some() {
            self.ends().remove(canary);
        }
        CanaryStatus { alert, ..status }
    }

    /// Sends the alerts of a decision, and the end of a release that nobody here has begun to tell.
    pub(crate) fn tell(&self, place: &Place, scene: &Scene, canary: &CanaryRef, mut alerts: Vec<Alert>) {
        if !alerts.iter().any(|alert| alert.end == alert::End::Yes) {
            alerts.extend(scene.untold(canary).filter(|left| self.told(place, &pending(left)).is_none()));
        }
        if alerts.is_empty() {
            return;
        }
        let end = alerts.iter().rev().find(|alert| alert.end == alert::End::Yes).map(pending);
        if let Some(alert) = end.clone() {
            self.ends().insert(place.clone(), End { alert, told: Told::OnItsWay });
        }
        let (me, place, receivers) = (self.clone(), place.clone(), scene.receivers());
        tokio::spawn(async move {
            join_all(receivers.into_iter().map(|receiver| me.deliver(&place, receiver, &alerts))).await;
            me.done(&place, end);
        });
    }

    /// A canary is gone: nothing is kept of it.
    pub(crate) fn forget(&self, canary: &Place) {
        self.ends().remove(canary);
    }

    /// The end was told, as far as it can be: it is struck out in the next round.
    fn done(&self, place: &Place, end: Option<PendingAlert>) {
        let mut ends = self.ends();
        if let (Some(alert), Some(known)) = (end, ends.get_mut(place))
            && known.alert == alert
        {
            known.told = Told::Done;
            self.queue.wake(place);
        }
    }

    async fn deliver(&self, canary: &Place, receiver: Result<Receiver, String>, alerts: &[Alert]) {
        let lost = |name: &str, why: &str| {
            self.metrics.unalerted();
            tracing::warn!(%canary, receiver = name, "an alert was lost, the release goes on: {why}");
        };
        let receiver = match receiver {
            Ok(receiver) => receiver,
            Err(why) => return lost("", &why),
        };
        let wanted: Vec<&Alert> = alerts.iter().filter(|alert| alert.severity >= receiver.least).collect();
        if wanted.is_empty() {
            return;
        }
        let Ok(_place) = self.places.of(&format!("//{}", receiver.name)).try_acquire_owned() else {
            return lost(&receiver.name, "too many wait for this receiver already");
        };
        match self.chat(&receiver).await {
            Ok((chat, http)) => {
                for alert in wanted {
                    if let Err(why) = send(&http, &chat, alert).await {
                        lost(&receiver.name, &why);
                    }
                }
            }
            Err(why) => lost(&receiver.name, &why),
        }
    }

    /// The chat with its address, and the way to it.
    async fn chat(&self, receiver: &Receiver) -> Result<(Chat, Http), String> {
        let chat = match &receiver.secret {
            Some(name) => {
                let secret = read_secret(name, &self.cluster).await?;
                let secret = secret.ok_or_else(|| format!("Secret {name} is not there; apply it"))?;
                receiver.chat.clone().with(&secret).map_err(|why| format!("Secret {name}: {why}"))?
            }
            None => receiver.chat.clone(),
        };
        let http = match &chat.proxy {
            Some(proxy) => self.http.through(proxy)?,
            None => self.http.clone(),
        };
        Ok((chat, http))
    }

    fn told(&self, place: &Place, alert: &PendingAlert) -> Option<Told> {
        self.ends().get(place).filter(|end| end.alert == *alert).map(|end| end.told)
    }

    fn ends(&self) -> MutexGuard<'_, BTreeMap<Place, End>> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tries until the chat has taken it, or too often.
async fn send(http: &Http, chat: &Chat, alert: &Alert) -> Result<(), String> {
    let request = chat.request(alert)?;
    let mut last = String::new();
    for pause in PAUSES {
        sleep(pause).await;
        let answer = http.call(request.clone(), TAKEN_WITHIN).await;
        match answer.and_then(|answer| chat.taken(&answer)) {
            Ok(()) => return Ok(()),
            Err(why) => last = why,
        }
    }
    Err(last)
}

/// As it is written down: no longer than the schema allows, or the apiserver would refuse the whole status.
fn pending(alert: &Alert) -> PendingAlert {
    PendingAlert { severity: alert.severity.as_str().to_owned(), message: shorten(&alert.message, LONGEST_MESSAGE) }
}

#[cfg(test)]
mod tests;
