//! How long one look takes.

use std::hint::black_box;
use std::time::Instant;

use crate::power::{self, Lag, Latency, Method, Signal, Weather, World};

/// How often a release is judged.
const REPEATED: u32 = 200;

/// Microseconds for one look, update and finding together, of each method that has a state in status.
pub(super) fn looks() -> Vec<(Method, f64)> {
    let sound = Method::FAILURES.into_iter().filter(|method| method.is_sound());
    let failures = Signal::Failures { base: 0.01, ratio: 1.2 };
    let durations = Signal::Durations { usual: Latency::usual(60.0), canary: Lag::More(1.2) };
    [times(failures, sound), times(durations, [Method::Quantile])].concat()
}

/// Of these methods on one release.
fn times(signal: Signal, methods: impl IntoIterator<Item = Method>) -> Vec<(Method, f64)> {
    let world =
        World { interval: 15.0, rate: 100.0, signal, dispersion: 1.0, weights: vec![0.2; 240], weather: Weather::Wave };
    let (intervals, aim) = (power::intervals(&world), power::aim(&signal));
    // The fastest release: the others were interrupted by whatever else the machine does.
    let time = |method| {
        let times = (0..REPEATED).map(|_| {
            let began = Instant::now();
            black_box(power::judged(method, &aim, black_box(&intervals)));
            began.elapsed().as_secs_f64() * 1e6 / intervals.len() as f64
        });
        (method, times.fold(f64::INFINITY, f64::min))
    };
    methods.into_iter().map(time).collect()
}
