//! Canaries that are promoted together or not at all, one decision at a time.

use super::*;

fn set(facts: &mut Facts) -> &mut Settings {
    facts.settings.as_mut().unwrap()
}

pub(super) fn member(stand: Stand, round: u64, since: i64) -> Membership {
    Membership { round, stand, ..Membership::new("shop", t(since)) }
}

/// A member that stands so, beside these others.
pub(super) fn with(mut facts: Facts, own: Option<Membership>, peers: &[(&str, Membership)]) -> Facts {
    set(&mut facts).group = Some("shop".to_owned());
    facts.journal.group = own;
    facts.peers = peers.iter().map(|(name, peer)| ((*name).to_owned(), peer.clone())).collect();
    facts
}

fn new_revision() -> Facts {
    let mut facts = settled();
    target(&mut facts).revision = rev("b");
    facts
}

fn next(facts: &Facts, plan: &Plan) -> Facts {
    let route = RouteSeen::Seen { routing: Routing::split(plan.journal.weight), shape: Shape::AsWanted };
    Facts { journal: plan.journal.clone(), route, ..facts.clone() }
}

fn reason(plan: &Plan) -> &str {
    plan.journal.waits.as_ref().map_or("", |wait| &wait.reason)
}

fn round(plan: &Plan) -> (Stand, u64) {
    plan.journal.group.as_ref().map_or((Stand::Out, 0), |own| (own.stand, own.round))
}

/// The analysis of the last step is over.
fn at_the_end(stand: Stand) -> Facts {
    with(analysing(60), Some(member(stand, 1, 0)), &[("login", member(Stand::In, 1, 0))])
}

#[test]
fn a_member_joins_before_its_release_begins_and_the_others_have_a_moment_to_notice_theirs() {
    let facts = with(new_revision(), None, &[]);
    let plan = decide(&facts, &[], t(100));
    assert_eq!((plan.journal.phase, round(&plan), plan.wake), (Phase::Waiting, (Stand::Joining, 0), Some(t(105))));
    assert_eq!(reason(&plan), "the other canaries of group shop may have been changed along with it");
    let facts = next(&facts, &plan);
    assert_eq!(decide(&facts, &[], t(104)).journal, facts.journal);
    let plan = decide(&facts, &[], t(105));
    assert_eq!((plan.journal.phase, round(&plan)), (Phase::Progressing, (Stand::In, 1)));
}

#[test]
fn whoever_comes_when_others_have_voted_waits_for_the_next_round() {
    let voted = [("login", member(Stand::Ready, 4, 50))];
    let facts = with(new_revision(), Some(member(Stand::Joining, 2, 90)), &voted);
    let plan = decide(&facts, &[], t(100));
    assert_eq!((plan.journal.phase, round(&plan)), (Phase::Waiting, (Stand::Out, 2)));
    assert_eq!(reason(&plan), "the promotion that group shop has voted for with login comes first");
    let mut facts = next(&facts, &plan);
    assert_eq!(decide(&facts, &[], t(900)).journal, facts.journal, "and changes nothing meanwhile");
    facts.peers = [("login".to_owned(), member(Stand::Agreed, 4, 950))].into();
    facts = next(&facts, &decide(&facts, &[], t(960)));
    assert_eq!(round(&decide(&facts, &[], t(965))), (Stand::In, 5));
}

#[test]
fn a_member_takes_part_in_the_round_of_those_that_do_unless_that_has_failed() {
    let joins = |peers: &[(&str, Membership)]| {
        round(&decide(&with(new_revision(), Some(member(Stand::Joining, 2, 0)), peers), &[], t(100)))
    };
    let (inside, failed) = (member(Stand::In, 4, 0), member(Stand::Failed, 4, 0));
    assert_eq!(joins(&[("login", inside.clone())]), (Stand::In, 4));
    assert_eq!(joins(&[("login", inside), ("cart", failed.clone())]), (Stand::In, 5));
    assert_eq!(joins(&[("cart", failed)]), (Stand::In, 5));
    assert_eq!(joins(&[("login", member(Stand::In, 2, 0))]), (Stand::In, 3), "its own last round is over for it");
}

