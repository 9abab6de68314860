//! `serin simulate`: what the operator would do with a release, without a cluster.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::ArgGroup;
use serde_json::{Value, json};

use super::out::{self, Output};
use super::power;
use crate::model::{Percent, Reading};
use crate::plan;
use crate::sim::{self, Entry, Outcome, Scenario, Verdict};

/// Arguments of `serin simulate`.
#[derive(clap::Args, Debug)]
#[command(group(ArgGroup::new("what").required(true).args(["file", "seed", "study"])))]
pub(super) struct Args {
    /// Manifests: one Canary, and whatever else of it there is (its Deployment, MetricTemplates, routes)
    file: Option<PathBuf>,
    /// What happens: revisions and how they behave, traffic, and what people do
    #[arg(long, value_name = "FILE", requires = "file", required_unless_present_any = ["seed", "power"], conflicts_with = "power")]
    scenario: Option<PathBuf>,
    /// How to print the outcome
    #[arg(long, short, value_enum, default_value_t = Output::Text)]
    output: Output,
    /// Plays a seeded run of faults in place of a file, as the tests do
    #[arg(long, conflicts_with = "power")]
    seed: Option<u64>,
    /// How many seeds, from --seed on
    #[arg(long, default_value_t = 1, requires = "seed")]
    count: u64,
    #[command(flatten)]
    power: power::Args,
    /// How long one decision takes, over the decisions of these seeds
    #[arg(long, requires = "seed")]
    bench: bool,
}

/// Exit codes: the verdict of the release.
const ROLLED_BACK: u8 = 1;
const UNDECIDED: u8 = 3;

/// How often a benchmark makes each decision.
const REPEATED: usize = 100;

/// So many broken seeds say enough.
const MOST_BROKEN: usize = 5;

/// Plays it. 0 promoted, 1 rolled back, 2 it cannot be read, 3 neither; with `--seed` 0 if every invariant held,
/// else 1; with `--power` 0 if all is as required, else 1.
pub(super) fn run(args: &Args) -> ExitCode {
    match (args.seed, &args.file, &args.scenario) {
        (None, file, _) if args.power.power => power::run(&args.power, file.as_deref(), args.output),
        (Some(seed), _, _) if args.bench => bench(seed, args.count),
        (Some(seed), _, _) => seeds(seed, args.count),
        (None, Some(file), Some(scenario)) => match story(file, scenario) {
            Ok(outcome) => tell(&outcome, args.output),
            Err(sentence) => out::complain(&sentence),
        },
        // clap lets nothing else through.
        (None, _, _) => out::complain("name a file and a --scenario, or a --seed"),
    }
}

fn seeds(first: u64, count: u64) -> ExitCode {
    if count == 1 {
        let report = sim::run(first);
        let verdict = verdict(report.broken.is_none());
        return if out::print(&report.to_string()) == ExitCode::SUCCESS { verdict } else { out::exit::UNKNOWN.into() };
    }
    let mut summary = sim::Summary::default();
    for seed in first..first.saturating_add(count) {
        summary.add(sim::run(seed));
        if summary.broken.len() >= MOST_BROKEN {
            break;
        }
    }
    let verdict = verdict(summary.broken.is_empty());
    if out::print(&summary.to_string()) == ExitCode::SUCCESS { verdict } else { out::exit::UNKNOWN.into() }
}

/// Each decision is made many times over, so that the clock measures decisions and not itself.
fn bench(first: u64, count: u64) -> ExitCode {
    let decisions: Vec<_> = (first..first.saturating_add(count)).flat_map(sim::decisions).collect();
    let began = Instant::now();
    for sim::Decision { facts, answers, now } in std::iter::repeat_n(&decisions, REPEATED).flatten() {
        std::hint::black_box(plan::decide(std::hint::black_box(facts), answers, *now));
    }
    let made = u32::try_from(decisions.len() * REPEATED).unwrap_or(u32::MAX).max(1);
    let each = began.elapsed() / made;
    out::print(&format!("{made} decisions of {count} seeds, {:.2} us each\n", each.as_secs_f64() * 1e6))
}

fn verdict(held: bool) -> ExitCode {
    if held { ExitCode::SUCCESS } else { ROLLED_BACK.into() }
}

pub(super) fn story(file: &Path, scenario: &Path) -> Result<Outcome, String> {
    let manifests = manifests(file)?;
    let scenario: Scenario = serde_saphyr::from_str(&read(scenario)?).map_err(|e| unreadable(scenario, &e))?;
    sim::play(&manifests, &scenario).map_err(|e| format!("{}: {e}", file.display()))
}

pub(super) fn manifests(file: &Path) -> Result<Vec<Value>, String> {
    serde_saphyr::from_multiple(&read(file)?).map_err(|e| unreadable(file, &e))
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|e| format!("{} cannot be read: {e}", path.display()))
}

