//! The intervals that releases are drawn from: those of releases that were promoted, and those of the primary while there was no
//! release, of which a part is taken for a canary.

use super::rule::Rule;
use super::{End, History, Past, Track};
use crate::judge::{Counts, Interval, dispersion};
use crate::model::{Kpi, Mode, Settings, Strategy};
use crate::power::Random;

/// So many intervals that followed each other stay together, so that bursts do.
const BLOCK: usize = 10;
/// What the spread of failures is told from before a release.
const BEFORE: usize = 60;
/// The canary's share where neither the file nor the record says it.
const SHARE: f64 = 0.5;
/// More checks say no more and take long.
const MOST_CHECKS: u32 = 2000;

/// One KPI in one interval: what both sides counted, and the value of each.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Slot {
    counts: [Option<Counts>; 2],
    values: [f64; 2],
}

/// A KPI that decides, interval by interval.
#[derive(Debug)]
pub(super) struct Gate {
    /// Number of its track.
    pub(super) track: usize,
    pub(super) kpi: Kpi,
    /// Intervals that each of its checks looks back over; at least 1.
    pub(super) window: usize,
    /// Whether requests were counted for it.
    pub(super) counted: bool,
    quiet: Vec<Slot>,
    /// Of each promoted release; and by how much failures were spread before it.
    promoted: Vec<(Vec<Slot>, f64)>,
}

/// Everything that releases are drawn from.
#[derive(Debug)]
pub(super) struct Panel {
    pub(super) gates: Vec<Gate>,
    /// Passed checks that promote.
    pub(super) checks: usize,
    /// Failed checks that roll back.
    pub(super) threshold: usize,
    /// The canary's share at each check.
    weights: Vec<f64>,
    /// What can be made worse.
    pub(super) spoils: Spoils,
}

/// What can be made worse of a drawn release.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Spoils {
    /// More of the canary's requests can fail.
    Requests,
    /// Requests are counted and none ever failed: there is nothing to multiply.
    Nothing,
    /// No KPI counts requests, so their values get worse.
    Values,
}

/// What releases are drawn from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Source {
    /// Intervals of the primary alone, which a canary that is as good shares.
    Primary,
    /// Intervals of a release that was promoted.
    Promoted,
}

/// One drawn release: which intervals it is made of.
#[derive(Debug)]
pub(super) enum Draw {
    /// Of the primary alone, by number.
    Same(Vec<usize>),
    /// Of this promoted release.
    Past(usize, Vec<usize>),
}

/// What one check of a drawn release sees of one KPI.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Look {
    /// What both sides counted; `None` where nothing was recorded, or is counted.
    pub(super) interval: Option<Interval>,
    /// The canary's value.
    pub(super) value: f64,
    /// The primary's value.
    pub(super) primary: f64,
}

