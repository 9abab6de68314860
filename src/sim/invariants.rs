//! What must hold at every write, whatever happened before: S1 to S11.

mod bake;
mod configs;
mod hooks;
mod in_place;
mod kept;
mod loss;
mod news;
mod passed;
mod schedule;
mod sizes;
mod steps;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use serde_json::Value;

use super::cluster::Cluster;
use super::pods::image;
use super::random::MOST_SKEW;
use crate::model::{
    Affinity, Answer, Calendar, CanarySize, Effect, Facts, Journal, Kpi, Layout, Mirror, Notice, Percent, Phase, Plan,
    Request, Revision, RouteSeen, Settings, Stand, Strategy, Time,
};
use crate::object::kinds::{CONTROLLER_REVISION, DAEMON_SET, DEPLOYMENT};
use crate::object::{Change, ObjectKey, value};
use crate::workload::snapshot;
use passed::passed;
use steps::{highest, is_complete, stands_in_again};

/// A rule that did not hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// Which rule: `S1` to `S11`, `L1` to `L4`.
    pub rule: &'static str,
    /// What was seen.
    pub sentence: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule, self.sentence)
    }
}

/// What the rules remember of the run so far.
#[derive(Debug, Default)]
pub(super) struct Invariants {
    /// The first rule that was broken.
    pub(super) broken: Option<Violation>,
    /// Phases and changes of phase that were written.
    pub(super) reached: BTreeSet<String>,
    /// Image of each revision.
    images: BTreeMap<Revision, String>,
    /// Checksum of what the pods of each revision read.
    configs: BTreeMap<Revision, String>,
    /// The same of what stood in the cluster, since when.
    pub(super) configured: BTreeMap<Time, String>,
    /// The same of the primary's copy.
    copy: Option<String>,
    /// Revisions whose analysis passed, or that needed none.
    approved: BTreeSet<Revision>,
    lost: Percent,
    /// Since when any are.
    lost_since: Option<Time>,
    /// When a workload lost its last ready pod, the last time.
    emptied_at: Option<Time>,
    weight: Percent,
    primary: Option<String>,
    /// No fault acts any more.
    pub(super) calm: bool,
    /// Since when, in calm, requests have been lost that the primary could have answered.
    losing: Option<Time>,
    /// Another hand moved the weight after the operator last wrote a workload.
    rerouted: bool,
    /// Pods of a DaemonSet that do not answer, and how many may be missing.
    missing: Option<[u32; 2]>,
    /// Workloads with ready pods.
    serving: BTreeSet<ObjectKey>,
    /// The operator saw no endpoint of the primary: the canary may have to serve everybody.
    alone: bool,
}

impl Invariants {
    /// Names the image of a revision, and what its pods read.
    pub(super) fn knows(&mut self, revision: Revision, image: &str, config: &str) {
        self.configs.insert(revision.clone(), config.to_owned());
        self.images.insert(revision, image.to_owned());
    }

    /// The image of a revision that was named.
    pub(super) fn image(&self, revision: &Revision) -> Option<&str> {
        self.images.get(revision).map(String::as_str)
    }

    fn fail(&mut self, rule: &'static str, sentence: impl Into<String>) {
        self.broken.get_or_insert(Violation { rule, sentence: sentence.into() });
    }

