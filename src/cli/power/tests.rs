//! What the curves of an example say, and how a requirement becomes an exit code.

use clap::{CommandFactory, Parser};

use super::*;
use crate::cli::Cli;
use crate::cli::chart::percent;

#[derive(Parser)]
struct Line {
    /// As in `simulate`.
    file: Option<PathBuf>,
    #[command(flatten)]
    args: Args,
}

fn args(words: &[&str]) -> Args {
    Line::try_parse_from(["simulate", "--power"].iter().chain(words)).unwrap().args
}

fn drawn(file: &str, words: &[&str]) -> Result<Picture, String> {
    draw(&args(words), &Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(file))
}

fn share(picture: &Picture, method: Method, ratio: f64) -> f64 {
    let curve = picture.curves.iter().find(|curve| curve.method == method).unwrap();
    curve.points.iter().find(|point| point.ratio.total_cmp(&ratio).is_eq()).unwrap().found.share
}

#[test]
fn a_file_finds_what_its_limit_tells_and_the_ratio_finds_more() {
    let picture = drawn("verdict/canary.yaml", &["--runs", "20"]).unwrap();
    assert_eq!(picture.world.weights.len(), 25);
    // 0.5 % of failures is within the file's 1 %.
    assert!(share(&picture, Method::Range, 5.0) < 0.1);
    assert!(share(&picture, Method::Ratio, 5.0) > 0.9);
}

#[test]
fn a_requirement_is_of_the_files_own_thresholds() {
    let required = |requirement| drawn("verdict/canary.yaml", &["--runs", "10", "--require", requirement]).unwrap();
    assert!(!required("5=90").is_as_required());
    assert!(required("20=90").is_as_required());
    let other = required("7=1");
    assert!(other.required().is_some(), "a ratio of its own is played too");
}

#[test]
fn the_picture_has_a_line_for_each_method_and_no_markup_from_a_name() {
    let mut picture = drawn("verdict/canary.yaml", &["--runs", "10"]).unwrap();
    picture.name = "<b>&".to_owned();
    let svg = picture::svg(&picture);
    assert_eq!(svg.matches("<polyline").count(), Method::FAILURES.len());
    assert!(svg.contains("&lt;b>&amp;") && !svg.contains("<b>"));
}

#[test]
fn durations_are_drawn_by_the_files_limit_of_the_99th_percentile_and_by_quantiles() {
    let picture = drawn("verdict/compared.yaml", &["--median", "60", "--runs", "20"]).unwrap();
    assert_eq!(picture.aim.range.limit, 500.0);
    assert!(share(&picture, Method::Quantile, 1.0) < 0.1 && share(&picture, Method::Quantile, 2.0) > 0.9);
    let text = picture::text(&picture);
    assert!(text.contains("requests above") && text.contains("of the primary's were faster"), "{text}");
    assert!(text.contains("durations") && !text.contains("failures"), "{text}");
    let document = picture.document();
    assert_eq!((&document["failing"], &document["medianMilliseconds"]), (&Value::Null, &json!(60.0)));
}

#[test]
fn a_file_without_a_limit_of_durations_finds_no_slow_request_and_says_so() {
    let picture = drawn("verdict/latency.yaml", &["--median", "60", "--runs", "10"]).unwrap();
    assert!(share(&picture, Method::Range, 10.0) <= 0.0);
    assert!(picture.curves.iter().all(|curve| curve.method != Method::Ratio), "nothing is slower than no limit");
    assert!(picture::text(&picture).contains("sets no request-duration (thresholdRange.max)"));
}

#[test]
fn what_has_no_weights_has_no_curve_and_says_what_to_write() {
    let why = drawn("kubernetes/canary.yaml", &["--runs", "10"]).err().unwrap();
    assert!(why.contains("stepWeight"), "{why}");
    let why = drawn("scenarios/bad.yaml", &["--runs", "10"]).err().unwrap();
    assert!(why.contains("0 Canaries"), "{why}");
}

#[test]
fn a_case_of_the_study_says_what_is_slow_and_what_is_known() {
    let canary = Lag::Longer { share: 0.02, times: 10.0 };
    let signal = Signal::Durations { usual: Latency::usual(60.0), canary };
    let case = |known, dispersion, signal| {
        let world =
            World { interval: 60.0, rate: 10.0, signal, dispersion, weights: vec![0.1], weather: Weather::Calm };
        study::case(&power::Case { section: power::Section::Worse, world, known })
    };
    let slow = case(Known::Estimated(60), 3.0, signal);
    assert_eq!(slow, "60 ms, 10/s from 10 %, calm, 2 % of it 10 x, clump 3 from 60m");
    assert_eq!(case(Known::Not, 1.0, signal.worse(2.0)), "60 ms, 10/s from 10 %, calm, 2 x");
    let failures = Signal::Failures { base: 0.001, ratio: 5.0 };
    assert_eq!(case(Known::Not, 1.0, failures), "0.1 %, 10/s from 10 %, calm, 5 x");
}

#[test]
fn shares_near_an_end_are_never_shown_as_the_end() {
    let texts = [0.0, 0.001, 0.5, 0.999, 1.0].map(percent);
    assert_eq!(texts, ["0 %", "0.1 %", "50 %", ">99 %", "100 %"]);
}

#[test]
fn every_verb_can_be_typed_and_power_needs_a_file_or_the_study() {
    Cli::command().debug_assert();
    let typed = |words: &str| Cli::try_parse_from(words.split(' ')).is_ok();
    assert!(typed("serin simulate canary.yaml --power"));
    assert!(typed("serin simulate --power --study --runs 10"));
    assert!(typed("serin simulate canary.yaml --scenario bad.yaml") && typed("serin simulate --seed 1"));
    let wrong = ["canary.yaml", "--power", "--study", "canary.yaml --power --scenario bad.yaml", "--seed 1 --power"];
    assert!(wrong.iter().all(|words| !typed(&format!("serin simulate {words}"))));
}

#[test]
fn what_cannot_be_meant_is_refused() {
    for words in [
        ["--rate", "0"],
        ["--base", "100"],
        ["--within", "0s"],
        ["--require", "5"],
        ["--require", "1=50"],
        ["--risk", "nan"],
        ["--median", "0"],
    ] {
        assert!(Line::try_parse_from(["simulate", "--power"].iter().chain(&words)).is_err(), "{words:?}");
    }
    let both = ["simulate", "--power", "--median", "60", "--base", "1"];
    assert!(Line::try_parse_from(both).is_err(), "the curves are of failures or of durations");
    assert!(drawn("verdict/canary.yaml", &["--within", "9000h"]).is_err());
}
