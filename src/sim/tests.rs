//! Many seeds, side by side, and what they must have reached to count.

use std::thread;

use super::*;

/// Seeds of one test run; more by building with `SERIN_SEEDS=10000`, or with `serin simulate --seed 0 --count 10000`.
const SEEDS: u64 = 150;
/// Those besides that release a StatefulSet in place, and as many that release a DaemonSet so.
const IN_PLACE: u64 = 40;
/// Those of whole groups.
const GROUPS: usize = 16;
const THREADS: usize = 2;

#[test]
fn every_invariant_holds_for_every_seed_and_all_is_reached() {
    let seeds = option_env!("SERIN_SEEDS").and_then(|n| n.parse().ok()).unwrap_or(SEEDS);
    let mut summary = Summary::default();
    thread::scope(|scope| {
        let in_place = usize::try_from(seeds.min(IN_PLACE)).unwrap();
        let all =
            move || (0..seeds).chain((trial::IN_PLACE..).take(in_place)).chain((trial::ON_NODES..).take(in_place));
        let share = |thread| move || all().skip(thread).step_by(THREADS).map(run).collect::<Vec<_>>();
        let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(share(thread))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).for_each(|report| summary.add(report));
    });
    println!("{summary}");
    assert!(summary.broken.is_empty(), "{summary}");
    assert_eq!(summary.missed(), Vec::<&str>::new());
}

#[test]
fn no_round_of_a_group_ends_in_two_ways_whatever_befalls_its_members() {
    let seeds = option_env!("SERIN_SEEDS").and_then(|n| n.parse().ok()).unwrap_or(GROUPS);
    let mut summary = Summary::default();
    thread::scope(|scope| {
        let share = |thread| move || (group::GROUPS..).take(seeds).skip(thread).step_by(THREADS).map(run).collect();
        let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(share(thread))).collect();
        threads
            .into_iter()
            .flat_map(|thread: thread::ScopedJoinHandle<'_, Vec<_>>| thread.join().unwrap())
            .for_each(|report| summary.add(report));
    });
    println!("{summary}");
    assert!(summary.broken.is_empty(), "{summary}");
    let reached = |name: &str| summary.reached.contains_key(name);
    assert!(reached("GroupFailed") && reached("Promoted") && reached("Crash") && reached("TwoLeaders"));
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
