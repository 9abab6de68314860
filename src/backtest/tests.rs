//! Releases are found and replayed as they happened, and what is drawn from the record tells the truth about the rules.

mod compared;

use std::num::NonZeroU32;
use std::time::Duration;

use super::*;
use crate::model::{
    Audience, Builtin, CanarySize, Comparison, First, Kpi, KpiSource, Mirror, Percent, Range, Recourse, Rollback,
    Rules, Steps, Strategy, Tally, Test,
};
use crate::power::Random;

/// Steps of the record in an interval of the analysis.
const EACH: usize = 4;
const STEP: Duration = Duration::from_secs(15);
/// Requests in a step, of both sides together.
const REQUESTS: f64 = 1500.0;

fn success_rate(min: f64) -> Kpi {
    Kpi {
        name: "request-success-rate".to_owned(),
        source: KpiSource::Builtin(Builtin::SuccessRate),
        interval: "1m".to_owned(),
        window: Duration::from_secs(60),
        range: Range { min: Some(min), max: None },
        rules: Rules::default(),
        comparison: None,
    }
}

fn settings(kpis: Vec<Kpi>) -> Settings {
    let steps = Steps::new([10, 20, 30, 40, 50].map(Percent::clamped).to_vec()).unwrap();
    Settings {
        strategy: Strategy::Progressive { steps, mirror: Mirror::Off, audience: Audience::Everyone },
        interval: Duration::from_secs(60),
        threshold: 2,
        deadline: Duration::from_secs(600),
        promotion_step: None,
        primary_ready: Percent::FULL,
        canary_ready: Percent::FULL,
        canary_size: CanarySize::AsPrimary,
        cookies: None,
        preview: false,
        warmup: Duration::ZERO,
        bake: Duration::ZERO,
        keep_warm: Duration::ZERO,
        first: First::Ready,
        kpis,
        hooks: Vec::new(),
        approvals: Vec::new(),
        suspend: false,
        revert_on_deletion: false,
        rollback: Rollback::default(),
        calendars: Vec::new(),
        limits: Vec::new(),
        depends_on: vec![],
        group: None,
    }
}

/// A record that is written step by step.
struct Record {
    history: History,
    random: Random,
}

impl Record {
    fn new() -> Self {
        let tracks = vec![Track::default()];
        let (weights, statuses) = (Vec::new(), Vec::new());
        let history = History { from: Time::from_millis(0), step: STEP, weights, statuses, tracks };
        Self { history, random: Random::new(5) }
    }

    /// So many intervals at a weight, in which these shares of the requests to the canary and to the primary fail.
    fn play(mut self, intervals: usize, weight: f64, status: f64, [canary, primary]: [f64; 2]) -> Self {
        for _ in 0..intervals * EACH {
            let share = weight / 100.0;
            let counts = [(share, canary), (1.0 - share, primary)].map(|(share, failing)| {
                let total = (REQUESTS * share).round();
                (total > 0.0).then(|| Tally { bad: self.random.binomial(total, failing), total })
            });
            self.history.weights.push(weight);
            self.history.statuses.push(status);
            let track = self.history.tracks.first_mut().unwrap();
            track.counts.push(counts);
            let window = track.counts.len().saturating_sub(EACH)..track.counts.len();
            let values = track
                .counted(window)
                .map(|side| side.and_then(|counts| counts.rate()).map_or(f64::NAN, |rate| 100.0 - 100.0 * rate));
            let [canary, primary] = values;
            track.canary.push(canary);
            track.primary.push(primary);
        }
        self
    }

    fn quiet(self, intervals: usize) -> Self {
        self.play(intervals, 0.0, 1.0, [0.0, 0.001])
    }

    /// A release of five steps that was promoted, in which both sides fail so often.
    fn promoted(mut self, failing: [f64; 2]) -> Self {
        for weight in [10.0, 20.0, 30.0, 40.0, 50.0] {
            self = self.play(1, weight, 0.0, failing);
        }
        self.play(1, 50.0, 1.0, failing).quiet(5)
    }

