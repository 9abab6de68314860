//! `serin simulate --power`: how likely, and how soon, a worse canary is found.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Value, json};

use super::out::{self, Output, exit};
use super::simulate::manifests;
use crate::api;
use crate::judge::Risk;
use crate::model::{Builtin, Kpi, KpiSource, Mode, Settings, Strategy, duration};
use crate::power::{
    self, Aim, Curve, Found, Known, Lag, Latency, Method, Point, Range, Sentence, Signal, Weather, World,
};
use crate::settings;

mod bench;
mod picture;
mod study;

/// Flags of `simulate --power`.
#[derive(clap::Args, Debug)]
#[group(skip)]
pub(super) struct Args {
    /// Draws how likely a canary of which more requests fail, or take longer, is found, over how much worse it is
    #[arg(long)]
    pub(super) power: bool,
    /// Checks the promises of the sequential tests over many releases, beside other judges; takes minutes
    #[arg(long, requires = "power", conflicts_with = "file")]
    pub(super) study: bool,
    /// Releases that are played for each point
    #[arg(long, requires = "power", value_parser = clap::value_parser!(u32).range(10..=1_000_000), value_name = "N")]
    runs: Option<u32>,
    /// Requests a second to the service
    #[arg(long, requires = "power", default_value_t = 100.0, value_parser = above_zero)]
    rate: f64,
    /// Percent of the primary's requests that fail
    #[arg(long, requires = "power", default_value_t = 0.1, value_parser = percent, value_name = "PERCENT")]
    base: f64,
    /// Draws how long requests take in place of how many fail: milliseconds that half of the primary's take at most
    #[arg(long, requires = "power", conflicts_with_all = ["base", "study"], value_parser = above_zero, value_name = "MILLISECONDS")]
    median: Option<f64>,
    /// Time in which it is to be found, the canary staying at its last weight; the length of the release by default
    #[arg(long, requires = "power", value_parser = length, value_name = "DURATION")]
    within: Option<Duration>,
    /// Percent of all releases of a good canary that may be rolled back falsely
    #[arg(long, requires = "power", default_value_t = 1.0, value_parser = percent, value_name = "PERCENT")]
    risk: f64,
    /// Exits with 1 unless the thresholds of this file find so many times the failures, or the duration, in so many percent: 5=90
    #[arg(long, requires = "power", conflicts_with = "study", value_parser = requirement, value_name = "RATIO=PERCENT")]
    require: Option<(f64, f64)>,
    /// Writes the picture to this file too
    #[arg(long, requires = "power", conflicts_with = "study", value_name = "FILE")]
    svg: Option<PathBuf>,
}

fn number(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|number: &f64| number.is_finite()).ok_or_else(|| "write a number".to_owned())
}

fn above_zero(text: &str) -> Result<f64, String> {
    number(text).ok().filter(|number| *number > 0.0).ok_or_else(|| "write a number above 0".to_owned())
}

pub(super) fn percent(text: &str) -> Result<f64, String> {
    let wrong = || "write a number above 0 and below 100".to_owned();
    number(text).ok().filter(|percent| *percent > 0.0 && *percent < 100.0).ok_or_else(wrong)
}

fn length(text: &str) -> Result<Duration, String> {
    duration::parse(text)
        .filter(|length| !length.is_zero())
        .ok_or_else(|| "write a length above 0, for example 30m".to_owned())
}

fn requirement(text: &str) -> Result<(f64, f64), String> {
    let wrong = || "write RATIO=PERCENT, for example 5=90".to_owned();
    let (ratio, percent) = text.split_once('=').ok_or_else(wrong)?;
    Ok((number(ratio).ok().filter(|ratio| *ratio > 1.0).ok_or_else(wrong)?, self::percent(percent)?))
}

/// Releases a point of a curve, unless asked otherwise: its percentages are right to two.
const RUNS: u32 = 1000;
/// Releases a row of the study, unless asked otherwise.
const STUDY_RUNS: u32 = 10_000;
/// How many times the failures the curves are drawn over.
const FAILURES: [f64; 8] = [1.0, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0];
/// How many times the duration.
const DURATIONS: [f64; 8] = [1.0, 1.1, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0];
/// Times as bad as the primary is the canary of whom the tests tell.
const TOLD: f64 = 5.0;
/// Intervals beyond which a curve says no more and takes long.
const MOST_INTERVALS: u128 = 10_000;

