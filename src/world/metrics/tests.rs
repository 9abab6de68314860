use super::*;
use crate::model::{Percent, Reading, Step, Time, Verdict};

fn canary() -> CanaryRef {
    CanaryRef { name: "podinfo-canary".to_owned(), ..CanaryRef::podinfo() }
}

fn journal() -> Journal {
    let readings = vec![Reading {
        name: "request-success-rate".to_owned(),
        value: Some(99.5),
        verdict: Verdict::Pass,
        explanation: String::new(),
        interval: "1m".to_owned(),
        measured_at: None,
        needs: None,
        compared: None,
    }];
    Journal { phase: Phase::Progressing, weight: Percent::clamped(10), readings, ..Journal::default() }
}

#[test]
fn the_series_are_those_that_flaggers_dashboards_read() {
    let metrics = Metrics::new("istio");
    metrics.count(&[Place::new("test", "podinfo-canary")]);
    metrics.show(&canary(), &journal(), Duration::from_millis(7));
    metrics.tell(&canary(), &Notice::Promoted);
    let text = metrics.text();
    for line in [
        r#"flagger_info{version="0.1.0",mesh_provider="istio"} 1.0"#,
        r#"flagger_canary_total{namespace="test"} 1.0"#,
        r#"flagger_canary_status{name="podinfo",namespace="test"} 0.0"#,
        r#"flagger_canary_weight{workload="podinfo-primary",namespace="test"} 90.0"#,
        r#"flagger_canary_weight{workload="podinfo",namespace="test"} 10.0"#,
        r#"flagger_canary_duration_seconds_bucket{le="0.01",name="podinfo",namespace="test"} 1"#,
        r#"flagger_canary_metric_analysis{name="podinfo",namespace="test",metric="request-success-rate"} 99.5"#,
        r#"flagger_canary_successes_total{name="podinfo",namespace="test",deployment_strategy="canary",analysis_status="completed"} 1"#,
    ] {
        assert!(text.lines().any(|l| l == line), "{line}\nis not in\n{text}");
    }
}

#[test]
fn the_end_of_a_release_counts_under_its_strategy() {
    let metrics = Metrics::new("istio");
    let (weight, at) = (Percent::ZERO, Time::from_millis(0));
    let course = Some(Course::BlueGreen);
    let step = Some(Step { weight, started_at: at, next_check_at: at, waiting_since: None, held_since: None, course });
    metrics.show(&canary(), &Journal { step, ..journal() }, Duration::ZERO);
    metrics.show(&canary(), &Journal { phase: Phase::Succeeded, ..journal() }, Duration::ZERO);
    metrics.tell(&canary(), &Notice::Promoted);
    assert!(metrics.text().contains(r#"deployment_strategy="blue-green",analysis_status="completed""#));
    metrics.forget(&Place::new("test", "podinfo-canary"));
    assert!(!metrics.text().contains("podinfo"), "{}", metrics.text());
}

#[test]
fn a_deleted_canary_leaves_no_series_behind() {
    let metrics = Metrics::new("istio");
    metrics.show(&canary(), &journal(), Duration::ZERO);
    metrics.tell(&canary(), &Notice::RolledBack);
    let renamed = CanaryRef { target: "other".to_owned(), ..canary() };
    metrics.show(&renamed, &journal(), Duration::ZERO);
    assert!(!metrics.text().contains("podinfo"), "{}", metrics.text());
    metrics.forget(&Place::new("test", "podinfo-canary"));
    metrics.count(&[]);
    assert!(!metrics.text().contains("other"), "{}", metrics.text());
}

#[test]
fn a_settled_canary_shows_1_a_failed_one_2_and_a_failure_counts() {
    let metrics = Metrics::new("istio");
    let status = |phase| {
        metrics.show(&canary(), &Journal { phase, ..journal() }, Duration::ZERO);
        let text = metrics.text();
        let line = text.lines().find(|line| line.starts_with("flagger_canary_status{"));
        line.and_then(|line| line.rsplit(' ').next().map(str::to_owned))
    };
    assert_eq!(status(Phase::Initialized).as_deref(), Some("1.0"));
    assert_eq!(status(Phase::Failed).as_deref(), Some("2.0"));
    metrics.tell(&canary(), &Notice::RolledBack);
    let line = r#"flagger_canary_failures_total{name="podinfo",namespace="test",deployment_strategy="canary",analysis_status="completed"} 1"#;
    assert!(metrics.text().lines().any(|l| l == line), "{}", metrics.text());
}

#[test]
fn a_namespace_without_canaries_counts_none() {
    let metrics = Metrics::new("istio");
    let total = || metrics.text().lines().find(|line| line.starts_with("flagger_canary_total{")).map(str::to_owned);
    metrics.count(&[Place::new("test", "a"), Place::new("test", "b")]);
    assert_eq!(total().as_deref(), Some(r#"flagger_canary_total{namespace="test"} 2.0"#));
    metrics.count(&[]);
    assert!(total().is_none_or(|line| line.ends_with(" 0.0")), "{:?}", total());
}
