//! Hooks that hold, end or follow a release.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use super::*;

fn hook(moment: Moment) -> Hook {
    Hook {
        name: moment.as_str().into(),
        moment,
        url: "http://gate".into(),
        timeout: Duration::from_secs(10),
        retries: 0,
        trust: Trust::System,
        keys: HookKeys::default(),
        deadline: None,
        metadata: BTreeMap::new(),
    }
}

/// The same facts under a spec with these hooks.
pub(super) fn with_hooks(mut facts: Facts, moments: &[Moment]) -> Facts {
    facts.settings.as_mut().unwrap().hooks = moments.iter().copied().map(hook).collect();
    facts
}

/// The same under a spec whose one hook has a deadline of five minutes.
fn with_deadline(facts: Facts, moment: Moment, then: Overdue) -> Facts {
    let mut facts = with_hooks(facts, &[moment]);
    let deadline = Some(Deadline { after: Duration::from_secs(300), then });
    facts.settings.as_mut().unwrap().hooks.iter_mut().for_each(|hook| hook.deadline = deadline);
    facts
}

/// What the hook of each moment says.
fn said(replies: &[(Moment, Reply)]) -> Vec<Answer> {
    let call = |moment| Call { hook: hook(moment), phase: Phase::Progressing, revision: None, check: None };
    replies.iter().map(|(moment, reply)| Answer::Hook(call(*moment), reply.clone())).collect()
}

fn no() -> Reply {
    Reply::No("answered 403: Forbidden".into())
}

fn closed(moment: Moment) -> Notice {
    Notice::GateClosed(moment, moment.as_str().into(), "answered 403: Forbidden".into())
}

/// The hooks that are asked now: their moments, and the phase and revision that they are told.
fn asked(facts: &Facts, answers: &[Answer], second: i64) -> Vec<(Moment, Phase, Option<Revision>)> {
    let calls = questions(facts, answers, t(second)).into_iter().filter_map(|question| match question {
        Question::Hook(call) => Some((call.hook.moment, call.phase, call.revision)),
        Question::Measure(_) | Question::Watch(_) | Question::Compare(..) | Question::Turn => None,
    });
    calls.collect()
}

fn moments(facts: &Facts, answers: &[Answer], second: i64) -> Vec<Moment> {
    asked(facts, answers, second).into_iter().map(|(moment, ..)| moment).collect()
}

/// What comes of these answers, with the facts in which it is written down and routed.
fn decided(facts: &Facts, answers: &[Answer], second: i64) -> (Facts, Plan) {
    let plan = decide(facts, answers, t(second));
    let route = plan.effects.iter().rev().find_map(|effect| match effect {
        Effect::Route(routing) => Some(RouteSeen::Seen { routing: routing.clone(), shape: Shape::AsWanted }),
        _ => None,
    });
    let route = route.unwrap_or_else(|| facts.route.clone());
    (Facts { journal: plan.journal.clone(), route, ..facts.clone() }, plan)
}

/// Revision `b` waits for its approval since second 0.
fn waiting() -> Facts {
    let mut facts = with_hooks(settled(), &[Moment::ConfirmRollout, Moment::Rollback]);
    target(&mut facts).revision = rev("b");
    let (facts, plan) = decided(&facts, &said(&[(Moment::ConfirmRollout, no())]), 0);
    assert_eq!(plan.notices, [closed(Moment::ConfirmRollout)]);
    facts
}

#[test]
fn a_closed_gate_is_told_once_and_no_pod_starts_before_it_opens() {
    let facts = waiting();
    assert_eq!((facts.journal.phase, facts.journal.weight), (Phase::Waiting, Percent::ZERO));
    assert_eq!(moments(&facts, &[], 59), [Moment::Rollback], "the gate is asked once an interval");
    assert_eq!(asked(&facts, &[], 60).last(), Some(&(Moment::ConfirmRollout, Phase::Waiting, Some(rev("b")))));
    let (facts, plan) = decided(&facts, &said(&[(Moment::ConfirmRollout, no())]), 60);
    assert_eq!((plan.effects, plan.notices), (vec![], vec![]));
    let (facts, plan) = decided(&facts, &said(&[(Moment::ConfirmRollout, Reply::Yes)]), 120);
    assert_eq!((facts.journal.phase, plan.effects), (Phase::Progressing, vec![Effect::ScaleTarget(2)]));
}