#[test]
fn a_member_whose_analysis_is_over_votes_and_says_for_whom_it_waits() {
    let plan = decide(&at_the_end(Stand::In), &success(100.0), t(60));
    assert_eq!((plan.journal.phase, round(&plan)), (Phase::Progressing, (Stand::Ready, 1)));
    assert_eq!(plan.effects, [Effect::Snapshot(rev("b"))], "it promotes that, whatever the target runs by then");
    assert_eq!(reason(&plan), "group shop is promoted together, and login is not ready yet");
    assert!(matches!(plan.notices.as_slice(), [Notice::Held(_)]), "{:?}", plan.notices);
    let facts = Facts { snapshots: vec![rev("a"), rev("b")], ..next(&at_the_end(Stand::Ready), &plan) };
    assert_eq!(questions(&facts, &[], t(600)), [], "nothing is measured any more");
    let quiet = decide(&facts, &[], t(9_000));
    assert_eq!((&quiet.journal, quiet.effects.len(), quiet.wake), (&facts.journal, 0, None));
}

#[test]
fn a_member_promotes_once_nobody_who_takes_part_has_yet_to_vote() {
    let decided = |peer: Membership| {
        let facts = with(analysing(60), Some(member(Stand::Ready, 1, 60)), &[("login", peer)]);
        let plan = decide(&facts, &[], t(70));
        (plan.journal.phase, plan.journal.stand())
    };
    for stand in [Stand::Joining, Stand::In] {
        assert_eq!(decided(member(stand, 1, 0)), (Phase::Progressing, Stand::Ready), "{stand:?}");
    }
    for stand in [Stand::Out, Stand::Ready, Stand::Agreed] {
        assert_eq!(decided(member(stand, 1, 0)), (Phase::Promoting, Stand::Agreed), "{stand:?}");
    }
    assert_eq!(decided(member(Stand::Failed, 0, 0)), (Phase::Promoting, Stand::Agreed), "that round is over");
}

#[test]
fn when_one_member_fails_the_others_roll_back_and_name_it() {
    for stand in [Stand::In, Stand::Ready] {
        let failed = Membership { by: Some("cart".to_owned()), ..member(Stand::Failed, 1, 65) };
        let facts = with(analysing(40), Some(member(stand, 1, 0)), &[("login", failed)]);
        let plan = decide(&facts, &[], t(70));
        assert_eq!((plan.journal.phase, round(&plan)), (Phase::Failed, (Stand::Failed, 1)));
        assert_eq!(plan.effects, [Effect::Route(Routing::PRIMARY)]);
        let named = Notice::GroupFailed("shop".to_owned(), "cart".to_owned());
        assert_eq!(plan.notices, [named, Notice::RolledBack], "the one that began it");
        let stalled = plan.journal.condition(ConditionKind::Stalled).map(|condition| condition.message.as_str());
        assert_eq!(
            stalled,
            Some(
                "The last release was rolled back with canary cart of group shop; it starts again with the next one of that canary, or push a fix."
            )
        );
    }
}

#[test]
fn a_member_that_fails_or_whose_revision_is_taken_back_fails_the_round() {
    let mut facts = at_the_end(Stand::In);
    facts.journal.failed_checks = 1;
    assert_eq!(round(&decide(&facts, &success(0.0), t(60))), (Stand::Failed, 1));
    let mut facts = at_the_end(Stand::In);
    target(&mut facts).revision = rev("a");
    let plan = decide(&facts, &[], t(60));
    assert_eq!((plan.journal.phase, round(&plan)), (Phase::Finalising, (Stand::Failed, 1)));
}

#[test]
fn a_release_that_takes_no_part_yet_fails_alone() {
    let mut facts = at_the_end(Stand::Joining);
    facts.journal.group = Some(member(Stand::Joining, 1, 58));
    facts.journal.failed_checks = 1;
    assert_eq!(round(&decide(&facts, &success(0.0), t(60))), (Stand::Out, 1));
}

