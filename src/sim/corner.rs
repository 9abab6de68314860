//! Interim: what `scene` will do, in a few lines of simple objects.

use std::time::Duration;

use serde_json::{Value, json};

use super::endpoints;
use super::pods::image;
use super::traffic::Names;
use crate::model::{
    CanaryRef, Complaint, Effect, Endpoints, Facts, Journal, Kpi, KpiSource, Builtin, Percent, PrimaryMatch, PrimarySeen, PrimarySource,
    Range, Revision, Rollout, RouteSeen, Routing, Seen, Settings, Shape, Steps, Strategy, TargetSeen,
};
use crate::object::kinds::{CANARY, CONTROLLER_REVISION, DEPLOYMENT, SERVICE};
use crate::object::{Change, Kind, ObjectKey, Objects, value};

pub(super) const VS: Kind =
    Kind { group: "networking.istio.io", version: "v1beta1", kind: "VirtualService", plural: "virtualservices" };

thread_local! {
    static JOURNALS: std::cell::RefCell<Vec<Journal>> = const { std::cell::RefCell::new(Vec::new()) };
}

pub(super) fn status(journal: &Journal) -> Value {
    JOURNALS.with_borrow_mut(|list| {
        list.push(journal.clone());
        json!({"n": list.len() - 1})
    })
}

pub(super) fn journal(canary: &Value) -> Journal {
    let n = value::at(canary, &["status", "n"]).and_then(Value::as_u64);
    JOURNALS.with_borrow(|list| n.and_then(|n| list.get(n as usize).cloned()).unwrap_or_default())
}

pub(super) fn revision(template: &Value) -> Revision {
    Revision::new(format!("s1-{}", image(template)))
}

pub(super) fn routing(names: &Names, objects: &Objects) -> Option<Routing> {
    let vs = objects.find(&VS.named(&names.namespace, &names.apex))?;
    let weight = value::count(vs, &["spec", "http", "0", "route", "1", "weight"])?;
    Some(Routing::split(Percent::clamped(weight.into())))
}

pub(super) fn canary_key(names: &Names) -> ObjectKey {
    CANARY.named(&names.namespace, &names.canary)
}

fn secs(v: &Value, path: &[&str], default: u64) -> Duration {
    let text = value::text(v, path).unwrap_or("");
    let n = text.trim_end_matches(['s', 'm']).parse().unwrap_or(default);
    Duration::from_secs(if text.ends_with('m') { n * 60 } else { n })
}

fn settings(canary: &Value) -> Settings {
    let a = value::at(canary, &["spec", "analysis"]).cloned().unwrap_or_default();
    let weights: Vec<_> = value::at(&a, &["stepWeights"]).and_then(Value::as_array).into_iter().flatten()
        .filter_map(Value::as_i64).map(Percent::clamped).collect();
    let flag = |path: &[&str]| value::at(canary, path).and_then(Value::as_bool).unwrap_or(false);
    let steps = Steps::new(weights).unwrap_or_else(|| Steps::linear(Percent::clamped(50), Percent::clamped(50)).unwrap());
    let kpis = value::at(&a, &["metrics"]).and_then(Value::as_array).into_iter().flatten().map(|m| {
        let name = value::text(m, &["name"]).unwrap_or("").to_owned();
        Kpi {
            source: Builtin::parse(&name).map_or(KpiSource::Inline(String::new()), KpiSource::Builtin),
            name,
            interval: value::text(m, &["interval"]).unwrap_or("1m").to_owned(),
            range: Range {
                min: value::at(m, &["thresholdRange", "min"]).and_then(Value::as_f64),
                max: value::at(m, &["thresholdRange", "max"]).and_then(Value::as_f64),
            },
        }
    });
    Settings {
        strategy: if flag(&["spec", "skipAnalysis"]) { Strategy::Skip } else { Strategy::Progressive(steps) },
        interval: secs(&a, &["interval"], 60),
        threshold: value::count(&a, &["threshold"]).unwrap_or(1).max(1),
        deadline: Duration::from_secs(value::count(canary, &["spec", "progressDeadlineSeconds"]).unwrap_or(600).into()),
        promotion_step: value::count(&a, &["stepWeightPromotion"]).map(|p| Percent::clamped(p.into())),
        primary_ready: Percent::FULL,
        canary_ready: Percent::FULL,
        kpis: kpis.collect(),
        suspend: flag(&["spec", "suspend"]),
        revert_on_deletion: flag(&["spec", "revertOnDeletion"]),
    }
}