/// Draws it. 0 drawn and as required, 1 not as required, 2 it cannot be drawn.
pub(super) fn run(args: &Args, file: Option<&Path>, output: Output) -> ExitCode {
    let drawn = match file {
        None => return study::run(args.runs.unwrap_or(STUDY_RUNS), output),
        Some(file) => draw(args, file),
    };
    match drawn.and_then(|picture| picture.save(args.svg.as_deref()).map(|()| picture)) {
        Err(sentence) => out::complain(&sentence),
        Ok(picture) => {
            let text = match output {
                Output::Text => picture::text(&picture),
                Output::Json => format!("{:#}\n", picture.document()),
            };
            let printed = out::print(&text);
            if printed == ExitCode::SUCCESS && !picture.is_as_required() { exit::NO.into() } else { printed }
        }
    }
}

/// What is drawn.
struct Picture {
    name: String,
    world: World,
    aim: Aim,
    /// How long the release takes by its file.
    release: Duration,
    required: Option<(f64, f64)>,
    curves: Vec<Curve>,
    /// Of a canary that is `TOLD` times as bad.
    sample: Vec<Sentence>,
}

fn draw(args: &Args, file: &Path) -> Result<Picture, String> {
    let manifests = manifests(file)?;
    let settings = settings_of(&canary_of(&manifests, file)?, "istio", file)?;
    let interval = settings.interval;
    let weights = weights(&settings).map_err(|why| format!("{}: {why}", file.display()))?;
    let release = interval * u32::try_from(weights.len()).unwrap_or(u32::MAX);
    let within = (args.within.unwrap_or(release).as_millis() / interval.as_millis().max(1)).max(1);
    if within > MOST_INTERVALS {
        return Err(format!(
            "--within has {within} intervals of {} s: write less than {MOST_INTERVALS}",
            interval.as_secs()
        ));
    }
    let last = weights.last().copied().unwrap_or_default();
    let weights: Vec<f64> =
        (0..usize::try_from(within).unwrap_or(0)).map(|at| weights.get(at).copied().unwrap_or(last)).collect();
    // A comparison of failures needs nothing from before, one of durations the bounds to look at.
    let (signal, known, ratios) = match args.median {
        None => (Signal::Failures { base: args.base / 100.0, ratio: 1.0 }, Known::Not, FAILURES),
        Some(median) => {
            let usual = Latency::usual(median);
            (Signal::Durations { usual, canary: Lag::NONE }, Known::Estimated(60), DURATIONS)
        }
    };
    let world = World {
        interval: interval.as_secs_f64(),
        rate: args.rate,
        signal,
        dispersion: 1.0,
        weights,
        weather: Weather::Calm,
    };
    let (range, gates) = range(&settings, &signal);
    // The release's risk is shared by all that may end it.
    let risk = Risk { harm: args.risk / 100.0, ..Risk::default() }.share(1.0, gates.max(1.0));
    let aim = Aim { risk, range, ..power::aim(&signal) };
    // Without a limit no request is slower than it.
    let drawn = |method: &Method| *method != Method::Ratio || range.limit.is_finite();
    let methods: Vec<Method> = signal.methods().iter().copied().filter(drawn).collect();
    let more = args.require.map(|(ratio, _)| ratio).filter(|ratio| !ratios.contains(ratio));
    let mut ratios: Vec<f64> = ratios.into_iter().chain(more).collect();
    ratios.sort_by(f64::total_cmp);
    Ok(Picture {
        name: file.display().to_string(),
        curves: power::curves(&world, &aim, known, &methods, &ratios, args.runs.unwrap_or(RUNS)),
        sample: power::sample(&world.worse(TOLD), &aim, known, &methods),
        required: args.require,
        world,
        aim,
        release,
    })
}

/// The one Canary of a file.
pub(super) fn canary_of(manifests: &[Value], file: &Path) -> Result<api::Canary, String> {
    let canaries: Vec<_> = manifests.iter().filter(|manifest| manifest["kind"] == "Canary").collect();
    let [canary] = canaries.as_slice() else {
        return Err(format!("{} has {} Canaries: write exactly one", file.display(), canaries.len()));
    };
    serde_json::from_value((*canary).clone()).map_err(|e| format!("{}: {e}", file.display()))
}