#[test]
fn a_release_without_analysis_that_takes_no_part_yet_waits_without_a_write() {
    let mut facts = with(analysing(0), Some(member(Stand::Out, 1, 0)), &[("login", member(Stand::Ready, 2, 0))]);
    set(&mut facts).strategy = Strategy::Skip;
    let facts = next(&facts, &decide(&facts, &[], t(60)));
    assert!(facts.journal.waits.is_some() && facts.journal.phase == Phase::Progressing, "{:?}", facts.journal);
    let later = decide(&facts, &[], t(61));
    assert_eq!((&later.journal, later.notices.len()), (&facts.journal, 0));
}

#[test]
fn a_vote_outlasts_the_pods_that_it_was_given_for() {
    let mut facts = at_the_end(Stand::Ready);
    facts.endpoints.canary = 0;
    target(&mut facts).rollout.available = 0;
    let plan = decide(&facts, &[], t(5_000));
    assert_eq!(
        (plan.journal.phase, plan.effects),
        (
            Phase::Progressing,
            vec![Effect::Route(Routing::PRIMARY), Effect::Snapshot(rev("b"))].into_iter().rev().collect()
        )
    );
}

#[test]
fn a_newer_revision_changes_nothing_about_a_vote_but_gets_no_requests() {
    let mut facts = at_the_end(Stand::Ready);
    facts.snapshots = vec![rev("a"), rev("b")];
    target(&mut facts).revision = rev("c");
    let plan = decide(&facts, &[], t(70));
    assert_eq!((plan.journal.weight, plan.journal.last_applied.clone()), (Percent::ZERO, Some(rev("b"))));
    let mut facts = next(&facts, &plan);
    facts.peers = [("login".to_owned(), member(Stand::Ready, 1, 80))].into();
    let mut facts = next(&facts, &decide(&facts, &[], t(81)));
    assert_eq!(facts.journal.phase, Phase::Promoting);
    assert_eq!(decide(&facts, &[], t(82)).effects, [Effect::Primary(PrimarySource::Snapshot(rev("b")))]);
    facts.primary = Seen::Found(PrimarySeen { runs: PrimaryMatch::Revision(rev("b")), replicas: 2, rollout: pods(2) });
    let facts = next(&facts, &decide(&facts, &[], t(90)));
    let facts = next(&facts, &decide(&facts, &[], t(100)));
    assert_eq!((facts.journal.phase, facts.journal.last_promoted.clone()), (Phase::Succeeded, Some(rev("b"))));
    assert_eq!(round(&decide(&facts, &[], t(110))), (Stand::Agreed, 1), "it waits until login knows");
    let facts = Facts { peers: [("login".to_owned(), member(Stand::Agreed, 1, 105))].into(), ..facts };
    assert_eq!(round(&decide(&facts, &[], t(110))), (Stand::Joining, 1), "and takes part in the next round");
}

#[test]
fn what_was_kept_for_a_promotion_that_never_came_is_no_known_good_revision() {
    let mut facts = at_the_end(Stand::Failed);
    facts.journal.phase = Phase::Failed;
    facts.journal.weight = Percent::ZERO;
    facts.route = settled().route;
    facts.snapshots = vec![rev("a"), rev("b")];
    assert!(decide(&facts, &[], t(70)).effects.contains(&Effect::Forget(rev("b"))));
    facts.scaling = Scaling::Foreign;
    assert_eq!(decide(&facts, &[], t(70)).effects, [], "a Knative Service keeps its revisions itself");
}

