//! Plays a scenario with a user's own manifests: the real decisions, and what each of them meant for the users.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::corner;
use super::fixture;
use super::invariants::Violation;
use super::operator::Keep;
use super::random::Random;
use super::scenario::Scenario;
use super::timeline::{self, Entry};
use super::traffic::{MEMORY, Names};
use super::trial::Trial;
use crate::api::{self, TargetKind};
use crate::model::{Facts, Layout, Mirror, Phase, Settings, Strategy, Time};
use crate::object::kinds::{
    CANARY, CONFIG_MAP, DAEMON_SET, DELIVERY_POLICY, DEPLOYMENT, METRIC_TEMPLATE, NAMESPACE, SECRET, SERVICE,
    STATEFUL_SET,
};
use crate::object::{Kind, ObjectKey, value};
use crate::route;

/// Nobody waits longer than this for the end of a story.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// Nodes of a story, which a DaemonSet runs on.
const NODES: u32 = 5;

/// How a story ended.
#[derive(Clone, PartialEq, Debug)]
pub struct Outcome {
    /// What happened, from the first event on.
    pub timeline: Vec<Entry>,
    /// How the last release ended.
    pub verdict: Verdict,
    /// From the first event to the last decision.
    pub took: Duration,
    /// The least that these settings take to promote, and to roll back, once the canary is ready.
    pub quickest: [Duration; 2],
    /// Requests to the service.
    pub requests: f64,
    /// What of them each new revision got.
    pub exposures: Vec<Exposure>,
    /// An invariant that did not hold: a defect of the operator, or of a person's hand in the story.
    pub broken: Option<Violation>,
}

/// How the last release ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// The primary runs what Git asks for.
    Promoted,
    /// The primary runs what it ran before.
    RolledBack,
    /// Neither: nothing was released, or it is not over.
    Undecided,
}

impl Verdict {
    /// The word for it in the output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Promoted => "promoted",
            Self::RolledBack => "rolled-back",
            Self::Undecided => "undecided",
        }
    }
}

/// Requests that met one revision.
#[derive(Clone, PartialEq, Debug)]
pub struct Exposure {
    /// Its name in the scenario.
    pub revision: String,
    /// How many.
    pub requests: f64,
    /// How many of these failed.
    pub failed: f64,
}

/// Why a story cannot be played. The sentence goes to the user.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum StoryError {
    /// There is no Canary, or more than one.
    #[error("the file holds {0} Canaries; simulate plays one, so write exactly one into it")]
    Canaries(usize),
    /// It does not parse.
    #[error("the Canary cannot be read: {0}")]
    Canary(String),
    /// An event does nothing, or two things.
    #[error("events[{0}] must say exactly one thing that happens besides `at`")]
    Event(usize),
    /// A revision without a name.
    #[error("events[{0}].revision needs a name, for example B")]
    Nameless(usize),
    /// The canary never got as far as its first release.
    #[error("the canary does not get ready for a release, it stays in phase {0}: {1}")]
    NotInitialized(Phase, String),
}

/// Plays `scenario` with the objects of `manifests`, one of which is a Canary.
///
/// # Errors
/// What the user must change before there is anything to play.
pub fn play(manifests: &[Value], scenario: &Scenario) -> Result<Outcome, StoryError> {
    let mut trial = stage(manifests, scenario)?;
    let settings = open(&mut trial)?;
    let begin = trial.cluster.now;
    let image = trial.image.clone();
    let names = schedule(&mut trial, scenario, &image)?;
    trial.play_faults();
    trial.play(begin.after(LONGEST));
    Ok(outcome(&trial, begin, &settings, &names))
}

/// A cluster with the user's objects, whose Deployment is invented where it is not among them.
fn stage(manifests: &[Value], scenario: &Scenario) -> Result<Trial, StoryError> {
    let of_kind = |kind: Kind| manifests.iter().filter(move |m| value::text(m, &["kind"]) == Some(kind.kind));
    let canaries: Vec<_> = of_kind(CANARY).collect();
    let [canary] = canaries.as_slice() else { return Err(StoryError::Canaries(canaries.len())) };
    let mut canary = (*canary).clone();
    place(&mut canary, "default");
    let parsed: api::Canary = serde_json::from_value(canary.clone()).map_err(|e| StoryError::Canary(e.to_string()))?;
    let names = names(&parsed);
    let target = of_kind(names.kind).find(|d| value::text(d, &["metadata", "name"]) == Some(&names.target));
    let mut target = target.cloned().unwrap_or_else(|| fixture::deployment(&names));
    place(&mut target, &names.namespace);
    let image = value::text(&target, &["spec", "template", "spec", "containers", "0", "image"]).unwrap_or("app:1");
    let (image, namespace) = (image.to_owned(), names.namespace.clone());
    let mut trial = Trial::of(names, canary, target, Random::new(0));
    let on_nodes = DAEMON_SET.named(&namespace, &trial.cluster.names.target);
    trial.cluster.scale(&on_nodes, NODES);
    trial.record.keep = Keep::All;
    trial.cluster.rps = scenario.traffic;
    trial.cluster.apps.insert(image.clone(), scenario.serving.app());
    trial.image = image;
    let routes = route::every()
        .flat_map(|router| router.kinds().iter().copied())
        .filter(|kind| *kind != trial.cluster.names.kind);
    for kind in routes.chain([SERVICE, METRIC_TEMPLATE, CONFIG_MAP, SECRET, DELIVERY_POLICY, NAMESPACE]) {
        for manifest in of_kind(kind) {
            let mut manifest = manifest.clone();
            if !kind.is_of_cluster() {
                place(&mut manifest, &namespace);
            }
            if let Some(key) = ObjectKey::of(kind, &manifest) {
                trial.cluster.api.put(&key, manifest);
            }
        }
    }
    for key in corner::configs(&namespace, &trial.target) {
        // What the story does not bring along is taken for granted.
        if trial.cluster.api.find(&key).is_none() {
            trial.cluster.api.put(&key, json!({}));
        }
    }
    trial.deploy();
    trial.play(trial.patience());
    Ok(trial)
}

