//! A Canary's spec with every default and unit resolved: what the decisions read.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use super::{Approval, Calendar, Comparison, Hook, Limit, Mirror, Percent, Test};

/// What the user asked for, without a question left open.
#[derive(Clone, PartialEq, Debug)]
pub struct Settings {
    /// How a new revision reaches its users.
    pub strategy: Strategy,
    /// Time between two checks; at least 10 s.
    pub interval: Duration,
    /// Failed checks that end a release; at least 1.
    pub threshold: u32,
    /// How long a side may stay unready before the release ends.
    pub deadline: Duration,
    /// How traffic returns at promotion: by this share each interval, or all at once.
    pub promotion_step: Option<Percent>,
    /// Share of the primary's pods that must be available.
    pub primary_ready: Percent,
    /// Share of the canary's pods that must be available.
    pub canary_ready: Percent,
    /// How many pods the canary has while a release runs.
    pub canary_size: CanarySize,
    /// Names of the cookies that keep users on a side while a release runs, where the user asked for it.
    pub cookies: Option<CookieNames>,
    /// Some requests see the canary whenever it can answer, whatever its share.
    pub preview: bool,
    /// Time after the canary's first requests that no KPI looks back to.
    pub warmup: Duration,
    /// How long a new primary is watched after its promotion; zero where it is not.
    pub bake: Duration,
    /// How long the canary has everything before its promotion, while the primary still runs the revision before.
    pub keep_warm: Duration,
    /// What the first deployment has to show before the primary takes over from it.
    pub first: First,
    /// What is measured at each check, in the order of the spec.
    pub kpis: Vec<Kpi>,
    /// What is called, in the order of the spec.
    pub hooks: Vec<Hook>,
    /// The gates that a person opens, in the order of the spec.
    pub approvals: Vec<Approval>,
    /// Leave everything as it is.
    pub suspend: bool,
    /// Give the user's objects back when the Canary is deleted.
    pub revert_on_deletion: bool,
    /// What follows a release that failed, and what a way back needs.
    pub rollback: Rollback,
    /// When releases may start and advance: where all of these are open. The Canary's own, and those of the DeliveryPolicies of its
    /// namespace.
    pub calendars: Vec<Calendar>,
    /// How many releases the DeliveryPolicies of its namespace let run at once, by the policies' names.
    pub limits: Vec<Limit>,
    /// The canaries, as `namespace/name`, that a release waits for before it begins; sorted.
    pub depends_on: Vec<String>,
    /// The canaries of this group and namespace are promoted together or not at all.
    pub group: Option<String>,
}

/// What the first deployment has to show.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum First {
    /// That its pods are ready.
    #[default]
    Ready,
    /// What every release has to: hooks and KPIs.
    Judged,
}

impl Settings {
    /// Makes the steps those of whole pods, of which `kept` are given to no step.
    pub fn in_pods(&mut self, pods: u32, kept: u32) {
        if let Strategy::Progressive { steps, .. } = &mut self.strategy {
            *steps = steps.in_pods(pods, kept);
        }
    }

    /// How long the new primary is still to be watched: the time before its promotion counts, when everybody had the revision already.
    pub fn bake_left(&self) -> Duration {
        if self.strategy == Strategy::Skip { Duration::ZERO } else { self.bake.saturating_sub(self.keep_warm) }
    }

    /// Gives the canary everything for at least so long before its promotion, where its weights are of everybody's requests.
    pub fn keep_warm_for(&mut self, time: Duration) {
        match &mut self.strategy {
            Strategy::Progressive { steps, audience: Audience::Everyone, .. } => steps.then = Then::Everything,
            Strategy::BlueGreen { .. } => {}
            Strategy::Progressive { .. } | Strategy::AbTest { .. } | Strategy::Skip => return,
        }
        self.keep_warm = self.keep_warm.max(time);
    }

    /// The KPIs of a side that has nothing beside it to be compared with.
    pub fn alone(&self) -> impl Iterator<Item = Kpi> {
        self.kpis.iter().filter_map(Kpi::alone)
    }

    /// The longest time that a KPI looks back.
    pub fn window(&self) -> Duration {
        self.kpis.iter().map(|kpi| kpi.window).max().unwrap_or_default()
    }
}

/// How many pods the canary has while a release runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum CanarySize {
    /// As many as the primary, or what its autoscaler makes of it.
    #[default]
    AsPrimary,
    /// So many.
    Count(u32),
    /// This share of the primary's pods.
    Share(Percent),
    /// What its weight needs.
    Weight,
    /// As many as its weight is beside the primary's, because each pod of both sides gets as many requests.
    Split,
}

/// What follows a release that failed, and what a way back needs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Rollback {
    /// The canary's pods stay for a look until the next revision.
    pub freeze: bool,
    /// So many of the revisions that were promoted before the last one are known to be good: going back to one needs no analysis.
    pub window: usize,
}

