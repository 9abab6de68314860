//! The route that the journal asks for, as far as it is safe to have it.
//!
//! No request is sent to a side without ready endpoints, neither by weight nor by cookie.

use super::draft::Draft;
use super::{in_place, size};
use crate::model::{
    Affinity, Effect, Facts, Journal, Mirror, Notice, Percent, Phase, RouteSeen, Routing, Settings, Shape,
};

impl Draft<'_> {
    /// The apex Service on the primary. Whether it already is.
    pub(super) fn apex(&mut self) -> bool {
        let there = self.facts.apex == Shape::AsWanted;
        if !there && self.facts.endpoints.primary > 0 {
            self.act(Effect::Apex);
        }
        there
    }

    /// Routes the weight of the journal. Whether it is routed already.
    pub(super) fn route(&mut self) -> bool {
        self.share(self.journal.weight)
    }

    /// Routes the weight of the journal, but no more than the canary has now: it is not ready for more, whatever its endpoints say.
    pub(super) fn route_no_more(&mut self) {
        self.share(self.journal.weight.min(routed(self.facts)));
    }

    /// Routes `weight` as far as it is safe. Whether the weight of the journal is routed already.
    fn share(&mut self, weight: Percent) -> bool {
        let Some(settings) = &self.facts.settings else { return false };
        self.cookies(settings);
        let share = safe(self.facts, weight);
        if in_place::is_so(self.facts) && share < weight {
            // It comes later, and until then no other hand took it away.
            self.wait();
        }
        let wanted = wanted(self.facts, settings, &self.journal, share);
        if self.facts.route.is(&wanted) {
            return share == self.journal.weight;
        }
        if share == Percent::FULL && weight < share && routed(self.facts) < share {
            self.tell(Notice::PrimaryDown);
        }
        if let Some((seen, asked)) = self.drifted()
            && !self.undoes(seen, asked)
        {
            return false;
        }
        if in_place::is_so(self.facts) && wanted.canary > routed(self.facts) {
            // Whatever comes of it is seen after pods of the new revision are there.
            self.wait();
        }
        let same = self.journal.phase == Phase::Progressing && self.journal.has_begun();
        if share.is_zero() && reaches_canary(self.facts) && !same {
            self.vacate();
        }
        self.act(Effect::Route(wanted));
        false
    }

    /// Whatever had requests in the canary's place, has them until now.
    pub(super) fn vacate(&mut self) {
        self.journal.vacant_since = Some(self.now);
    }

    /// Cookies are given while the canary has a share of its own, and taken back when the release has ended.
    fn cookies(&mut self, settings: &Settings) {
        match (&settings.cookies, &self.journal.last_applied) {
            (Some(names), Some(revision)) if !self.journal.weight.is_zero() => {
                self.journal.cookies.give(names, &self.facts.canary.uid, revision);
            }
            _ => self.journal.cookies.end(),
        }
    }

    /// Another hand changed the weight: the route differs from what the last decision asked for, and no side was missing.
    fn drifted(&self) -> Option<(Percent, Percent)> {
        let before = &self.facts.journal;
        let RouteSeen::Seen { routing, .. } = &self.facts.route else { return None };
        let waited = before.step.is_some_and(|s| s.waiting_since.is_some());
        let settled = before.phase == Phase::Initializing || waited || before.weight != self.journal.weight;
        // What the canary got in the place of a primary that was down, we gave it.
        let stood_in = routing.canary == Percent::FULL;
        (!settled && !stood_in && routing.canary != before.weight).then_some((routing.canary, before.weight))
    }
}

/// The share that the canary has now.
pub(super) fn routed(facts: &Facts) -> Percent {
    facts.route.routing().map_or(Percent::ZERO, |r| r.canary)
}

/// Whether any request, or a copy of one, reaches the canary.
pub(super) fn reaches_canary(facts: &Facts) -> bool {
    facts.route.routing().is_some_and(|r| !r.canary.is_zero() || r.mirror != Mirror::Off || r.preview)
}

/// Whether the canary has its share. Where the primary is down it may hold more, which nobody can take back: it is judged on that.
pub(super) fn carries(facts: &Facts, settings: &Settings) -> bool {
    let weight = facts.journal.weight;
    let has = |share| facts.route.is(&wanted(facts, settings, &facts.journal, share));
    has(weight) || facts.endpoints.primary == 0 && has(routed(facts).max(weight))
}

/// What the journal asks the router for where the canary gets `share`.
fn wanted(facts: &Facts, settings: &Settings, journal: &Journal, share: Percent) -> Routing {
    let mirrors = matches!(journal.phase, Phase::Progressing | Phase::WaitingPromotion)
        && journal.has_begun()
        && journal.weight.is_zero()
        && share.is_zero();
    let canary = if in_place::is_so(facts) { in_place::wanted(facts, journal.phase, share) } else { share };
    Routing {
        canary,
        mirror: if mirrors { settings.strategy.mirror() } else { Mirror::Off },
        affinity: affinity(facts, settings, journal, share),
        preview: settings.preview && is_shown(facts, journal),
    }
}

/// Whether the canary of the release that runs can answer those who are to see it: from its last hook before the first traffic on,
/// also while a gate holds the first weight.
fn is_shown(facts: &Facts, journal: &Journal) -> bool {
    let runs = matches!(journal.phase, Phase::Progressing | Phase::WaitingPromotion | Phase::Promoting);
    let prepared = journal.prepared.is_some() && journal.prepared == journal.last_applied;
    runs && prepared && facts.endpoints.canary > 0
}

fn affinity(facts: &Facts, settings: &Settings, journal: &Journal, share: Percent) -> Affinity {
    let cookies = &journal.cookies;
    if settings.cookies.is_none() {
        return Affinity::None;
    }
    match (&cookies.canary, share.is_zero()) {
        // Whoever has the primary's cookie stays there, so it must be able to serve.
        (Some(canary), false) => Affinity::Sticky {
            canary: canary.clone(),
            primary: cookies.primary.clone().filter(|_| share != Percent::FULL && facts.endpoints.primary > 0),
        },
        (None, true) => cookies.previous.clone().map_or(Affinity::None, Affinity::Expire),
        // Out of service for a while: whoever has the canary's cookie comes back to it later.
        (Some(_), true) | (None, false) => Affinity::None,
    }
}

/// A share is raised only for a side that has ready endpoints, and the pods that it needs; where only the canary has any, it gets everything.
fn safe(facts: &Facts, wanted: Percent) -> Percent {
    let now = routed(facts);
    match (facts.endpoints.primary > 0, facts.endpoints.canary > 0) {
        _ if facts.route == RouteSeen::Unrouted => wanted,
        _ if in_place::is_so(facts) => in_place::safe(facts, wanted),
        (true, true) if wanted > now && !size::carries(facts, wanted) => now,
        (true, true) => wanted,
        (true, false) => Percent::ZERO,
        (false, true) if is_down(facts) => Percent::FULL,
        (false, true) => wanted.max(now),
        (false, false) => now,
    }
}

/// Whether the primary's own status says that none of its pods serves: its endpoints alone may be late, or their Service gone.
fn is_down(facts: &Facts) -> bool {
    facts.primary.found().is_none_or(|primary| primary.rollout.available == 0)
}