#[test]
fn those_that_fell_with_a_member_are_released_again_with_its_fix() {
    let mut facts = at_the_end(Stand::Failed);
    facts.journal.phase = Phase::Failed;
    facts.journal.weight = Percent::ZERO;
    facts.route = settled().route;
    let with = |by: Option<&str>, peer: Stand| {
        let mut facts = facts.clone();
        facts.journal.group = Some(Membership { by: by.map(str::to_owned), ..member(Stand::Failed, 1, 0) });
        facts.peers = [("login".to_owned(), member(peer, 1, 90)), ("cart".to_owned(), member(Stand::Out, 1, 0))].into();
        decide(&facts, &[], t(100)).journal.phase
    };
    assert_eq!(with(Some("login"), Stand::Joining), Phase::Waiting);
    for (by, peer) in [(Some("login"), Stand::Failed), (Some("cart"), Stand::Joining), (None, Stand::Joining)] {
        assert_eq!(with(by, peer), Phase::Failed, "{by:?} {peer:?}");
    }
}

#[test]
fn how_a_round_ended_is_told_until_nobody_waits_to_learn_it() {
    for stand in [Stand::Agreed, Stand::Failed] {
        for peer in [Stand::In, Stand::Ready] {
            let facts = with(new_revision(), Some(member(stand, 3, 0)), &[("login", member(peer, 3, 0))]);
            let plan = decide(&facts, &[], t(100));
            assert_eq!((plan.journal.phase, round(&plan)), (Phase::Waiting, (stand, 3)));
            assert!(reason(&plan).contains("login"), "{}", reason(&plan));
        }
    }
}

#[test]
fn a_suspended_member_with_a_new_revision_holds_the_others() {
    let mut facts = with(new_revision(), None, &[]);
    set(&mut facts).suspend = true;
    let facts = next(&facts, &decide(&facts, &[], t(100)));
    assert_eq!(facts.journal.stand(), Stand::Joining);
    let plan = decide(&facts, &[], t(105));
    assert_eq!((plan.journal.phase, round(&plan)), (Phase::Initialized, (Stand::In, 1)));
}

#[test]
fn a_vote_cannot_be_taken_back_by_hand_but_a_person_may_go_on_alone() {
    let mut facts = at_the_end(Stand::Ready);
    facts.request = Request::new("abort/1", None);
    let plan = decide(&facts, &[], t(70));
    assert_eq!((plan.journal.phase, plan.journal.stand()), (Phase::Progressing, Stand::Ready));
    let outcome = plan.journal.handled.map(|handled| handled.outcome).unwrap_or_default();
    assert!(outcome.contains("abort one that has not, which ends the release of all: login"), "{outcome}");
    facts.request = Request::new("promote/1", None);
    let plan = decide(&facts, &[], t(70));
    assert_eq!((plan.journal.phase, plan.journal.stand()), (Phase::Promoting, Stand::Out));
}

#[test]
fn a_gate_is_asked_before_the_vote_and_a_closed_one_holds_all() {
    let mut facts = at_the_end(Stand::In);
    let gate = Approval { name: "ask".to_owned(), moment: Moment::ConfirmPromotion, deadline: None };
    set(&mut facts).approvals = vec![gate];
    let plan = decide(&facts, &success(100.0), t(60));
    assert_eq!((plan.journal.phase, plan.journal.stand()), (Phase::WaitingPromotion, Stand::In));
    let mut facts = next(&facts, &plan);
    facts.journal.opened = Some(Opened { moment: Moment::ConfirmPromotion, revision: rev("b") });
    let plan = decide(&facts, &success(100.0), t(120));
    assert_eq!((plan.journal.stand(), plan.journal.awaits), (Stand::Ready, None));
}

#[test]
fn a_way_back_to_a_known_good_revision_waits_for_no_group() {
    let mut facts = with(settled(), None, &[("login", member(Stand::In, 3, 0))]);
    set(&mut facts).rollback.window = 1;
    facts.snapshots = vec![rev("before"), rev("a")];
    target(&mut facts).revision = rev("before");
    assert_eq!(decide(&facts, &[], t(100)).journal.phase, Phase::Progressing);
}

#[test]
fn a_group_of_one_is_promoted_like_none() {
    let facts = with(analysing(60), Some(member(Stand::In, 1, 0)), &[]);
    let facts = next(&facts, &decide(&facts, &success(100.0), t(60)));
    assert_eq!(decide(&facts, &[], t(60)).journal.phase, Phase::Promoting);
}
