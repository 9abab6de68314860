//! Power curves: how likely a regression of each size is found.

use super::{Aim, Found, Judge, Known, Method, Stream, World, tally};
use crate::judge::{Finding, Interval, RateRatio, Unit, explain};

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

/// One release in `world` as its status would tell it: the interval, from 1 on, in which harm was found, or the last
/// one, and the sentence about it.
pub fn sample(world: &World, aim: &Aim) -> (u32, String) {
    let mut test = RateRatio::new(aim.limits, aim.dispersion);
    let mut last = 0;
    for (number, interval) in (1..).zip(Stream::new(world, 0)) {
        test.update(interval);
        last = number;
        if test.finding(aim.risk) == Finding::Harm {
            break;
        }
    }
    (last, explain("errors", Unit::Ratio, &test.opinion(aim.risk)))
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
