//! Checks of a KPI that is compared with the primary.

use super::*;

fn comparing(rules: Rules) -> Facts {
    let mut facts = analysing(20);
    facts.settings = facts.settings.map(|mut settings| {
        settings.kpis[0].comparison = Some(Comparison { test: Test::RateRatio, margin: 0.25, alpha: 0.01 });
        settings.kpis[0].rules = rules;
        settings
    });
    facts
}

/// So many failures of 1000 requests on each side.
fn failures(canary: f64, primary: f64) -> Vec<Answer> {
    let tally = |bad| Tally { bad, total: 1000.0 };
    let sample = Sample::Counted { canary: tally(canary), primary: tally(primary), before: Vec::new() };
    vec![Answer::Measured("request-success-rate".into(), Measurement::Both(sample))]
}

fn routed(weight: i64) -> RouteSeen {
    RouteSeen::Seen { routing: Routing::split(Percent::clamped(weight)), shape: Shape::AsWanted }
}

#[test]
fn certain_harm_ends_the_release_at_once_however_many_checks_may_fail() {
    let facts = comparing(Rules::default());
    let plan = decide(&facts, &failures(200.0, 1.0), t(60));
    assert_eq!((plan.journal.phase, plan.journal.weight), (Phase::Failed, Percent::ZERO));
    let told = plan.notices.iter().find_map(|notice| match notice {
        Notice::HarmFound(why) => Some(why.clone()),
        _ => None,
    });
    assert!(told.unwrap().contains("certainly worse"));
}

#[test]
fn a_check_without_certain_harm_goes_on_and_the_next_begins_where_it_ended() {
    let mut facts = comparing(Rules::default());
    let asked = questions(&facts, &[], t(60));
    let started = facts.journal.step.unwrap().started_at.max(facts.journal.vacant_since.unwrap_or(t(0)));
    assert!(
        matches!(&asked[..], [Question::Compare(_, span)] if span.first && span.from == started.after(Duration::from_secs(5))),
        "{asked:?}"
    );
    let plan = decide(&facts, &failures(2.0, 1.0), t(60));
    assert_eq!(plan.journal.weight, Percent::clamped(40));
    facts.journal = plan.journal;
    facts.route = routed(40);
    let asked = questions(&facts, &[], t(120));
    let follows = |span: &Span| !span.first && span.from == t(60) && span.to == t(120);
    assert!(matches!(&asked[..], [Question::Compare(_, span)] if follows(span)), "{asked:?}");
}

#[test]
fn certain_harm_does_not_wait_for_the_next_check() {
    let mut facts = comparing(Rules::default());
    assert!(questions(&facts, &[], t(19)).is_empty());
    let asked = questions(&facts, &[], t(20));
    assert!(matches!(&asked[..], [Question::Compare(_, span)] if span.to == t(20)), "{asked:?}");
    let calm = decide(&facts, &failures(2.0, 1.0), t(20));
    assert_eq!((calm.journal.weight, calm.journal.failed_checks), (Percent::clamped(20), 0));
    assert_eq!(calm.journal.step, facts.journal.step, "a look moves nothing");
    assert!(calm.notices.is_empty() && calm.effects.is_empty());
    assert_eq!(calm.wake, Some(t(35)));
    facts.journal = calm.journal;
    assert!(questions(&facts, &[], t(34)).is_empty());
    let harm = decide(&facts, &failures(200.0, 1.0), t(35));
    assert_eq!((harm.journal.phase, harm.journal.weight), (Phase::Failed, Percent::ZERO));
}

#[test]
fn a_look_that_finds_nothing_is_not_repeated_at_once_and_none_comes_shortly_before_a_check() {
    let mut facts = comparing(Rules::default());
    let down = vec![Answer::Measured("request-success-rate".into(), Measurement::Error("down".into()))];
    let plan = decide(&facts, &down, t(20));
    assert_eq!((plan.journal.failed_checks, plan.wake), (0, Some(t(35))));
    facts.journal = decide(&facts, &failures(0.0, 0.0), t(45)).journal;
    assert!(questions(&facts, &[], t(59)).is_empty());
    assert_eq!(decide(&facts, &[], t(50)).wake, Some(t(60)));
}

#[test]
fn a_promotion_without_certainty_is_held_where_the_user_asked_for_it() {
    let hold = Rules { on_inconclusive: Recourse::Hold(Duration::from_secs(600)), ..Rules::default() };
    let mut facts = comparing(hold);
    facts.journal.weight = Percent::clamped(60);
    facts.journal.step = facts.journal.step.map(|step| Step { weight: Percent::clamped(60), ..step });
    facts.route = routed(60);
    let plan = decide(&facts, &failures(2.0, 2.0), t(60));
    assert_eq!((plan.journal.phase, plan.journal.weight), (Phase::Progressing, Percent::clamped(60)));
    assert!(plan.journal.step.unwrap().held_since.is_some());
    facts.journal = plan.journal;
    let safe = decide(&facts, &failures(40.0, 100.0), t(120));
    assert_eq!(safe.journal.phase, Phase::Promoting, "{:?}", safe.journal.readings);
}
