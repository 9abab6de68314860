//! Power curves: how likely a regression of each size is found.

use super::{Aim, Found, Judge, Known, Method, Seen, Signal, Stream, World, begun, tally};
use crate::judge::{Finding, explain};

/// One size of a regression.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Point {
    /// How many times as often the canary's requests fail, or as long they take.
    pub ratio: f64,
    /// How often that was found, and when.
    pub found: Found,
}

/// One method over all sizes.
#[derive(Clone, PartialEq, Debug)]
pub struct Curve {
    /// Who judges.
    pub method: Method,
    /// In the order of the ratios.
    pub points: Vec<Point>,
}

/// A curve for each of `methods`: `runs` releases in `world` for each of `ratios`, whatever the canary of the world is like.
pub fn curves(world: &World, aim: &Aim, known: Known, methods: &[Method], ratios: &[f64], runs: u32) -> Vec<Curve> {
    let at = |ratio: &f64| (*ratio, tally(&world.worse(*ratio), aim, known, methods, runs));
    let columns: Vec<(f64, Vec<Found>)> = ratios.iter().map(at).collect();
    let curve = |(number, method): (usize, &Method)| {
        let point = |(ratio, found): &(f64, Vec<Found>)| Some(Point { ratio: *ratio, found: *found.get(number)? });
        Curve { method: *method, points: columns.iter().filter_map(point).collect() }
    };
    methods.iter().enumerate().map(curve).collect()
}

/// What one method says about one release.
#[derive(Clone, PartialEq, Debug)]
pub struct Sentence {
    /// Who says it.
    pub method: Method,
    /// After how many intervals: those until harm was found, or all.
    pub after: u32,
    /// What was seen, how sure that is, and what is missing.
    pub text: String,
}

/// One release in `world`, as each of `methods` that can explain itself tells of it.
pub fn sample(world: &World, aim: &Aim, known: Known, methods: &[Method]) -> Vec<Sentence> {
    let tell = |method: &Method| {
        let (aim, past, stream) = begun(world, aim, known, 0);
        let (mut judge, mut after) = (Judge::new(*method, &aim, &past), 0);
        for seen in stream {
            after += 1;
            if judge.look(&seen, &aim) == Finding::Harm {
                break;
            }
        }
        let (unit, opinion) = judge.opinion(aim.risk)?;
        Some(Sentence { method: *method, after, text: explain(&measure(&world.signal, &aim, &judge), unit, &opinion) })
    };
    methods.iter().filter_map(tell).collect()
}

/// What is counted or compared.
fn measure(signal: &Signal, aim: &Aim, judge: &Judge<'_>) -> String {
    match (signal, judge) {
        (Signal::Failures { .. }, _) => "errors".to_owned(),
        (Signal::Durations { .. }, Judge::Ratio(_)) => format!("requests slower than {} ms", aim.range.limit),
        (Signal::Durations { .. }, Judge::Quantile(test, _)) => {
            test.told().map_or_else(|| "durations".to_owned(), |mark| mark.measure(" ms"))
        }
        (Signal::Durations { .. }, _) => "99th percentiles".to_owned(),
    }
}

/// The intervals of one release in `world`: for a benchmark of the methods alone.
pub fn intervals(world: &World) -> Vec<Seen> {
    Stream::new(world, 0).collect()
}

/// What `method` has found after all of these intervals.
pub fn judged(method: Method, aim: &Aim, intervals: &[Seen]) -> Finding {
    let mut judge = Judge::new(method, aim, &[]);
    intervals.iter().map(|seen| judge.look(seen, aim)).last().unwrap_or_default()
}
