//! Flagger's texts, and the laws that recorders and the apiserver set.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::model::{Layout, Overdue, Time};

fn who() -> CanaryRef {
    CanaryRef { target: "podinfo-app".to_owned(), ..CanaryRef::podinfo() }
}

fn reading(verdict: Verdict, explanation: &str) -> Reading {
    let (name, explanation, interval) = ("M".to_owned(), explanation.to_owned(), "1m".to_owned());
    Reading { name, value: None, verdict, explanation, interval, measured_at: None, needs: None, compared: None }
}

fn said(notice: &Notice) -> String {
    event(notice, &who()).note
}

const UPDATING: Unready = Unready::Updating { updated: 0, desired: 1 };

/// One notice for each reason, in the order of the reasons.
fn one_of_each() -> Vec<Notice> {
    let ten = Percent::clamped(10);
    vec![
        Notice::Initialized,
        Notice::FirstFailed(3),
        Notice::NewRevision,
        Notice::Restarted,
        Notice::CourseChanged(Course::AbTest),
        Notice::Started,
        Notice::Mirroring,
        Notice::Advanced(ten),
        Notice::Iterated(1, 10),
        Notice::RoutingToCanary(Mirror::Off),
        Notice::Halted(reading(Verdict::Fail, "M 12.34 > 10")),
        Notice::Halted(reading(Verdict::NoData, "no values found for metric: M: empty")),
        Notice::Halted(reading(Verdict::Inconclusive, "M is inconclusive: 12 requests within 1m")),
        Notice::Halted(reading(Verdict::Error, "Prometheus query failed for M: refused")),
        Notice::CanaryNotReady(UPDATING),
        Notice::PrimaryNotReady(UPDATING),
        Notice::Copying,
        Notice::PrimaryAdvanced(ten),
        Notice::RoutingToPrimary,
        Notice::Baking(Time::from_millis(0)),
        Notice::BakeFailed(2),
        Notice::Returning,
        Notice::Promoted,
        Notice::PromotedUnanalysed,
        Notice::ThresholdReached(5),
        Notice::HarmFound("errors 12 times the primary's (6 to 30); certainly worse".to_owned()),
        Notice::DeadlineExceeded(UPDATING),
        Notice::RolledBack,
        Notice::Frozen,
        Notice::PromotionFailed(Unready::DeadlineExceeded),
        Notice::Withdrawn,
        Notice::RouteDrift(Percent::FULL, ten),
        Notice::Requested { request: "pause/1".to_owned(), by: Some("kubectl".to_owned()), outcome: "held".to_owned() },
        Notice::Aborted(None),
        Notice::OwnershipConflict(Some("kubectl-edit".to_owned())),
        Notice::PrimaryDrift,
        Notice::PrimaryDown,
        Notice::HookPassed(Moment::PreRollout, "smoke".to_owned()),
        Notice::GateClosed(Moment::ConfirmPromotion, "ask".to_owned(), "answered 403: Forbidden".to_owned()),
        Notice::GateOverdue("ask".to_owned(), Overdue::RollBack),
        Notice::HookFailed(Moment::Rollout, "load".to_owned(), "answered 500: boom".to_owned()),
        Notice::Held(Wait::new("a freeze of spec.schedule", None)),
        Notice::GroupFailed("shop".to_owned(), "login".to_owned()),
        Notice::RollbackRequested,
        Notice::Suspended,
        Notice::Terminating,
        Notice::Terminated,
    ]
}

#[test]
fn each_notice_has_a_reason_of_its_own_and_each_reason_a_notice() {
    let used: Vec<&str> = one_of_each().iter().map(|notice| event(notice, &who()).reason).collect();
    let listed: Vec<&str> = ALL.iter().map(|reason| reason.name).collect();
    assert_eq!(used, listed);
    assert_eq!(used.iter().collect::<BTreeSet<_>>().len(), used.len());
}

#[test]
fn reasons_are_camel_case_and_their_meanings_sentences() {
    for Reason { name, meaning } in ALL {
        assert!(name.starts_with(char::is_uppercase) && name.chars().all(char::is_alphanumeric), "{name}");
        assert!(meaning.starts_with(char::is_uppercase) && meaning.ends_with('.'), "{meaning}");
    }
}

#[test]
fn no_reason_is_that_of_a_sentence_about_an_object() {
    let sentences: BTreeSet<_> = crate::api::sentences::ALL.iter().map(|sentence| sentence.reason).collect();
    assert_eq!(ALL.iter().find(|reason| sentences.contains(reason.name)), None);
}

