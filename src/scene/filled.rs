//! What DeliveryPolicies fill in where a Canary says nothing.

use crate::api::{AnalysisDefaults, CanaryDefaults, CanarySpec, RollbackPolicy};
use crate::model::{Complaint, Settings};

/// Fills in one field.
type Fill = fn(&mut CanarySpec, &CanaryDefaults);

/// Each by itself: one that does not go with a Canary keeps no other out.
const FIELDS: [Fill; 8] = [
    |spec, defaults| fill(&mut spec.progress_deadline_seconds, defaults.progress_deadline_seconds.as_ref()),
    |spec, defaults| {
        in_rollback(spec, defaults, |have, default| fill(&mut have.on_failure, default.on_failure.as_ref()));
    },
    |spec, defaults| in_rollback(spec, defaults, |have, default| fill(&mut have.window, default.window.as_ref())),
    |spec, defaults| in_rollback(spec, defaults, |have, default| fill(&mut have.keep_warm, default.keep_warm.as_ref())),
    |spec, defaults| fill(&mut spec.analysis.warmup, analysis(defaults).warmup.as_ref()),
    |spec, defaults| fill(&mut spec.analysis.bake, analysis(defaults).bake.as_ref()),
    |spec, defaults| {
        fill(&mut spec.analysis.primary_ready_threshold, analysis(defaults).primary_ready_threshold.as_ref());
    },
    |spec, defaults| {
        fill(&mut spec.analysis.canary_ready_threshold, analysis(defaults).canary_ready_threshold.as_ref());
    },
];

/// The settings of `spec` with what policies say, the first of them before the others. A field that makes `resolve` complain of a spec
/// that is right without it is left out: nobody wrote it there.
pub(super) fn settings(
    spec: &CanarySpec,
    policies: &[CanaryDefaults],
    resolve: impl Fn(&CanarySpec) -> Result<Settings, Vec<Complaint>>,
) -> Result<Settings, Vec<Complaint>> {
    let (mut settings, mut spec) = (resolve(spec)?, spec.clone());
    for (defaults, fill) in policies.iter().flat_map(|defaults| FIELDS.map(|fill| (defaults, fill))) {
        let mut filled = spec.clone();
        fill(&mut filled, defaults);
        if filled != spec
            && let Ok(better) = resolve(&filled)
        {
            (settings, spec) = (better, filled);
        }
    }
    Ok(settings)
}

fn fill<T: Clone>(have: &mut Option<T>, default: Option<&T>) {
    if have.is_none() {
        *have = default.cloned();
    }
}

fn analysis(defaults: &CanaryDefaults) -> AnalysisDefaults {
    defaults.analysis.clone().unwrap_or_default()
}

fn in_rollback(spec: &mut CanarySpec, defaults: &CanaryDefaults, fill: fn(&mut RollbackPolicy, &RollbackPolicy)) {
    if let Some(default) = &defaults.rollback {
        fill(spec.rollback.get_or_insert_default(), default);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::super::tests::{canary, scene_of, store};
    use super::*;
    use crate::model::Percent;
    use crate::object::{kinds, value};

    /// The settings of a Canary with `more` in its spec, where policies say these defaults.
    fn settings(more: &Value, policies: &[Value]) -> Settings {
        let mut store = store();
        for (at, defaults) in policies.iter().enumerate() {
            let name = format!("p{at}");
            store.put(kinds::DELIVERY_POLICY.named("", &*name), json!({"spec": {"defaults": defaults}}));
        }
        let mut canary = canary();
        value::merge(&mut canary["spec"], more);
        scene_of(canary, &store).facts().settings.unwrap()
    }

    #[test]
    fn every_default_counts_where_the_canary_says_nothing() {
        let all = json!({
            "progressDeadlineSeconds": 60,
            "rollback": {"onFailure": "freeze", "window": {"revisions": 3}, "keepWarm": "2m"},
            "analysis": {"warmup": "20s", "bake": "5m", "primaryReadyThreshold": 90, "canaryReadyThreshold": 80},
        });
        let seen = settings(&json!({}), &[all]);
        assert_eq!((seen.deadline, seen.warmup), (Duration::from_secs(60), Duration::from_secs(20)));
        assert_eq!((seen.rollback.freeze, seen.rollback.window), (true, 3));
        assert_eq!((seen.bake, seen.keep_warm), (Duration::from_secs(300), Duration::from_secs(120)));
        assert_eq!((seen.primary_ready, seen.canary_ready), (Percent::clamped(90), Percent::clamped(80)));
    }

    #[test]
    fn the_canary_comes_first_and_then_the_first_policy() {
        let own = json!({"analysis": {"warmup": "1s"}, "rollback": {"onFailure": "rollback"}});
        let first =
            json!({"analysis": {"warmup": "2s"}, "rollback": {"onFailure": "freeze", "window": {"revisions": 1}}});
        let second = json!({"rollback": {"window": {"revisions": 2}}, "progressDeadlineSeconds": 60});
        let seen = settings(&own, &[first, second]);
        assert_eq!((seen.warmup, seen.rollback.freeze), (Duration::from_secs(1), false));
        assert_eq!((seen.rollback.window, seen.deadline), (1, Duration::from_secs(60)));
    }

    #[test]
    fn a_default_that_does_not_go_with_a_canary_is_left_out_and_the_others_count() {
        let defaults = json!({"analysis": {"bake": "5m"}, "progressDeadlineSeconds": 60});
        // There would be nothing to watch the new primary with.
        let seen = settings(&json!({"analysis": {"metrics": null}}), &[defaults]);
        assert_eq!((seen.bake, seen.deadline), (Duration::ZERO, Duration::from_secs(60)));
    }
}