fn rollout(d: &Value) -> Rollout {
    let s = |f: &str| value::count(d, &["status", f]).unwrap_or(0);
    Rollout {
        observed: value::count(d, &["metadata", "generation"]).unwrap_or(0) == s("observedGeneration"),
        desired: value::count(d, &["spec", "replicas"]).unwrap_or(1),
        updated: s("updatedReplicas"),
        total: s("replicas"),
        available: s("availableReplicas"),
        deadline_exceeded: value::text(d, &["status", "conditions", "0", "reason"]) == Some("ProgressDeadlineExceeded"),
    }
}

fn service(names: &Names, name: &str, app: &str) -> Change {
    Change::Apply(SERVICE, json!({"metadata": {"name": name, "namespace": names.namespace}, "spec": {"selector": {"app": app}, "ports": [{"port": 80}]}}))
}

fn shape(objects: &Objects, names: &Names, name: &str, app: &str) -> Shape {
    match objects.find(&SERVICE.named(&names.namespace, name)) {
        None => Shape::Missing,
        Some(s) if value::text(s, &["spec", "selector", "app"]) == Some(app) => Shape::AsWanted,
        Some(_) => Shape::Differs,
    }
}

pub(super) fn facts(names: &Names, objects: &Objects) -> Option<Facts> {
    let canary = objects.find(&canary_key(names))?;
    let target = objects.find(&DEPLOYMENT.named(&names.namespace, &names.target));
    let primary = objects.find(&DEPLOYMENT.named(&names.namespace, names.primary()));
    let ready = |s: String| u32::try_from(endpoints::ready(objects, &names.namespace, &s).unwrap_or(0)).unwrap_or(0);
    let (p, c) = (format!("{}-primary", names.apex), format!("{}-canary", names.apex));
    let mut snapshots: Vec<_> = objects.of_kind(CONTROLLER_REVISION).collect();
    snapshots.sort_by_key(|(_, o)| value::count(o, &["revision"]));
    let sides = [shape(objects, names, &p, &names.primary()), shape(objects, names, &c, &names.target)];
    Some(Facts {
        canary: CanaryRef {
            namespace: names.namespace.clone(),
            name: names.canary.clone(),
            uid: value::text(canary, &["metadata", "uid"]).unwrap_or("").to_owned(),
            generation: value::count(canary, &["metadata", "generation"]).unwrap_or(0).into(),
            kind: "Deployment".to_owned(),
            target: names.target.clone(),
        },
        deleting: value::text(canary, &["metadata", "deletionTimestamp"]).is_some(),
        finalizer: value::text(canary, &["metadata", "finalizers", "0"]).is_some(),
        settings: Some(settings(canary)),
        complaints: if target.is_none() { vec![Complaint::blocks("TargetMissing", "no target")] } else { Vec::new() },
        journal: journal(canary),
        target: target.map_or(Seen::Missing, |t| Seen::Found(TargetSeen {
            revision: revision(&t["spec"]["template"]),
            replicas: value::count(t, &["spec", "replicas"]).unwrap_or(1),
            rollout: rollout(t),
            grace: Duration::from_secs(10),
        })),
        primary: primary.map_or(Seen::Missing, |t| Seen::Found(PrimarySeen {
            runs: PrimaryMatch::Revision(revision(&t["spec"]["template"])),
            replicas: value::count(t, &["spec", "replicas"]).unwrap_or(1),
            rollout: rollout(t),
        })),
        sides: if sides.contains(&Shape::Missing) { Shape::Missing } else if sides.contains(&Shape::Differs) { Shape::Differs } else { Shape::AsWanted },
        apex: shape(objects, names, &names.apex, &names.primary()),
        endpoints: Endpoints { primary: ready(p), canary: ready(c) },
        route: routing(names, objects).map_or(RouteSeen::Missing, |routing| {
            let hosts = objects.find(&VS.named(&names.namespace, &names.apex)).map(|v| v["spec"]["hosts"] == json!([names.apex]));
            RouteSeen::Seen { routing, shape: if hosts == Some(true) { Shape::AsWanted } else { Shape::Differs } }
        }),
        snapshots: snapshots.into_iter().map(|(_, o)| revision(&o["data"])).collect(),
    })
}

