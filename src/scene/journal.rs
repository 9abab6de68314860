//! The journal on the wire: `status` of a Canary, read and written.

use crate::api::{self, CanaryStatus, Timestamp, Word};
use crate::model::{
    Awaited, Compared, Condition, ConditionKind, Contest, Cookie, Cookies, Handled, Journal, Membership, Opened,
    Percent, Queued, Reading, Revision, Step, Time, Wait,
};

/// Reads the journal. Counters that no release can have (a Flagger may have written -1) are read as the nearest possible.
pub(super) fn read(status: &CanaryStatus) -> Journal {
    Journal {
        phase: status.phase.0,
        weight: Percent::hundredths(status.canary_weight.as_hundredths()),
        failed_checks: u32::try_from(status.failed_checks).unwrap_or(0),
        iterations: status.iterations,
        last_applied: status.last_applied_spec.as_deref().map(Revision::new),
        last_promoted: status.last_promoted_spec.as_deref().map(Revision::new),
        tracked: status.tracked_configs.clone(),
        prepared: status.last_prepared_spec.as_deref().map(Revision::new),
        awaits: status.gate.as_ref().map(read_gate),
        opened: status.opened_gate.as_ref().map(read_opened),
        full: status.primary_replicas.and_then(|pods| u32::try_from(pods).ok()),
        waits: status.waiting.as_ref().map(read_wait),
        exempt: status.exempt_spec.as_deref().map(Revision::new),
        group: status.group.as_ref().map(membership),
        step: status.step.as_ref().map(read_step),
        vacant_since: status.canary_vacant_since.map(|t| t.0),
        bake: status.baking_until.map(|t| t.0),
        paused: status.paused_since.map(|t| t.0),
        handled: status.last_handled_request.as_ref().map(read_request),
        contest: status.contest.as_ref().map(read_contest),
        cookies: read_cookies(status),
        readings: status.metrics.iter().map(read_metric).collect(),
        observed_generation: status.observed_generation.unwrap_or(0),
        conditions: status.conditions.iter().filter_map(read_condition).collect(),
    }
}

/// Writes the journal over the status `before`, whose other fields stay.
///
/// `lastTransitionTime` moves to `now` only if something else changed, so equal journals give equal statuses.
pub fn status(journal: &Journal, before: Option<&CanaryStatus>, now: Time) -> CanaryStatus {
    let before = before.cloned().unwrap_or_default();
    let mut after = CanaryStatus {
        phase: Word(journal.phase),
        failed_checks: i32::try_from(journal.failed_checks).unwrap_or(i32::MAX),
        canary_weight: api::Weight::hundredths(journal.weight.as_hundredths().into()),
        iterations: journal.iterations,
        last_applied_spec: journal.last_applied.as_ref().map(ToString::to_string),
        last_promoted_spec: journal.last_promoted.as_ref().map(ToString::to_string),
        tracked_configs: journal.tracked.clone(),
        conditions: journal.conditions.iter().map(|c| write_condition(c, journal.observed_generation)).collect(),
        observed_generation: Some(journal.observed_generation),
        last_prepared_spec: journal.prepared.as_ref().map(ToString::to_string),
        gate: journal.awaits.as_ref().map(write_gate),
        opened_gate: journal.opened.as_ref().map(write_opened),
        primary_replicas: journal.full.map(i64::from),
        waiting: journal.waits.as_ref().map(write_wait),
        exempt_spec: journal.exempt.as_ref().map(ToString::to_string),
        group: journal.group.as_ref().map(write_membership),
        step: journal.step.map(write_step),
        canary_vacant_since: journal.vacant_since.map(Timestamp),
        baking_until: journal.bake.map(Timestamp),
        paused_since: journal.paused.map(Timestamp),
        last_handled_request: journal.handled.as_ref().map(write_request),
        contest: journal.contest.map(write_contest),
        session_affinity_cookie: journal.cookies.canary.as_ref().map(ToString::to_string),
        previous_session_affinity_cookie: journal.cookies.previous.as_ref().map(ToString::to_string),
        primary_session_affinity_cookie: journal.cookies.primary.as_ref().map(ToString::to_string),
        metrics: journal.readings.iter().map(write_metric).collect(),
        ..before.clone()
    };
    if after != before {
        after.last_transition_time = Some(Timestamp(now));
    }
    after
}

fn read_step(step: &api::Step) -> Step {
    Step {
        weight: Percent::hundredths(step.weight.as_hundredths()),
        started_at: step.started_at.0,
        next_check_at: step.next_check_at.0,
        waiting_since: step.waiting_since.map(|t| t.0),
        held_since: step.held_since.map(|t| t.0),
        course: step.strategy.map(|word| word.0),
    }
}

