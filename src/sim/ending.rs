//! How a run ends once the faults are over, and what must be true then: L1 to L4.

use std::time::Duration;

use serde_json::{Value, json};

use super::corner;
use super::faults::Temper;
use super::fixture;
use super::invariants::Violation;
use super::pods::image;
use super::random::Random;
use super::trial::Trial;
use crate::model::{ConditionKind, Facts, Percent, Phase, Replacement, Settings, Time};
use crate::object::kinds::{CONFIG_MAP, DAEMON_SET, DEPLOYMENT, HPA, SERVICE};
use crate::object::{daemon, value};

/// The last thing that happens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ending {
    /// Nothing: what is under way comes to its end.
    Nothing,
    /// A revision that deserves promotion.
    Healthy,
    /// One that deserves a rollback.
    Bad(Temper),
    /// One that shows only as the primary what it is worth.
    Regretted,
    /// One whose pods break in the middle of it, or after it.
    Breaking,
    /// The Canary is deleted, and its user wants everything back.
    Deleted,
}

impl Ending {
    pub(super) fn any(random: &mut Random) -> Self {
        match random.below(10) {
            0..=1 => Self::Nothing,
            2..=5 => Self::Healthy,
            6..=7 => Self::Bad(random.pick(&Temper::BAD).unwrap_or(Temper::Failing)),
            8 => Self::Breaking,
            _ => Self::Deleted,
        }
    }

    /// For some runs another one.
    pub(super) fn or_regret(self, random: &mut Random) -> Self {
        if random.chance(15) { Self::Regretted } else { self }
    }
}

/// Any workload that is a primary.
const PRIMARY: &str = "app-primary";

type Outcome = Result<(), Violation>;

fn broken(rule: &'static str, sentence: impl Into<String>) -> Outcome {
    Err(Violation { rule, sentence: sentence.into() })
}

impl Trial {
    /// Ends the run and judges its end.
    pub(super) fn end(&mut self, ending: Ending) {
        self.calm();
        self.play(self.patience());
        let outcome = self.is_quiet().and_then(|()| match ending {
            Ending::Nothing => Ok(()),
            Ending::Healthy => self.healthy(),
            Ending::Bad(temper) => self.bad(temper),
            Ending::Regretted => self.regretted(),
            Ending::Breaking => self.breaking(),
            Ending::Deleted => self.deleted(),
        });
        if let Err(violation) = outcome {
            self.record.invariants.broken.get_or_insert(violation);
        }
    }

    pub(super) fn facts(&self) -> Option<Facts> {
        corner::scene(&self.cluster.names, self.cluster.api.objects()).map(|s| s.facts())
    }

    /// L3: when the inputs stop, so does the operator, and nobody is left without an answer.
    pub(super) fn is_quiet(&self) -> Outcome {
        let Some(facts) = self.facts() else { return Ok(()) };
        let stalled = facts.journal.condition(ConditionKind::Stalled).map(|stalled| stalled.reason.as_str());
        let waits = facts.journal.phase == Phase::Initializing
            && (!self.works(&self.image) || stalled == Some("FirstDeploymentFailed"));
        if self.operator.due.is_some() && !waits {
            return broken("L3", format!("still busy in phase {}: {:?}", facts.journal.phase, facts.journal.step));
        }
        let lost = self.cluster.lost();
        // A promoted revision that breaks later takes its share along until the next one comes.
        if !lost.is_zero() && self.works(&self.primary_image()) {
            return broken("S2", format!("{lost} % of the requests stay lost in phase {}", facts.journal.phase));
        }
        // Where neither side can serve, the traffic waits for the next revision.
        let waits = waits || facts.journal.phase == Phase::Finalising && facts.endpoints.primary == 0;
        if !facts.journal.phase.is_settled() && !waits && facts.complaints.is_empty() {
            return broken("L3", format!("stuck in phase {}", facts.journal.phase));
        }
        Ok(())
    }

    /// Whether pods of this image get ready and stay so.
    pub(super) fn works(&self, image: &str) -> bool {
        self.cluster.apps.get(image).is_some_and(|a| a.ready_after(PRIMARY).is_some() && a.breaks_after.is_none())
    }