    /// A release that was rolled back after two intervals at its first step.
    fn rolled_back(self, failing: [f64; 2]) -> Self {
        self.play(2, 10.0, 0.0, failing).play(10, 0.0, 2.0, [0.0, 0.001])
    }
}

const HOW: Resampling = Resampling { risk: 0.02, runs: 100, seed: 1 };
/// For what is replayed and not drawn.
const FEW: Resampling = Resampling { runs: 1, ..HOW };
const ALIKE: [f64; 2] = [0.001, 0.001];

/// Ends, weights, and lengths in seconds.
type Found = (End, Option<(f64, f64)>, u64);

fn found(record: &Record) -> Vec<Found> {
    let of = |release: Release| (release.end, release.weights, release.to.since(release.from).as_secs());
    release::find(&record.history).into_iter().map(of).collect()
}

fn decided(settings: &Settings, record: &Record) -> Vec<(Name, Decided, u64)> {
    let report = backtest(settings, &record.history, &[], FEW);
    let decisions = report.releases.into_iter().flat_map(|past| past.decisions);
    decisions.map(|(name, decision)| (name, decision.decided, decision.after.as_secs())).collect()
}

fn of(decisions: &[(Name, Decided, u64)], wanted: Name) -> Vec<(Decided, u64)> {
    decisions.iter().filter(|(name, ..)| *name == wanted).map(|(_, decided, after)| (*decided, *after)).collect()
}

const RATIO: Name = Name::With(Test::RateRatio);

#[test]
fn a_release_lasts_while_the_weight_is_above_0_and_its_end_is_told_by_the_phase() {
    let record = Record::new().quiet(3).promoted(ALIKE).rolled_back([0.1, 0.001]);
    assert_eq!(found(&record), [(End::Promoted, Some((10.0, 50.0)), 360), (End::RolledBack, Some((10.0, 10.0)), 120)]);
}

#[test]
fn a_newer_revision_ends_a_release_and_begins_another() {
    let record = Record::new().quiet(3).play(2, 10.0, 0.0, ALIKE).play(1, 0.0, 0.0, ALIKE).promoted(ALIKE);
    let ends: Vec<_> = found(&record).into_iter().map(|(end, ..)| end).collect();
    assert_eq!(ends, [End::Overtaken, End::Promoted]);
}

#[test]
fn a_gap_of_the_record_ends_a_release_only_if_it_is_long() {
    let gap = |intervals: usize| {
        let mut record = Record::new().quiet(3).play(2, 10.0, 0.0, ALIKE);
        let missing = intervals * EACH;
        record.history.weights.extend(vec![f64::NAN; missing]);
        record.history.statuses.extend(vec![f64::NAN; missing]);
        record.play(2, 20.0, 0.0, ALIKE).quiet(2)
    };
    assert_eq!(found(&gap(3)).len(), 1);
    let long: Vec<_> = found(&gap(30)).into_iter().map(|(end, ..)| end).collect();
    assert_eq!(long, [End::Unknown, End::Promoted]);
}

#[test]
fn a_release_that_goes_on_has_no_end() {
    let record = Record::new().quiet(3).play(2, 10.0, 0.0, ALIKE);
    assert_eq!(found(&record).first().map(|found| found.0), Some(End::Unknown));
}

#[test]
fn a_good_release_is_promoted_again_and_a_bad_one_rolled_back_when_it_was() {
    let record = Record::new().quiet(60).promoted(ALIKE).rolled_back([0.1, 0.001]);
    let settings = settings(vec![success_rate(99.0)]);
    let decisions = decided(&settings, &record);
    assert_eq!(of(&decisions, Name::File), [(Decided::Promoted, 300), (Decided::RolledBack, 120)]);
    assert_eq!(of(&decisions, RATIO), [(Decided::Promoted, 300), (Decided::RolledBack, 15)], "harm waits for no check");
    assert!(backtest(&settings, &record.history, &[], FEW).releases.iter().all(|past| !past.differs()));
}