fn write_step(step: Step) -> api::Step {
    api::Step {
        weight: api::Weight::hundredths(step.weight.as_hundredths().into()),
        started_at: Timestamp(step.started_at),
        next_check_at: Timestamp(step.next_check_at),
        waiting_since: step.waiting_since.map(Timestamp),
        held_since: step.held_since.map(Timestamp),
        strategy: step.course.map(Word),
    }
}

fn read_request(handled: &api::HandledRequest) -> Handled {
    let api::HandledRequest { request, by, handled_at, outcome } = handled.clone();
    Handled { request, by, at: handled_at.0, outcome }
}

fn write_request(handled: &Handled) -> api::HandledRequest {
    let Handled { request, by, at, outcome } = handled.clone();
    api::HandledRequest { request, by, handled_at: Timestamp(at), outcome }
}

fn read_contest(contest: &api::RouteContest) -> Contest {
    let restored = u32::try_from(contest.restored).unwrap_or(0);
    Contest { since: contest.since.0, restored, last: contest.last_restored_at.0 }
}

fn write_contest(contest: Contest) -> api::RouteContest {
    let Contest { since, restored, last } = contest;
    api::RouteContest { since: Timestamp(since), restored: restored.into(), last_restored_at: Timestamp(last) }
}

fn read_cookies(status: &CanaryStatus) -> Cookies {
    let read = |cookie: &Option<String>| cookie.as_deref().and_then(Cookie::parse);
    Cookies {
        canary: read(&status.session_affinity_cookie),
        primary: read(&status.primary_session_affinity_cookie),
        previous: read(&status.previous_session_affinity_cookie),
    }
}

fn read_gate(gate: &api::Gate) -> Awaited {
    Awaited { hook: gate.name.clone(), moment: gate.moment.0, since: gate.since.0 }
}

fn write_gate(awaited: &Awaited) -> api::Gate {
    api::Gate { name: awaited.hook.clone(), moment: Word(awaited.moment), since: Timestamp(awaited.since) }
}

fn read_opened(gate: &api::OpenedGate) -> Opened {
    Opened { moment: gate.moment.0, revision: Revision::new(&*gate.revision) }
}

fn write_opened(opened: &Opened) -> api::OpenedGate {
    api::OpenedGate { moment: Word(opened.moment), revision: opened.revision.to_string() }
}

fn read_wait(waiting: &api::Waiting) -> Wait {
    let api::Waiting { reason, until, position, queued_since } = waiting;
    let position = position.and_then(|position| u32::try_from(position).ok());
    let queued = position.zip(*queued_since).map(|(position, since)| Queued { since: since.0, position });
    Wait { queued, ..Wait::new(reason.clone(), until.map(|t| t.0)) }
}

fn write_wait(wait: &Wait) -> api::Waiting {
    api::Waiting {
        reason: wait.reason.clone(),
        until: wait.until.map(Timestamp),
        position: wait.queued.map(|queued| queued.position.into()),
        queued_since: wait.queued.map(|queued| Timestamp(queued.since)),
    }
}

pub(super) fn membership(group: &api::GroupStatus) -> Membership {
    let api::GroupStatus { name, round, stand, since, by } = group.clone();
    Membership { group: name, round: u64::try_from(round).unwrap_or(0), stand: stand.0, since: since.0, by }
}

fn write_membership(own: &Membership) -> api::GroupStatus {
    let Membership { group, round, stand, since, by } = own.clone();
    let round = i64::try_from(round).unwrap_or(i64::MAX);
    api::GroupStatus { name: group, round, stand: Word(stand), since: Timestamp(since), by }
}

fn read_metric(metric: &api::MetricResult) -> Reading {
    Reading {
        name: metric.name.clone(),
        value: metric.value,
        verdict: metric.verdict.0,
        explanation: metric.explanation.clone().unwrap_or_default(),
        interval: metric.interval.clone().unwrap_or_default(),
        measured_at: metric.measured_at.map(|t| t.0),
        needs: metric.needs.and_then(|needs| u32::try_from(needs).ok()),
        compared: metric.test.as_ref().map(|test| read_comparison(metric, test)),
    }
}

fn read_comparison(metric: &api::MetricResult, test: &api::TestState) -> Compared {
    let api::MetricResult { requests, canary, primary, low, high, e_value, .. } = *metric;
    Compared { requests, canary, primary, low, high, e_value, until: test.until.0, state: test.state.clone() }
}

fn write_metric(reading: &Reading) -> api::MetricResult {
    let compared = reading.compared.as_ref();
    api::MetricResult {
        name: reading.name.clone(),
        value: reading.value,
        requests: compared.and_then(|compared| compared.requests),
        canary: compared.and_then(|compared| compared.canary),
        primary: compared.and_then(|compared| compared.primary),
        low: compared.and_then(|compared| compared.low),
        high: compared.and_then(|compared| compared.high),
        e_value: compared.and_then(|compared| compared.e_value),
        verdict: Word(reading.verdict),
        explanation: Some(reading.explanation.clone()).filter(|text| !text.is_empty()),
        interval: Some(reading.interval.clone()).filter(|text| !text.is_empty()),
        measured_at: reading.measured_at.map(Timestamp),
        needs: reading.needs.map(i64::from),
        test: compared.map(|kept| api::TestState { until: Timestamp(kept.until), state: kept.state.clone() }),
    }
}