    /// Judges a plan before it is carried out.
    pub(super) fn planned(&mut self, cluster: &Cluster, facts: &Facts, answers: &[Answer], plan: &Plan, now: Time) {
        let (before, after) = (&facts.journal, &plan.journal);
        self.reached.insert(after.phase.to_string());
        self.alone = facts.endpoints.primary == 0;
        if before.phase != after.phase {
            self.reached.insert(format!("{}->{}", before.phase, after.phase));
        }
        if let Some(sentence) = news::untold(before, plan) {
            self.fail("S6", sentence);
        }
        if let Some(sentence) = kept::taken(facts, plan) {
            self.fail("S11", sentence);
        }
        let Some(settings) = &facts.in_force() else { return };
        if let Some(sentence) = sizes::overloaded(settings, facts, plan) {
            self.fail("S8", sentence);
        }
        // Who asks by hand may pass over steps, KPIs and hooks, and answers for it.
        let handled = after.handled.as_ref().filter(|_| after.handled != before.handled);
        let by_itself = handled.is_none_or(|handled| handled.outcome.starts_with(Request::REFUSED));
        // Who votes for the promotion of its group has passed what a promotion has to, and later only waits.
        let votes = before.stand() != Stand::Ready && after.stand() == Stand::Ready;
        let judged = if votes { &Journal { phase: Phase::Promoting, ..after.clone() } } else { after };
        if by_itself && before.stand() != Stand::Ready {
            let after = judged;
            self.weight_moves_by_gates(settings, facts, after, answers);
            if let Some(sentence) = hooks::overruled(settings, facts, after, answers) {
                self.fail("S7", sentence);
            }
            if let Some(sentence) = schedule::ignored(settings, facts, after, answers, now) {
                self.fail("S9", sentence);
            }
            self.only_what_passed_is_promoted(settings, facts, after, answers, now);
        }
        if by_itself && let Some(sentence) = bake::ignored(settings, facts, plan, answers, now) {
            self.fail("S10", sentence);
        }
        if let Some(course) = after.step.and_then(|step| step.course) {
            self.reached.insert(course.as_str().to_owned());
        }
        self.reached.extend(reached(cluster, settings, facts, answers, plan));
        // Whoever does not see yet that the target runs something else cannot know whom it judges.
        let image_now = cluster.template(&cluster.target_key()).map(image);
        let seen = before.last_applied.as_ref().and_then(|r| self.images.get(r)).map(String::as_str) == image_now;
        let measured = answers.iter().filter(|answer| matches!(answer, Answer::Measured(..))).count();
        if seen && measured > 0 && before.last_applied == after.last_applied {
            // A look at the comparisons asks nothing else.
            let look = measured < settings.kpis.len();
            let asked = settings.kpis.iter().filter(|kpi| !look || kpi.comparison.is_some());
            self.measures_this_revision(cluster, asked, before);
        }
    }

    /// S4: the weight rises by one step for each passed gate, and falls only with the phase, the revision or the strategy.
    fn weight_moves_by_gates(&mut self, settings: &Settings, facts: &Facts, after: &Journal, answers: &[Answer]) {
        let before = &facts.journal;
        let (was, is) = (before.weight, after.weight);
        let goes_on = before.phase == Phase::Progressing
            && after.phase == Phase::Progressing
            && before.last_applied == after.last_applied
            && before.step.is_some()
            && (after.has_begun() || !before.has_begun());
        let superseded = facts.target.found().is_some_and(|t| before.last_applied.as_ref() != Some(&t.revision));
        // Before its analysis a revision has traffic only where a failed promotion left it, until the primary is back.
        if goes_on && is < was && !superseded && before.has_begun() {
            self.fail("S4", format!("the weight fell from {was} to {is} in the middle of a release"));
        }
        let counted = after.iterations > before.iterations;
        if goes_on && (is > was || counted) {
            let highest = highest(settings, before);
            // The first move may come with the return of what a failed promotion left on the canary.
            let gate =
                if before.has_begun() { passed(settings, before, answers) } else { was.is_zero() || is.is_zero() };
            let rises = is <= highest && after.iterations <= before.iterations.saturating_add(1);
            if !(gate && rises) {
                let counts = (before.iterations, after.iterations);
                let text = "the next step was";
                self.fail(
                    "S4",
                    format!("the weight rose from {was} to {is}; {text} {highest}: {counts:?} {answers:?}"),
                );
            }
        }
        let promotes = after.phase == Phase::Promoting && before.phase == Phase::Promoting;
        let in_place = facts.canary.layout == Layout::InPlace;
        if promotes && is > was && !in_place && !(is == Percent::FULL && stands_in_again(facts)) {
            self.fail("S4", format!("the weight rose from {was} to {is} while the primary took over"));
        }
        if after.last_applied != before.last_applied && is > was {
            self.fail("S4", format!("a new revision began with {is} of the traffic"));
        }
        let idle = matches!(after.phase, Phase::Initialized | Phase::Succeeded | Phase::Finalising);
        if idle && !is.is_zero() {
            self.fail("S4", format!("{} with {is} of the traffic on the canary", after.phase));
        }
    }

