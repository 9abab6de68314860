//! A story for `serin simulate`, as a person writes it in YAML: how revisions behave, and what happens when.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use super::app::{App, AsPrimary};
use super::faults::Fault;
use crate::settings;

/// A story. Times count from the moment at which the Canary is initialized.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Scenario {
    /// What the story shows, for its readers.
    #[serde(default)]
    pub about: String,
    /// Requests a second to the service. Default: 100.
    #[serde(default = "hundred")]
    pub traffic: f64,
    /// Requests a second of a load test, straight to the canary while it is analysed. Default: 10 where a `rollout` webhook of the
    /// Canary has `metadata.cmd`, as those of Flagger's load tester have, otherwise 0.
    #[serde(default)]
    pub load_test: Option<f64>,
    /// How the version behaves that serves at the beginning.
    #[serde(default)]
    pub serving: Behaviour,
    /// What happens, in any order.
    pub events: Vec<Event>,
}

const fn hundred() -> f64 {
    100.0
}

/// How a revision behaves.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Behaviour {
    /// What the revision is called in the timeline. A name that came before is that revision again.
    pub name: String,
    /// Until a pod is ready. Default: 5s.
    #[serde(deserialize_with = "duration")]
    pub ready_after: Duration,
    /// Its pods never get ready. Default: false.
    pub never_ready: bool,
    /// Until a pod breaks and stays so. Default: never.
    #[serde(deserialize_with = "maybe_duration")]
    pub breaks_after: Option<Duration>,
    /// Percent of its requests that fail. Default: 0.
    pub errors: f64,
    /// What `errors` grows by each minute that a pod is old. Default: 0.
    pub errors_grow: f64,
    /// 99th percentile of its latency in milliseconds. Default: 80.
    pub latency: f64,
    /// What `latency` grows by each minute that a pod is old. Default: 0.
    pub latency_grows: f64,
    /// What queries of the user's own (inline ones and MetricTemplates) answer for it, by the name of the metric. Default: a value
    /// within the metric's range, as long as at most 1 % of its requests fail.
    pub kpis: BTreeMap<String, f64>,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            name: String::new(),
            ready_after: Duration::from_secs(5),
            never_ready: false,
            breaks_after: None,
            errors: 0.0,
            errors_grow: 0.0,
            latency: 80.0,
            latency_grows: 0.0,
            kpis: BTreeMap::new(),
        }
    }
}

impl Behaviour {
    pub(super) fn app(&self) -> App {
        App {
            ready_after: (!self.never_ready).then_some(self.ready_after),
            breaks_after: self.breaks_after,
            as_primary: AsPrimary::Same,
            errors: self.errors,
            errors_growth: self.errors_grow,
            latency: self.latency,
            latency_growth: self.latency_grows,
            kpis: self.kpis.clone(),
        }
    }
}

/// Something that happens: exactly one field besides `at`.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Event {
    /// When.
    #[serde(deserialize_with = "duration")]
    pub at: Duration,
    /// Git asks for this revision.
    pub revision: Option<Behaviour>,
    /// Nobody sends requests for so long.
    #[serde(default, deserialize_with = "maybe_duration")]
    pub no_traffic: Option<Duration>,
    /// The KPI provider does not answer for so long.
    #[serde(default, deserialize_with = "maybe_duration")]
    pub provider_down: Option<Duration>,
    /// A person writes this share of the canary into the route, in percent.
    pub weight: Option<u8>,
    /// A person, or a GitOps sync, scales the target.
    pub replicas: Option<u32>,
    /// A person deletes the primary.
    pub delete_primary: Option<Yes>,
    /// The operator dies and is started again.
    pub crash: Option<Yes>,
}

/// `true`, and nothing else.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Yes;

impl<'de> Deserialize<'de> for Yes {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        match bool::deserialize(input)? {
            true => Ok(Self),
            false => Err(serde::de::Error::custom("write true, or leave the event out")),
        }
    }
}

fn duration<'de, D: Deserializer<'de>>(input: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(input)?;
    settings::duration(&text)
        .ok_or_else(|| serde::de::Error::custom(format!("{text:?} is no length of time; write for example 90s or 5m")))
}

fn maybe_duration<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Duration>, D::Error> {
    duration(input).map(Some)
}

impl Event {
    /// What it does to a run; `None` unless exactly one thing happens.
    pub(super) fn fault(&self) -> Option<Fault> {
        let Self { at: _, revision, no_traffic, provider_down, weight, replicas, delete_primary, crash } = self;
        let mut faults = [
            revision.as_ref().map(|r| Fault::Deploy(r.name.clone())),
            no_traffic.map(Fault::NoTraffic),
            provider_down.map(Fault::ProviderDown),
            weight.map(|w| Fault::EditWeight(w.min(100))),
            replicas.map(Fault::Scale),
            delete_primary.map(|Yes| Fault::DeletePrimary),
            crash.map(|Yes| Fault::Crash(0)),
        ]
        .into_iter()
        .flatten();
        let fault = faults.next()?;
        faults.next().is_none().then_some(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Scenario, String> {
        serde_saphyr::from_str(text).map_err(|e| e.to_string())
    }

    #[test]
    fn a_story_needs_only_what_happens() {
        let story = read("events: [{at: 1m30s, revision: {name: B, errors: 2.5}}]").unwrap();
        assert_eq!(story.traffic, 100.0);
        assert_eq!(story.events[0].at, Duration::from_secs(90));
        assert_eq!(story.events[0].fault(), Some(Fault::Deploy("B".into())));
    }

    #[test]
    fn an_unknown_field_and_a_bad_time_are_refused_by_name() {
        assert!(read("events: [{at: 0s, revison: {name: B}}]").unwrap_err().contains("revison"));
        assert!(read("events: [{at: soon, weight: 3}]").unwrap_err().contains("\"soon\" is no length of time"));
    }

    #[test]
    fn two_things_at_once_are_no_event() {
        assert_eq!(read("events: [{at: 0s, weight: 3, replicas: 2}]").unwrap().events[0].fault(), None);
    }
}