/// How a new revision reaches its users.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Strategy {
    /// Promoted as soon as the canary is ready.
    Skip,
    /// Traffic in rising steps.
    Progressive {
        /// The weights.
        steps: Steps,
        /// Copies for one check before the first weight.
        mirror: Mirror,
        /// Of whose requests the weights are.
        audience: Audience,
    },
    /// All matching requests at once, for so many passed checks.
    AbTest {
        /// Checks.
        iterations: NonZeroU32,
    },
    /// No user's request for so many passed checks, then all of them for one more.
    BlueGreen {
        /// Checks before the canary takes over.
        iterations: NonZeroU32,
        /// Copies of the users' requests meanwhile.
        mirror: Mirror,
    },
}

impl Strategy {
    /// What the journal remembers of it; `None` where nothing is analysed.
    pub const fn course(&self) -> Option<Course> {
        match self {
            Self::Skip => None,
            Self::Progressive { audience: Audience::Everyone, .. } => Some(Course::Weights),
            Self::Progressive { audience: Audience::Matching, .. } => Some(Course::MatchedWeights),
            Self::AbTest { .. } => Some(Course::AbTest),
            Self::BlueGreen { .. } => Some(Course::BlueGreen),
        }
    }

    /// Copies of requests that the canary gets while it has no request of its own.
    pub const fn mirror(&self) -> Mirror {
        match self {
            Self::Progressive { mirror, .. } | Self::BlueGreen { mirror, .. } => *mirror,
            Self::Skip | Self::AbTest { .. } => Mirror::Off,
        }
    }

    /// Whose requests the canary can get.
    pub const fn audience(&self) -> Audience {
        match self {
            Self::Progressive { audience, .. } => *audience,
            Self::AbTest { .. } => Audience::Matching,
            Self::Skip | Self::BlueGreen { .. } => Audience::Everyone,
        }
    }
}

/// Whose requests the canary can get.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Audience {
    /// Everybody's.
    Everyone,
    /// Those that match `analysis.match`; all others stay on the primary.
    Matching,
}

/// By which strategy a release is analysed. A weight means something else under another one, so a release starts again where
/// the spec changes it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Course {
    /// Rising weights.
    Weights,
    /// Rising weights of the matching requests.
    MatchedWeights,
    /// All matching requests.
    AbTest,
    /// None, then all.
    BlueGreen,
}

impl Course {
    /// Every course.
    pub const ALL: [Self; 4] = [Self::Weights, Self::MatchedWeights, Self::AbTest, Self::BlueGreen];

    /// The word in `status.step.strategy`: Flagger's, where it has one.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Weights => "canary",
            Self::MatchedWeights => "canary-match",
            Self::AbTest => "ab-testing",
            Self::BlueGreen => "blue-green",
        }
    }
}

/// Names of the cookies of a release.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CookieNames {
    /// Of who met the canary.
    pub canary: String,
    /// Of who met the primary.
    pub primary: String,
}

/// Weights of the canary in the order of the release: never empty, strictly rising, each above 0.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Steps {
    weights: Vec<Percent>,
    then: Then,
}

/// What follows the last step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Then {
    Promotion,
    Everything,
}

impl Steps {
    /// `None` unless the weights rise strictly from above 0.
    pub fn new(weights: Vec<Percent>) -> Option<Self> {
        let rises = weights.iter().zip(weights.iter().skip(1)).all(|(a, b)| a < b);
        let starts = weights.first().is_some_and(|w| !w.is_zero());
        (rises && starts).then_some(Self { weights, then: Then::Promotion })
    }

    /// Whether the canary has everything between the last step and the promotion.
    pub fn end_in_everything(&self) -> bool {
        self.then == Then::Everything
    }

    /// `step`, 2·`step`, … up to the first weight that reaches `max`, which is promoted after its check.
    pub fn linear(step: Percent, max: Percent) -> Option<Self> {
        if step.is_zero() || max.is_zero() {
            return None;
        }
        let next = |weight: &Percent| (*weight < max).then(|| weight.more(step));
        Self::new(std::iter::successors(Some(step), next).collect())
    }

    /// The weight after `weight`; `None` when the last step is reached or passed.
    pub fn after(&self, weight: Percent) -> Option<Percent> {
        self.weights.iter().copied().find(|w| *w > weight)
    }

    /// The last weight before promotion.
    pub fn last(&self) -> Percent {
        self.weights.last().copied().unwrap_or(Percent::FULL)
    }

    /// What these come to in whole pods; as they are where no pod can be given away.
    #[must_use]
    pub fn in_pods(&self, pods: u32, kept: u32) -> Self {
        let mut weights: Vec<_> = self.weights.iter().map(|weight| weight.in_pods(pods, kept)).collect();
        weights.dedup();
        Self::new(weights).map_or_else(|| self.clone(), |steps| Self { then: self.then, ..steps })
    }

    /// All weights.
    pub fn weights(&self) -> &[Percent] {
        &self.weights
    }
}

