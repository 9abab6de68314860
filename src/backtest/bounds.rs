//! Quantiles in what is drawn: each bound of theirs is a KPI of its own there, whose bad requests are those above it.
//!
//! Never quite the same test: where the comparison averages the evidence of its bounds, each of them has its share of the risk here,
//! which finds a little less.

use std::borrow::Cow;

use super::rule::Rule;
use super::{History, Track};
use crate::judge;
use crate::model::{Buckets, Comparison, Kpi, Tally, Test};

/// The record and the rules with the bounds in the place of what is compared by quantiles.
pub(super) fn apart<'a>(history: &'a History, rules: &[Rule]) -> (Cow<'a, History>, Vec<Rule>) {
    let mut more: Vec<Track> = Vec::new();
    let mut apart = |(at, kpi): &(usize, Kpi)| {
        let Some(comparison) = kpi.comparison.filter(|asked| asked.test == Test::Quantile) else {
            return vec![(*at, kpi.clone())];
        };
        let tracks = history.tracks.get(*at).map(by_bound).unwrap_or_default();
        let alpha = comparison.alpha / tracks.len().max(1) as f64;
        let comparison = Some(Comparison { test: Test::RateRatio, alpha, ..comparison });
        let first = history.tracks.len() + more.len();
        let kpis = (first..first + tracks.len()).map(|at| (at, Kpi { comparison, ..kpi.clone() })).collect();
        more.extend(tracks);
        kpis
    };
    let rules = rules.iter().map(|rule| Rule { kpis: rule.kpis.iter().flat_map(&mut apart).collect(), ..rule.clone() });
    let rules = rules.collect();
    if more.is_empty() {
        return (Cow::Borrowed(history), rules);
    }
    let known = history.tracks.iter().map(|track| Track {
        canary: track.canary.clone(),
        primary: track.primary.clone(),
        counts: track.counts.clone(),
        buckets: Vec::new(),
    });
    let tracks = known.chain(more).collect();
    let (weights, statuses) = (history.weights.clone(), history.statuses.clone());
    (Cow::Owned(History { tracks, weights, statuses, ..*history }), rules)
}

/// For each bound that the comparison would look at, the requests above it.
fn by_bound(track: &Track) -> Vec<Track> {
    let primary = track.buckets.iter().filter_map(|[_, primary]| primary.as_ref());
    let all = primary.fold(None, |all: Option<Buckets>, one| Some(all.map_or_else(|| one.clone(), |all| all.and(one))));
    let bounds = judge::bounds(&all.iter().collect::<Vec<_>>());
    let slower = |buckets: &Option<Buckets>, bound: f64| {
        let counts = judge::above(buckets.as_ref()?, bound)?;
        Some(Tally { bad: counts.bad(), total: counts.total() })
    };
    let of = |bound: f64| Track {
        counts: track.buckets.iter().map(|sides| sides.each_ref().map(|side| slower(side, bound))).collect(),
        ..Track::default()
    };
    bounds.into_iter().map(of).collect()
}
