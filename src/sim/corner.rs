//! Between objects and the pure rooms: what `world` does with its caches, done with the objects of the simulated cluster.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};

use super::traffic::Names;
use crate::api;
use crate::model::{Plan, Revision, Routing, Time};
use crate::object::kinds::{CANARY, STATEFUL_SET};
use crate::object::{ObjectKey, Objects, content, value};
use crate::route::{self, Router, Target};
use crate::scene::{self, Defaults, Lookups, Scene};
use crate::workload;

pub(super) fn canary_key(names: &Names) -> ObjectKey {
    CANARY.named(&names.namespace, &names.canary)
}

/// What the operator sees of its canary; `None` where the Canary is gone. Objects that it does not look up stay unseen.
pub(super) fn scene(names: &Names, objects: &Objects) -> Option<Scene> {
    let canary: api::Canary = serde_json::from_value(objects.find(&canary_key(names))?.clone()).ok()?;
    let defaults = Arc::new(Defaults::default());
    let lookups = scene::lookups(&canary, &defaults);
    let mut found = seen(&lookups, objects);
    let further = scene::further(&canary, &found, &defaults);
    further.into_iter().for_each(|key| {
        if let Some(object) = objects.find(&key) {
            let mut object = object.clone();
            if content::is_held_by(key.kind) {
                content::seal(&mut object);
            }
            found.insert(key, Arc::new(object));
        }
    });
    let objects = found;
    Some(Scene { canary, objects, defaults, unserved: BTreeSet::new() })
}

fn seen(lookups: &Lookups, objects: &Objects) -> Objects {
    objects.filter(|key, object| {
        lookups.keys.contains(key)
            || lookups.labelled.iter().any(|l| {
                l.kind == key.kind && l.namespace == key.namespace && scene::label(object, l.label) == Some(&l.value)
            })
    })
}

/// The status that says what was decided, in its wire form; `None` where it is there already and nothing is done on it.
pub(super) fn status(scene: &Scene, plan: &Plan, now: Time) -> Option<Value> {
    let before = scene.canary.status.as_ref();
    let after = scene::status(&plan.journal, before, now);
    if before == Some(&after) && plan.effects.is_empty() { None } else { serde_json::to_value(after).ok() }
}

/// The revision of a pod template, with the configs that its pods would read now.
pub(super) fn revision(names: &Names, template: &Value, objects: &Objects) -> Revision {
    if names.kind == STATEFUL_SET {
        let named = stateful_revision(&names.target, &json!({"spec": {"template": template}}));
        return Revision::new(format!("{}{named}", Revision::SCHEME));
    }
    if names.is_in_place() {
        return workload::revision(template);
    }
    workload::revision_with(template, &workload::configs::tracked(&names.namespace, template, objects).0)
}

/// What the controller of StatefulSets calls the revision of a template.
pub(super) fn stateful_revision(name: &str, object: &Value) -> String {
    format!("{name}-{}", label(object))
}

/// What the controller of DaemonSets calls it, on the pods.
pub(super) fn label(object: &Value) -> String {
    let revision = workload::revision(value::at(object, &["spec", "template"]).unwrap_or(&Value::Null));
    revision.as_str().trim_start_matches(Revision::SCHEME).to_owned()
}

/// The ConfigMaps and Secrets that the pods of a workload read.
pub(super) fn configs(namespace: &str, object: &Value) -> Vec<ObjectKey> {
    let template = value::at(object, &["spec", "template"]);
    template.map(|template| workload::configs::referenced(namespace, template)).unwrap_or_default()
}

/// Whether the canary, or the first deployment, is judged: then its load tests run.
pub(super) fn is_analysed(names: &Names, objects: &Objects) -> bool {
    let Some(canary) = objects.find(&canary_key(names)) else { return false };
    let status = canary.get("status");
    let at = |path: &[&str]| status.and_then(|status| value::text(status, path));
    is_first_judged(names, objects)
        || matches!(at(&["phase"]), Some("Progressing" | "WaitingPromotion")) && at(&["step", "strategy"]).is_some()
}

/// Whether the first deployment is judged, which serves by itself meanwhile.
pub(super) fn is_first_judged(names: &Names, objects: &Objects) -> bool {
    objects.find(&canary_key(names)).is_some_and(|canary| {
        value::at(canary, &["spec", "analysis", "onInitialize"]) == Some(&Value::Bool(true))
            && value::text(canary, &["status", "phase"]) == Some("Initializing")
    })
}

/// How the routing objects of a Canary share the traffic; `None` where they do not send it to both sides.
pub(super) fn routing(names: &Names, canary: &api::Canary, objects: &Objects) -> Option<Routing> {
    let (router, target) = routed(names, canary)?;
    // Where there is no routing object, the apex Service alone says where requests go.
    let by_pods = target.service.pod_routing.is_some();
    let apex_alone = router.kinds().is_empty() || by_pods || names.is_in_place();
    if apex_alone { None } else { router.read(&target, objects).ok()? }
}

/// The router of a Canary, and what it is asked about.
pub(super) fn routed<'a>(names: &'a Names, canary: &'a api::Canary) -> Option<(&'static dyn Router, Target<'a>)> {
    let spec = &canary.spec;
    let (namespace, apex) = (&names.namespace, &names.apex);
    let provider = spec.provider.as_ref().map_or("istio", |p| p.as_str());
    let annotations = canary.metadata.annotations.as_ref().unwrap_or(route::NO_ANNOTATIONS);
    let (ingress_prefix, service) = (route::INGRESS_PREFIX, spec.service.as_ref()?);
    let target = Target { namespace, apex, provider, pods: None, annotations, ingress_prefix, service, spec };
    Some((route::of(spec, provider)?, target))
}