    /// The image to go back to. While the canary serves everything, the primary may run whatever a person left there: then the last
    /// promoted one is meant, as far as it is kept.
    pub(super) fn served(&self, facts: &Facts) -> String {
        let kept = facts.journal.last_promoted.as_ref().filter(|r| facts.snapshots.contains(r));
        let promoted = kept.and_then(|revision| self.record.invariants.image(revision));
        promoted.filter(|_| !facts.journal.weight.is_zero()).map_or_else(|| self.primary_image(), str::to_owned)
    }

    pub(super) fn primary_image(&self) -> String {
        self.cluster.serving_template().map(|template| image(&template).to_owned()).unwrap_or_default()
    }

    /// When a release of these settings must be over.
    fn deadline(&self, settings: &Settings) -> Time {
        let steps = 110 + settings.threshold;
        let after = settings.bake + settings.keep_warm;
        let needs = settings.deadline * 3 + settings.interval * steps + after + Duration::from_secs(180);
        // Windows are open for two fifths of each half hour, or more, and no freeze is longer than ten minutes.
        let takes = if !settings.calendars.is_empty() || !settings.limits.is_empty() {
            needs * 5 / 2 + Duration::from_secs(3_600)
        } else {
            needs
        };
        self.cluster.now.after(takes)
    }

    /// L2: a healthy canary is promoted within a bound.
    fn healthy(&mut self) -> Outcome {
        let Some(settings) = self.facts().and_then(|f| f.settings) else { return Ok(()) };
        // In place, a pod that is down holds up those that come after it.
        let held_up = self.cluster.names.is_in_place() && !self.works(&self.primary_image());
        let deadline = self.deadline(&settings);
        self.release(Temper::Healthy);
        self.play(self.patience());
        if self.record.invariants.broken.is_some() {
            return Ok(());
        }
        self.is_quiet()?;
        if held_up {
            return Ok(());
        }
        let Some(facts) = self.facts() else { return broken("L2", "the Canary is gone") };
        let promoted = matches!(facts.journal.phase, Phase::Succeeded | Phase::Initialized);
        if !promoted || self.primary_image() != self.image || facts.journal.last_promoted != facts.journal.last_applied
        {
            let (phase, runs) = (facts.journal.phase, self.primary_image());
            return broken(
                "L2",
                format!("{} is healthy, but the phase is {phase} and the primary runs {runs}", self.image),
            );
        }
        let ready =
            self.cluster.pods().iter().any(|p| p.owner == self.cluster.primary_key() && p.is_ready(self.cluster.now));
        if !ready {
            return broken("L2", "promoted, but no pod of the primary is ready");
        }
        if self.cluster.now > deadline {
            return broken(
                "L2",
                format!("{} was promoted only at {}, later than {deadline}", self.image, self.cluster.now),
            );
        }
        Ok(())
    }

    /// L1: a failing canary loses all traffic within a bound, and what served before goes on.
    fn bad(&mut self, temper: Temper) -> Outcome {
        let Some(facts) = self.facts() else { return Ok(()) };
        let served = self.served(&facts);
        if facts.journal.phase == Phase::Initializing || !self.works(&served) || !facts.complaints.is_empty() {
            return Ok(());
        }
        self.suffer(&super::faults::Fault::Skip(super::faults::Skip::Off));
        let Some(settings) = self.facts().and_then(|f| f.settings) else { return Ok(()) };
        let deadline = self.deadline(&settings);
        self.release(temper);
        self.play(self.patience());
        if self.record.invariants.broken.is_some() {
            return Ok(());
        }
        self.is_quiet()?;
        let Some(facts) = self.facts() else { return broken("L1", "the Canary is gone") };
        let serves = self.cluster.pods().iter().any(|pod| pod.member.is_some() && pod.template.image == self.image);
        let routed = self.cluster.routing().map_or(Percent::ZERO, |r| r.canary);
        let weight = if serves { Percent::FULL } else { routed };
        let late = self.cluster.now > deadline;
        if facts.journal.phase != Phase::Failed || !weight.is_zero() || self.primary_image() != served || late {
            let (phase, at) = (facts.journal.phase, self.cluster.now);
            return broken("L1", format!("{} is {temper:?}, but at {at} it is {phase} with {weight} %", self.image));
        }
        Ok(())
    }

