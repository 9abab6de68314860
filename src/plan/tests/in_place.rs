//! A release in place: shares of pods, and the ways back.

use super::*;

/// Five pods of one workload: `a` is what all had last, `b` what Git asks for, and has this share of them.
fn in_place(share: i64) -> Facts {
    let mut facts = if share == 0 { settled() } else { analysing(share) };
    facts.canary.layout = Layout::InPlace;
    facts.scaling = Scaling::Foreign;
    facts.snapshots = vec![rev("a")];
    let given = Percent::clamped(share).of(5);
    let seen = target(&mut facts);
    (seen.revision, seen.replicas, seen.rollout) = (rev("b"), 5, pods(given));
    facts.primary =
        Seen::Found(PrimarySeen { runs: PrimaryMatch::Revision(rev("a")), replicas: 5, rollout: pods(5 - given) });
    facts.endpoints = Endpoints { primary: 5 - given, canary: given, ..Endpoints::default() };
    facts.route = has(share);
    facts
}

fn has(share: i64) -> RouteSeen {
    RouteSeen::Seen { routing: Routing::split(Percent::clamped(share)), shape: Shape::AsWanted }
}

/// The release of `b` in this phase.
fn at(phase: Phase, share: i64) -> Facts {
    let mut facts = in_place(share);
    facts.journal.phase = phase;
    facts
}

#[test]
fn a_release_in_place_begins_without_a_pod_and_its_steps_are_whole_pods() {
    let mut facts = in_place(0);
    let plan = decide(&facts, &[], t(0));
    assert_eq!((plan.effects, plan.journal.phase), (vec![], Phase::Progressing));
    facts.journal = plan.journal;
    facts.journal.vacant_since = None;
    let plan = decide(&facts, &[], t(1));
    assert_eq!((plan.effects, plan.journal.weight), (vec![route(20)], Percent::clamped(20)));

    let Some(settings) = &mut facts.settings else { panic!("it has settings") };
    settings.strategy = weights(30, 90);
    let plan = decide(&facts, &[], t(1));
    assert_eq!((plan.effects, plan.journal.weight), (vec![route(40)], Percent::clamped(40)), "two of five");
}

#[test]
fn a_check_in_place_comes_no_sooner_than_its_window_after_the_last_new_pod() {
    let mut facts = in_place(20);
    facts.journal.step = facts.journal.step.map(|step| Step { waiting_since: Some(t(60)), ..step });
    target(&mut facts).rollout = Rollout { updated: 0, total: 0, available: 0, ..pods(1) };
    facts.endpoints.canary = 0;
    facts.journal = decide(&facts, &[], t(70)).journal;
    target(&mut facts).rollout = pods(1);
    facts.endpoints.canary = 1;
    let journal = decide(&facts, &[], t(100)).journal;
    assert_eq!(journal.vacant_since, Some(t(100)), "until now the pod was another revision's");
    assert!(journal.step.is_some_and(|step| step.next_check_at >= t(160)), "{:?}", journal.step);
}

#[test]
fn no_pod_is_given_to_a_template_that_the_controller_has_not_seen() {
    let mut facts = in_place(0);
    facts.journal = decide(&facts, &[], t(0)).journal;
    facts.journal.vacant_since = None;
    target(&mut facts).rollout.observed = false;
    assert_eq!(decide(&facts, &[], t(1)).effects, []);
    target(&mut facts).rollout.observed = true;
    assert_eq!(decide(&facts, &[], t(1)).effects, [route(20)]);
}

#[test]
fn one_pod_stays_until_the_promotion_which_gives_all_of_them() {
    let mut facts = in_place(40);
    let Some(settings) = &mut facts.settings else { panic!("it has settings") };
    settings.strategy = weights(60, 100);
    settings.kpis.clear();
    let plan = decide(&facts, &[], t(60));
    assert_eq!((plan.effects, plan.journal.weight), (vec![route(60)], Percent::clamped(60)));
    let mut facts = in_place(60);
    facts.settings = decided(&facts, weights(60, 100));
    let plan = decide(&facts, &[], t(60));
    assert_eq!(
        (plan.effects, plan.journal.weight),
        (vec![route(80)], Percent::clamped(80)),
        "100 % before the promotion"
    );
    let mut facts = in_place(80);
    facts.settings = decided(&facts, weights(60, 100));
    let plan = decide(&facts, &[], t(60));
    assert_eq!((plan.effects, plan.journal.phase), (vec![route(100)], Phase::Promoting));
}

