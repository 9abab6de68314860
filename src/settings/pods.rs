//! `service.podRouting`: what stands against the apex Service as a route.

use super::complaints::complaint;
use crate::api::{CanarySpec, Provider, TargetKind, sentences};
use crate::model::Complaint;

/// Where it would never come true, or somebody else counts the pods.
pub(super) fn complaints(spec: &CanarySpec, provider: &str) -> Vec<Complaint> {
    let Some(routing) = spec.service.as_ref().and_then(|service| service.pod_routing.as_ref()) else {
        return Vec::new();
    };
    if provider != Provider::Kubernetes.as_str() || spec.brings_routes() {
        return vec![complaint(&sentences::CAN153, &[("provider", provider)])];
    }
    let analysis = &spec.analysis;
    let steps = [("stepWeight", analysis.step_weight.is_some()), ("stepWeights", analysis.step_weights.is_some())];
    let field = steps.into_iter().find(|(_, set)| *set).map(|(field, _)| field);
    match (field, &routing.shared_label) {
        (Some(field), None) => vec![complaint(&sentences::CAN154, &[("field", field)])],
        (Some(_), Some(_)) => contested(spec),
        (None, _) => Vec::new(),
    }
}

/// The number of the canary's pods is its share.
fn contested(spec: &CanarySpec) -> Vec<Complaint> {
    let kind = format!("a target of kind {}", spec.target_ref.kind.as_str());
    let others = [
        ("spec.canaryReplicas", spec.canary_replicas.is_some()),
        ("spec.autoscalerRef", spec.autoscaler_ref.is_some()),
        (&*kind, spec.target_ref.kind != TargetKind::Deployment),
    ];
    let others = others.into_iter().filter(|(_, set)| *set);
    others.map(|(field, _)| complaint(&sentences::CAN155, &[("field", field)])).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::{Defaults, resolve};
    use crate::model::{CanarySize, Settings, Strategy};

    fn plain(routing: &Value) -> Settings {
        let spec = json!({
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "podinfo"},
            "service": {"port": 80, "podRouting": routing},
            "analysis": {"interval": "1m", "threshold": 5, "stepWeights": [20, 50]},
        });
        resolve(&serde_json::from_value(spec).unwrap(), &Defaults { provider: "kubernetes", namespace: "test" })
            .unwrap()
    }

    #[test]
    fn plain_kubernetes_counts_checks_as_flagger_does_until_its_pods_are_to_be_the_share() {
        let flagger = plain(&Value::Null);
        assert!(matches!(flagger.strategy, Strategy::BlueGreen { iterations, .. } if iterations.get() == 10));
        assert_eq!(flagger.canary_size, CanarySize::AsPrimary);
        let shared = plain(&json!({"sharedLabel": "release"}));
        assert!(matches!(shared.strategy, Strategy::Progressive { .. }));
        assert_eq!(shared.canary_size, CanarySize::Split);
    }
}