impl Panel {
    /// Of the KPIs that decide by any of the rules, that of the file coming first; `None` where there are none.
    pub(super) fn new(settings: &Settings, history: &History, rules: &[Rule], past: &[Past]) -> Option<Self> {
        let rule = rules.first()?;
        let each = history.steps(settings.interval);
        let starts: Vec<usize> = (0..history.len().saturating_sub(each)).step_by(each).collect();
        let busy = |start: usize| {
            let (from, to) = (history.time(start), history.time(start + each));
            past.iter().any(|past| past.release.from < to && from < past.release.to)
        };
        let is_there = |start: &usize| history.tracks.iter().any(|track| slot(track, *start, each).of_primary());
        let quiet: Vec<usize> = starts.into_iter().filter(|start| !busy(*start) && is_there(start)).collect();
        let good: Vec<&Past> = past
            .iter()
            .filter(|past| past.release.end == End::Promoted && !past.decisions.is_empty())
            .filter(|past| past.release.to.since(past.release.from) >= settings.interval)
            .collect();
        let gate = |(at, kpi): &(usize, Kpi)| {
            let track = history.tracks.get(*at)?;
            let quiet = quiet.iter().map(|start| slot(track, *start, each)).collect();
            let promoted = good.iter().map(|past| of_release(track, history, past, each)).collect();
            let window = kpi.window.as_millis().div_ceil(settings.interval.as_millis().max(1));
            let window = usize::try_from(window).unwrap_or(1).max(1);
            let counted = !track.counts.is_empty();
            Some(Gate { track: *at, kpi: kpi.clone(), window, counted, quiet, promoted })
        };
        let mut asked: Vec<&(usize, Kpi)> = Vec::new();
        for kpi in rules.iter().flat_map(|rule| &rule.kpis).filter(|(_, kpi)| kpi.rules.mode == Mode::Gate) {
            if asked.iter().all(|(track, _)| *track != kpi.0) {
                asked.push(kpi);
            }
        }
        let gates: Vec<Gate> = asked.into_iter().filter_map(gate).collect();
        let weights = weights(settings, gates.first()?);
        let checks = usize::try_from(rule.checks.clamp(1, MOST_CHECKS)).unwrap_or(1);
        let threshold = usize::try_from(rule.threshold.clamp(1, MOST_CHECKS)).unwrap_or(1);
        let spoils = match gates.iter().filter_map(Gate::has_failed).max() {
            Some(true) => Spoils::Requests,
            Some(false) => Spoils::Nothing,
            None => Spoils::Values,
        };
        Some(Self { gates, checks, threshold, weights, spoils })
    }

    /// How many releases of the record can be drawn from.
    pub(super) fn promoted(&self) -> usize {
        self.gates.first().map_or(0, |gate| gate.promoted.len())
    }

    /// A release that was good; `None` where there is none of its kind.
    pub(super) fn draw(&self, source: Source, random: &mut Random) -> Option<Draw> {
        let (gate, wanted) = (self.gates.first()?, self.checks + self.threshold - 1);
        let drawn = match source {
            Source::Primary => Draw::Same(blocks(random, gate.quiet.len(), wanted)),
            Source::Promoted => {
                let which = below(random, gate.promoted.len());
                let (slots, _) = gate.promoted.get(which)?;
                Draw::Past(which, blocks(random, slots.len(), wanted))
            }
        };
        let (Draw::Same(slots) | Draw::Past(_, slots)) = &drawn;
        (!slots.is_empty()).then_some(drawn)
    }

    /// What the checks of a drawn release see of a KPI.
    pub(super) fn looks(&self, gate: &Gate, draw: &Draw, random: &mut Random) -> Vec<Look> {
        match draw {
            Draw::Past(which, slots) => {
                let Some((release, _)) = gate.promoted.get(*which) else { return Vec::new() };
                slots.iter().filter_map(|at| release.get(*at)).map(|slot| slot.look()).collect()
            }
            Draw::Same(slots) => {
                let last = self.weights.last().copied().unwrap_or(SHARE);
                let weights = self.weights.iter().copied().chain(std::iter::repeat(last));
                let slots = slots.iter().filter_map(|at| Some((gate.quiet.get(*at)?, gate.beside(*at))));
                slots.zip(weights).map(|((slot, beside), weight)| slot.shared(beside, weight, random)).collect()
            }
        }
    }
}

impl Gate {
    /// By how much failures were spread before a drawn release.
    pub(super) fn spread(&self, draw: &Draw) -> f64 {
        match draw {
            Draw::Past(which, _) => self.promoted.get(*which).map_or(1.0, |(_, spread)| *spread),
            Draw::Same(slots) => {
                let first = slots.first().copied().unwrap_or_default();
                let before = self.quiet.iter().take(first).skip(first.saturating_sub(BEFORE));
                dispersion(&before.filter_map(|slot| slot.primary()).collect::<Vec<_>>())
            }
        }
    }

    /// The primary's value in the interval beside this one: what a canary that is as good differs by from one value alone.
    fn beside(&self, at: usize) -> f64 {
        let beside = self.quiet.get(at + 1).or_else(|| self.quiet.get(at.checked_sub(1)?));
        beside.map_or(f64::NAN, |slot| {
            let [_, value] = slot.values;
            value
        })
    }