#[test]
fn the_texts_are_those_that_pipelines_grep_for() {
    let ours = |n: &&Notice| {
        matches!(n, Notice::FirstFailed(_) | Notice::Baking(_) | Notice::BakeFailed(_) | Notice::Returning)
    };
    let texts: Vec<String> = one_of_each().iter().filter(|notice| !ours(notice)).map(said).collect();
    let updating = "waiting for rollout to finish: 0 out of 1 new replicas have been updated";
    let flagger = [
        "Initialization done! podinfo.test",
        "New revision detected! Scaling up podinfo-app.test",
        "New revision detected! Restarting analysis for podinfo-app.test",
        "spec.analysis of podinfo.test asks for ab-testing now, so its release starts again with no traffic",
        "Starting canary analysis for podinfo-app.test",
        "Advance podinfo.test canary weight 0, with copies of the requests",
        "Advance podinfo.test canary weight 10",
        "Advance podinfo.test canary iteration 1/10",
        "Routing all traffic to canary",
        "Halt podinfo.test advancement M 12.34 > 10",
        "Halt advancement no values found for metric: M: empty",
        "Halt podinfo.test advancement M is inconclusive: 12 requests within 1m",
        "Prometheus query failed for M: refused",
        &format!("canary deployment podinfo-app.test not ready: {updating}"),
        &format!("podinfo-app-primary.test not ready: {updating}"),
        "Copying podinfo-app.test template spec to podinfo-app-primary.test",
        "Advance podinfo.test primary weight 10",
        "Routing all traffic to primary",
        "Promotion completed! Scaling down podinfo-app.test",
        "Promotion completed! Canary analysis was skipped for podinfo-app.test",
        "Rolling back podinfo.test failed checks threshold reached 5",
        "Rolling back podinfo.test errors 12 times the primary's (6 to 30); certainly worse",
        &format!(
            "Rolling back podinfo.test progress deadline exceeded canary deployment podinfo-app.test not ready: {updating}"
        ),
        "Canary failed! Scaling down podinfo.test",
        "Canary failed! podinfo.test keeps its pods for a look, until the next revision",
        "Promotion of podinfo-app.test failed, primary not ready: deployment \"podinfo-app-primary\" exceeded its progress deadline",
    ];
    assert_eq!(texts[..flagger.len()], flagger);
    let last = [
        "skipping canary run as object is suspended",
        "Terminating canary podinfo.test",
        "Terminated canary podinfo.test",
    ];
    assert_eq!(texts[texts.len() - last.len()..], last);
}

#[test]
fn our_own_texts_name_what_was_found_and_what_to_change() {
    assert_eq!(
        said(&Notice::RouteDrift(Percent::FULL, Percent::clamped(20))),
        "The route of podinfo.test gave the canary 100% where 20% was set, and is restored; find the other writer in the managedFields of the route"
    );
    assert!(said(&Notice::PrimaryDrift).contains("change podinfo-app.test instead"));
}

#[test]
fn what_readiness_waits_for_reads_as_in_flagger() {
    let threshold = Percent::clamped(50);
    let say = |why| unready(why, "podinfo");
    assert!(say(Unready::NotObserved).ends_with("observed deployment generation less than desired generation"));
    assert!(say(Unready::OldPods { old: 2 }).ends_with("2 old replicas are pending termination"));
    let few = say(Unready::Unavailable { available: 1, updated: 4, threshold });
    assert!(few.ends_with("1 of 4 (readyThreshold 50%) updated replicas are available"));
    assert!(say(Unready::ScaledToZero).contains("scaled to zero"));
    assert!(say(Unready::NoEndpoints).contains("no Service lists one of them"));
}

#[test]
fn a_complaint_keeps_its_reason_and_sentence() {
    let told = event(&Notice::Complaint("StepsDoNotRise", "write rising weights".to_owned()), &who());
    assert_eq!((told.reason, told.tone, told.note.as_str()), ("StepsDoNotRise", Tone::Warning, "write rising weights"));
}

#[test]
fn what_may_need_a_person_is_a_warning() {
    let warnings: Vec<&str> = one_of_each()
        .iter()
        .map(|notice| event(notice, &who()))
        .filter(|event| event.tone == Tone::Warning)
        .map(|event| event.reason)
        .collect();
    assert!(warnings.contains(&"RolledBack") && warnings.contains(&"CheckFailed") && warnings.contains(&"RouteDrift"));
    assert!(!warnings.contains(&"WeightAdvanced") && !warnings.contains(&"Promoted"));
}