#[test]
fn an_incident_of_both_sides_is_harm_to_a_range_and_not_to_a_ratio() {
    let record = Record::new().quiet(60).promoted([0.05, 0.05]);
    let settings = settings(vec![success_rate(99.0)]);
    let decisions = decided(&settings, &record);
    assert_eq!(of(&decisions, Name::File), [(Decided::RolledBack, 120)]);
    assert_eq!(of(&decisions, RATIO), [(Decided::Promoted, 300)]);
    let report = backtest(&settings, &record.history, &[], FEW);
    assert!(report.releases.iter().all(Past::differs), "it was promoted");
    let [file, ratio] = [0, 1].map(|at| report.releases[0].decisions[at].1.why.clone());
    assert!(file.starts_with("success rate 9") && file.ends_with("< 99%"), "{file}");
    assert!(ratio.starts_with("errors ") && ratio.contains("times the primary's"), "{ratio}");
}

#[test]
fn a_wider_range_lets_a_bad_release_go_on_and_that_differs() {
    let record = Record::new().quiet(60).rolled_back([0.1, 0.001]);
    let report = backtest(&settings(vec![success_rate(50.0)]), &record.history, &[], FEW);
    let past = report.releases.first().unwrap();
    assert_eq!(past.of_the_file().map(|decision| decision.decided), Some(Decided::Open));
    assert!(past.differs());
}

#[test]
fn the_comparison_of_the_file_is_replayed_as_it_is_written() {
    let comparison = Comparison { test: Test::RateRatio, margin: 0.25, alpha: 0.01 };
    let kpi = Kpi { comparison: Some(comparison), ..success_rate(99.0) };
    let record = Record::new().quiet(60).promoted([0.05, 0.05]).rolled_back([0.1, 0.001]);
    let decisions = decided(&settings(vec![kpi]), &record);
    assert_eq!(of(&decisions, Name::File), of(&decisions, RATIO));
}

#[test]
fn a_check_of_which_nothing_was_recorded_is_no_data_and_follows_the_rules() {
    let mut record = Record::new().quiet(60).promoted(ALIKE);
    // The provider was down for two checks.
    let track = record.history.tracks.first_mut().unwrap();
    track.canary.iter_mut().skip(61 * EACH).take(2 * EACH).for_each(|value| *value = f64::NAN);
    let with = |on_no_data| {
        let kpi = success_rate(99.0);
        let kpi = Kpi { rules: Rules { on_no_data, ..kpi.rules }, ..kpi };
        of(&decided(&settings(vec![kpi]), &record), Name::File)
    };
    assert_eq!(with(Recourse::Fail), [(Decided::RolledBack, 120)]);
    assert_eq!(with(Recourse::Pass), [(Decided::Promoted, 300)]);
    assert_eq!(with(Recourse::Hold(Duration::from_secs(3600))), [(Decided::Open, 360)]);
}

#[test]
fn a_release_of_which_no_metric_was_recorded_is_not_judged() {
    let mut record = Record::new().quiet(60).promoted(ALIKE);
    record.history.tracks = vec![Track::default()];
    let report = backtest(&settings(vec![success_rate(99.0)]), &record.history, &[], HOW);
    assert!(report.releases.iter().all(|past| past.decisions.is_empty() && !past.differs()));
    assert_eq!(report.rates, None);
}

#[test]
fn given_times_are_a_release_whatever_the_weight_was() {
    let record = Record::new().quiet(60).promoted(ALIKE);
    let mut history = record.history;
    let releases = release::find(&history);
    let Release { from, to, .. } = releases.first().unwrap();
    history.weights.clear();
    let report = backtest(&settings(vec![success_rate(99.0)]), &history, &[(*from, *to)], FEW);
    let past = report.releases.first().unwrap();
    assert_eq!((past.release.end, past.release.weights), (End::Promoted, None));
    assert_eq!(past.of_the_file().map(|decision| decision.decided), Some(Decided::Promoted));
}

