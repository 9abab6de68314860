//! What the canaries of a group promote together, or not at all.
//!
//! A round of a group is decided by nobody but its members, each of which writes where it stands into its own status and reads the
//! others'. All of them see the statuses as they once stood side by side, some earlier and some later, and no write succeeds on an
//! own status that has changed since. On that rest three rules:
//!
//! - Who has a release joins, and takes part only once it sees its own joining and nobody's vote. So whoever votes sees, once it sees
//!   its own vote, everybody who takes part; and whoever comes later sees the vote, and stays out until that round is over.
//! - A vote is for good. Its canary fails by no fault of its own any more, and is promoted when it sees that nobody who takes part has
//!   yet to vote; that it was agreed stays in its status until nobody waits to learn it.
//! - Who takes part and ends otherwise, by a rollback or because its revision was taken back in Git, fails the round for all: then one
//!   vote will never be there. That stays in its status too, and the next round has another number.
//!
//! Never anything about a promotion that the group has agreed on: if a primary then does not get ready, or fails in its bake, that is
//! the canary's own. What is asked for by hand leaves the round.

use std::time::Duration;

use super::CLOCKS;
use super::draft::Draft;
use super::progressing;
use super::settled::is_new;
use crate::model::{
    Effect, Facts, Journal, Membership, Notice, Percent, Phase, Scaling, Settings, Stand, Strategy, TargetSeen, Time,
    Wait,
};

/// Long enough for a sync that changes several targets at once: all of them have joined by then.
const SYNC: Duration = Duration::from_secs(5);

/// Names that a sentence lists.
const NAMED: usize = 5;

/// Takes part in the round of the group, where there is a release; one step in each decision, for the next is taken on what others
/// have answered.
pub(super) fn attend(draft: &mut Draft<'_>, settings: &Settings) {
    let Some(name) = &settings.group else { return };
    let own = own(&draft.journal, name, draft.now);
    if !has_release(draft.facts, &draft.journal) {
        return;
    }
    let voted = peers(draft.facts).any(|(_, peer)| peer.stand == Stand::Ready);
    let joined = own.since.after(SYNC);
    let next = match own.stand {
        Stand::Out if !voted => Membership { stand: Stand::Joining, since: draft.now, by: None, ..own },
        Stand::Agreed | Stand::Failed if unaware(draft.facts, &own).next().is_none() => {
            let stand = if voted { Stand::Out } else { Stand::Joining };
            Membership { stand, since: draft.now, by: None, ..own }
        }
        Stand::Joining if voted => Membership { stand: Stand::Out, since: draft.now, ..own },
        Stand::Joining if draft.now >= joined => {
            Membership { stand: Stand::In, since: draft.now, round: round(draft.facts, own.round), ..own }
        }
        Stand::Joining => {
            draft.wake_at(joined);
            own
        }
        Stand::Out | Stand::In | Stand::Ready | Stand::Agreed | Stand::Failed => own,
    };
    if next.stand == Stand::Joining {
        draft.wake_at(next.since.after(SYNC));
    }
    draft.journal.group = Some(next);
}

/// Ends its part where the release has ended, or the group was left.
pub(super) fn leave(draft: &mut Draft<'_>) {
    let (Some(settings), Some(own)) = (&draft.facts.settings, &draft.journal.group) else { return };
    let phase = draft.journal.phase;
    if draft.facts.deleting {
        return;
    }
    if settings.group.is_some() && has_release(draft.facts, &draft.journal) {
        return;
    }
    // By a request, or by another hand that gave a StatefulSet all of its pods.
    let promotes = phase == Phase::Promoting
        || phase == Phase::Finalising && draft.journal.last_applied != draft.journal.last_promoted;
    let stand = match own.stand {
        Stand::In if !promotes => Stand::Failed,
        Stand::Joining | Stand::In | Stand::Ready => Stand::Out,
        Stand::Out | Stand::Agreed | Stand::Failed => return,
    };
    draft.journal.group = Some(Membership { stand, since: draft.now, ..own.clone() });
}

/// Whether there is something to be promoted, or still to be waited for.
fn has_release(facts: &Facts, journal: &Journal) -> bool {
    match journal.phase {
        Phase::Waiting | Phase::Progressing | Phase::WaitingPromotion => true,
        Phase::Initialized | Phase::Succeeded | Phase::Failed => {
            facts.target.found().is_some_and(|target| is_new(journal, &target.revision) || comes_again(facts, target))
        }
        Phase::Initializing | Phase::Promoting | Phase::Finalising | Phase::Terminating | Phase::Terminated => false,
    }
}

/// Whether it was rolled back for no fault of its own, and the member whose fault it was has another release.
pub(super) fn comes_again(facts: &Facts, target: &TargetSeen) -> bool {
    let journal = &facts.journal;
    let fell = journal.phase == Phase::Failed && journal.stand() == Stand::Failed;
    let by = journal.group.as_ref().filter(|_| fell).and_then(|own| own.by.as_ref());
    let again = by.and_then(|by| facts.peers.get(by)).is_some_and(Membership::holds);
    again && journal.last_applied.as_ref() == Some(&target.revision)
}