#[test]
fn a_newer_revision_takes_the_place_of_the_one_that_waits() {
    let mut facts = waiting();
    target(&mut facts).revision = rev("c");
    assert!(asked(&facts, &[], 60).contains(&(Moment::ConfirmRollout, Phase::Waiting, Some(rev("c")))));
    let (facts, _) = decided(&facts, &said(&[(Moment::ConfirmRollout, Reply::Yes)]), 60);
    assert_eq!((facts.journal.phase, facts.journal.last_applied), (Phase::Progressing, Some(rev("c"))));
}

#[test]
fn back_at_the_promoted_revision_nothing_waits_any_more() {
    let mut facts = waiting();
    target(&mut facts).revision = rev("a");
    let (facts, plan) = decided(&facts, &[], 30);
    assert_eq!((facts.journal.phase, plan.notices), (Phase::Succeeded, vec![Notice::Withdrawn]));
    assert_eq!((asked(&facts, &[], 60), plan.effects), (vec![], vec![]));
}

#[test]
fn a_rollback_hook_ends_what_waits_and_it_is_not_asked_about_again() {
    let (facts, plan) = decided(&waiting(), &said(&[(Moment::Rollback, Reply::Yes)]), 60);
    assert_eq!((facts.journal.phase, facts.journal.last_applied.clone()), (Phase::Failed, Some(rev("b"))));
    assert!(plan.notices.contains(&Notice::RollbackRequested), "{:?}", plan.notices);
    assert_eq!(asked(&facts, &[], 600), []);
}

#[test]
fn a_rollback_hook_ends_a_release_at_once_also_one_that_waits_for_its_promotion() {
    for phase in [Phase::Progressing, Phase::WaitingPromotion] {
        let mut facts = with_hooks(analysing(40), &[Moment::Rollback]);
        facts.journal.phase = phase;
        assert_eq!(asked(&facts, &[], 5), [(Moment::Rollback, phase, Some(rev("b")))], "no check is due");
        let (facts, plan) = decided(&facts, &said(&[(Moment::Rollback, Reply::Yes)]), 5);
        assert_eq!((facts.journal.phase, plan.effects), (Phase::Failed, vec![route(0)]));
        assert!(plan.notices.contains(&Notice::RollbackRequested), "{:?}", plan.notices);
    }
}

/// The last step of revision `b` is passed; its promotion waits.
fn waiting_for_promotion() -> Facts {
    let facts = with_hooks(analysing(60), &[Moment::ConfirmPromotion]);
    let answers = [success(100.0), said(&[(Moment::ConfirmPromotion, no())])].concat();
    let (facts, plan) = decided(&facts, &answers, 60);
    assert_eq!((plan.effects, plan.notices), (vec![], vec![closed(Moment::ConfirmPromotion)]));
    facts
}

#[test]
fn a_promotion_that_waits_again_after_more_steps_is_told_again() {
    let mut facts = waiting_for_promotion();
    facts.settings.as_mut().unwrap().strategy = weights(20, 80);
    let (facts, plan) = decided(&facts, &success(100.0), 120);
    assert_eq!((plan.journal.phase, plan.effects), (Phase::Progressing, vec![route(80)]));
    let answers = [success(100.0), said(&[(Moment::ConfirmPromotion, no())])].concat();
    let (_, plan) = decided(&facts, &answers, 180);
    assert_eq!((plan.journal.phase, plan.notices), (Phase::WaitingPromotion, vec![closed(Moment::ConfirmPromotion)]));
}

