//! How often each rule would be wrong: good releases that are drawn from the record, and the same ones with failures injected.

use super::panel::{Draw, Gate, Look, Panel, Source, Spoils};
use super::propose::{self, Proposal};
use super::rule::{Rule, tolerated};
use super::{History, Name, Past, Resampling, bounds};
use crate::judge::{self, Counts, Difference, Finding, Interval, Limits, Risk, Sign};
use crate::model::{Builtin, Comparison, Kpi, KpiSource, Mode, Range, Recourse, Settings, Test};
use crate::power::{self, Aim, Method, Random, Seen};

/// How many times as often the requests of a drawn canary fail; where no KPI counts requests, how many times as large their values
/// are. The first one is as good as what was recorded.
pub const RATIOS: [f64; 4] = [1.0, 2.0, 5.0, 10.0];

/// How often each rule rolls back.
#[derive(Clone, PartialEq, Debug)]
pub struct Rates {
    /// Releases that were drawn of each kind.
    pub runs: u32,
    /// Releases of the record that were promoted and could be drawn from.
    pub promoted: usize,
    /// One for each rule, that of the file first.
    pub rows: Vec<Row>,
}

/// How often one rule rolls back.
#[derive(Clone, PartialEq, Debug)]
pub struct Row {
    /// Which rule.
    pub name: Name,
    /// Share of the releases drawn from the primary alone, in the order of `RATIOS`, between 0 and 1: false rollbacks first. `None`
    /// where nothing ever failed that could fail more often. Where nothing was recorded outside of releases, of promoted ones.
    pub rolled_back: [Option<f64>; RATIOS.len()],
    /// Share of the releases drawn from promoted ones, which may have been bad all the same; `None` where there are none.
    pub promoted: Option<f64>,
}

impl Row {
    /// Of canaries that are as good as the primary.
    pub fn false_rollbacks(&self) -> Option<f64> {
        self.at(1.0)
    }

    /// Share of the releases that were rolled back at this ratio of `RATIOS`.
    pub fn at(&self, ratio: f64) -> Option<f64> {
        let place = RATIOS.iter().position(|known| known.total_cmp(&ratio).is_eq())?;
        self.rolled_back.get(place).copied().flatten()
    }
}

/// What one drawn release came to.
struct Played {
    /// By ratio and by rule.
    rolled_back: Vec<Vec<bool>>,
    /// For each KPI of the panel: a limit on this side of it would have rolled the good release back.
    critical: Vec<Option<f64>>,
}

/// Rates and proposals; none where there is nothing to draw from.
pub(super) fn resample(
    settings: &Settings,
    history: &History,
    rules: &[Rule],
    past: &[Past],
    how: Resampling,
) -> (Option<Rates>, Vec<Proposal>) {
    let (history, rules) = bounds::apart(history, rules);
    let Some(panel) = Panel::new(settings, &history, &rules, past) else { return (None, Vec::new()) };
    let drawn = |source| {
        let played = power::played(how.runs, |number| play(&panel, &rules, source, how.seed, number));
        played.into_iter().flatten().collect::<Vec<Played>>()
    };
    let kinds = [drawn(Source::Primary), drawn(Source::Promoted)];
    let [alike, promoted] = &kinds;
    let known = if alike.is_empty() { promoted } else { alike };
    if known.is_empty() {
        return (None, Vec::new());
    }
    let is_spoilt = panel.spoils != Spoils::Nothing;
    let row = |(at, rule): (usize, &Rule)| Row {
        name: rule.name,
        rolled_back: std::array::from_fn(|ratio| share(known, ratio, at).filter(|_| ratio == 0 || is_spoilt)),
        promoted: share(promoted, 0, at),
    };
    let rates = Rates { runs: how.runs, promoted: panel.promoted(), rows: rules.iter().enumerate().map(row).collect() };
    let risk = how.risk / panel.gates.len() as f64;
    let proposal = |(at, gate): (usize, &Gate)| {
        let critical = |played: &Vec<Played>| {
            played.iter().filter_map(|played| played.critical.get(at).copied().flatten()).collect::<Vec<_>>()
        };
        propose::propose(&gate.kpi, kinds.iter().map(critical), risk)
    };
    (Some(rates), panel.gates.iter().enumerate().filter_map(proposal).collect())
}