fn decided(facts: &Facts, strategy: Strategy) -> Option<Settings> {
    facts.settings.clone().map(|settings| Settings { strategy, kpis: vec![], ..settings })
}

#[test]
fn a_promotion_in_place_is_over_when_every_pod_has_it_and_each_pod_has_the_whole_deadline() {
    let mut facts = at(Phase::Promoting, 40);
    facts.journal.step = facts.journal.step.map(|step| Step { waiting_since: Some(t(0)), ..step });
    facts.route = has(100);
    target(&mut facts).rollout = Rollout { desired: 5, ..pods(3) };
    let plan = decide(&facts, &[], t(599));
    assert_eq!((plan.effects.as_slice(), plan.journal.weight), (&[][..], Percent::clamped(60)));
    assert_eq!(plan.journal.step.and_then(|step| step.waiting_since), Some(t(599)));
    facts.journal = plan.journal;
    assert_eq!(decide(&facts, &[], t(1198)).journal.phase, Phase::Promoting);

    let plan = decide(&facts, &[], t(1199));
    assert_eq!((plan.journal.phase, plan.effects), (Phase::Failed, vec![route(0)]), "the fourth pod never came");
    assert!(matches!(plan.notices[..], [.., Notice::PromotionFailed(_), Notice::RolledBack]), "{:?}", plan.notices);

    facts.primary = Seen::Found(PrimarySeen { runs: PrimaryMatch::Revision(rev("b")), replicas: 5, rollout: pods(5) });
    facts.route = has(0);
    let plan = decide(&facts, &[], t(700));
    assert_eq!(plan.journal.phase, Phase::Finalising);
}

#[test]
fn a_newer_template_in_the_middle_of_a_promotion_gets_no_pod_of_it() {
    let mut facts = at(Phase::Promoting, 40);
    facts.route = has(100);
    target(&mut facts).revision = rev("c");
    let plan = decide(&facts, &[], t(60));
    assert_eq!((plan.effects, plan.journal.weight), (vec![route(0)], Percent::ZERO));
    assert_eq!((plan.journal.phase, plan.notices), (Phase::Progressing, vec![Notice::Restarted]));

    target(&mut facts).revision = rev("a");
    let plan = decide(&facts, &[], t(60));
    assert_eq!((plan.journal.phase, plan.notices), (Phase::Finalising, vec![Notice::Withdrawn]));
}

/// Before there was a Canary a new template came to two pods of five, of which one is down or the partition keeps the others.
fn on_its_way(share: i64) -> Plan {
    let mut facts = at(Phase::Initializing, 40);
    facts.journal.weight = Percent::ZERO;
    facts.route = has(share);
    let rollout = Rollout { desired: 5, ..pods(3) };
    facts.primary = Seen::Found(PrimarySeen { runs: PrimaryMatch::Revision(rev("a")), replicas: 5, rollout });
    decide(&facts, &[], t(60))
}

#[test]
fn a_first_rollout_that_a_broken_pod_holds_up_is_freed() {
    assert_eq!(on_its_way(100).effects, [Effect::Primary(PrimarySource::Target(rev("b")))]);
}

#[test]
fn a_partition_that_somebody_left_is_taken_back_before_anything_is_released() {
    assert!(on_its_way(40).effects.contains(&route(0)));
}

#[test]
fn in_place_nobody_stands_in_for_pods_that_are_down() {
    let mut facts = in_place(20);
    facts.endpoints.primary = 0;
    if let Seen::Found(primary) = &mut facts.primary {
        primary.rollout.available = 0;
    }
    assert_eq!(decide(&facts, &[], t(30)).effects, [], "nobody judged more than the share it has");
}

#[test]
fn what_another_hand_brought_to_every_pod_is_what_serves() {
    for phase in [Phase::Progressing, Phase::Failed] {
        let mut facts = at(phase, 20);
        facts.journal.weight = Percent::ZERO;
        facts.route = has(0);
        facts.primary =
            Seen::Found(PrimarySeen { runs: PrimaryMatch::Revision(rev("b")), replicas: 5, rollout: pods(5) });
        assert_eq!(decide(&facts, &[], t(30)).journal.phase, Phase::Finalising, "{phase}");
    }
}