    /// S3, first half: which revisions may be promoted.
    fn only_what_passed_is_promoted(
        &mut self,
        settings: &Settings,
        facts: &Facts,
        after: &Journal,
        answers: &[Answer],
        now: Time,
    ) {
        let before = &facts.journal;
        let Some(revision) = &after.last_applied else { return };
        if !matches!(before.phase, Phase::Progressing | Phase::WaitingPromotion) || after.phase != Phase::Promoting {
            return;
        }
        if before.last_applied.as_ref() != Some(revision) {
            self.fail("S3", format!("{revision} is promoted, but another one was analysed"));
        }
        let proven = passed(settings, before, answers) && is_complete(settings, facts, now);
        if settings.strategy != Strategy::Skip && !proven {
            let counts = (before.weight, before.iterations);
            self.fail("S3", format!("{revision} is promoted at {counts:?}, not all of it passed: {answers:?}"));
        }
    }

    /// A status was written: what a replica with an old cache decides, and is not let write, approves nothing and revokes nothing.
    pub(super) fn recorded(&mut self, before: &Journal, after: &Journal) {
        let Some(revision) = &after.last_applied else { return };
        match (before.phase, after.phase) {
            (Phase::Progressing | Phase::WaitingPromotion, Phase::Promoting) => {
                self.approved.insert(revision.clone());
            }
            (_, Phase::Progressing) => {
                self.approved.remove(revision);
            }
            _ => {}
        }
    }

    /// S5: a verdict rests on requests that the revision in question answered.
    fn measures_this_revision<'a>(
        &mut self,
        cluster: &Cluster,
        asked: impl Iterator<Item = &'a Kpi>,
        before: &Journal,
    ) {
        let image = before.last_applied.as_ref().and_then(|r| self.images.get(r)).cloned().unwrap_or_default();
        for kpi in asked {
            let from = match kpi.comparison {
                // What was told by the operator's clock is some seconds later by any other.
                Some(_) => before
                    .step
                    .map(|step| step.started_at)
                    .max(before.vacant_since)
                    .map_or(cluster.now, |began| began.after(Duration::from_secs(5))),
                None => window_start(kpi, cluster.now),
            };
            let seen = cluster.history.images(from, cluster.now);
            if seen.iter().any(|i| *i != image) {
                return self.fail("S5", format!("{} is judged by {} on requests to {seen:?}", image, kpi.name));
            }
        }
        self.pods_read_this_revision(cluster, before);
    }

    /// Judges the cluster after a write of the operator.
    pub(super) fn written(&mut self, cluster: &Cluster, plan: &Plan, change: &Change) {
        let what = change.key().map_or_else(String::new, |k| k.to_string());
        self.rerouted &= change.key().is_none_or(|key| key.kind != DEPLOYMENT);
        self.weights_are_whole(cluster, plan, change);
        self.somebody_answers(cluster, change);
        self.no_more_are_missing(cluster);
        self.primary_takes_what_was_approved(cluster, &plan.journal);
        self.primary_reads_what_was_approved(cluster, &plan.journal);
        let lost = cluster.lost();
        if lost > self.lost && !self.is_news(cluster.now) && !cluster.is_abandoned() {
            self.fail(
                "S2",
                format!("{lost} % of the requests are lost since {what} was written, {} % before", self.lost),
            );
        }
        self.lost = lost;
    }

    /// S1: shares sum to 100, and none rises above the last step before promotion.
    fn weights_are_whole(&mut self, cluster: &Cluster, plan: &Plan, change: &Change) {
        let key = change.key();
        let sums = key.as_ref().and_then(|key| cluster.api.find(key)).map(sums).unwrap_or_default();
        if let Some(sum) = sums.into_iter().find(|sum| *sum != 100) {
            self.fail("S1", format!("the weights in {key:?} sum to {sum}"));
        }
        let weight = cluster.routing().map_or(Percent::ZERO, |r| r.canary);
        let decided = if self.alone { Percent::FULL } else { plan.journal.weight };
        if plan.journal.phase == Phase::Progressing && weight > self.weight && weight > decided {
            self.fail("S1", format!("{weight} % are routed to the canary, {} % were decided", plan.journal.weight));
        }
        self.weight = weight;
    }

    /// S3, second half: the primary's template changes only to the approved revision, or back to the promoted one.
    fn primary_takes_what_was_approved(&mut self, cluster: &Cluster, journal: &Journal) {
        let primary = cluster.serving_template().map(|t| image(&t).to_owned());
        if primary == self.primary {
            return;
        }
        let is = |revision: &Option<Revision>| revision.as_ref().and_then(|r| self.images.get(r)) == primary.as_ref();
        let is_image = |o: &Value, r: &Option<Revision>| {
            snapshot::template(o).map(image) == r.as_ref().and_then(|r| self.images.get(r)).map(String::as_str)
        };
        let approved = journal.last_applied.as_ref().is_some_and(|r| self.approved.contains(r));
        let promotes = matches!(journal.phase, Phase::Promoting | Phase::Finalising);
        let promoted = promotes && is(&journal.last_applied) && approved;
        let kept = cluster.api.objects().of_kind(CONTROLLER_REVISION).any(|(_, o)| is_image(o, &journal.last_promoted));
        let made = self.primary.is_none() && !kept || journal.last_promoted.is_none();
        let restored = journal.last_promoted.is_some() && is(&journal.last_promoted);
        if primary.is_some() && !(promoted || made || restored) {
            self.fail(
                "S3",
                format!("the primary went from {:?} to {primary:?} in phase {}", self.primary, journal.phase),
            );
        }
        self.primary = primary;
    }

    /// Counts what was told, for the coverage of the run.
    pub(super) fn told(&mut self, notices: &[Notice]) {
        for notice in notices {
            let name = format!("{notice:?}");
            self.reached.insert(name.split(['(', ' ']).next().unwrap_or_default().to_owned());
        }
    }
}