    /// Whether any request was bad; `None` where none are counted.
    fn has_failed(&self) -> Option<bool> {
        let slots = self.quiet.iter().chain(self.promoted.iter().flat_map(|(slots, _)| slots));
        let mut bad = slots.flat_map(|slot| slot.counts).flatten().map(Counts::bad).peekable();
        bad.peek()?;
        Some(bad.any(|bad| bad > 0.0))
    }
}

impl Slot {
    const fn primary(&self) -> Option<Counts> {
        let [_, primary] = self.counts;
        primary
    }

    const fn of_primary(&self) -> bool {
        let [_, value] = self.values;
        self.primary().is_some() || value.is_finite()
    }

    /// As it was.
    fn look(&self) -> Look {
        let ([canary, primary], [value, other]) = (self.counts, self.values);
        let interval = canary.map(|canary| Interval { canary, primary: primary.unwrap_or_default() });
        Look { interval, value, primary: other }
    }

    /// As it would have been with this share of the primary's requests on a canary that is as good, and a primary with another value.
    fn shared(&self, primary: f64, weight: f64, random: &mut Random) -> Look {
        let [_, value] = self.values;
        let share = |all: Counts| {
            let bad = random.binomial(all.bad(), weight);
            let good = random.binomial(all.total() - all.bad(), weight);
            let rest = Counts::new((all.bad() - bad).max(0.0), (all.total() - bad - good).max(0.0));
            Interval { canary: Counts::new(bad, bad + good).unwrap_or_default(), primary: rest.unwrap_or_default() }
        };
        Look { interval: self.primary().map(share), value, primary }
    }
}

fn slot(track: &Track, start: usize, each: usize) -> Slot {
    // What is counted at a moment happened before it.
    Slot { counts: track.counted(start + 1..start + each + 1), values: track.valued(start + each) }
}

fn of_release(track: &Track, history: &History, past: &Past, each: usize) -> (Vec<Slot>, f64) {
    let (first, last) = (history.at(past.release.from), history.at(past.release.to));
    let slots = (first..last.saturating_sub(each).saturating_add(1)).step_by(each);
    let before = (first.saturating_sub(BEFORE * each)..first.saturating_sub(each)).step_by(each);
    let before: Vec<Counts> = before.filter_map(|start| slot(track, start, each).primary()).collect();
    (slots.map(|start| slot(track, start, each)).collect(), dispersion(&before))
}

/// By the steps of the file; without steps as the canaries of the record had it.
fn weights(settings: &Settings, gate: &Gate) -> Vec<f64> {
    if let Strategy::Progressive { steps, .. } = &settings.strategy {
        return steps.weights().iter().map(|weight| weight.as_f64() / 100.0).collect();
    }
    let slots = gate.promoted.iter().flat_map(|(slots, _)| slots).filter_map(|slot| slot.look().interval);
    let sum =
        |sides: (f64, f64), interval: Interval| (sides.0 + interval.canary.total(), sides.1 + interval.primary.total());
    let (canary, primary) = slots.fold((0.0, 0.0), sum);
    vec![if canary > 0.0 { canary / (canary + primary) } else { SHARE }]
}

/// A whole number below `count`, each as likely; 0 where there is none.
fn below(random: &mut Random, count: usize) -> usize {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and a length")]
    let drawn = (random.uniform() * count as f64) as usize;
    drawn.min(count.saturating_sub(1))
}

/// So many numbers below `count`, in blocks that begin anywhere and go on with the first one after the last.
fn blocks(random: &mut Random, count: usize, wanted: usize) -> Vec<usize> {
    let mut drawn = Vec::with_capacity(wanted + BLOCK);
    while drawn.len() < wanted && count > 0 {
        let start = below(random, count);
        drawn.extend((start..start + BLOCK.min(count)).map(|at| at % count));
    }
    drawn.truncate(wanted);
    drawn
}