#[test]
fn a_deleted_canary_gives_the_partition_back_at_once() {
    let mut facts = Facts { deleting: true, finalizer: true, ..in_place(0) };
    facts.journal = decide(&facts, &[], t(0)).journal;
    let plan = decide(&facts, &[], t(1));
    assert!(plan.effects.contains(&Effect::ReleaseRoute), "{:?}", plan.effects);
}

#[test]
fn a_release_in_place_says_how_many_pods_it_has() {
    let mut facts = in_place(40);
    facts.journal.step = facts.journal.step.map(|step| Step { next_check_at: t(999), ..step });
    let journal = decide(&facts, &[], t(30)).journal;
    let said = journal.condition(ConditionKind::Reconciling).map(|condition| condition.message.as_str());
    assert_eq!(
        said,
        Some("A release is under way: 2 of 5 pods are of the new revision, and its weight is the share of them.")
    );
}

/// The same of a DaemonSet on so many nodes, of which this share is given.
fn on_nodes(nodes: u32, phase: Phase, share: i64) -> Facts {
    let mut facts = at(phase, share);
    let given = Percent::clamped(share).of(nodes);
    let seen = target(&mut facts);
    (seen.replicas, seen.rollout, seen.replacement) = (nodes, pods(given), Replacement::OnDelete);
    facts
}

#[test]
fn where_no_controller_says_that_all_pods_have_a_revision_it_is_noted_when_they_do() {
    let mut facts = on_nodes(5, Phase::Promoting, 100);
    let noted = Effect::Primary(PrimarySource::Target(rev("b")));
    let plan = decide(&facts, &[], t(60));
    assert_eq!((plan.effects, plan.journal.phase), (vec![noted.clone()], Phase::Promoting));
    target(&mut facts).rollout.available = 4;
    assert!(!decide(&facts, &[], t(60)).effects.contains(&noted), "one does not answer");
    let mut partial = on_nodes(5, Phase::Promoting, 80);
    partial.route = has(100);
    assert!(!decide(&partial, &[], t(60)).effects.contains(&noted), "one is still of the revision before");
}

#[test]
fn a_pod_that_is_the_only_one_is_judged_before_the_promotion_where_there_is_a_way_back() {
    let mut facts = on_nodes(1, Phase::Progressing, 0);
    facts.journal = decide(&facts, &[], t(0)).journal;
    facts.journal.vacant_since = None;
    let plan = decide(&facts, &[], t(1));
    assert_eq!((plan.effects, plan.journal.phase), (vec![route(100)], Phase::Progressing));
    target(&mut facts).replacement = Replacement::Rolling;
    assert_ne!(decide(&facts, &[], t(1)).effects, [route(100)]);
}

#[test]
fn a_share_that_waits_for_the_controller_was_taken_away_by_no_other_hand() {
    let mut facts = in_place(0);
    facts.journal = decide(&facts, &[], t(0)).journal;
    facts.journal.vacant_since = None;
    target(&mut facts).rollout.observed = false;
    facts.journal = decide(&facts, &[], t(1)).journal;
    assert_eq!(facts.journal.weight, Percent::clamped(20));
    target(&mut facts).rollout.observed = true;
    let plan = decide(&facts, &[], t(2));
    assert_eq!((plan.effects, plan.notices), (vec![route(20)], vec![]));
}

#[test]
fn a_share_that_is_withheld_starts_no_wait_anew_and_ends_at_the_deadline() {
    let mut facts = in_place(0);
    facts.journal = decide(&facts, &[], t(0)).journal;
    facts.journal.vacant_since = None;
    target(&mut facts).rollout.observed = false;
    facts.journal = decide(&facts, &[], t(1)).journal;
    let again = decide(&facts, &[], t(2)).journal;
    assert_eq!((again.weight, &again.step), (Percent::clamped(20), &facts.journal.step), "nothing is written");
    assert_eq!(decide(&facts, &[], t(700)).journal.phase, Phase::Failed);
}