/// Share of the drawn releases that a rule rolls back at a ratio, both by number; `None` of none.
fn share(played: &[Played], ratio: usize, rule: usize) -> Option<f64> {
    let rolled = |played: &&Played| played.rolled_back.get(ratio).and_then(|row| row.get(rule)) == Some(&true);
    (!played.is_empty()).then(|| played.iter().filter(rolled).count() as f64 / played.len() as f64)
}

fn play(panel: &Panel, rules: &[Rule], source: Source, seed: u64, number: u64) -> Option<Played> {
    let mut random = Random::new(seed.wrapping_add(number.wrapping_mul(0x2545_f491_4f6c_dd1d)));
    let draw = panel.draw(source, &mut random)?;
    let good: Vec<Vec<Look>> = panel.gates.iter().map(|gate| panel.looks(gate, &draw, &mut random)).collect();
    let mut rolled_back = Vec::with_capacity(RATIOS.len());
    for ratio in RATIOS {
        let worsen = |(gate, looks): (&Gate, &Vec<Look>)| {
            let worse = |look: &Look| match panel.spoils {
                Spoils::Requests => look.failing(ratio, &mut random),
                Spoils::Values => look.worse(&gate.kpi, ratio),
                Spoils::Nothing => *look,
            };
            looks.iter().map(worse).collect()
        };
        let seen: Vec<Vec<Look>> = panel.gates.iter().zip(&good).map(worsen).collect();
        rolled_back.push(rules.iter().map(|rule| rolls_back(rule, panel, &draw, &seen)).collect());
    }
    let critical = |(gate, looks): (&Gate, &Vec<Look>)| {
        let asked = gate.kpi.comparison.is_none();
        asked.then(|| propose::critical(gate, looks, panel.threshold)).flatten()
    };
    Some(Played { rolled_back, critical: panel.gates.iter().zip(&good).map(critical).collect() })
}

impl Look {
    /// The same with failures of good requests of the canary, so that it fails `ratio` times as often as both sides did.
    fn failing(&self, ratio: f64, random: &mut Random) -> Self {
        let interval = self.interval.map(|Interval { canary, primary }| {
            let rate = canary.and(primary).rate().unwrap_or(0.0);
            let more = random.binomial(canary.total() - canary.bad(), (ratio - 1.0) * rate);
            Interval { canary: Counts::new(canary.bad() + more, canary.total()).unwrap_or(canary), primary }
        });
        Self { interval, ..*self }
    }

    /// The same with a value that is `ratio` times as large, or as small where a range is about something that shall be large.
    fn worse(&self, kpi: &Kpi, ratio: f64) -> Self {
        let less_is_worse = kpi.range.min.is_some() && kpi.range.max.is_none();
        Self { value: if less_is_worse { self.value / ratio } else { self.value * ratio }, ..*self }
    }
}

/// Whether a rule ends the drawn release before it is promoted. A comparison that is inconclusive in the end promotes it, as by default.
fn rolls_back(rule: &Rule, panel: &Panel, draw: &Draw, seen: &[Vec<Look>]) -> bool {
    let of = |gate: &Gate| rule.kpis.iter().find(|(track, kpi)| *track == gate.track && kpi.rules.mode == Mode::Gate);
    let kpis = panel.gates.iter().zip(seen).filter_map(|(gate, looks)| Some((gate, &of(gate)?.1, looks)));
    let is_harm = |(gate, kpi, looks): (&Gate, &Kpi, &Vec<Look>)| {
        let looks = looks.get(..panel.checks.min(looks.len())).unwrap_or_default();
        kpi.comparison.is_some_and(|comparison| match comparison.test {
            Test::Difference => differs(gate, kpi, comparison, looks),
            Test::Sign if !gate.counted => differs(gate, kpi, comparison, looks),
            _ => is_harm(kpi, comparison, gate.spread(draw), looks),
        })
    };
    if kpis.clone().any(is_harm) {
        return true;
    }
    let (mut passed, mut failed) = (0, 0);
    for at in 0..seen.iter().map(Vec::len).max().unwrap_or_default() {
        let fails = |(gate, kpi, looks): (&Gate, &Kpi, &Vec<Look>)| kpi.comparison.is_none() && fails(gate, looks, at);
        if kpis.clone().any(fails) {
            failed += 1;
        } else {
            passed += 1;
        }
        if failed >= panel.threshold || passed >= panel.checks {
            break;
        }
    }
    failed >= panel.threshold
}