pub(super) fn changes(names: &Names, objects: &Objects, effect: &Effect) -> Result<Vec<Change>, Complaint> {
    let ns = &names.namespace;
    let target_key = DEPLOYMENT.named(ns, &names.target);
    let target = objects.find(&target_key);
    let (p, c) = (format!("{}-primary", names.apex), format!("{}-canary", names.apex));
    let primary_key = DEPLOYMENT.named(ns, names.primary());
    let snap = |r: &Revision| CONTROLLER_REVISION.named(ns, format!("{}-{}", names.canary, r.as_str().replace(':', "-")));
    Ok(match effect {
        Effect::AddFinalizer => vec![Change::Merge(canary_key(names), json!({"metadata": {"finalizers": ["serin.dev/revert"]}}))],
        Effect::RemoveFinalizer => vec![Change::Merge(canary_key(names), json!({"metadata": {"finalizers": null}}))],
        Effect::Sides => vec![service(names, &p, &names.primary()), service(names, &c, &names.target)],
        Effect::Snapshot(r) => match target.map(|t| &t["spec"]["template"]).filter(|t| revision(t) == *r) {
            Some(t) => vec![Change::Create(CONTROLLER_REVISION, json!({"metadata": {"name": snap(r).name, "namespace": ns, "ownerReferences": [{"name": names.canary}]}, "data": t,
                "revision": 1 + objects.of_kind(CONTROLLER_REVISION).filter_map(|(_, o)| value::count(o, &["revision"])).max().unwrap_or(0)}))],
            None => return Err(Complaint::blocks("x", "target changed")),
        },
        Effect::Forget(r) => vec![Change::Delete(snap(r))],
        Effect::Primary(source) => {
            let (r, template) = match source {
                PrimarySource::Target(r) => (r, target.map(|t| t["spec"]["template"].clone())),
                PrimarySource::Snapshot(r) => (r, objects.find(&snap(r)).map(|o| o["data"].clone())),
            };
            let Some(mut template) = template.filter(|t| revision(t) == *r) else { return Err(Complaint::blocks("x", "no template")) };
            value::merge(&mut template, &json!({"metadata": {"labels": {"app": names.primary()}}}));
            let replicas = target.and_then(|t| value::count(t, &["spec", "replicas"])).unwrap_or(1);
            match objects.find(&primary_key) {
                None => vec![Change::Create(DEPLOYMENT, json!({"metadata": {"name": primary_key.name, "namespace": ns}, "spec": {"replicas": replicas.max(1), "template": template}}))],
                Some(have) => {
                    let mut spec = json!({"template": template});
                    if replicas > 0 { spec["replicas"] = replicas.into(); }
                    vec![Change::Merge(primary_key, json!({"metadata": {"resourceVersion": have["metadata"]["resourceVersion"]}, "spec": spec}))]
                }
            }
        }
        Effect::Apex => vec![service(names, &names.apex, &names.primary())],
        Effect::Route(r) => vec![Change::Apply(VS, json!({"metadata": {"name": names.apex, "namespace": ns}, "spec": {"hosts": [names.apex], "http": [{"route": [
            {"destination": {"host": p}, "weight": r.canary.rest().get()}, {"destination": {"host": c}, "weight": r.canary.get()}]}]}}))],
        Effect::ScaleTarget(n) => vec![Change::Merge(target_key, json!({"metadata": {"resourceVersion": target.map(|t| t["metadata"]["resourceVersion"].clone())}, "spec": {"replicas": n}}))],
        Effect::ReleaseApex => vec![service(names, &names.apex, &names.target)],
        Effect::ReleaseRoute => vec![Change::Delete(VS.named(ns, &names.apex))],
        Effect::Discard => vec![Change::Delete(primary_key), Change::Delete(SERVICE.named(ns, p)), Change::Delete(SERVICE.named(ns, c))],
    })
}