fn place(object: &mut Value, namespace: &str) {
    if value::text(object, &["metadata", "namespace"]).is_none() {
        value::merge(object, &json!({"metadata": {"namespace": namespace}}));
    }
}

fn names(canary: &api::Canary) -> Names {
    let target = canary.spec.target_ref.name.clone();
    let apex = canary.spec.service.as_ref().and_then(|s| s.name.clone()).filter(|name| !name.is_empty());
    Names {
        namespace: canary.metadata.namespace.clone().unwrap_or_default(),
        canary: canary.metadata.name.clone().unwrap_or_default(),
        apex: apex.unwrap_or_else(|| target.clone()),
        target,
        kind: match canary.spec.target_ref.kind {
            TargetKind::StatefulSet => STATEFUL_SET,
            TargetKind::DaemonSet if canary.spec.target_ref.layout() == Layout::InPlace => DAEMON_SET,
            _ => DEPLOYMENT,
        },
    }
}

/// Lets the canary get ready for its first release; the story begins there.
fn open(trial: &mut Trial) -> Result<Settings, StoryError> {
    trial.apply_canary();
    trial.play(trial.patience());
    // Long enough for no window to reach back to the time before.
    trial.cluster.advance(trial.cluster.now.after(MEMORY));
    let facts = facts(trial);
    let phase = facts.as_ref().map_or(Phase::Initializing, |f| f.journal.phase);
    let said = facts.iter().flat_map(|f| &f.complaints).map(|c| c.sentence.as_str()).collect::<Vec<_>>().join(" ");
    trial.record.plans.clear();
    trial.cluster.history = super::traffic::History::default();
    let settings = facts.and_then(|f| f.settings).filter(|_| phase == Phase::Initialized);
    settings.ok_or(StoryError::NotInitialized(phase, said))
}

fn facts(trial: &Trial) -> Option<Facts> {
    corner::scene(&trial.cluster.names, trial.cluster.api.objects()).map(|scene| scene.facts())
}

/// Puts the events on the schedule. Gives back the names of the images that they bring.
fn schedule(trial: &mut Trial, scenario: &Scenario, serving: &str) -> Result<BTreeMap<String, String>, StoryError> {
    let begin = trial.cluster.now;
    let repository = serving.rsplit_once(':').map_or(serving, |(repository, _)| repository);
    let mut names = BTreeMap::new();
    for (index, event) in scenario.events.iter().enumerate() {
        let mut fault = event.fault().ok_or(StoryError::Event(index))?;
        if let Some(revision) = &event.revision {
            if revision.name.is_empty() {
                return Err(StoryError::Nameless(index));
            }
            let image = format!("{repository}:{}", revision.name);
            trial.cluster.apps.entry(image.clone()).or_insert_with(|| revision.app());
            names.insert(image.clone(), revision.name.clone());
            fault = super::faults::Fault::Deploy(image);
        }
        trial.faults.push((begin.after(event.at), fault));
    }
    trial.faults.sort_by_key(|(at, _)| *at);
    Ok(names)
}

fn outcome(trial: &Trial, begin: Time, settings: &Settings, names: &BTreeMap<String, String>) -> Outcome {
    let journal = facts(trial).map(|f| f.journal).unwrap_or_default();
    let released = !names.is_empty();
    let verdict = match journal.phase {
        Phase::Succeeded if released => Verdict::Promoted,
        Phase::Failed => Verdict::RolledBack,
        _ => Verdict::Undecided,
    };
    let steps = match &settings.strategy {
        Strategy::Skip => 0,
        Strategy::Progressive { steps, mirror, .. } => {
            u32::try_from(steps.weights().len()).unwrap_or(u32::MAX) + u32::from(*mirror != Mirror::Off)
        }
        Strategy::AbTest { iterations } => iterations.get(),
        Strategy::BlueGreen { iterations, .. } => iterations.get().saturating_add(1),
    };
    let exposure = |(image, name): (&String, &String)| {
        let total = trial.cluster.history.total(image);
        Exposure { revision: name.clone(), requests: total.requests, failed: total.failed }
    };
    Outcome {
        timeline: timeline::of(&trial.record.plans, &trial.record.events, begin, names),
        verdict,
        took: trial.record.plans.back().map_or(Duration::ZERO, |last| last.at.since(begin)),
        quickest: [settings.interval * steps, settings.interval * settings.threshold],
        requests: trial.cluster.history.requests(),
        exposures: names.iter().map(exposure).collect(),
        broken: trial.record.invariants.broken.clone(),
    }
}
