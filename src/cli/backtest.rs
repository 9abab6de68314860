//! `serin backtest`: what the rules of a Canary would have done with its past releases.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use super::out::{self, Output, exit};
use super::power::{canary_of, percent, settings_of};
use super::simulate::manifests;
use crate::backtest::{self, Past, Report, Resampling};
use crate::metric::recorded::Stretch;
use crate::model::{Settings, Strategy, Time, duration};
use crate::object::value::text as field;
use crate::object::{Objects, kinds};
use crate::scene::{Defaults, Scene};
use crate::world::Clock;
use download::{Download, Recorded};

mod download;
mod show;
#[cfg(test)]
mod tests;

/// Arguments of `serin backtest`.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Manifests: one Canary, and its MetricTemplates
    file: PathBuf,
    /// Base URL of the Prometheus that recorded it; may hold user:password@
    #[arg(long, value_name = "URL")]
    prometheus: String,
    /// File that holds a bearer token for it
    #[arg(long, value_name = "FILE")]
    bearer_token_file: Option<PathBuf>,
    /// Router of a Canary whose spec.provider is empty
    #[arg(long, env = "SERIN_MESH_PROVIDER", default_value = "istio", value_name = "PROVIDER")]
    mesh_provider: String,
    /// From when on: a time, or so long ago
    #[arg(long, default_value = "-30d", allow_hyphen_values = true, value_parser = moment, value_name = "TIME")]
    from: Moment,
    /// Until when
    #[arg(long, default_value = "now", allow_hyphen_values = true, value_parser = moment, value_name = "TIME")]
    to: Moment,
    /// Between two samples; not longer than the analysis interval
    #[arg(long, default_value = "15s", value_parser = length, value_name = "DURATION")]
    step: Duration,
    /// This release in place of those that are found: 2026-11-03T14:00:00Z..2026-11-03T14:30:00Z; may be repeated
    #[arg(long = "release", allow_hyphen_values = true, value_parser = stretch, value_name = "FROM..TO")]
    releases: Vec<(Moment, Moment)>,
    /// Percent of all releases of a good canary that may be rolled back falsely
    #[arg(long, default_value_t = 1.0, value_parser = percent, value_name = "PERCENT")]
    risk: f64,
    /// Releases that are drawn
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(10..=1_000_000), value_name = "N")]
    runs: u32,
    /// Another seed draws other ones
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Writes how often each rule rolls back as a picture
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// How to print it
    #[arg(long, short, value_enum, default_value_t = Output::Text)]
    output: Output,
}

/// A release as it may be given.
const EXAMPLE: &str = "2026-11-03T14:00:00Z..2026-11-03T14:30:00Z";

/// A time on the command line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Moment {
    At(Time),
    Ago(Duration),
}

impl Moment {
    fn time(self, now: Time) -> Time {
        match self {
            Self::At(time) => time,
            Self::Ago(length) => {
                let millis = i64::try_from(length.as_millis()).unwrap_or(i64::MAX);
                Time::from_millis(now.as_millis().saturating_sub(millis))
            }
        }
    }
}

/// `now`, `-30d`, `-1d12h`, `-90m`, or RFC 3339.
fn moment(text: &str) -> Result<Moment, String> {
    let wrong = || "write now, a time ago as -30d or -90m, or a moment as 2026-11-03T14:00:00Z".to_owned();
    if text == "now" {
        return Ok(Moment::Ago(Duration::ZERO));
    }
    let Some(ago) = text.strip_prefix('-').filter(|ago| !ago.is_empty()) else {
        return Time::parse(text).map(Moment::At).ok_or_else(wrong);
    };
    let (days, rest) = ago.split_once('d').unwrap_or(("0", ago));
    let days: u32 = days.parse().map_err(|_| wrong())?;
    let rest = if rest.is_empty() { Some(Duration::ZERO) } else { duration::parse(rest) };
    Ok(Moment::Ago(rest.ok_or_else(wrong)? + Duration::from_secs(86_400) * days))
}

fn stretch(text: &str) -> Result<(Moment, Moment), String> {
    let (from, to) = text.split_once("..").ok_or("write FROM..TO")?;
    Ok((moment(from)?, moment(to)?))
}

fn length(text: &str) -> Result<Duration, String> {
    duration::parse(text)
        .filter(|step| *step >= Duration::from_secs(1))
        .ok_or_else(|| "write a length from 1s on, for example 15s".to_owned())
}

/// Replays it.
pub(super) fn run(args: &Args) -> ExitCode {
    match replay(args) {
        Err(sentence) => out::complain(&sentence),
        Ok(shown) => {
            let text = match args.output {
                Output::Text => show::text(&shown),
                Output::Json => format!("{:#}\n", show::document(&shown)),
            };
            let printed = out::print(&text);
            let differs = shown.report.releases.iter().any(Past::differs);
            if printed == ExitCode::SUCCESS && differs { exit::NO.into() } else { printed }
        }
    }
}

