//! Many seeds, side by side, and what they must have reached to count.

use std::collections::BTreeMap;
use std::thread;

use super::*;

/// Seeds of one test run; more by building with `SERIN_SEEDS=10000`, or with `serin simulate --seed 0 --count 10000`.
const SEEDS: u64 = 100;
const THREADS: usize = 2;

/// What the seeds together must reach: a run that never gets there proves nothing about it.
const EXPECTED: &[&str] = &[
    // Changes of phase.
    "Initializing->Initialized",
    "Initialized->Progressing",
    "Progressing->Promoting",
    "Progressing->Finalising",
    "Progressing->Failed",
    "Promoting->Finalising",
    "Promoting->Failed",
    "Finalising->Succeeded",
    "Succeeded->Progressing",
    "Failed->Progressing",
    "Succeeded->Terminating",
    "Initialized->Terminating",
    // Notices.
    "Initialized",
    "NewRevision",
    "Restarted",
    "Started",
    "Advanced",
    "Halted",
    "CanaryNotReady",
    "PrimaryNotReady",
    "Copying",
    "PrimaryAdvanced",
    "RoutingToPrimary",
    "Promoted",
    "PromotedUnanalysed",
    "ThresholdReached",
    "DeadlineExceeded",
    "RolledBack",
    "PromotionFailed",
    "Withdrawn",
    "RouteDrift",
    "PrimaryDrift",
    "Complaint",
    "Suspended",
    "Terminating",
    "Terminated",
    // Faults and hands.
    "Crash",
    "Takeover",
    "StaleCache",
    "LostWakes",
    "SpareWake",
    "Conflict",
    "ProviderDown",
    "ProviderEmpty",
    "NoTraffic",
    "EditWeight",
    "EditHosts",
    "Scale",
    "EditAnalysis",
    "Suspend",
    "Skip",
    "Release",
    "EditConfig",
    "Revert",
    "DeletePrimary",
    "DeleteSides",
    "DeleteRoute",
    "DeleteTarget",
    "DeleteCanary",
];

#[test]
fn every_invariant_holds_for_every_seed() {
    let seeds = option_env!("SERIN_SEEDS").and_then(|n| n.parse().ok()).unwrap_or(SEEDS);
    let reports: Vec<Report> = thread::scope(|scope| {
        let share = |thread| move || (0..seeds).skip(thread).step_by(THREADS).map(run).collect::<Vec<_>>();
        let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(share(thread))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let mut reached: BTreeMap<&str, u32> = BTreeMap::new();
    for name in reports.iter().flat_map(|report| &report.reached) {
        *reached.entry(name).or_default() += 1;
    }
    let rounds: u32 = reports.iter().map(|report| report.rounds).sum();
    println!("{seeds} seeds, {rounds} rounds; how many seeds reached what: {reached:?}");
    let broken: Vec<_> = reports.iter().filter(|report| report.broken.is_some()).map(ToString::to_string).collect();
    assert!(broken.is_empty(), "{} of {seeds} seeds break a rule:\n{}", broken.len(), broken.join("\n"));
    let missed: Vec<_> = EXPECTED.iter().filter(|name| !reached.contains_key(**name)).collect();
    assert!(missed.is_empty(), "no seed reached {missed:?}");
}

#[test]
fn a_seed_plays_the_same_run_each_time() {
    let (first, second) = (run(7), run(7));
    assert_eq!((first.rounds, first.took, first.plans), (second.rounds, second.took, second.plans));
}

#[test]
fn the_outcome_of_each_example_is_the_one_that_its_name_promises() {
    let canary = include_str!("../../examples/istio/canary.yaml");
    for (story, verdict) in [
        (include_str!("../../examples/scenarios/good.yaml"), Verdict::Promoted),
        (include_str!("../../examples/scenarios/bad.yaml"), Verdict::RolledBack),
        (include_str!("../../examples/scenarios/slow-leak.yaml"), Verdict::RolledBack),
        (include_str!("../../examples/scenarios/no-traffic.yaml"), Verdict::RolledBack),
    ] {
        let manifests = serde_saphyr::from_multiple(canary).unwrap();
        let outcome = play(&manifests, &serde_saphyr::from_str(story).unwrap()).unwrap();
        assert_eq!((outcome.verdict, outcome.broken), (verdict, None), "{story}");
    }
}

#[test]
fn a_file_without_a_canary_is_told_so() {
    let scenario = serde_saphyr::from_str("events: []").unwrap();
    assert_eq!(play(&[], &scenario), Err(StoryError::Canaries(0)));
}
