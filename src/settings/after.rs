//! What can be asked for before the first release and after a promotion, and what stands against it.

use super::complaints::{complaint, matches};
use crate::api::{CanarySpec, ComparisonType, MetricMode, TargetKind, sentences};
use crate::model::{Complaint, Moment};
use crate::route;

/// What would never come true, or would watch nothing.
pub(super) fn complaints(spec: &CanarySpec, provider: &str) -> Vec<Complaint> {
    let analysis = &spec.analysis;
    let asked = [
        ("spec.analysis.bake", analysis.bake.is_some()),
        ("spec.analysis.onInitialize", analysis.on_initialize == Some(true)),
    ];
    let asked = asked.into_iter().filter(|(_, asked)| *asked && spec.skip_analysis != Some(true));
    let found = asked.flat_map(|(field, _)| {
        let kind = spec.target_ref.kind;
        let of_whole = (kind == TargetKind::Service).then(|| complaint(&sentences::CAN150, &[("field", field)]));
        let judges = has_limits(spec) || field.ends_with("onInitialize") && has_hooks(spec);
        [of_whole, (!judges).then(|| complaint(&sentences::CAN151, &[("field", field)]))].into_iter().flatten()
    });
    found.chain(warmth(spec, provider)).collect()
}

/// Whether some KPI can fail a check by itself.
fn has_limits(spec: &CanarySpec) -> bool {
    spec.analysis.metrics.iter().flatten().any(|metric| {
        let compared = metric.comparison.is_some_and(|asked| asked.type_ != Some(ComparisonType::Slo));
        !compared && metric.mode != Some(MetricMode::Advisory)
    })
}

fn has_hooks(spec: &CanarySpec) -> bool {
    super::hook::hooks(spec).iter().any(|hook| matches!(hook.moment, Moment::PreRollout | Moment::Rollout))
}

/// All traffic must be able to go to the canary and back.
fn warmth(spec: &CanarySpec, provider: &str) -> Option<Complaint> {
    spec.rollback.as_ref()?.keep_warm.as_ref()?;
    let router = route::of(spec, provider)?;
    let moves = spec.service.as_ref().is_some_and(|service| router.capabilities(service).weights);
    let what = if matches(spec) {
        "spec.analysis.match"
    } else if moves {
        return None;
    } else {
        "a provider that moves no traffic"
    };
    Some(complaint(&sentences::CAN152, &[("what", what)]))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::super::{Defaults, resolve};
    use crate::model::{Complaint, First, Settings, Strategy};

    fn asked(more: &Value) -> Result<Settings, Vec<Complaint>> {
        let mut spec = json!({
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "podinfo"},
            "service": {"port": 80},
            "analysis": {"interval": "1m", "threshold": 5, "stepWeights": [20, 50]},
        });
        crate::object::value::merge(&mut spec, more);
        resolve(&serde_json::from_value(spec).unwrap(), &Defaults { provider: "istio", namespace: "test" })
    }

    #[test]
    fn nothing_is_watched_kept_or_judged_first_unless_it_is_asked_for() {
        let settings = asked(&json!({})).unwrap();
        let Strategy::Progressive { steps, .. } = &settings.strategy else { panic!("it has weights") };
        assert!(!steps.end_in_everything());
        assert_eq!(
            (settings.bake_left(), settings.keep_warm, settings.first),
            (Duration::ZERO, Duration::ZERO, First::Ready)
        );
    }

    #[test]
    fn what_is_kept_warm_is_kept_where_the_canary_can_have_everything() {
        let kept = |provider: &str, analysis: Value| {
            let spec = json!({"provider": provider, "rollback": {"keepWarm": "10m"}, "analysis": analysis});
            asked(&spec).map(|settings| settings.keep_warm.as_secs()).ok()
        };
        let blue_green = || json!({"stepWeights": null, "iterations": 3});
        let seen =
            [("istio", json!({})), ("istio", blue_green()), ("kubernetes", blue_green())].map(|(p, a)| kept(p, a));
        assert_eq!(seen, [Some(600), Some(600), None]);
    }

    #[test]
    fn hooks_alone_judge_a_first_deployment_but_watch_nothing() {
        let hooks = json!([{"name": "smoke", "type": "rollout", "url": "http://smoke"}]);
        let refused =
            |field: &str, value: Value| asked(&json!({"analysis": {"webhooks": hooks, field: value}})).is_err();
        assert_eq!([refused("onInitialize", json!(true)), refused("bake", json!("1m"))], [false, true]);
    }
}