#[test]
fn a_primary_that_was_recorded_only_now_has_not_counted_all_that_at_once() {
    let tally = |total| Some(Tally { bad: 0.0, total });
    let counts = vec![[None, tally(1e9)], [None, tally(5.0)], [None, None], [None, tally(1e9)]];
    let track = Track { counts, ..Track::default() }.settled();
    let kept: Vec<_> = track.counts.iter().map(|[_, primary]| primary.map(|tally| tally.total)).collect();
    assert_eq!(kept, [None, Some(5.0), None, None]);
}

fn rates(min: f64, record: &Record) -> Rates {
    backtest(&settings(vec![success_rate(min)]), &record.history, &[], HOW).rates.unwrap()
}

fn share(rates: &Rates, name: Name, ratio: f64) -> f64 {
    rates.rows.iter().find(|row| row.name == name).and_then(|row| row.at(ratio)).unwrap()
}

#[test]
fn a_loose_range_misses_what_the_ratio_finds_and_neither_rolls_good_ones_back() {
    let record = Record::new().quiet(600).promoted(ALIKE).quiet(60);
    let rates = rates(99.0, &record);
    assert_eq!(rates.promoted, 1);
    for name in [Name::File, RATIO] {
        assert!(share(&rates, name, 1.0) < 0.02, "{name:?}");
    }
    assert_eq!(rates.rows[0].promoted, Some(0.0));
    // Five times 0.1 % is within the range.
    assert!(share(&rates, Name::File, 5.0) < 0.1);
    assert!(share(&rates, RATIO, 5.0) > 0.9);
}

#[test]
fn the_same_seed_draws_the_same_releases() {
    let record = Record::new().quiet(300).promoted(ALIKE);
    let settings = settings(vec![success_rate(99.9)]);
    let with = |seed| backtest(&settings, &record.history, &[], Resampling { seed, runs: 50, ..HOW });
    assert_eq!(with(3), with(3));
    assert_ne!(with(3).rates, with(4).rates);
}

#[test]
fn bursts_stay_together_in_what_is_drawn() {
    // As many bad intervals in each, three in a row or one by one: six checks never meet two that lie eight apart.
    let record = |good: usize, bad: usize, times: usize| {
        let play = |record: Record, _| record.play(good, 0.0, 1.0, [0.0, 0.0]).play(bad, 0.0, 1.0, [0.0, 0.2]);
        (0..times).fold(Record::new().quiet(5), play)
    };
    let [together, apart] =
        [record(21, 3, 60), record(7, 1, 180)].map(|record| share(&rates(90.0, &record), Name::File, 1.0));
    assert!(together > 0.1 && apart < 0.05, "{together}, {apart}");
}

#[test]
fn what_is_proposed_keeps_to_the_risk_and_nothing_tighter_does() {
    let record = Record::new().quiet(600).promoted(ALIKE).quiet(60);
    let report = backtest(&settings(vec![success_rate(90.0)]), &record.history, &[], HOW);
    let proposal = report.proposals.first().unwrap();
    let min = proposal.limit.unwrap();
    assert_eq!((proposal.bound, proposal.now), (Bound::Min, Some(90.0)));
    assert!(min > 99.0 && min < 99.9, "{min}");
    assert!(share(&rates(min, &record), Name::File, 1.0) <= HOW.risk);
    assert!(share(&rates(min + 0.2, &record), Name::File, 1.0) > HOW.risk);
}