/// What is shown.
struct Shown {
    file: String,
    /// `namespace/name` of the target.
    target: String,
    from: Time,
    to: Time,
    how: Resampling,
    /// Metrics that are left out, and why.
    left_out: Vec<String>,
    report: Report,
}

fn replay(args: &Args) -> Result<Shown, String> {
    let file = args.file.as_path();
    let scene = scene(args)?;
    let settings = settings_of(&scene.canary, &args.mesh_provider, file)?;
    is_judged(&settings, args)?;
    if args.step > settings.interval {
        return Err(format!(
            "--step is longer than the interval of the analysis: write {} s at most",
            settings.interval.as_secs()
        ));
    }
    let now = Clock.now();
    let (from, to) = (args.from.time(now), args.to.time(now));
    if from >= to {
        return Err(format!("--from {from} is not before --to {to}"));
    }
    let given: Vec<_> = args.releases.iter().map(|(from, to)| (from.time(now), to.time(now))).collect();
    if let Some((from, to)) = given.iter().find(|(from, to)| from >= to) {
        return Err(format!("--release {from}..{to} ends before it begins"));
    }
    let from = given.iter().map(|(begin, _)| *begin).fold(from, Time::min);
    let download = Download::new(&scene, &settings, args.bearer_token_file.as_deref())?;
    let Recorded { history, kpis, left_out } = download.recorded(&Stretch { from, to, step: args.step })?;
    if kpis.is_empty() {
        let why = left_out.join("; ");
        return Err(format!(
            "{}: no metric can be replayed{}{why}",
            file.display(),
            if why.is_empty() { "" } else { ": " }
        ));
    }
    let target = download.target();
    let how = Resampling { risk: args.risk / 100.0, runs: args.runs, seed: args.seed };
    let report = backtest::backtest(&Settings { kpis, ..settings }, &history, &given, how);
    is_found(&report, &target, (from, to))?;
    let shown = Shown { file: file.display().to_string(), target, from, to, how, left_out, report };
    show::save(&shown, args.svg.as_deref())?;
    Ok(shown)
}

/// The Canary and its templates, as if they were in a cluster whose only Prometheus is the one of the command line.
fn scene(args: &Args) -> Result<Scene, String> {
    let manifests = manifests(&args.file)?;
    let mut canary = canary_of(&manifests, &args.file)?;
    let namespace = canary.metadata.namespace.get_or_insert_with(|| "default".to_owned()).clone();
    canary.spec.metrics_server = None;
    let mut objects = Objects::default();
    for mut template in manifests.into_iter().filter(|manifest| manifest["kind"] == "MetricTemplate") {
        let of = field(&template, &["metadata", "namespace"]).unwrap_or(&namespace).to_owned();
        let name = field(&template, &["metadata", "name"]).unwrap_or_default().to_owned();
        if field(&template, &["spec", "provider", "type"]) == Some("prometheus") {
            // Its address and its Secret are those of the cluster.
            template["spec"]["provider"] = serde_json::json!({"type": "prometheus", "address": args.prometheus});
        }
        objects.insert(kinds::METRIC_TEMPLATE.named(&of, name), Arc::new(template));
    }
    let defaults = Defaults {
        provider: args.mesh_provider.clone(),
        metrics_server: args.prometheus.clone(),
        ..Defaults::default()
    };
    Ok(Scene { canary, objects, defaults: Arc::new(defaults), unserved: std::collections::BTreeSet::new() })
}

/// What a weight tells nothing about.
fn is_judged(settings: &Settings, args: &Args) -> Result<(), String> {
    let file = args.file.display();
    match &settings.strategy {
        Strategy::Skip => Err(format!("{file}: skipAnalysis judges no release; leave it out")),
        Strategy::BlueGreen { .. } if args.releases.is_empty() => Err(format!(
            "{file}: no weight tells when a blue/green release began; write its times: --release {EXAMPLE}"
        )),
        Strategy::BlueGreen { .. } | Strategy::AbTest { .. } | Strategy::Progressive { .. } => Ok(()),
    }
}

/// Nothing found is no agreement.
fn is_found(report: &Report, target: &str, (from, to): (Time, Time)) -> Result<(), String> {
    let write = format!("write the right --prometheus or --from, or the times yourself: --release {EXAMPLE}");
    if report.releases.is_empty() {
        let (namespace, name) = target.split_once('/').unwrap_or(("", target));
        return Err(format!(
            "no release of {target} between {from} and {to}: flagger_canary_weight{{workload=\"{name}\",namespace=\"{namespace}\"}} was never above 0 there; {write}"
        ));
    }
    if report.releases.iter().all(|past| past.decisions.is_empty()) {
        return Err(format!(
            "{} releases of {target} between {from} and {to}, and no metric of the canary was recorded in any of them; serin check canary shows the queries; {write}",
            report.releases.len()
        ));
    }
    Ok(())
}
