//! Which releases there were, and how they ended: told from the weight and the phase that an operator shows of a canary.

use std::time::Duration;

use super::History;
use crate::model::Time;

/// A release that is over, or as much of it as was recorded.
#[derive(Clone, PartialEq, Debug)]
pub struct Release {
    /// When the canary got its first share.
    pub from: Time,
    /// When it had lost it again.
    pub to: Time,
    /// The smallest and the largest share, in percent; `None` where none was recorded.
    pub weights: Option<(f64, f64)>,
    /// How it ended.
    pub end: End,
}

/// How a release ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum End {
    /// The primary took the revision.
    Promoted,
    /// The revision was taken back.
    RolledBack,
    /// A newer revision came in the middle.
    Overtaken,
    /// It still went on, or nothing was recorded of its end.
    Unknown,
}

impl End {
    /// In words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Promoted => "promoted",
            Self::RolledBack => "rolled back",
            Self::Overtaken => "overtaken by a newer revision",
            Self::Unknown => "of unknown end",
        }
    }
}

/// An operator that starts again shows nothing for so long at most.
const GAP: Duration = Duration::from_secs(600);
/// Weight and phase may be shown by different rounds of an operator, and be scraped that much apart.
const APART: usize = 3;

/// Every release that was recorded: one begins where the weight rises above 0 and is over where it is 0 again.
pub(super) fn find(history: &History) -> Vec<Release> {
    let mut found = Vec::new();
    let mut open: Option<(usize, usize)> = None;
    for (at, weight) in history.weights.iter().enumerate().filter(|(_, weight)| weight.is_finite()) {
        let gap = open.is_some_and(|(_, last)| at - last > history.steps(GAP));
        if let Some((first, last)) = open.filter(|_| gap) {
            found.push(release(history, first, last, End::Unknown));
            open = None;
        }
        open = match open {
            Some((first, _)) if *weight <= 0.0 => {
                found.push(release(history, first, at, end(history, at)));
                None
            }
            Some((first, _)) => Some((first, at)),
            None => Some((at, at)).filter(|_| *weight > 0.0),
        };
    }
    found.extend(open.map(|(first, last)| release(history, first, last, End::Unknown)));
    found
}

/// The release between two times that somebody gave.
pub(super) fn between(history: &History, from: Time, to: Time) -> Release {
    Release { from, to, ..release(history, history.at(from), history.at(to), end(history, history.at(to))) }
}

fn release(history: &History, first: usize, last: usize, end: End) -> Release {
    let shares = history.weights.iter().take(last.saturating_add(1)).skip(first).filter(|weight| **weight > 0.0);
    let weights = shares.fold(None, |range: Option<(f64, f64)>, weight| {
        let (low, high) = range.unwrap_or((*weight, *weight));
        Some((low.min(*weight), high.max(*weight)))
    });
    Release { from: history.time(first), to: history.time(last), weights, end }
}

/// By the phases around the moment at which the canary had lost its share.
fn end(history: &History, at: usize) -> End {
    let around = history.statuses.iter().take(at.saturating_add(APART + 1)).skip(at.saturating_sub(1));
    let shown = |status: f64| around.clone().any(|seen| seen.total_cmp(&status).is_eq());
    if shown(2.0) {
        End::RolledBack
    } else if shown(1.0) {
        End::Promoted
    } else if shown(0.0) {
        End::Overtaken
    } else {
        End::Unknown
    }
}