/// What a run has come to see of the features.
fn reached(cluster: &Cluster, settings: &Settings, facts: &Facts, answers: &[Answer], plan: &Plan) -> Vec<String> {
    let (before, after) = (&facts.journal, &plan.journal);
    let routed = facts.route.routing();
    let features = [
        ("InPlace", facts.canary.layout == Layout::InPlace && before.has_begun()),
        ("OnNodes", cluster.names.kind == DAEMON_SET && before.has_begun()),
        ("HeldBack", cluster.holds_back() && before.phase == Phase::Failed),
        ("Unrouted", facts.route == RouteSeen::Unrouted),
        ("Mirrored", routed.is_some_and(|r| r.mirror != Mirror::Off)),
        ("Quantile", passed::compares_quantiles(settings, after)),
        ("Few", passed::rests_on_few(settings, after)),
        ("OpenedByHand", before.opened.is_some() && after.opened.is_none() && after.phase != Phase::Failed),
        ("Sized", plan.effects.iter().any(|effect| matches!(effect, Effect::ScaleTarget(1..))) && before.has_begun()),
        ("ByPods", settings.canary_size == CanarySize::Split && routed.is_some_and(|r| !r.canary.is_zero())),
        ("Warm", before.waits.is_some() && before.has_taken_over(&settings.strategy)),
        ("JudgedFirst", before.phase == Phase::Initializing && !answers.is_empty()),
        ("Queued", before.waits.as_ref().is_some_and(|wait| wait.queued.is_some())),
        ("Governed", settings.calendars.iter().any(|calendar| calendar.of != Calendar::OWN) && before.waits.is_some()),
        ("Previewed", routed.is_some_and(|r| r.preview)),
        ("KnownGood", facts.is_known_good() && before.phase == Phase::Progressing),
        ("Sticky", routed.is_some_and(|r| matches!(r.affinity, Affinity::Sticky { .. }))),
    ];
    features.into_iter().filter(|(_, seen)| *seen).map(|(name, _)| name.to_owned()).collect()
}

/// As far as replicas whose clocks differ can tell.
fn window_start(kpi: &Kpi, now: Time) -> Time {
    let window = i64::try_from(kpi.window.as_millis()).unwrap_or(0);
    Time::from_millis(now.as_millis() - window).after(Duration::from_millis(2 * MOST_SKEW))
}

