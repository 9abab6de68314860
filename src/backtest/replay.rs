//! One rule on one release, check by check, on what was recorded.

use std::time::Duration;

use super::rule::Rule;
use super::{History, Release, Track};
use crate::judge::{self, Bearing};
use crate::model::{Builtin, Compared, Kpi, KpiSource, Measurement, Mode, Percent, Reading, Sample, Tally, Test, Time};

/// What a rule would have done, and when.
#[derive(Clone, PartialEq, Debug)]
pub struct Decision {
    /// What.
    pub decided: Decided,
    /// So long after the canary got its first share; where nothing was decided, how long the release was looked at.
    pub after: Duration,
    /// What was seen at the last check.
    pub why: String,
}

/// What a rule would have done.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Decided {
    /// Promoted the canary.
    Promoted,
    /// Rolled it back.
    RolledBack,
    /// Neither: it would have gone on where the record ends.
    Open,
}

impl Decided {
    /// In words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Promoted => "promoted",
            Self::RolledBack => "rolled back",
            Self::Open => "went on",
        }
    }
}

/// Steps by which beginning and end of a release may be recorded late: the last check is not lost by them.
const LATE: u32 = 2;
/// Comparisons are looked at so often between two checks, as in a release: certain harm does not wait.
const LOOK: Duration = Duration::from_secs(15);
/// What the primary is looked at for before a release, as in a release.
const BEFORE: (Duration, u32) = (Duration::from_secs(3600), 60);

/// What `rule` would have done with `release`.
pub(super) fn replay(rule: &Rule, history: &History, release: &Release) -> Decision {
    let mut run = Run { rule, history, from: release.from, kept: vec![None; rule.kpis.len()], held: None };
    let until = release.to.after(history.step * LATE);
    let (mut passed, mut failed) = (0_u32, 0_u32);
    let mut decision = Decision { decided: Decided::Open, after: Duration::ZERO, why: "no check was due".to_owned() };
    if rule.checks == 0 {
        return Decision { decided: Decided::Promoted, why: "nothing is analysed".to_owned(), ..decision };
    }
    let checks = (1..=u32::MAX).map(|number| rule.interval.saturating_mul(number));
    for after in checks.take_while(|after| release.from.after(*after) <= until) {
        if let Some((after, why)) = run.looks(after.saturating_sub(rule.interval), after) {
            return Decision { decided: Decided::RolledBack, after, why };
        }
        let is_last = passed.saturating_add(1) >= rule.checks;
        let (bearing, why) = run.check(release.from.after(after), is_last);
        (decision.after, decision.why) = (after, why);
        match bearing {
            Bearing::Pass if is_last => return Decision { decided: Decided::Promoted, ..decision },
            Bearing::Pass => passed += 1,
            Bearing::Hold => {}
            Bearing::Harm => return Decision { decided: Decided::RolledBack, ..decision },
            Bearing::Fail => failed += 1,
        }
        if failed >= rule.threshold {
            return Decision { decided: Decided::RolledBack, ..decision };
        }
    }
    decision
}

/// A replay under way.
struct Run<'a> {
    rule: &'a Rule,
    history: &'a History,
    from: Time,
    /// What the comparisons have come to.
    kept: Vec<Option<Compared>>,
    /// Since when checks are held.
    held: Option<Time>,
}

