//! Power curves: how likely a regression of each size is found.

use super::{Aim, Found, Judge, Known, Method, Stream, World, tally};
use crate::judge::{Finding, Interval, explain};

/// One size of a regression.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Point {
    /// How many times as often the canary's requests fail.
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

/// A curve for each of `methods`: `runs` releases in `world` for each of `ratios`, whatever ratio the world has.
pub fn curves(world: &World, aim: &Aim, methods: &[Method], ratios: &[f64], runs: u32) -> Vec<Curve> {
    let at = |ratio: &f64| (*ratio, tally(&World { ratio: *ratio, ..world.clone() }, aim, Known::Not, methods, runs));
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

/// One release in `world`, as each method that can explain itself tells of it.
pub fn sample(world: &World, aim: &Aim) -> Vec<Sentence> {
    let tell = |method: &Method| {
        let (mut judge, mut after) = (Judge::new(*method, aim), 0);
        for interval in Stream::new(world, 0) {
            after += 1;
            if judge.look(interval, aim.risk) == Finding::Harm {
                break;
            }
        }
        let (unit, opinion) = judge.opinion(aim.risk)?;
        Some(Sentence { method: *method, after, text: explain("errors", unit, &opinion) })
    };
    Method::ALL.iter().filter_map(tell).collect()
}

/// The intervals of one release in `world`: for a benchmark of the methods alone.
pub fn intervals(world: &World) -> Vec<Interval> {
    Stream::new(world, 0).collect()
}

/// What `method` has found after all of these intervals.
pub fn judged(method: Method, aim: &Aim, intervals: &[Interval]) -> Finding {
    let mut judge = Judge::new(method, aim);
    intervals.iter().map(|interval| judge.look(*interval, aim.risk)).last().unwrap_or_default()
}