/// Its part in the group, which may be another one than before.
fn own(journal: &Journal, group: &str, now: Time) -> Membership {
    let fresh = || Membership::new(group, now);
    journal.group.clone().filter(|own| own.group == group).unwrap_or_else(fresh)
}

fn peers(facts: &Facts) -> impl Iterator<Item = (&String, &Membership)> {
    facts.peers.iter()
}

/// Those that have yet to learn how its round ended: who takes part in it, or joined before that and may on what it saw then.
fn unaware<'a>(facts: &'a Facts, own: &'a Membership) -> impl Iterator<Item = &'a String> {
    let ended = own.since.after(CLOCKS);
    let before = move |peer: &Membership| peer.stand == Stand::Joining && peer.since <= ended;
    let inside = move |peer: &Membership| peer.is_open() && peer.round == own.round;
    peers(facts).filter(move |(_, peer)| inside(peer) || before(peer)).map(|(name, _)| name)
}

/// The round of those that take part already, unless it has ended; else the next.
fn round(facts: &Facts, last: u64) -> u64 {
    let over = |round: u64| {
        peers(facts).any(|(_, peer)| peer.round == round && matches!(peer.stand, Stand::Agreed | Stand::Failed))
    };
    let taken = peers(facts).filter(|(_, peer)| peer.stand == Stand::In).map(|(_, peer)| peer.round);
    let current = taken.filter(|round| *round > last && !over(*round)).max();
    let latest = peers(facts).map(|(_, peer)| peer.round).max().unwrap_or(0);
    current.unwrap_or(latest.max(last) + 1)
}

/// How a round stands for one that takes part.
enum Verdict {
    /// This member has failed it.
    Failed(String),
    /// Everybody has voted.
    Agreed,
    /// These have yet to vote.
    Open(Vec<String>),
}

fn verdict(facts: &Facts, own: &Membership) -> Verdict {
    let of_round = || peers(facts).filter(|(_, peer)| peer.round == own.round);
    if let Some((name, peer)) = of_round().find(|(_, peer)| peer.stand == Stand::Failed) {
        return Verdict::Failed(peer.by.clone().unwrap_or_else(|| name.clone()));
    }
    if of_round().any(|(_, peer)| peer.stand == Stand::Agreed) {
        return Verdict::Agreed;
    }
    let missing: Vec<_> = peers(facts).filter(|(_, peer)| peer.holds()).map(|(name, _)| name.clone()).collect();
    if missing.is_empty() { Verdict::Agreed } else { Verdict::Open(missing) }
}

/// Whether its vote is given: it waits for nothing but the others.
pub(super) fn has_voted(journal: &Journal) -> bool {
    journal.stand() == Stand::Ready && matches!(journal.phase, Phase::Progressing | Phase::WaitingPromotion)
}

/// Rolls back where another member has failed the round. Whether it did.
pub(super) fn falls(draft: &mut Draft<'_>, target: &TargetSeen) -> bool {
    let Some(own) = draft.journal.group.clone().filter(Membership::is_open) else { return false };
    let Verdict::Failed(by) = verdict(draft.facts, &own) else { return false };
    if !matches!(draft.journal.phase, Phase::Progressing | Phase::WaitingPromotion) {
        draft.journal.last_applied = Some(target.revision.clone());
    }
    draft.tell(Notice::GroupFailed(own.group.clone(), by.clone()));
    draft.journal.group = Some(Membership { stand: Stand::Failed, since: draft.now, by: Some(by), ..own });
    progressing::roll_back(draft);
    true
}

/// The analysis is over: votes for the promotion. Who does not take part yet waits until it does.
pub(super) fn vote(draft: &mut Draft<'_>, settings: &Settings, target: &TargetSeen) {
    let Some(own) = draft.journal.group.clone().filter(|own| own.stand == Stand::In) else {
        draft.wait_for_others(of_start(draft.facts, &draft.journal, settings));
        // Without checks nothing is due again: whatever lets it take part wakes it.
        return if settings.strategy == Strategy::Skip { draft.stand_by(settings) } else { draft.hold_step(settings) };
    };
    draft.journal.group = Some(Membership { stand: Stand::Ready, since: draft.now, ..own });
    stand_by(draft, target);
}

/// Waits for the votes of the others with what it has, and promotes once they are there.
pub(super) fn decide(draft: &mut Draft<'_>, settings: &Settings, target: &TargetSeen) {
    let Some(own) = draft.journal.group.clone() else { return };
    match verdict(draft.facts, &own) {
        Verdict::Agreed => {
            draft.journal.group = Some(Membership { stand: Stand::Agreed, since: draft.now, ..own });
            draft.journal.waits = None;
            promote(draft, settings, target);
        }
        Verdict::Open(_) | Verdict::Failed(_) => stand_by(draft, target),
    }
}

/// Promotes what it has voted for, which the target may have left.
fn promote(draft: &mut Draft<'_>, settings: &Settings, target: &TargetSeen) {
    if is_current(draft, target) {
        return progressing::promote(draft, settings, target);
    }
    draft.enter(Phase::Promoting, draft.journal.weight, settings.interval);
    draft.wait();
    draft.tell(Notice::Copying);
}