/// Whether a comparison of values finds harm in these checks: as in a release, windows that overlap count once.
fn differs(gate: &Gate, kpi: &Kpi, comparison: Comparison, looks: &[Look]) -> bool {
    let (limits, risk) = (judge::limits(kpi, &comparison), Risk { harm: comparison.alpha, ..Risk::default() });
    let less_is_worse = kpi.range.min.is_some() && kpi.range.max.is_none();
    let pairs = looks.chunks(gate.window).filter_map(|window| {
        let [canary, primary] = values(kpi, window)?;
        Some(if less_is_worse { [primary, canary] } else { [canary, primary] })
    });
    match comparison.test {
        Test::Sign => {
            let mut test = Sign::new(limits);
            pairs.for_each(|[canary, primary]| test.update(canary, primary));
            test.finding(risk) == Finding::Harm
        }
        _ => {
            let mut test = Difference::new(limits, risk);
            pairs.for_each(|[canary, primary]| test.update(canary, primary));
            test.finding(risk) == Finding::Harm
        }
    }
}

/// Values of both sides at the end of a window. Success rates are told from the counts, as in a replay.
fn values(kpi: &Kpi, window: &[Look]) -> Option<[f64; 2]> {
    let counted = window.iter().filter_map(|look| look.interval);
    let sum = counted
        .reduce(|sum, one| Interval { canary: sum.canary.and(one.canary), primary: sum.primary.and(one.primary) });
    match (&kpi.source, sum) {
        (KpiSource::Builtin(Builtin::SuccessRate), Some(Interval { canary, primary })) => {
            Some([100.0 - 100.0 * canary.rate()?, 100.0 - 100.0 * primary.rate()?])
        }
        _ => window.last().map(|look| [look.value, look.primary]),
    }
}

/// Whether a comparison of counts finds harm in these checks.
fn is_harm(kpi: &Kpi, comparison: Comparison, dispersion: f64, looks: &[Look]) -> bool {
    let method = match comparison.test {
        Test::RateRatio => Method::Ratio,
        Test::Slo => Method::Slo,
        Test::Sign => Method::Sign,
        // The bounds of quantiles are KPIs of their own here.
        Test::Quantile | Test::Difference | Test::Split => return false,
    };
    let Comparison { margin, alpha, .. } = comparison;
    let aim = Aim {
        risk: Risk { harm: alpha, ..Risk::default() },
        limits: Limits { tolerated: 1.0 + margin, unacceptable: 1.0 + 4.0 * margin },
        base: 0.0,
        range: power::Range { limit: tolerated(kpi).unwrap_or(0.0).clamp(1e-6, 0.5), threshold: 1, window: 1 },
        dispersion,
    };
    let seen: Vec<Seen> = looks.iter().filter_map(|look| look.interval).map(Seen::from).collect();
    power::judged(method, &aim, &seen) == Finding::Harm
}

/// Whether a check of a range fails, `at` counting from the first one.
fn fails(gate: &Gate, looks: &[Look], at: usize) -> bool {
    let Range { min, max } = gate.kpi.range;
    let rules = gate.kpi.rules;
    let is = |recourse: Recourse| recourse == Recourse::Fail;
    let window = || looks.iter().take(at + 1).skip((at + 1).saturating_sub(gate.window));
    let counted = window().filter_map(|look| look.interval).fold(Counts::default(), |sum, look| sum.and(look.canary));
    let is_counted = window().any(|look| look.interval.is_some());
    if is_counted && rules.min_requests > 0 && counted.total() < f64::from(rules.min_requests) {
        return is(rules.on_inconclusive);
    }
    if let (true, Some(limit)) = (is_counted, tolerated(&gate.kpi)) {
        return counted.rate().map_or_else(|| is(rules.on_no_data), |share| share > limit);
    }
    let value = looks.get(at).map_or(f64::NAN, |look| look.value);
    if !value.is_finite() && !is_counted {
        return is(rules.on_no_data);
    }
    min.is_some_and(|min| value < min) || max.is_some_and(|max| value > max)
}