#[test]
fn a_record_without_a_failure_cannot_fail_more_often() {
    let record = Record::new().play(300, 0.0, 1.0, [0.0, 0.0]).promoted([0.0, 0.0]);
    let mut record = record;
    let track = record.history.tracks.first_mut().unwrap();
    track.counts.iter_mut().flatten().flatten().for_each(|tally| tally.bad = 0.0);
    let rates = rates(99.0, &record);
    assert!(rates.rows.iter().all(|row| row.false_rollbacks() == Some(0.0) && row.at(5.0).is_none()));
}

#[test]
fn without_steps_a_drawn_canary_has_the_share_that_it_had() {
    let record = Record::new().quiet(300).promoted(ALIKE);
    let iterations = NonZeroU32::new(5).unwrap();
    let settings = Settings { strategy: Strategy::AbTest { iterations }, ..settings(vec![success_rate(99.0)]) };
    let report = backtest(&settings, &record.history, &[], FEW);
    assert_eq!(report.releases.first().and_then(Past::of_the_file).map(|d| d.decided), Some(Decided::Promoted));
    assert!(report.rates.is_some());
}

/// A template whose value is recorded for both sides, and nothing is counted.
fn queue(values: impl Iterator<Item = f64> + Clone) -> (Kpi, Track) {
    let name = "queue".to_owned();
    let source =
        KpiSource::Template { namespace: "shop".to_owned(), name: name.clone(), variables: Default::default() };
    let kpi = Kpi { name, source, range: Range { min: None, max: Some(20.0) }, ..success_rate(99.0) };
    (kpi, Track { canary: values.clone().collect(), primary: values.collect(), ..Track::default() })
}

#[test]
fn a_kpi_without_counts_is_judged_by_its_values_and_has_no_alternative() {
    let mut record = Record::new().quiet(300).promoted(ALIKE);
    let (kpi, track) =
        queue((0..record.history.weights.len()).map(|at| if (200..204).contains(&(at % 400)) { 18.0 } else { 10.0 }));
    record.history.tracks = vec![track];
    let report = backtest(&settings(vec![kpi]), &record.history, &[], HOW);
    let past = report.releases.first().unwrap();
    assert_eq!(past.decisions.iter().map(|(name, _)| *name).collect::<Vec<_>>(), [Name::File]);
    let rates = report.rates.unwrap();
    assert_eq!([1.0, 10.0].map(|ratio| share(&rates, Name::File, ratio)), [0.0, 1.0]);
    // No release meets the eighteen twice.
    let proposal = report.proposals.first().unwrap();
    assert_eq!((proposal.bound, proposal.limit), (Bound::Max, Some(10.0)));
}

#[test]
fn where_checks_have_no_value_no_limit_is_proposed() {
    let mut record = Record::new().quiet(300).promoted(ALIKE);
    let (kpi, mut track) = queue((0..record.history.weights.len()).map(|_| 10.0));
    for (at, value) in track.primary.iter_mut().chain(&mut track.canary).enumerate() {
        *value = if at % 16 < 8 { f64::NAN } else { *value };
    }
    record.history.tracks = vec![track, record.history.tracks.remove(0)];
    let report = backtest(&settings(vec![kpi, success_rate(99.0)]), &record.history, &[], HOW);
    let proposal = |name: &str| report.proposals.iter().find(|proposal| proposal.kpi == name).unwrap().limit;
    assert_eq!(proposal("queue"), None);
    assert!(proposal("request-success-rate").is_some());
}

#[test]
fn what_decides_nothing_is_not_drawn() {
    let kpi = success_rate(99.99);
    let kpi = Kpi { rules: Rules { mode: crate::model::Mode::Advisory, ..kpi.rules }, ..kpi };
    let record = Record::new().quiet(60).promoted([0.05, 0.05]);
    let report = backtest(&settings(vec![kpi]), &record.history, &[], HOW);
    assert_eq!(report.releases.first().and_then(Past::of_the_file).map(|d| d.decided), Some(Decided::Promoted));
    assert_eq!((report.rates, report.proposals), (None, Vec::new()));
}
