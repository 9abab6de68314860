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
    assert_eq!(svg.matches("<polyline").count(), Method::ALL.len());
    assert!(svg.contains("&lt;b>&amp;") && !svg.contains("<b>"));
}

#[test]
fn what_has_no_weights_has_no_curve_and_says_what_to_write() {
    let why = drawn("kubernetes/canary.yaml", &["--runs", "10"]).err().unwrap();
    assert!(why.contains("stepWeight"), "{why}");
    let why = drawn("scenarios/bad.yaml", &["--runs", "10"]).err().unwrap();
    assert!(why.contains("0 Canaries"), "{why}");
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
    ] {
        assert!(Line::try_parse_from(["simulate", "--power"].iter().chain(&words)).is_err(), "{words:?}");
    }
    assert!(drawn("verdict/canary.yaml", &["--within", "9000h"]).is_err());
}