fn unreadable(path: &Path, error: &impl ToString) -> String {
    format!("{}: {}", path.display(), error.to_string())
}

fn tell(outcome: &Outcome, output: Output) -> ExitCode {
    let text = match output {
        Output::Text => text(outcome),
        Output::Json => format!("{:#}\n", document(outcome)),
    };
    if out::print(&text) != ExitCode::SUCCESS {
        return ExitCode::from(out::exit::UNKNOWN);
    }
    match outcome.verdict {
        Verdict::Promoted => ExitCode::SUCCESS,
        Verdict::RolledBack => ExitCode::from(ROLLED_BACK),
        Verdict::Undecided => ExitCode::from(UNDECIDED),
    }
}

pub(super) fn text(outcome: &Outcome) -> String {
    let mut text = String::new();
    for Entry { at, phase, weight, readings, sentences } in &outcome.timeline {
        let kpis = readings.iter().map(kpi).collect::<Vec<_>>().join(" · ");
        let lines = Some(kpis).filter(|kpis| !kpis.is_empty()).into_iter().chain(sentences.iter().cloned());
        let head = format!("{:>6}  {:<12} {:>3} %", clock(*at), phase.as_str(), weight);
        let mut heads = [head].into_iter().chain(std::iter::repeat(" ".repeat(26)));
        for line in lines {
            let _ = writeln!(text, "{}  {line}", heads.next().unwrap_or_default());
        }
    }
    let _ = writeln!(text);
    for sim::Exposure { revision, requests, failed } in &outcome.exposures {
        let share = if outcome.requests > 0.0 { 100.0 * requests / outcome.requests } else { 0.0 };
        let (all, requests, failed) = (outcome.requests.round(), requests.round(), failed.round());
        let _ = writeln!(text, "{requests} of {all} requests met {revision} ({share:.1} %), {failed} of them failed");
    }
    for sentence in &outcome.assumed {
        let _ = writeln!(text, "assumed: {sentence}");
    }
    if let Some(violation) = &outcome.broken {
        let _ = writeln!(text, "an invariant did not hold: {violation}");
    }
    let [promotion, rollback] = outcome.quickest.map(words);
    let (verdict, took) = (outcome.verdict.as_str(), words(outcome.took));
    let _ = writeln!(
        text,
        "verdict {verdict} after {took}; with these thresholds a promotion takes at least {promotion}, a rollback {rollback}"
    );
    text
}

fn kpi(reading: &Reading) -> String {
    let value = reading.value.map_or_else(|| "no value".to_owned(), |v| format!("{v:.2}"));
    format!("{} {value} {}", reading.name, reading.verdict.as_str())
}

/// `7:10`, and `1:07:10` from an hour on.
fn clock(at: Duration) -> String {
    let (hours, minutes, seconds) = split(at);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// `7m10s`.
pub(super) fn words(length: Duration) -> String {
    match split(length) {
        (0, 0, seconds) => format!("{seconds}s"),
        (0, minutes, seconds) => format!("{minutes}m{seconds:02}s"),
        (hours, minutes, seconds) => format!("{hours}h{minutes:02}m{seconds:02}s"),
    }
}

const fn split(length: Duration) -> (u64, u64, u64) {
    let seconds = length.as_secs();
    (seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// As short as people would write it.
fn number(share: Percent) -> Value {
    if share.is_whole() { json!(share.whole()) } else { json!(share.as_f64()) }
}

fn document(outcome: &Outcome) -> Value {
    let reading = |r: &Reading| json!({"name": r.name, "value": r.value, "verdict": r.verdict.as_str(), "explanation": r.explanation});
    let entry = |e: &Entry| {
        json!({
            "atSeconds": e.at.as_secs_f64(),
            "phase": e.phase.as_str(),
            "weight": number(e.weight),
            "metrics": e.readings.iter().map(reading).collect::<Vec<_>>(),
            "sentences": e.sentences,
        })
    };
    let exposure =
        |e: &sim::Exposure| json!({"revision": e.revision, "requests": e.requests.round(), "failed": e.failed.round()});
    let [promotion, rollback] = outcome.quickest;
    json!({
        "apiVersion": "cli.serin.dev/v1",
        "kind": "Simulation",
        "verdict": outcome.verdict.as_str(),
        "tookSeconds": outcome.took.as_secs_f64(),
        "quickestPromotionSeconds": promotion.as_secs_f64(),
        "quickestRollbackSeconds": rollback.as_secs_f64(),
        "requests": outcome.requests.round(),
        "revisions": outcome.exposures.iter().map(exposure).collect::<Vec<_>>(),
        "assumed": outcome.assumed,
        "violation": outcome.broken.as_ref().map(ToString::to_string),
        "timeline": outcome.timeline.iter().map(entry).collect::<Vec<_>>(),
    })
}