#[test]
fn a_promotion_that_is_refused_keeps_its_weight_and_is_judged_meanwhile() {
    let facts = waiting_for_promotion();
    assert_eq!((facts.journal.phase, facts.journal.weight), (Phase::WaitingPromotion, Percent::clamped(60)));
    let again = [success(100.0), said(&[(Moment::ConfirmPromotion, no())])].concat();
    assert_eq!(decided(&facts, &again, 120).1.notices, [], "told once");
    let (failing, _) = decided(&facts, &success(0.0), 120);
    assert_eq!((failing.journal.phase, failing.journal.failed_checks), (Phase::WaitingPromotion, 1));
    let (failed, plan) = decided(&failing, &success(0.0), 180);
    assert_eq!((failed.journal.phase, plan.effects), (Phase::Failed, vec![route(0)]));
    let open = [success(100.0), said(&[(Moment::ConfirmPromotion, Reply::Yes)])].concat();
    assert_eq!(decided(&facts, &open, 120).0.journal.phase, Phase::Promoting);
}

#[test]
fn failed_checks_count_while_a_gate_is_closed() {
    let mut facts = waiting_for_promotion();
    facts.journal.failed_checks = 2;
    let (facts, plan) = decided(&facts, &[], 61);
    assert_eq!((facts.journal.phase, plan.effects), (Phase::Failed, vec![route(0)]));
    let mut facts = with_hooks(analysing(20), &[Moment::ConfirmTrafficIncrease]);
    facts = decided(&facts, &[success(100.0), said(&[(Moment::ConfirmTrafficIncrease, no())])].concat(), 60).0;
    facts = decided(&facts, &success(0.0), 120).0;
    assert_eq!(decided(&facts, &success(0.0), 180).0.journal.phase, Phase::Failed);
}

/// The check of the last of two blue/green iterations.
fn blue_green() -> Facts {
    let mut facts = with_hooks(analysing(0), &[Moment::ConfirmPromotion]);
    let strategy = Strategy::BlueGreen { iterations: NonZeroU32::new(2).unwrap(), mirror: Mirror::Off };
    facts.journal.step = facts.journal.step.map(|s| Step { course: strategy.course(), ..s });
    facts.journal.iterations = 2;
    facts.settings.as_mut().unwrap().strategy = strategy;
    facts
}

#[test]
fn a_blue_green_release_that_is_refused_stays_idle_and_keeps_its_count() {
    let refused = [success(100.0), said(&[(Moment::ConfirmPromotion, no())])].concat();
    let (facts, plan) = decided(&blue_green(), &refused, 60);
    assert_eq!((facts.journal.phase, plan.effects), (Phase::WaitingPromotion, vec![]));
    assert_eq!((facts.journal.iterations, facts.journal.weight), (2, Percent::ZERO));
    assert_eq!(moments(&facts, &success(100.0), 120), [Moment::ConfirmPromotion], "it is asked again");
}

#[test]
fn a_blue_green_release_is_agreed_to_once() {
    let open = [success(100.0), said(&[(Moment::ConfirmPromotion, Reply::Yes)])].concat();
    let (facts, plan) = decided(&blue_green(), &open, 60);
    assert_eq!((facts.journal.weight, plan.effects), (Percent::FULL, vec![route(100)]));
    assert_eq!(
        moments(&facts, &success(100.0), 120),
        [],
        "everything is on the canary: nobody can refuse that any more"
    );
    let (facts, _) = decided(&facts, &success(100.0), 120);
    assert_eq!((facts.journal.phase, facts.journal.weight), (Phase::Promoting, Percent::FULL));
}

#[test]
fn a_refused_step_freezes_the_weight_and_fails_no_check() {
    let facts = with_hooks(analysing(20), &[Moment::ConfirmTrafficIncrease]);
    let refused = [success(100.0), said(&[(Moment::ConfirmTrafficIncrease, no())])].concat();
    let (facts, plan) = decided(&facts, &refused, 60);
    assert_eq!((plan.effects, plan.notices), (vec![], vec![closed(Moment::ConfirmTrafficIncrease)]));
    assert_eq!((facts.journal.phase, facts.journal.failed_checks), (Phase::Progressing, 0));
    let (facts, plan) = decided(&facts, &refused, 120);
    assert_eq!((facts.journal.weight, plan.notices), (Percent::clamped(20), vec![]), "told once");
    let open = [success(100.0), said(&[(Moment::ConfirmTrafficIncrease, Reply::Yes)])].concat();
    assert_eq!(decided(&facts, &open, 180).1.effects, [route(40)]);
}