/// A condition of a kind that we do not write is left out: the status is ours.
fn read_condition(condition: &api::Condition) -> Option<Condition> {
    let kind = ConditionKind::ALL.into_iter().find(|k| k.as_str() == condition.type_)?;
    let since = condition.last_transition_time.or(condition.last_update_time)?.0;
    Some(Condition {
        kind,
        truth: condition.status.0,
        reason: condition.reason.clone(),
        message: condition.message.clone(),
        since,
        updated: condition.last_update_time.map_or(since, |t| t.0),
    })
}

fn write_condition(condition: &Condition, generation: i64) -> api::Condition {
    api::Condition {
        type_: condition.kind.as_str().to_owned(),
        status: Word(condition.truth),
        reason: condition.reason.clone(),
        message: condition.message.clone(),
        last_update_time: Some(Timestamp(condition.updated)),
        last_transition_time: Some(Timestamp(condition.since)),
        observed_generation: Some(generation),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Course, Moment, Phase, Stand, Truth, Verdict};

    fn journal() -> Journal {
        let at = Time::from_millis(1_795_219_200_123);
        Journal {
            phase: Phase::Progressing,
            weight: Percent::clamped(20),
            failed_checks: 1,
            iterations: 0,
            last_applied: Some(Revision::new("s1-b")),
            last_promoted: Some(Revision::new("s1-a")),
            tracked: Some([("configmap/app".to_owned(), "0123456789abcdef".to_owned())].into()),
            prepared: Some(Revision::new("s1-b")),
            awaits: Some(Awaited { hook: "ask".into(), moment: Moment::ConfirmPromotion, since: at }),
            opened: Some(Opened { moment: Moment::ConfirmPromotion, revision: Revision::new("s1-b") }),
            full: Some(10),
            waits: Some(Wait { queued: Some(Queued { since: at, position: 2 }), ..Wait::new("frozen", Some(at)) }),
            exempt: Some(Revision::new("s1-b")),
            group: Some(Membership {
                group: "shop".into(),
                round: 4,
                stand: Stand::Failed,
                since: at,
                by: Some("login".into()),
            }),
            step: Some(Step {
                weight: Percent::clamped(20),
                started_at: at,
                next_check_at: at,
                waiting_since: Some(at),
                held_since: Some(at),
                course: Some(Course::BlueGreen),
            }),
            vacant_since: Some(at),
            bake: Some(at),
            paused: Some(at),
            handled: Some(Handled {
                request: "promote/1".into(),
                by: Some("kubectl-annotate".into()),
                at,
                outcome: "promoted".into(),
            }),
            contest: Some(Contest { since: at, restored: 3, last: at }),
            cookies: Cookies {
                canary: Cookie::parse("side=a"),
                primary: Cookie::parse("side-primary=b"),
                previous: Cookie::parse("side=c"),
            },
            readings: vec![Reading {
                name: "latency".into(),
                value: Some(12.5),
                verdict: Verdict::Fail,
                explanation: "latency 12.5 > 10".into(),
                interval: "1m".into(),
                measured_at: Some(at),
                needs: Some(7),
                compared: Some(Compared {
                    requests: Some(740.0),
                    canary: Some(0.05),
                    primary: Some(0.01),
                    low: Some(2.5),
                    high: None,
                    e_value: Some(123.4),
                    until: at,
                    state: "{\"sum\":0.30000000000000004}".into(),
                }),
            }],
            observed_generation: 3,
            conditions: vec![Condition {
                kind: ConditionKind::Promoted,
                truth: Truth::Unknown,
                reason: "Progressing".into(),
                message: "m".into(),
                since: at,
                updated: at,
            }],
        }
    }

    #[test]
    fn what_was_journaled_is_read_back_after_a_restart() {
        let wire = serde_json::to_string(&status(&journal(), None, Time::from_millis(0))).unwrap();
        assert_eq!(read(&serde_json::from_str(&wire).unwrap()), journal());
    }

    #[test]
    fn an_equal_journal_gives_an_equal_status() {
        let first = status(&journal(), None, Time::from_millis(1000));
        assert_eq!(status(&journal(), Some(&first), Time::from_millis(2000)), first);
    }

    #[test]
    fn fields_that_later_features_write_are_kept() {
        let git = Some(api::GitRevision { revision: "main@sha1:5d".to_owned(), ..api::GitRevision::default() });
        let before = CanaryStatus { git: git.clone(), ..CanaryStatus::default() };
        assert_eq!(status(&journal(), Some(&before), Time::from_millis(0)).git, git);
    }
}