    /// L1 after a promotion: what fails as the primary is taken back, where it is watched and there is something to go back to.
    fn regretted(&mut self) -> Outcome {
        self.suffer(&super::faults::Fault::Skip(super::faults::Skip::Off));
        let Some(facts) = self.facts() else { return Ok(()) };
        // Pods that all go at once are watched before the primary has the revision, if at all.
        let at_once = facts.target.found().is_some_and(|target| target.replacement == Replacement::AllAtOnce);
        let watched = !at_once && facts.in_force().is_some_and(|settings| settings.bake > settings.keep_warm);
        let kept =
            facts.journal.last_promoted.is_some_and(|r| facts.snapshots.contains(&r) && !facts.lost.contains(&r));
        if watched && kept { self.bad(Temper::FailingPrimary) } else { Ok(()) }
    }

    /// S2 and L3 alone: whether it is promoted before it breaks is left to chance.
    fn breaking(&mut self) -> Outcome {
        self.release(Temper::Breaks);
        self.play(self.patience());
        if self.record.invariants.broken.is_some() { Ok(()) } else { self.is_quiet() }
    }

    /// L4: after a deletion with `revertOnDeletion` the user has what was there before.
    fn deleted(&mut self) -> Outcome {
        if self.random.chance(60) || !self.works(&self.image) {
            self.release(Temper::Healthy);
        }
        let patch = json!({"spec": {"revertOnDeletion": true}});
        self.edit_canary(&patch);
        self.play(self.patience());
        if self.facts().is_none_or(|f| f.journal.phase == Phase::Initializing) {
            return Ok(());
        }
        self.cluster.api.delete(&corner::canary_key(&self.cluster.names));
        self.play(self.patience());
        if self.record.invariants.broken.is_some() {
            return Ok(());
        }
        let names = &self.cluster.names;
        if self.facts().is_some() {
            return broken("L4", "the deleted Canary is still there");
        }
        let ours = [
            DEPLOYMENT.named(&names.namespace, names.primary()),
            SERVICE.named(&names.namespace, format!("{}-primary", names.apex)),
            SERVICE.named(&names.namespace, format!("{}-canary", names.apex)),
            HPA.named(&names.namespace, format!("{}-primary", fixture::SCALER)),
            CONFIG_MAP.named(&names.namespace, format!("{}-primary", fixture::CONFIG)),
        ];
        if let Some(left) = ours.iter().find(|key| self.cluster.api.find(key).is_some()) {
            return broken("L4", format!("{left} was left behind"));
        }
        let field = ["spec", "updateStrategy", "rollingUpdate", "partition"];
        let partition = self.cluster.api.find(&self.cluster.target_key()).and_then(|o| value::count(o, &field));
        if partition.unwrap_or(0) != 0 {
            return broken("L4", format!("the partition of the target is {partition:?}"));
        }
        self.strategy_is_back()?;
        let apex = self.cluster.api.find(&SERVICE.named(&names.namespace, &names.apex));
        let selects = apex.and_then(|o| value::text(o, &["spec", "selector", "app"]));
        let serves =
            self.cluster.pods().iter().any(|p| p.owner == self.cluster.target_key() && p.is_ready(self.cluster.now));
        // Whose last revision breaks by itself has it back, broken.
        let broke = !self.works(&self.image);
        if selects != Some(names.target.as_str()) || !broke && (!serves || !self.cluster.lost().is_zero()) {
            return broken("L4", format!("the apex selects {selects:?}, the target serves: {serves}"));
        }
        Ok(())
    }

    fn strategy_is_back(&self) -> Outcome {
        let strategy = |object: &Value| value::at(object, &["spec", "updateStrategy"]).cloned();
        let have = self.cluster.api.find(&self.cluster.target_key());
        let is_back = have.is_none_or(|have| strategy(have) == strategy(&self.target) && daemon::note(have).is_none());
        if self.cluster.names.kind == DAEMON_SET && !is_back {
            return broken("L4", format!("the strategy of the target is {:?}", have.and_then(strategy)));
        }
        Ok(())
    }
}
