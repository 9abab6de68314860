//! Comparisons of how long requests take, and of values: replayed as in a release, and drawn.

use super::*;
use crate::model::Buckets;

const BOUNDS: [f64; 2] = [100.0, 500.0];

fn compared(kpi: Kpi, test: Test, margin: f64) -> Kpi {
    let rules = Rules { on_inconclusive: Recourse::Pass, ..kpi.rules };
    Kpi { comparison: Some(Comparison { test, margin, alpha: 0.01 }), range: Range::default(), rules, ..kpi }
}

fn durations() -> Kpi {
    let kpi =
        Kpi { name: "request-duration".to_owned(), source: KpiSource::Builtin(Builtin::Duration), ..success_rate(0.0) };
    compared(kpi, Test::Quantile, 0.25)
}

/// The record with failed requests as those above the last bound, and ten times as many above the first.
fn bucketed(mut record: Record) -> Record {
    let track = record.history.tracks.first_mut().unwrap();
    let slow = |tally: &Tally| {
        let above = [(10.0 * tally.bad).min(tally.total), tally.bad];
        let within = BOUNDS.into_iter().zip(above.map(|above| tally.total - above)).collect();
        Buckets { within, total: tally.total }
    };
    track.buckets = track.counts.iter().map(|sides| sides.each_ref().map(|side| side.as_ref().map(slow))).collect();
    track.counts.clear();
    record
}

#[test]
fn quantiles_are_replayed_by_the_buckets_of_the_record() {
    let record = bucketed(Record::new().quiet(60).promoted(ALIKE).rolled_back([0.02, 0.001]));
    let report = backtest(&settings(vec![durations()]), &record.history, &[], FEW);
    let decided: Vec<_> = report.releases.iter().filter_map(Past::of_the_file).map(|past| past.decided).collect();
    assert_eq!(decided, [Decided::Promoted, Decided::RolledBack]);
    let why = &report.releases[1].of_the_file().unwrap().why;
    assert!(why.starts_with("requests above ") && why.contains("certainly worse"), "{why}");
    assert!(report.releases.iter().all(|past| past.decisions.len() == 1), "nothing else was counted");
}

#[test]
fn an_incident_of_both_sides_is_no_harm_to_quantiles_in_a_replay() {
    let record = bucketed(Record::new().quiet(60).promoted([0.05, 0.05]));
    let decisions = decided(&settings(vec![durations()]), &record);
    assert_eq!(of(&decisions, Name::File), [(Decided::Promoted, 300)]);
}

#[test]
fn drawn_releases_are_slower_at_the_bounds_of_their_quantiles() {
    let record = bucketed(Record::new().quiet(600).promoted(ALIKE).quiet(60));
    let rates = backtest(&settings(vec![durations()]), &record.history, &[], HOW).rates.unwrap();
    let file = |ratio| share(&rates, Name::File, ratio);
    assert!(file(1.0) < 0.03 && file(5.0) > 0.9, "{} {}", file(1.0), file(5.0));
}

/// A value around ten that both sides share, for as long as the record goes.
fn noisy(record: &mut Record) -> (Kpi, Track) {
    let values: Vec<f64> = record.history.weights.iter().map(|_| 10.0 + record.random.uniform()).collect();
    let beside: Vec<f64> = record.history.weights.iter().map(|_| 10.0 + record.random.uniform()).collect();
    let (kpi, track) = queue(values.into_iter());
    (kpi, Track { canary: beside, ..track })
}

#[test]
fn a_difference_of_values_is_drawn_with_the_noise_of_the_record() {
    let mut record = Record::new();
    for _ in 0..3 {
        record = record.quiet(200).promoted(ALIKE);
    }
    let (kpi, track) = noisy(&mut record);
    record.history.tracks = vec![track];
    let steps: Vec<Percent> = (1..=30).map(|step| Percent::clamped(2 * step)).collect();
    let long = |kpi| {
        let strategy = Strategy::Progressive {
            steps: Steps::new(steps).unwrap(),
            mirror: Mirror::Off,
            audience: Audience::Everyone,
        };
        Settings { strategy, ..settings(vec![kpi]) }
    };
    let report = backtest(&long(compared(kpi, Test::Difference, 1.0)), &record.history, &[], HOW);
    let rates = report.rates.unwrap();
    let file = |ratio| share(&rates, Name::File, ratio);
    assert!(file(1.0) < 0.03, "{}", file(1.0));
    assert!(file(2.0) > 0.95, "ten more than tolerated: {}", file(2.0));
}

#[test]
fn a_replayed_comparison_waits_for_the_requests_that_the_file_wants() {
    let kpi = compared(success_rate(0.0), Test::RateRatio, 0.25);
    let rules = Rules { min_requests: 4_000, on_few: Recourse::Fail, on_inconclusive: Recourse::Pass, ..kpi.rules };
    let record = Record::new().quiet(60).promoted(ALIKE);
    // 600, 1,800 and 3,600 requests by the first three checks.
    let decisions = decided(&settings(vec![Kpi { rules, ..kpi.clone() }]), &record);
    assert_eq!(of(&decisions, Name::File), [(Decided::RolledBack, 120)]);
    let rules = Rules { min_requests: 500, ..rules };
    assert_eq!(of(&decided(&settings(vec![Kpi { rules, ..kpi }]), &record), Name::File), [(Decided::Promoted, 300)]);
}
