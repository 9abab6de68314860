//! Another hand that sets the weights of the route again and again: it is undone at once a few times, and then ever more rarely, so
//! that two writers do not wear out the apiserver.
//!
//! Never where waiting would cost a request, nor outside of a release, where no share of the canary is harmless.

use std::time::Duration;

use super::draft::Draft;
use crate::model::{Contest, Facts, Notice, Percent, Phase, Time};

/// So often it may be an accident.
const AT_ONCE: u32 = 5;
/// Between two attempts, at most.
const LONGEST: Duration = Duration::from_secs(60);
/// After so long without another edit the contest is over.
const QUIET: Duration = Duration::from_secs(120);

impl Contest {
    /// Whether the other hand has shown that it goes on.
    pub(super) const fn is_open(&self) -> bool {
        self.restored >= AT_ONCE
    }

    /// When the next edit is undone.
    fn due(&self) -> Time {
        let doublings = self.restored.saturating_sub(AT_ONCE).min(6);
        let wait = if self.is_open() { Duration::from_secs(1 << doublings).min(LONGEST) } else { Duration::ZERO };
        self.last.after(wait)
    }
}

impl Draft<'_> {
    /// Whether the route, which another hand gave the weight `seen`, is written now; else it is looked at again in its time.
    pub(super) fn undoes(&mut self, seen: Percent, asked: Percent) -> bool {
        let now = self.now;
        let contest = self.journal.contest.get_or_insert(Contest { since: now, restored: 0, last: now });
        let (open, due) = (contest.is_open(), contest.due());
        if open && now < due && is_harmless(self.facts) {
            self.wake_at(due);
            return false;
        }
        contest.restored = contest.restored.saturating_add(1);
        contest.last = now;
        if contest.restored == AT_ONCE {
            self.tell(Notice::OwnershipConflict(self.facts.writer.clone()));
        } else if !open {
            self.tell(Notice::RouteDrift(seen, asked));
        }
        true
    }

    /// Forgets a contest that is over.
    pub(super) fn calm_down(&mut self) {
        let Some(contest) = &self.journal.contest else { return };
        let over = contest.last.after(QUIET);
        if self.now >= over {
            self.journal.contest = None;
        } else {
            self.wake_at(over);
        }
    }
}

/// Whether nobody loses a request by what is routed now, and nobody meets a revision that failed.
fn is_harmless(facts: &Facts) -> bool {
    let canary = facts.route.routing().map_or(Percent::ZERO, |routing| routing.canary);
    matches!(facts.journal.phase, Phase::Progressing | Phase::WaitingPromotion)
        && (canary.is_zero() || facts.endpoints.canary > 0)
        && (canary == Percent::FULL || facts.endpoints.primary > 0)
}
