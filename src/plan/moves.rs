//! What a release does once everything that was asked of its present step is proven: one function for each strategy.
//!
//! Never asks a gate and never looks at the cluster: `progressing` carries a move out.

use std::num::NonZeroU32;

use crate::model::{Journal, Mirror, Moment, Percent, RouteSeen, Steps, Strategy};

/// The next thing that a release does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Move {
    /// Give the canary copies of the requests for one check.
    Mirror,
    /// Give the canary this share.
    Shift(Percent),
    /// Check once more.
    Iterate {
        /// Which check, from 1.
        count: u32,
        /// Of how many.
        of: u32,
        /// The canary's share meanwhile.
        weight: Percent,
    },
    /// Give the canary everything, for one check more than `iterations`.
    TakeOver,
    /// Give the primary what was analysed.
    Promote,
}

/// The next move under `strategy`. A counter or weight beyond its end (the spec was edited) is at its end.
pub(super) fn next(strategy: &Strategy, journal: &Journal, route: &RouteSeen) -> Move {
    match strategy {
        Strategy::Skip => Move::Promote,
        Strategy::Progressive { steps, mirror, audience: _ } => progressive(strategy, steps, *mirror, journal),
        Strategy::AbTest { iterations } => ab_test(*iterations, journal),
        Strategy::BlueGreen { iterations, mirror: _ } => blue_green(*iterations, journal, route),
    }
}

/// The hooks that must agree to a move.
pub(super) fn gate(next: Move, strategy: &Strategy, journal: &Journal) -> Option<Moment> {
    match next {
        Move::Mirror | Move::Iterate { .. } => None,
        Move::Shift(_) => Some(Moment::ConfirmTrafficIncrease),
        // Once the canary has everything, its promotion was agreed to.
        Move::Promote if journal.has_taken_over(strategy) || *strategy == Strategy::Skip => None,
        Move::TakeOver | Move::Promote => Some(Moment::ConfirmPromotion),
    }
}

fn progressive(strategy: &Strategy, steps: &Steps, mirror: Mirror, journal: &Journal) -> Move {
    if mirror != Mirror::Off && journal.weight.is_zero() && !journal.has_begun() {
        return Move::Mirror;
    }
    match steps.after(journal.weight) {
        Some(weight) => Move::Shift(weight),
        None if steps.end_in_everything() && !journal.has_taken_over(strategy) => Move::TakeOver,
        None => Move::Promote,
    }
}

fn ab_test(iterations: NonZeroU32, journal: &Journal) -> Move {
    let (count, of) = (counted(journal), iterations.get());
    if count >= of && journal.weight == Percent::FULL {
        return Move::Promote;
    }
    Move::Iterate { count: (count + 1).min(of), of, weight: Percent::FULL }
}

fn blue_green(iterations: NonZeroU32, journal: &Journal, route: &RouteSeen) -> Move {
    let (count, of) = (counted(journal), iterations.get());
    if count < of {
        return Move::Iterate { count: count + 1, of, weight: journal.weight };
    }
    // Without a route there is nothing to take over.
    if journal.weight < Percent::FULL && *route != RouteSeen::Unrouted { Move::TakeOver } else { Move::Promote }
}

/// Iterations that have begun. A Flagger may have written -1.
fn counted(journal: &Journal) -> u32 {
    u32::try_from(journal.iterations).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Audience, Course, Step, Time};

    fn at(weight: i64, iterations: i32, course: Option<Course>) -> Journal {
        let now = Time::from_millis(0);
        let weight = Percent::clamped(weight);
        let step = Step { weight, started_at: now, next_check_at: now, waiting_since: None, held_since: None, course };
        Journal { weight, iterations, step: Some(step), ..Journal::default() }
    }

    fn moves(strategy: &Strategy, route: &RouteSeen) -> Vec<Move> {
        let mut journal = at(0, 0, None);
        let mut moves = Vec::new();
        while moves.last() != Some(&Move::Promote) && moves.len() < 9 {
            let next = next(strategy, &journal, route);
            journal = match next {
                Move::Mirror | Move::Promote => at(0, 0, strategy.course()),
                Move::Shift(weight) => at(weight.whole().into(), 0, strategy.course()),
                Move::Iterate { count, weight, .. } => {
                    at(weight.whole().into(), i32::try_from(count).unwrap(), strategy.course())
                }
                Move::TakeOver => at(100, journal.iterations + 1, strategy.course()),
            };
            moves.push(next);
        }
        moves
    }

    fn steps(weights: &[i64]) -> Steps {
        Steps::new(weights.iter().map(|w| Percent::clamped(*w)).collect()).unwrap()
    }

    fn shift(weight: i64) -> Move {
        Move::Shift(Percent::clamped(weight))
    }

    const fn iterate(count: u32, of: u32, weight: Percent) -> Move {
        Move::Iterate { count, of, weight }
    }

    #[test]
    fn mirroring_comes_before_the_first_weight_and_takes_one_check() {
        let strategy =
            Strategy::Progressive { steps: steps(&[10, 50]), mirror: Mirror::All, audience: Audience::Everyone };
        assert_eq!(moves(&strategy, &RouteSeen::Missing), [Move::Mirror, shift(10), shift(50), Move::Promote]);
    }

    #[test]
    fn an_ab_test_counts_its_checks_with_all_matching_requests_on_the_canary() {
        let strategy = Strategy::AbTest { iterations: NonZeroU32::new(2).unwrap() };
        let full = Percent::FULL;
        assert_eq!(moves(&strategy, &RouteSeen::Missing), [iterate(1, 2, full), iterate(2, 2, full), Move::Promote]);
    }

    #[test]
    fn blue_green_gives_the_canary_everything_for_its_last_check() {
        let strategy = Strategy::BlueGreen { iterations: NonZeroU32::new(2).unwrap(), mirror: Mirror::Off };
        let counted = [iterate(1, 2, Percent::ZERO), iterate(2, 2, Percent::ZERO)];
        let expected = [counted.as_slice(), &[Move::TakeOver, Move::Promote]].concat();
        assert_eq!(moves(&strategy, &RouteSeen::Missing), expected);
        let unrouted = [counted.as_slice(), &[Move::Promote]].concat();
        assert_eq!(moves(&strategy, &RouteSeen::Unrouted), unrouted);
    }

    #[test]
    fn iterations_lowered_in_mid_release_never_stick() {
        let five = NonZeroU32::new(5).unwrap();
        let ab_test = Strategy::AbTest { iterations: five };
        assert_eq!(next(&ab_test, &at(100, 7, Some(Course::AbTest)), &RouteSeen::Missing), Move::Promote);
        let blue_green = Strategy::BlueGreen { iterations: five, mirror: Mirror::Off };
        let seven = |weight| next(&blue_green, &at(weight, 7, Some(Course::BlueGreen)), &RouteSeen::Missing);
        assert_eq!((seven(0), seven(100)), (Move::TakeOver, Move::Promote), "never promoted without having served");
    }

    #[test]
    fn a_weight_that_is_not_in_the_edited_list_goes_on_with_the_next_higher_one() {
        let strategy =
            Strategy::Progressive { steps: steps(&[10, 50]), mirror: Mirror::Off, audience: Audience::Everyone };
        let at = |weight| next(&strategy, &at(weight, 0, Some(Course::Weights)), &RouteSeen::Missing);
        assert_eq!((at(30), at(60)), (shift(50), Move::Promote));
    }
}