impl Run<'_> {
    /// Looks at the comparisons between two checks, until one of them finds harm: when, and what it says.
    fn looks(&mut self, last: Duration, next: Duration) -> Option<(Duration, String)> {
        let each = LOOK.max(self.history.step);
        let times = (1..=u32::MAX).map(|number| last + each * number).take_while(|at| *at + each / 2 <= next);
        times.into_iter().find_map(|at| self.look(self.from.after(at)).map(|why| (at, why)))
    }

    fn look(&mut self, now: Time) -> Option<String> {
        let mut harm = None;
        for (number, (at, kpi)) in self.rule.kpis.iter().enumerate() {
            if kpi.comparison.is_none() || kpi.rules.mode != Mode::Gate {
                continue;
            }
            let reading = self.reading(*at, kpi, self.kept.get(number).and_then(Option::as_ref), now);
            if judge::bearing(kpi, &reading, Duration::ZERO, false) == Bearing::Harm {
                harm = harm.or(Some(reading.explanation));
            }
            if let Some(kept) = self.kept.get_mut(number) {
                *kept = reading.compared;
            }
        }
        harm
    }

    /// What the check at `now` comes to, and why: the sentence of the KPI that stands most against the next step.
    fn check(&mut self, now: Time, is_last: bool) -> (Bearing, String) {
        let held = self.held.map_or(Duration::ZERO, |since| now.since(since));
        let mut worst = (Bearing::Pass, "there is no KPI".to_owned());
        for (number, (at, kpi)) in self.rule.kpis.iter().enumerate() {
            let kept = self.kept.get(number).and_then(Option::as_ref);
            let reading = self.reading(*at, kpi, kept, now);
            let bearing = judge::bearing(kpi, &reading, held, is_last);
            if number == 0 || bearing > worst.0 {
                worst = (bearing, reading.explanation);
            }
            if let Some(kept) = self.kept.get_mut(number) {
                *kept = reading.compared;
            }
        }
        self.held = (worst.0 == Bearing::Hold).then(|| self.held.unwrap_or(now));
        worst
    }

    fn reading(&self, at: usize, kpi: &Kpi, kept: Option<&Compared>, now: Time) -> Reading {
        let Some(track) = self.history.tracks.get(at) else { return judge::reading(kpi, None) };
        match &kpi.comparison {
            Some(comparison) => {
                let sample = self.sample(track, kpi, comparison.test, kept, now);
                let measured = sample.map_or_else(|instead| instead, Measurement::Both);
                judge::compare(kpi, comparison, kept, Some(&measured), Percent::ZERO, now)
            }
            None => judge::reading(kpi, Some(&self.measured(track, kpi, now))),
        }
    }

    fn measured(&self, track: &Track, kpi: &Kpi, now: Time) -> Measurement {
        let at = self.history.at(now);
        let [value, _] = track.valued(at);
        let measured = if value.is_finite() { Measurement::Value(value) } else { nothing(kpi, "canary") };
        if kpi.rules.min_requests == 0 || track.counts.is_empty() {
            return measured;
        }
        let [requests, _] = track.counted(self.window(kpi, at));
        let counted = requests.map_or_else(|| nothing(kpi, "canary"), |counts| Measurement::Value(counts.total()));
        measured.resting_on(counted, kpi.rules.min_requests)
    }

    /// The steps that a query at a moment looks back over.
    fn window(&self, kpi: &Kpi, at: usize) -> std::ops::Range<usize> {
        at.saturating_add(1).saturating_sub(self.history.steps(kpi.window))..at.saturating_add(1)
    }

    /// What both sides had since the comparison was last looked at, or what is measured instead.
    fn sample(
        &self,
        track: &Track,
        kpi: &Kpi,
        test: Test,
        kept: Option<&Compared>,
        now: Time,
    ) -> Result<Sample, Measurement> {
        let at = self.history.at(now);
        let from = kept.map_or_else(|| self.from.after(self.rule.warmup), |kept| kept.until).min(now);
        let steps = self.history.at(from) + 1..at.saturating_add(1);
        let tally = |counts: judge::Counts| Tally { bad: counts.bad(), total: counts.total() };
        let counted = |steps| track.counted(steps).map(|side| side.map(tally));
        if test == Test::Quantile {
            let bucketed = |steps| track.bucketed(steps);
            let [canary, primary] = both(kpi, bucketed(steps))?;
            let before = if kept.is_none() { self.before(kpi, bucketed) } else { Vec::new() };
            return Ok(Sample::Bucketed { canary, primary, before });
        }
        if test.counts() {
            let [canary, primary] = both(kpi, counted(steps))?;
            let before = if kept.is_none() { self.before(kpi, counted) } else { Vec::new() };
            return Ok(Sample::Counted { canary, primary, before });
        }
        let values = self.values(track, kpi, at).map(|value| Some(value).filter(|value| value.is_finite()));
        let [canary, primary] = both(kpi, values)?;
        let [requests, _] = counted(self.window(kpi, at)).map(|side| side.map(|tally| tally.total));
        // What was never recorded cannot be too little.
        let enough = track.counts.is_empty().then_some(f64::from(kpi.rules.min_requests));
        Ok(Sample::Valued { canary, primary, requests: requests.or(enough) })
    }

    /// Values of both sides. Success rates are told from the counts, since only the canary's was asked for.
    fn values(&self, track: &Track, kpi: &Kpi, at: usize) -> [f64; 2] {
        if kpi.source != KpiSource::Builtin(Builtin::SuccessRate) || track.counts.is_empty() {
            return track.valued(at);
        }
        let rate = |counts: judge::Counts| counts.rate().map(|bad| 100.0 - 100.0 * bad);
        track.counted(self.window(kpi, at)).map(|side| side.and_then(rate).unwrap_or(f64::NAN))
    }

    /// What the primary counted before the release, interval by interval.
    fn before<T>(&self, kpi: &Kpi, counted: impl Fn(std::ops::Range<usize>) -> [Option<T>; 2]) -> Vec<T> {
        let interval = kpi.window.max(Duration::from_secs(10));
        let (longest, intervals) = BEFORE;
        let each = self.history.steps(interval);
        let all = self.history.steps(longest.max(interval * intervals));
        let end = self.history.at(self.from) + 1;
        let starts = (end.saturating_sub(all)..end.saturating_sub(each)).step_by(each);
        let primary = starts.filter_map(|start| {
            let [_, primary] = counted(start..start + each);
            primary
        });
        primary.collect()
    }
}

/// Both sides, or what is measured where one of them is missing.
fn both<T>(kpi: &Kpi, [canary, primary]: [Option<T>; 2]) -> Result<[T; 2], Measurement> {
    Ok([canary.ok_or_else(|| nothing(kpi, "canary"))?, primary.ok_or_else(|| nothing(kpi, "primary"))?])
}

fn nothing(kpi: &Kpi, side: &str) -> Measurement {
    Measurement::NoData(format!("{}: nothing was recorded for the {side}", kpi.name))
}