#[test]
fn the_check_that_promotes_asks_for_no_more_traffic() {
    let facts = with_hooks(analysing(60), &[Moment::ConfirmTrafficIncrease, Moment::ConfirmPromotion]);
    assert_eq!(moments(&facts, &success(100.0), 60), [Moment::ConfirmPromotion]);
}

#[test]
fn a_gate_past_its_deadline_ends_the_release_or_lets_it_go_on_as_the_spec_says() {
    for (then, effect, phase) in
        [(Overdue::RollBack, route(0), Phase::Failed), (Overdue::GoOn, route(40), Phase::Progressing)]
    {
        let facts = with_deadline(analysing(20), Moment::ConfirmTrafficIncrease, then);
        // The answers are those of the very hook.
        let hook = facts.settings.as_ref().unwrap().hooks[0].clone();
        let call = Call { hook, phase: Phase::Progressing, revision: None, check: None };
        let answers = [success(100.0), vec![Answer::Hook(call, no())]].concat();
        let (facts, _) = decided(&facts, &answers, 60);
        let (facts, plan) = decided(&facts, &answers, 359);
        assert_eq!((plan.effects, plan.notices), (vec![], vec![]));
        let facts = Facts { journal: Journal { step: facts.journal.step.map(due), ..facts.journal }, ..facts };
        let (facts, plan) = decided(&facts, &answers, 360);
        assert_eq!((facts.journal.phase, plan.effects), (phase, vec![effect]));
        assert!(plan.notices.contains(&Notice::GateOverdue("confirm-traffic-increase".into(), then)));
    }
}

/// The next check is due.
fn due(step: Step) -> Step {
    Step { next_check_at: t(0), ..step }
}

/// Revision `b` is ready for its first share.
fn prepared(moments: &[Moment]) -> Facts {
    let mut facts = with_hooks(analysing(0), moments);
    facts.journal.step = facts.journal.step.map(due);
    facts
}

#[test]
fn pre_rollout_hooks_are_called_once_for_a_revision_however_long_its_first_step_is_refused() {
    let facts = prepared(&[Moment::PreRollout, Moment::ConfirmTrafficIncrease]);
    assert_eq!(moments(&facts, &[], 1), [Moment::PreRollout]);
    let answers = said(&[(Moment::PreRollout, Reply::Yes), (Moment::ConfirmTrafficIncrease, no())]);
    let (mut facts, plan) = decided(&facts, &answers, 1);
    assert_eq!((plan.effects, facts.journal.weight), (vec![], Percent::ZERO));
    assert!(!plan.notices.contains(&Notice::Started), "{:?}", plan.notices);
    for second in [61, 121] {
        assert_eq!(moments(&facts, &[], second), [Moment::ConfirmTrafficIncrease]);
        let (next, plan) = decided(&facts, &said(&[(Moment::ConfirmTrafficIncrease, no())]), second);
        assert_eq!((plan.effects, plan.notices), (vec![], vec![]));
        facts = next;
    }
    let (_, plan) = decided(&facts, &said(&[(Moment::ConfirmTrafficIncrease, Reply::Yes)]), 181);
    assert_eq!(plan.effects, [route(20)]);
}

#[test]
fn a_pre_rollout_hook_that_fails_is_a_failed_check_and_gives_no_traffic() {
    let refused = said(&[(Moment::PreRollout, no())]);
    let (facts, plan) = decided(&prepared(&[Moment::PreRollout]), &refused, 1);
    assert_eq!((facts.journal.failed_checks, plan.effects), (1, vec![]));
    assert_eq!(moments(&facts, &[], 61), [Moment::PreRollout], "it is called again");
    let (facts, _) = decided(&facts, &refused, 61);
    assert_eq!(facts.journal.phase, Phase::Failed);
}

