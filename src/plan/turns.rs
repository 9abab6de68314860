//! Whose turn it is where a DeliveryPolicy limits how many releases run at once.
//!
//! First come, first served, by the time that each has written into its status. The canaries of a group are one release, or those that
//! wait to be promoted together would wait for each other's turn.

use std::collections::BTreeSet;
use std::time::Duration;

use super::draft::Draft;
use crate::model::{Answer, Entrant, Facts, Journal, Question, Queued, Settings, Stands, Time, Turn, Wait};

/// So long until a place in the queue is looked at again by itself; whoever ends wakes the others before.
const LOOK: Duration = Duration::from_secs(30);

/// The place of `own`, from 1, in the queue of those that share a limit with it; `None` where it is its turn. Who does not wait yet
/// comes last.
pub fn position(own: &Entrant, others: &[Entrant], most: u32) -> Option<u32> {
    let mut run = BTreeSet::new();
    for other in others.iter().filter(|other| other.stands == Stands::Runs) {
        run.insert(other.release());
    }
    if run.contains(own.release()) {
        return None;
    }
    let ahead = queue(own, others).filter(|release| !run.contains(release)).collect::<BTreeSet<_>>().len();
    let full = run.len() + ahead >= usize::try_from(most).unwrap_or(usize::MAX);
    full.then(|| u32::try_from(ahead + 1).unwrap_or(u32::MAX))
}

/// The releases that wait and come before `own`.
fn queue<'a>(own: &'a Entrant, others: &'a [Entrant]) -> impl Iterator<Item = &'a str> {
    let before = move |other: &&Entrant| match (other.stands, own.stands) {
        (Stands::Waits(since), Stands::Waits(own_since)) => (since, &other.name) < (own_since, &own.name),
        (Stands::Waits(_), Stands::Runs | Stands::Aside) => true,
        (Stands::Runs | Stands::Aside, _) => false,
    };
    others.iter().filter(before).map(Entrant::release).filter(|release| *release != own.release())
}

/// What is to be asked before a release begins that nothing else holds.
pub(super) fn question(facts: &Facts, settings: &Settings, answers: &[Answer]) -> Option<Question> {
    (is_limited(&facts.journal, settings) && said(answers).is_none()).then_some(Question::Turn)
}

/// What a release waits for whose turn has not come. Who has not asked yet queues up and asks in its next round.
pub(super) fn of_start(facts: &Facts, settings: &Settings, answers: &[Answer], now: Time) -> Option<Wait> {
    if !is_limited(&facts.journal, settings) {
        return None;
    }
    let known = facts.journal.waits.as_ref().and_then(|wait| wait.queued);
    let since = known.map_or(now, |queued| queued.since);
    let (limit, position) = match said(answers) {
        Some(Turn::Given) => return None,
        Some(Turn::After { limit, position }) => (limit, *position),
        None => (settings.limits.first()?, known.map_or(1, |queued| queued.position)),
    };
    let (releases, run) = if limit.most == 1 { ("release", "runs") } else { ("releases", "run") };
    let reason =
        format!("DeliveryPolicy {} lets {} {releases} run at once, and as many {run}", limit.policy, limit.most);
    Some(Wait { queued: Some(Queued { since, position }), ..Wait::new(reason, None) })
}

/// Where a failed promotion left its traffic on the canary, users meet the fix whether it waits or not.
fn is_limited(journal: &Journal, settings: &Settings) -> bool {
    !settings.limits.is_empty() && journal.weight.is_zero()
}

/// Whether `journal` waits for its turn, which only an answer can end.
pub(super) fn waits(journal: &Journal, settings: &Settings) -> bool {
    is_limited(journal, settings) && journal.waits.as_ref().is_some_and(|wait| wait.queued.is_some())
}

fn said(answers: &[Answer]) -> Option<&Turn> {
    answers.iter().find_map(|answer| match answer {
        Answer::Turn(turn) => Some(turn),
        Answer::Hook(..) | Answer::Measured(..) => None,
    })
}

impl Draft<'_> {
    /// Looks again before long where it stands in a queue: whoever is to wake it may be gone.
    pub(super) fn look_at_queue(&mut self, wait: &Wait) {
        if wait.queued.is_some() {
            self.wake_at(self.now.after(LOOK));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entrant(name: &str, group: &str, stands: Stands) -> Entrant {
        let group = (!group.is_empty()).then(|| group.to_owned());
        Entrant { name: name.to_owned(), group, stands }
    }

    fn waits(second: i64) -> Stands {
        Stands::Waits(Time::from_millis(second * 1000))
    }

    #[test]
    fn who_has_waited_longest_comes_first_and_who_comes_now_comes_last() {
        let others = [
            entrant("a", "", Stands::Runs),
            entrant("b", "", waits(10)),
            entrant("c", "", waits(20)),
            entrant("d", "", Stands::Aside),
        ];
        let place = |stands, most| position(&entrant("own", "", stands), &others, most);
        assert_eq!((place(waits(5), 1), place(waits(15), 1), place(waits(25), 1)), (Some(1), Some(2), Some(3)));
        assert_eq!((place(Stands::Aside, 1), place(Stands::Aside, 3)), (Some(3), Some(3)));
        assert_eq!((place(waits(5), 2), place(waits(15), 2), place(Stands::Aside, 4)), (None, Some(2), None));
    }

    #[test]
    fn a_group_is_one_release_and_waits_for_no_turn_once_one_of_it_runs() {
        let others = [entrant("a", "shop", Stands::Runs), entrant("b", "shop", waits(1)), entrant("c", "", waits(2))];
        let place = |group, stands, most| position(&entrant("own", group, stands), &others, most);
        assert_eq!(place("shop", waits(9), 1), None, "the turn of its group has come");
        assert_eq!(place("", waits(9), 2), Some(2), "one runs, and c comes first");
        assert_eq!(place("", waits(9), 3), None);
        let of_its_own = [entrant("b", "shop", waits(1))];
        assert_eq!(position(&entrant("own", "shop", waits(9)), &of_its_own, 1), None, "both begin");
    }
}