/// The sum of the weights in each list of weighted destinations.
fn sums(object: &Value) -> Vec<u64> {
    match object {
        Value::Array(list) => {
            let weights: Vec<_> = list.iter().filter_map(|v| value::at(v, &["weight"])).collect();
            // A text in the first version of SMI.
            let number = |w: &Value| w.as_u64().or_else(|| w.as_str()?.parse().ok());
            let sum = weights.iter().filter_map(|w| number(w)).sum();
            let inner = list.iter().flat_map(sums);
            // A single destination gets everything, whatever weight a person left there, and is given back with it.
            if list.len() == 1 || weights.is_empty() { inner.collect() } else { inner.chain([sum]).collect() }
        }
        Value::Object(map) => map.values().flat_map(sums).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api;
    use crate::model::{
        CanaryRef, Course, Endpoints, Measurement, Replacement, Rollout, Scaling, Seen, Shape, Step, TargetSeen,
    };
    use crate::settings::{self, Defaults};

    pub(super) fn settings() -> Settings {
        let spec: api::CanarySpec = serde_json::from_value(json!({
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "app"},
            "service": {"port": 80},
            "analysis": {"interval": "10s", "threshold": 1, "stepWeights": [10, 20], "metrics": [
                {"name": "request-success-rate", "thresholdRange": {"min": 99}, "interval": "1m"},
            ]},
        }))
        .unwrap();
        settings::resolve(&spec, &Defaults { provider: "istio", namespace: "test" }).unwrap()
    }

    /// Revision `b` is analysed at this weight.
    pub(super) fn at(weight: i64) -> Journal {
        let (now, weight) = (Time::from_millis(0), Percent::clamped(weight));
        let course = Some(Course::Weights);
        let step =
            Some(Step { weight, started_at: now, next_check_at: now, waiting_since: None, held_since: None, course });
        let last_applied = Some(Revision::new("s1-b"));
        Journal { phase: Phase::Progressing, weight, step, last_applied, ..Journal::default() }
    }

    pub(super) fn facts(journal: Journal) -> Facts {
        let [namespace, name, uid, kind, target] = ["test", "app", "u", "Deployment", "app"].map(str::to_owned);
        let rollout = Rollout::default();
        let target_seen = TargetSeen {
            revision: Revision::new("s1-b"),
            replicas: 1,
            rollout,
            grace: Duration::from_secs(10),
            replacement: Replacement::Rolling,
        };
        Facts {
            canary: CanaryRef { namespace, name, uid, generation: 1, kind, target, layout: Layout::Beside },
            deleting: false,
            released: false,
            finalizer: false,
            settings: Some(settings()),
            complaints: vec![],
            journal,
            request: None,
            rival: None,
            target: Seen::Found(target_seen),
            primary: Seen::Missing,
            owned: false,
            sides: Shape::AsWanted,
            apex: Shape::AsWanted,
            endpoints: Endpoints::default(),
            route: RouteSeen::Missing,
            writer: None,
            snapshots: vec![],
            lost: BTreeSet::new(),
            configs: None,
            copies: Shape::AsWanted,
            budgets: Shape::AsWanted,
            scaling: Scaling::Fixed,
            standings: BTreeMap::new(),
            peers: BTreeMap::new(),
        }
    }

    fn rule(judge: impl FnOnce(&mut Invariants)) -> Option<&'static str> {
        let mut invariants = Invariants::default();
        judge(&mut invariants);
        invariants.broken.map(|violation| violation.rule)
    }

    fn success(value: f64) -> Vec<Answer> {
        vec![Answer::Measured("request-success-rate".into(), Measurement::Value(value))]
    }

    #[test]
    fn a_weight_that_rises_without_a_passed_gate_or_by_two_steps_is_seen() {
        let moved = |from, to, answers: &[Answer]| {
            rule(|i| i.weight_moves_by_gates(&settings(), &facts(at(from)), &at(to), answers))
        };
        assert_eq!(moved(10, 20, &success(99.5)), None);
        assert_eq!(moved(10, 20, &success(98.0)), Some("S4"));
        assert_eq!(moved(10, 20, &[]), Some("S4"));
        assert_eq!(moved(0, 20, &success(100.0)), Some("S4"));
        assert_eq!(moved(20, 10, &success(100.0)), Some("S4"));
    }

    #[test]
    fn a_promotion_without_a_passed_check_is_seen() {
        let after = Journal { phase: Phase::Promoting, ..at(20) };
        let judge = |weight, answers: &[Answer]| {
            let (facts, now) = (facts(at(weight)), Time::from_millis(0));
            rule(|i| i.only_what_passed_is_promoted(&settings(), &facts, &after, answers, now))
        };
        let good = success(100.0);
        assert_eq!((judge(20, &good), judge(20, &success(0.0)), judge(20, &[])), (None, Some("S3"), Some("S3")));
        assert_eq!(judge(10, &good), Some("S3"), "a step is missing");
    }

    #[test]
    fn every_list_of_shares_is_summed() {
        let route = json!({"http": [{"route": [{"weight": 60}, {"weight": 30}]}, {"route": [{"weight": 100}]}]});
        assert_eq!(sums(&route), [90]);
    }
}