/// How the hooks that follow the release are called, and that they are called once.
fn follows(before: &Facts, second: i64, end: Phase) {
    let (facts, _) = decided(before, &success(0.0), second);
    assert_eq!(facts.journal.phase, end);
    let revision = facts.journal.last_applied.clone();
    assert_eq!(asked(&facts, &[], second + 1), [(Moment::PostRollout, end, revision)]);
    let (facts, plan) = decided(&facts, &said(&[(Moment::PostRollout, Reply::Yes)]), second + 1);
    assert!(plan.notices.contains(&Notice::HookPassed(Moment::PostRollout, "post-rollout".into())));
    assert_eq!(asked(&facts, &[], second + 2), []);
}

#[test]
fn post_rollout_hooks_follow_every_end_of_a_release_once_and_hear_how_it_ended() {
    let mut failing = with_hooks(analysing(20), &[Moment::PostRollout]);
    failing.journal.failed_checks = 1;
    follows(&failing, 60, Phase::Failed);
    let mut done = with_hooks(analysing(0), &[Moment::PostRollout]);
    done.journal.phase = Phase::Finalising;
    done.primary = Seen::Found(PrimarySeen { runs: PrimaryMatch::Revision(rev("b")), replicas: 2, rollout: pods(2) });
    follows(&done, 60, Phase::Succeeded);
    done.settings.as_mut().unwrap().strategy = Strategy::Skip;
    follows(&done, 60, Phase::Succeeded);
}

#[test]
fn a_post_rollout_hook_that_fails_changes_nothing() {
    let mut facts = with_hooks(analysing(20), &[Moment::PostRollout]);
    facts.journal.failed_checks = 1;
    let (facts, _) = decided(&facts, &success(0.0), 60);
    let (after, plan) = decided(&facts, &said(&[(Moment::PostRollout, no())]), 61);
    assert!(matches!(plan.notices.as_slice(), [Notice::HookFailed(Moment::PostRollout, ..)]), "{:?}", plan.notices);
    assert_eq!((after.journal.phase, asked(&after, &[], 121)), (Phase::Failed, vec![]));
}

#[test]
fn a_release_without_analysis_asks_only_for_its_beginning_and_tells_its_end() {
    let all = [Moment::ConfirmRollout, Moment::PreRollout, Moment::Rollout, Moment::ConfirmPromotion];
    let mut facts = with_hooks(settled(), &all);
    facts.settings.as_mut().unwrap().strategy = Strategy::Skip;
    target(&mut facts).revision = rev("b");
    assert_eq!(asked(&facts, &[], 0), [(Moment::ConfirmRollout, Phase::Initialized, Some(rev("b")))]);
    let mut facts = Facts { journal: facts.journal, ..with_hooks(analysing(0), &all) };
    facts.settings.as_mut().unwrap().strategy = Strategy::Skip;
    let (facts, _) = decided(&facts, &said(&[(Moment::ConfirmRollout, Reply::Yes)]), 0);
    assert_eq!(asked(&facts, &[], 60), []);
    let (facts, plan) = decided(&facts, &[], 60);
    assert_eq!((facts.journal.phase, plan.notices), (Phase::Promoting, vec![Notice::Copying]));
}

#[test]
fn testers_see_a_canary_whose_first_weight_waits_for_a_yes() {
    let mut facts = with_hooks(analysing(0), &[Moment::PreRollout, Moment::ConfirmTrafficIncrease]);
    facts.settings.as_mut().unwrap().preview = true;
    facts.journal.step = facts.journal.step.map(|step| Step { waiting_since: Some(t(0)), ..step });
    let (facts, plan) = decided(&facts, &said(&[(Moment::PreRollout, no())]), 60);
    assert_eq!(plan.effects, [], "not before the hooks that come before any traffic");
    let answers = said(&[(Moment::PreRollout, Reply::Yes), (Moment::ConfirmTrafficIncrease, no())]);
    let (_, plan) = decided(&facts, &answers, 120);
    assert_eq!(plan.effects, [Effect::Route(Routing { preview: true, ..Routing::PRIMARY })]);
    assert_eq!(plan.journal.weight, Percent::ZERO);
}
