//! Thousands of seeds.

use std::collections::BTreeMap;

use super::*;

#[test]
fn every_invariant_holds_for_every_seed() {
    let seeds: u64 = option_env!("SERIN_SEEDS").and_then(|n| n.parse().ok()).unwrap_or(100);
    let mut reached: BTreeMap<String, u32> = BTreeMap::new();
    let mut rounds = 0;
    let mut broken: BTreeMap<String, (u32, String)> = BTreeMap::new();
    let first: u64 = option_env!("SERIN_FIRST").and_then(|n| n.parse().ok()).unwrap_or(0);
    for seed in first..first + seeds {
        if option_env!("SERIN_LOUD").is_some() {
            eprintln!("seed {seed}");
        }
        let report = run(seed);
        rounds += report.rounds;
        if let Some(v) = &report.broken {
            let short: String = v.to_string().chars().filter(|c| !c.is_ascii_digit()).take(60).collect();
            broken.entry(short).or_insert((0, report.to_string())).0 += 1;
        }
        for name in report.reached {
            *reached.entry(name).or_default() += 1;
        }
    }
    println!("{seeds} seeds, {rounds} rounds");
    for (name, count) in reached {
        println!("{count:6} {name}");
    }
    for (kind, (count, text)) in &broken {
        println!("=== {count} x {kind}\n{text}");
    }
    assert!(broken.is_empty());
}