/// One KPI of the analysis.
#[derive(Clone, PartialEq, Debug)]
pub struct Kpi {
    /// Its name in the spec, in events and in metrics.
    pub name: String,
    /// Where the value comes from.
    pub source: KpiSource,
    /// The window of the query, as the user wrote it (`1m`).
    pub interval: String,
    /// How far back that is.
    pub window: Duration,
    /// What passes.
    pub range: Range,
    /// What comes of a measurement that is no value within the range.
    pub rules: Rules,
    /// Whether it is judged against the primary, and how.
    pub comparison: Option<Comparison>,
}

impl Kpi {
    /// The same without anything beside it to be compared with; `None` where it has no limit of its own.
    pub fn alone(&self) -> Option<Self> {
        let absolute = self.comparison.is_none_or(|comparison| comparison.test == Test::Slo);
        absolute.then(|| Self { comparison: None, ..self.clone() })
    }

    /// Whether it is about what the router does, and not about the canary.
    pub fn verifies_traffic(&self) -> bool {
        self.comparison.is_some_and(|comparison| comparison.test == Test::Split)
    }
}

/// What a measurement that does not pass means for the check. The default is Flagger's: it fails.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Rules {
    /// Where the provider did not answer, or not with a number.
    pub on_error: Recourse,
    /// Where the query found nothing.
    pub on_no_data: Recourse,
    /// Where the canary had fewer requests than `min_requests`, or a comparison knows nothing for certain before a promotion.
    pub on_inconclusive: Recourse,
    /// Where a comparison finds no harm in fewer requests than `min_requests`.
    pub on_few: Recourse,
    /// Requests that the canary must have had within the window, or since a comparison began, for a value to say anything; 0 where
    /// any number will do.
    pub min_requests: u32,
    /// Whether the KPI decides at all.
    pub mode: Mode,
}

/// What a check comes to that has no value to judge.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Recourse {
    /// It counts as failed.
    #[default]
    Fail,
    /// It counts as nothing for so long, and then as failed.
    Hold(Duration),
    /// It counts as passed.
    Pass,
}

/// What a KPI is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Mode {
    /// It decides about the release.
    #[default]
    Gate,
    /// It is measured and shown, and decides nothing.
    Advisory,
}

/// Where the value of a KPI comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum KpiSource {
    /// A query that the router brings along.
    Builtin(Builtin),
    /// PromQL in the Canary itself (deprecated by Flagger, still served).
    Inline(String),
    /// A MetricTemplate.
    Template {
        /// Namespace of the template; the Canary's own unless the user wrote another.
        namespace: String,
        /// Name of the template.
        name: String,
        /// `templateVariables`.
        variables: BTreeMap<String, String>,
    },
}

/// The queries that every router brings along.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Builtin {
    /// `request-success-rate`: percent of requests without a server error.
    SuccessRate,
    /// `request-duration`: 99th percentile in milliseconds.
    Duration,
}

impl Builtin {
    /// Both.
    pub const ALL: [Self; 2] = [Self::SuccessRate, Self::Duration];

    /// The metric name that means this query.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SuccessRate => "request-success-rate",
            Self::Duration => "request-duration",
        }
    }

    /// The builtin of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|b| b.name() == name)
    }
}

/// What passes: both bounds are accepted values. No bound at all accepts everything.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Range {
    /// Smallest accepted value.
    pub min: Option<f64>,
    /// Largest accepted value.
    pub max: Option<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights(step: i64, max: i64) -> Vec<f64> {
        let steps = Steps::linear(Percent::clamped(step), Percent::clamped(max));
        steps.map(|s| s.weights().iter().map(|w| w.as_f64()).collect()).unwrap_or_default()
    }

    #[test]
    fn linear_steps_end_at_the_first_weight_that_reaches_the_maximum() {
        assert_eq!(weights(20, 50), [20.0, 40.0, 60.0]);
        assert_eq!(weights(50, 100), [50.0, 100.0]);
        assert_eq!(weights(30, 100), [30.0, 60.0, 90.0, 100.0]);
        assert_eq!(weights(100, 100), [100.0]);
        assert_eq!(weights(0, 100), [0.0; 0]);
    }

    #[test]
    fn steps_that_come_to_the_same_pods_are_one() {
        let of = |pods| Steps::linear(Percent::clamped(15), Percent::FULL).map(|steps| steps.in_pods(pods, 1)).unwrap();
        assert_eq!(of(4).weights(), [25, 50, 75].map(Percent::clamped));
        assert_eq!(of(1).weights().len(), 7, "nothing can be shared");
    }

    #[test]
    fn steps_that_do_not_rise_are_refused() {
        let p = |v| Percent::clamped(v);
        assert_eq!(Steps::new(vec![p(10), p(50), p(30)]), None);
        assert_eq!(Steps::new(vec![p(10), p(10)]), None);
        assert_eq!(Steps::new(vec![p(0), p(10)]), None);
        assert_eq!(Steps::new(vec![]), None);
    }

    #[test]
    fn the_next_step_is_found_even_when_the_list_was_edited() {
        let steps = Steps::new(vec![Percent::clamped(10), Percent::clamped(50)]);
        assert_eq!(steps.and_then(|s| s.after(Percent::clamped(20))), Percent::new(50));
    }
}