/// What it asks for.
pub(super) fn settings_of(canary: &api::Canary, provider: &str, file: &Path) -> Result<Settings, String> {
    let namespace = canary.metadata.namespace.as_deref().unwrap_or("default");
    let defaults = settings::Defaults { provider, namespace };
    settings::resolve(&canary.spec, &defaults).map_err(|complaints| {
        let sentences: Vec<_> = complaints.into_iter().map(|complaint| complaint.sentence).collect();
        format!("{}: {}", file.display(), sentences.join("; "))
    })
}

/// The canary's share at each check.
fn weights(settings: &Settings) -> Result<Vec<f64>, &'static str> {
    match &settings.strategy {
        Strategy::Progressive { steps, .. } => {
            Ok(steps.weights().iter().map(|weight| weight.as_f64() / 100.0).collect())
        }
        Strategy::Skip => Err("skipAnalysis finds nothing, so there is no curve; leave it out"),
        Strategy::AbTest { .. } | Strategy::BlueGreen { .. } => Err(
            "with iterations the canary's share of the requests is unknown; power curves need stepWeight or stepWeights",
        ),
    }
}

/// What the file's range of the signal allows, and how many KPIs may end a release. Without one nothing is too much.
fn range(settings: &Settings, signal: &Signal) -> (Range, f64) {
    let gates = || settings.kpis.iter().filter(|kpi| kpi.rules.mode == Mode::Gate);
    let limit = |kpi: &Kpi| match (signal, &kpi.source) {
        (Signal::Failures { .. }, KpiSource::Builtin(Builtin::SuccessRate)) => {
            kpi.range.min.map(|least| 1.0 - least / 100.0)
        }
        (Signal::Durations { .. }, KpiSource::Builtin(Builtin::Duration)) => kpi.range.max,
        _ => None,
    };
    let limited = gates().find_map(|kpi| Some((limit(kpi)?, kpi.window)));
    let window = limited.map_or(0, |(_, window)| window.as_millis().div_ceil(settings.interval.as_millis().max(1)));
    let none = if matches!(signal, Signal::Failures { .. }) { 1.0 } else { f64::INFINITY };
    let range = Range {
        limit: limited.map_or(none, |(limit, _)| limit),
        threshold: settings.threshold,
        window: usize::try_from(window).unwrap_or(1),
    };
    (range, gates().count() as f64)
}

impl Picture {
    fn save(&self, file: Option<&Path>) -> Result<(), String> {
        let Some(file) = file else { return Ok(()) };
        std::fs::write(file, picture::svg(self)).map_err(|e| format!("{} cannot be written: {e}", file.display()))
    }

    /// What the file's own rule finds of the required ratio, beside what it should.
    fn required(&self) -> Option<(Found, f64)> {
        let (ratio, percent) = self.required?;
        let rule = self.curves.iter().find(|curve| curve.method == Method::Range)?;
        let point = rule.points.iter().find(|point| point.ratio.total_cmp(&ratio).is_eq())?;
        Some((point.found, percent / 100.0))
    }

    fn is_as_required(&self) -> bool {
        self.required().is_none_or(|(found, share)| found.share >= share)
    }

    fn seconds(&self, intervals: u32) -> f64 {
        f64::from(intervals) * self.world.interval
    }

    fn document(&self) -> Value {
        let point = |point: &Point| {
            json!({
                "ratio": point.ratio,
                "found": point.found.share,
                "medianSeconds": point.found.median.map(|median| self.seconds(median)),
            })
        };
        let curve = |curve: &Curve| json!({"method": curve.method.as_str(), "points": curve.points.iter().map(point).collect::<Vec<_>>()});
        let sentence = |said: &Sentence| json!({"method": said.method.as_str(), "afterSeconds": self.seconds(said.after), "explanation": said.text});
        let (failing, median) = match self.world.signal {
            Signal::Failures { base, .. } => (Some(base), None),
            Signal::Durations { usual, .. } => (None, Some(usual.median)),
        };
        json!({
            "apiVersion": "cli.serin.dev/v1",
            "kind": "Power",
            "file": self.name,
            "requestsPerSecond": self.world.rate,
            "failing": failing,
            "medianMilliseconds": median,
            "releaseSeconds": self.release.as_secs_f64(),
            "withinSeconds": self.world.weights.len() as f64 * self.world.interval,
            "risk": self.aim.risk.harm,
            "asRequired": self.required.map(|_| self.is_as_required()),
            "sentences": self.sample.iter().map(sentence).collect::<Vec<_>>(),
            "curves": self.curves.iter().map(curve).collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests;
