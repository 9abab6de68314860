//! Plays a scenario with a user's own manifests: the real decisions, and what each of them meant for the users.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::corner;
use super::invariants::Violation;
use super::scenario::Scenario;
use super::stage;
use super::timeline::{self, Entry};
use super::traffic::MEMORY;
use super::trial::Trial;
use crate::model::{Facts, Mirror, Phase, Settings, Strategy, Time};
use crate::object::value;

/// Nobody waits longer than this for the end of a story.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

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
    /// What neither the file nor the scenario tells and the verdict may hang on, as sentences.
    pub assumed: Vec<String>,
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
    /// The simulated cluster has no controller for such a target.
    #[error(
        "{0} cannot be played, only a Deployment, or a StatefulSet or DaemonSet in place; try this Canary on a cluster"
    )]
    Target(String),
    /// The canary never got as far as its first release.
    #[error("the canary does not get ready for a release, it stays in phase {0}: {1}")]
    NotInitialized(Phase, String),
}

/// Plays `scenario` with the objects of `manifests`, one of which is a Canary.
///
/// # Errors
/// What the user must change before there is anything to play.
pub fn play(manifests: &[Value], scenario: &Scenario) -> Result<Outcome, StoryError> {
    let mut trial = stage::set(manifests, scenario)?;
    let settings = open(&mut trial)?;
    let begin = trial.cluster.now;
    let image = trial.image.clone();
    let names = schedule(&mut trial, scenario, &image)?;
    trial.play_faults();
    trial.play(begin.after(LONGEST));
    let assumed = stage::assumed(&trial, scenario, &settings, &names);
    Ok(outcome(&trial, begin, &settings, &names, assumed))
}

/// Lets the canary get ready for its first release; the story begins there.
fn open(trial: &mut Trial) -> Result<Settings, StoryError> {
    trial.apply_canary();
    trial.play(trial.patience());
    // Long enough for no window to reach back to the time before.
    trial.cluster.advance(trial.cluster.now.after(MEMORY));
    let facts = facts(trial);
    let phase = facts.as_ref().map_or(Phase::Initializing, |f| f.journal.phase);
    let said = said(trial);
    trial.record.plans.clear();
    trial.cluster.history = super::traffic::History::default();
    let settings = facts.and_then(|f| f.settings).filter(|_| phase == Phase::Initialized);
    settings.ok_or(StoryError::NotInitialized(phase, said))
}

/// What the conditions of the Canary say of what it waits for.
fn said(trial: &Trial) -> String {
    let canary = trial.cluster.api.find(&corner::canary_key(&trial.cluster.names));
    let conditions = canary.and_then(|canary| value::at(canary, &["status", "conditions"])).and_then(Value::as_array);
    let message = |kind: &str| {
        let mut all = conditions.into_iter().flatten();
        let is_true = |condition: &&Value| value::text(condition, &["status"]) == Some("True");
        let found = all.find(|condition| value::text(condition, &["type"]) == Some(kind) && is_true(condition))?;
        value::text(found, &["message"]).map(str::to_owned)
    };
    message("Stalled").or_else(|| message("Reconciling")).unwrap_or_default()
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

fn outcome(
    trial: &Trial,
    begin: Time,
    settings: &Settings,
    names: &BTreeMap<String, String>,
    assumed: Vec<String>,
) -> Outcome {
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
        assumed,
        broken: trial.record.invariants.broken.clone(),
    }
}