fn notices() -> impl Strategy<Value = Notice> {
    let percent = || (0..=100_i64).prop_map(Percent::clamped);
    let verdict = prop::sample::select(Verdict::ALL.to_vec());
    let unready = || {
        prop_oneof![
            Just(Unready::NotObserved),
            Just(Unready::NoEndpoints),
            (0..9_u32, 0..9_u32).prop_map(|(updated, desired)| Unready::Updating { updated, desired }),
            (0..9_u32).prop_map(|old| Unready::OldPods { old }),
        ]
    };
    prop_oneof![
        prop::sample::select(one_of_each()),
        percent().prop_map(Notice::Advanced),
        percent().prop_map(Notice::PrimaryAdvanced),
        (0..99_u32).prop_map(Notice::ThresholdReached),
        (percent(), percent()).prop_map(|(seen, asked)| Notice::RouteDrift(seen, asked)),
        unready().prop_map(Notice::CanaryNotReady),
        unready().prop_map(Notice::PrimaryNotReady),
        unready().prop_map(Notice::DeadlineExceeded),
        unready().prop_map(Notice::PromotionFailed),
        any::<String>().prop_map(|sentence| Notice::Complaint("Some", sentence)),
        (".{0,200}", verdict, ".{0,2000}").prop_map(|(name, verdict, explanation)| {
            Notice::Halted(Reading { name, ..reading(verdict, &explanation) })
        }),
    ]
}

proptest! {
    #[test]
    fn an_event_is_within_the_limits_of_the_apiserver(notice in notices()) {
        let event = event(&notice, &who());
        prop_assert!(event.note.len() <= 1024, "{}", event.note.len());
        prop_assert!((1..=128).contains(&event.action.len()), "{}", event.action);
    }

    #[test]
    fn two_events_that_a_recorder_takes_as_the_same_have_the_same_note(a in notices(), b in notices()) {
        let (a, b) = (event(&a, &who()), event(&b, &who()));
        if (a.reason, &a.action) == (b.reason, &b.action) {
            prop_assert_eq!(a.note, b.note);
        }
    }
}

#[test]
fn hooks_speak_as_flagger_does_and_add_what_the_hook_said() {
    let of = |moment, hook: &str| said(&Notice::HookPassed(moment, hook.to_owned()));
    assert_eq!(of(Moment::ConfirmRollout, "ask"), "Confirm-rollout check ask passed");
    assert_eq!(of(Moment::PreRollout, "smoke"), "Pre-rollout check smoke passed");
    assert_eq!(of(Moment::ConfirmTrafficIncrease, "ask"), "Confirm-traffic-increase check ask passed");
    assert_eq!(of(Moment::PostRollout, "tell"), "Post-rollout check tell passed");
    let closed = |moment| said(&Notice::GateClosed(moment, "ask".to_owned(), "answered 403: Forbidden".to_owned()));
    let halt = "Halt podinfo.test advancement waiting for";
    assert_eq!(closed(Moment::ConfirmRollout), format!("{halt} approval ask: answered 403: Forbidden"));
    assert_eq!(
        closed(Moment::ConfirmTrafficIncrease),
        format!("{halt} traffic increase approval ask: answered 403: Forbidden")
    );
    assert_eq!(closed(Moment::ConfirmPromotion), format!("{halt} promotion approval ask: answered 403: Forbidden"));
    let failed = |moment| said(&Notice::HookFailed(moment, "load".to_owned(), "answered 500: boom".to_owned()));
    let halt = "Halt podinfo.test advancement";
    assert_eq!(failed(Moment::PreRollout), format!("{halt} pre-rollout check load failed answered 500: boom"));
    assert_eq!(failed(Moment::Rollout), format!("{halt} external check load failed answered 500: boom"));
    assert_eq!(failed(Moment::PostRollout), "Post-rollout hook load failed answered 500: boom");
    assert_eq!(said(&Notice::RollbackRequested), "Rolling back podinfo.test manual webhook invoked");
}

#[test]
fn a_release_in_place_speaks_of_pods_and_of_no_primary() {
    let who = CanaryRef { layout: Layout::InPlace, kind: "StatefulSet".to_owned(), ..who() };
    for notice in one_of_each() {
        let note = event(&notice, &who).note;
        let lies = ["-primary", "Scaling", "template spec"].into_iter().find(|word| note.contains(word));
        // Neither side of a release in place is made, lost, watched or stood in for.
        let elsewhere = matches!(
            notice,
            Notice::PrimaryDown
                | Notice::PrimaryDrift
                | Notice::PromotedUnanalysed
                | Notice::Baking(_)
                | Notice::BakeFailed(_)
                | Notice::Returning
        );
        assert!(elsewhere || lies.is_none(), "{lies:?}: {note}");
    }
    let drift = |who: &CanaryRef| event(&Notice::RouteDrift(Percent::ZERO, Percent::FULL), who).note;
    assert!(drift(&who).starts_with("spec.updateStrategy.rollingUpdate.partition or replicas of StatefulSet/"));
    let on_nodes = CanaryRef { kind: "DaemonSet".to_owned(), ..who.clone() };
    assert!(drift(&on_nodes).starts_with("spec.updateStrategy or replicas of DaemonSet/"));
    let advanced = event(&Notice::Advanced(Percent::clamped(40)), &who).note;
    assert_eq!(advanced, "Advance podinfo.test canary weight 40 of the pods");
}