fn stand_by(draft: &mut Draft<'_>, target: &TargetSeen) {
    draft.wait_for_others(of_vote(draft.facts, &draft.journal));
    if is_current(draft, target) {
        if keeps_templates(draft.facts) {
            draft.snapshot(&target.revision);
        }
        draft.scale_up(target);
    } else if draft.facts.endpoints.primary > 0 {
        // The target rolls over to something that nobody judged.
        draft.journal.weight = Percent::ZERO;
    }
    let ready = draft.facts.settings.as_ref().map(|settings| draft.canary_ready(settings, target));
    if ready.is_none_or(|ready| ready.is_ok()) {
        draft.route();
    } else {
        draft.route_no_more();
    }
}

/// Whether templates are kept by us: what is released as a whole keeps its revisions itself, or has none.
fn keeps_templates(facts: &Facts) -> bool {
    facts.scaling != Scaling::Foreign
}

fn is_current(draft: &Draft<'_>, target: &TargetSeen) -> bool {
    draft.journal.last_applied.as_ref() == Some(&target.revision)
}

/// What was kept for the promotion, and failed with its round: going back to it is no way back to something good.
pub(super) fn forget(draft: &mut Draft<'_>) {
    let journal = &draft.facts.journal;
    let failed = journal.phase == Phase::Failed && journal.stand() == Stand::Failed && keeps_templates(draft.facts);
    let tried = journal.last_applied.as_ref().filter(|tried| journal.last_promoted.as_ref() != Some(*tried));
    let kept = tried.filter(|tried| failed && draft.facts.snapshots.contains(tried)).cloned();
    kept.into_iter().for_each(|kept| draft.act(Effect::Forget(kept)));
}

/// What its group makes a release wait for before it begins.
pub(super) fn of_start(facts: &Facts, journal: &Journal, settings: &Settings) -> Option<Wait> {
    let group = settings.group.as_ref()?;
    let own = journal.group.as_ref().filter(|own| own.group == *group);
    let wait = |reason: String, until| Some(Wait::new(reason, until));
    match own.map_or(Stand::Out, |own| own.stand) {
        Stand::In | Stand::Ready => None,
        Stand::Joining => {
            let until = own.map(|own| own.since.after(SYNC));
            wait(format!("the other canaries of group {group} may have been changed along with it"), until)
        }
        Stand::Out | Stand::Agreed | Stand::Failed => {
            let voted = peers(facts).filter(|(_, peer)| peer.stand == Stand::Ready).map(|(name, _)| name);
            let waited = own.into_iter().flat_map(|own| unaware(facts, own));
            let mut names: Vec<_> = voted.chain(waited).cloned().collect();
            names.sort();
            names.dedup();
            let whose = if names.is_empty() { String::new() } else { format!(" with {}", list(&names)) };
            wait(format!("the promotion that group {group} has voted for{whose} comes first"), None)
        }
    }
}

/// What its vote waits for.
pub(super) fn of_vote(facts: &Facts, journal: &Journal) -> Option<Wait> {
    let own = journal.group.as_ref().filter(|_| has_voted(journal))?;
    let reason = match verdict(facts, own) {
        Verdict::Open(names) => {
            let are = if names.len() == 1 { "is" } else { "are" };
            format!("group {} is promoted together, and {} {are} not ready yet", own.group, list(&names))
        }
        Verdict::Agreed | Verdict::Failed(_) => format!("group {} is promoted together", own.group),
    };
    Some(Wait::new(reason, None))
}

/// Why a canary that has voted cannot be rolled back by hand.
pub(super) fn keeps_its_word(facts: &Facts, journal: &Journal) -> Option<String> {
    let own = journal.group.as_ref().filter(|_| has_voted(journal))?;
    let others = match verdict(facts, own) {
        Verdict::Open(names) => format!("abort one that has not, which ends the release of all: {}", list(&names)),
        Verdict::Agreed | Verdict::Failed(_) => "its round is decided already".to_owned(),
    };
    Some(format!("it has voted for the promotion of group {} and cannot take that back; {others}", own.group))
}

/// The first of them by name, and how many more there are.
fn list(names: &[String]) -> String {
    let more = names.len().saturating_sub(NAMED);
    match (names, more) {
        ([], _) => "nobody".to_owned(),
        ([one], _) => one.clone(),
        ([most @ .., last], 0) => format!("{} and {last}", most.join(", ")),
        (_, more) => format!("{} and {more} more", names.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ")),
    }
}

impl Draft<'_> {
    /// Held by the group. That it waits is told once, and for whom is written whenever that changes.
    fn wait_for_others(&mut self, wait: Option<Wait>) {
        let before = &self.facts.journal;
        if let Some(wait) = wait.clone().filter(|wait| !has_voted(before) && before.waits.as_ref() != Some(wait)) {
            self.tell(Notice::Held(wait));
        }
        wait.iter().filter_map(|wait| wait.until).for_each(|at| self.wake_at(at));
        self.journal.awaits = None;
        self.journal.waits = wait;
    }
}
