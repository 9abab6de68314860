//! The cluster of a story before it begins: the user's objects, and what of them is taken for granted where the file leaves it out.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::corner;
use super::fixture;
use super::operator::Keep;
use super::provider::WELL;
use super::random::Random;
use super::scenario::Scenario;
use super::story::StoryError;
use super::traffic::Names;
use super::trial::Trial;
use crate::api::{self, TargetKind, WebhookType};
use crate::model::{Kpi, KpiSource, Layout, Settings};
use crate::object::kinds::{
    CANARY, CONFIG_MAP, DAEMON_SET, DELIVERY_POLICY, DEPLOYMENT, HPA, METRIC_TEMPLATE, NAMESPACE, SCALED_OBJECT,
    SECRET, SERVICE, STATEFUL_SET,
};
use crate::object::{Kind, ObjectKey, value};
use crate::route;
use crate::workload::scaler;

/// Nodes of a story, which a DaemonSet runs on.
const NODES: u32 = 5;

/// Requests a second of a load test, unless the scenario says otherwise.
const LOAD: f64 = 10.0;

/// A cluster in which the user's workload serves, with all that the Canary names.
pub(super) fn set(manifests: &[Value], scenario: &Scenario) -> Result<Trial, StoryError> {
    let canaries: Vec<_> = of_kind(manifests, CANARY).collect();
    let [canary] = canaries.as_slice() else { return Err(StoryError::Canaries(canaries.len())) };
    let mut canary = (*canary).clone();
    place(&mut canary, "default");
    let parsed: api::Canary = serde_json::from_value(canary.clone()).map_err(|e| StoryError::Canary(e.to_string()))?;
    let names = names(&parsed)?;
    let named = |object: &&Value| value::text(object, &["metadata", "name"]) == Some(&names.target);
    let mut target = of_kind(manifests, names.kind).find(named).cloned().unwrap_or_else(|| fixture::deployment(&names));
    place(&mut target, &names.namespace);
    let image = value::text(&target, &["spec", "template", "spec", "containers", "0", "image"]).unwrap_or("app:1");
    let (image, namespace) = (image.to_owned(), names.namespace.clone());
    let mut trial = Trial::of(names, canary, target, Random::new(0));
    let on_nodes = DAEMON_SET.named(&namespace, &trial.cluster.names.target);
    trial.cluster.scale(&on_nodes, NODES);
    trial.record.keep = Keep::All;
    trial.cluster.rps = scenario.traffic;
    trial.cluster.load = scenario.load_test.unwrap_or_else(|| if tests_load(&parsed) { LOAD } else { 0.0 });
    trial.cluster.apps.insert(image.clone(), scenario.serving.app());
    trial.image = image;
    bring(&mut trial, manifests);
    for (key, object) in granted(&trial, &parsed) {
        if trial.cluster.api.find(&key).is_none() {
            trial.cluster.api.put(&key, object);
        }
    }
    trial.deploy();
    trial.play(trial.patience());
    Ok(trial)
}

fn of_kind(manifests: &[Value], kind: Kind) -> impl Iterator<Item = &Value> {
    manifests.iter().filter(move |manifest| value::text(manifest, &["kind"]) == Some(kind.kind))
}

/// Applies what the file has beside the Canary and its target.
fn bring(trial: &mut Trial, manifests: &[Value]) {
    let target = trial.cluster.names.kind;
    let routes = route::every().flat_map(|router| router.kinds().iter().copied()).filter(|kind| *kind != target);
    let others =
        [SERVICE, METRIC_TEMPLATE, CONFIG_MAP, SECRET, DELIVERY_POLICY, NAMESPACE, HPA, SCALED_OBJECT].into_iter();
    for kind in routes.chain(others) {
        for manifest in of_kind(manifests, kind) {
            let mut manifest = manifest.clone();
            if !kind.is_of_cluster() {
                place(&mut manifest, &trial.cluster.names.namespace);
            }
            if let Some(key) = ObjectKey::of(kind, &manifest) {
                trial.cluster.api.put(&key, manifest);
            }
        }
    }
}

/// What a Canary of this kind cannot be without: the configs of its pods, its autoscaler, the route that the user wrote.
fn granted(trial: &Trial, canary: &api::Canary) -> Vec<(ObjectKey, Value)> {
    let names = &trial.cluster.names;
    let configs = corner::configs(&names.namespace, &trial.target).into_iter().map(|key| (key, json!({})));
    let scaler = canary.spec.autoscaler_ref.as_ref().map(|reference| {
        let key = scaler::key(&names.namespace, reference);
        let object = if key.kind == HPA { fixture::scaler(names) } else { fixture::scaled_object(names) };
        (key, object)
    });
    let routes = corner::routed(names, canary).map(|(router, target)| router.samples(&target));
    configs.chain(scaler).chain(routes.into_iter().flatten()).collect()
}

/// Whether a webhook sends requests to the canary at each check, as Flagger's load tester does.
fn tests_load(canary: &api::Canary) -> bool {
    let hooks = canary.spec.analysis.webhooks.iter().flatten();
    let mut at_checks = hooks.filter(|hook| hook.type_.is_none_or(|moment| moment == WebhookType::Rollout));
    at_checks.any(|hook| hook.metadata.iter().flatten().any(|(key, _)| key == "cmd"))
}

/// What neither the file nor the scenario tells, and the verdict may hang on.
pub(super) fn assumed(
    trial: &Trial,
    scenario: &Scenario,
    settings: &Settings,
    names: &BTreeMap<String, String>,
) -> Vec<String> {
    let load = (scenario.load_test.is_none() && trial.cluster.load > 0.0)
        .then(|| format!("a load test sends {LOAD} requests a second to the canary (loadTest in the scenario)"));
    let told = |kpi: &Kpi| {
        let mut apps = names.keys().filter_map(|image| trial.cluster.apps.get(image));
        matches!(kpi.source, KpiSource::Builtin(_)) || apps.all(|app| app.kpis.contains_key(&kpi.name))
    };
    let guessed = settings.kpis.iter().filter(|kpi| !told(kpi)).map(|kpi| {
        let name = &kpi.name;
        format!(
            "{name} is in its range while at most {WELL} % of the requests fail (kpis of a revision in the scenario)"
        )
    });
    load.into_iter().chain(guessed).collect()
}

fn place(object: &mut Value, namespace: &str) {
    if value::text(object, &["metadata", "namespace"]).is_none() {
        value::merge(object, &json!({"metadata": {"namespace": namespace}}));
    }
}

fn names(canary: &api::Canary) -> Result<Names, StoryError> {
    let reference = &canary.spec.target_ref;
    let target = reference.name.clone();
    let apex = canary.spec.service.as_ref().and_then(|s| s.name.clone()).filter(|name| !name.is_empty());
    let kind = match (reference.kind, reference.layout()) {
        (TargetKind::Deployment, _) => DEPLOYMENT,
        (TargetKind::StatefulSet, _) => STATEFUL_SET,
        (TargetKind::DaemonSet, Layout::InPlace) => DAEMON_SET,
        (TargetKind::DaemonSet, Layout::Beside) => {
            return Err(StoryError::Target(format!("DaemonSet/{target} beside its primary")));
        }
        (TargetKind::Service, _) => return Err(StoryError::Target(format!("Service/{target}"))),
    };
    Ok(Names {
        namespace: canary.metadata.namespace.clone().unwrap_or_default(),
        canary: canary.metadata.name.clone().unwrap_or_default(),
        apex: apex.unwrap_or_else(|| target.clone()),
        target,
        kind,
    })
}
