//! What the user has in the cluster when a run begins: a Deployment that serves, and a Canary for it.

use std::time::Duration;

use serde_json::{Value, json};

use super::app::{App, AsPrimary};
use super::faults::Temper;
use super::random::Random;
use super::traffic::Names;
use crate::model::{Moment, Phase};
use crate::object::kinds::{DAEMON_SET, DEPLOYMENT};
use crate::object::value;

/// The names of every seeded run.
pub(super) fn names() -> Names {
    let name = || "app".to_owned();
    Names { namespace: "test".to_owned(), canary: name(), target: name(), apex: name(), kind: DEPLOYMENT }
}

/// A Canary with seeded settings.
pub(super) fn canary(names: &Names, random: &mut Random) -> Value {
    let window = random.pick(&["10s", "30s", "1m"]).unwrap_or("1m");
    let mut analysis = json!({
        "interval": format!("{}s", 10 + 5 * random.below(5)),
        "threshold": 1 + random.below(5),
        "metrics": [
            {"name": "request-success-rate", "interval": window, "thresholdRange": {"min": 99}},
            {"name": "request-duration", "interval": window, "thresholdRange": {"max": 500}},
        ],
    });
    value::merge(&mut analysis, &form(random));
    value::merge(&mut analysis, &affinity(random));
    if random.chance(60) {
        value::merge(&mut analysis, &json!({"webhooks": webhooks(random)}));
    }
    if random.chance(30) {
        value::merge(&mut analysis, &json!({"stepWeightPromotion": 10 + random.below(60)}));
    }
    let mut canary = json!({
        "apiVersion": "flagger.app/v1beta1",
        "kind": "Canary",
        "metadata": {"name": names.canary, "namespace": names.namespace},
        "spec": {
            "provider": if random.chance(15) { "kubernetes" } else { "istio" },
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": names.target},
            "progressDeadlineSeconds": 60 + random.below(120),
            "service": {"port": 80, "targetPort": 8080},
            "analysis": analysis,
        },
    });
    if random.chance(60) {
        value::merge(&mut canary, &json!({"spec": {"revertOnDeletion": true}}));
    }
    if random.chance(40) {
        let scaler = json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "name": SCALER});
        value::merge(&mut canary, &json!({"spec": {"autoscalerRef": scaler}}));
    }
    if value::at(&canary, &["spec", "autoscalerRef"]).is_none() && random.chance(40) {
        value::merge(&mut canary, &json!({"spec": {"canaryReplicas": size(random)}}));
    }
    if random.chance(10) {
        value::merge(&mut canary, &json!({"spec": {"skipAnalysis": true}}));
    }
    if random.chance(50) {
        compare(&mut canary, random);
    }
    if random.chance(30) {
        value::merge(&mut canary, &json!({"spec": {"rollback": {"onFailure": "freeze"}}}));
    }
    if random.chance(40) {
        value::merge(&mut canary, &json!({"spec": {"rollback": {"window": {"revisions": 1 + random.below(3)}}}}));
    }
    if random.chance(15) {
        let testers = json!({"match": [{"headers": {"x-user": {"exact": "insider"}}}]});
        value::merge(&mut canary, &json!({"spec": {"analysis": {"preview": testers}}}));
    }
    canary
}

/// How large the canary is; a patch for any other size.
pub(super) fn size(random: &mut Random) -> Value {
    match random.below(8) {
        0..=1 => json!({"count": 1 + random.below(4), "percent": null, "followWeight": null}),
        2..=3 => json!({"count": null, "percent": 1 + random.below(100), "followWeight": null}),
        4 => Value::Null,
        _ => json!({"count": null, "percent": null, "followWeight": true}),
    }
}

/// A DeliveryPolicy.
pub(super) const POLICY: &str = "office-hours";
/// Name of the Canary that comes first in some runs.
pub(super) const ELDER: &str = "elder";

/// That Canary, settled.
pub(super) fn elder(names: &Names) -> Value {
    let mut elder = canary(names, &mut Random::new(0));
    value::merge(&mut elder, &json!({"metadata": {"name": ELDER}, "spec": {"targetRef": {"name": ELDER}}}));
    value::merge(&mut elder, &json!({"status": {"phase": Phase::Initialized.as_str()}}));
    elder
}

/// For some runs: the Canary above comes first. A patch.
pub(super) fn order(random: &mut Random) -> Value {
    if random.chance(25) { json!({"spec": {"dependsOn": [{"name": ELDER}]}}) } else { json!({}) }
}

/// For some runs: when releases may go on, which is about half of each half hour. A patch.
pub(super) fn schedule(random: &mut Random) -> Value {
    if !random.chance(30) {
        return json!({});
    }
    let zone = random.pick(&["UTC", "Europe/Berlin", "Asia/Kathmandu", "America/St_Johns"]);
    let opens = random.below(10);
    let closes = opens + 12 + random.below(8);
    let clock = |minutes: u64| format!("{:02}:{:02}", minutes / 60, minutes % 60);
    let windows = (0..48).map(|half| json!({"from": clock(30 * half + opens), "to": clock(30 * half + closes)}));
    json!({"spec": {"schedule": {"timeZone": zone, "windows": windows.collect::<Vec<_>>()}}})
}

/// For some runs: a policy of the cluster, with a limit or with the canary's schedule in place of its own.
pub(super) fn policy(canary: &mut Value, random: &mut Random) -> Option<Value> {
    let schedule = value::at(canary, &["spec", "schedule"]).cloned().filter(|_| random.chance(50));
    let limit = random.chance(15).then_some(1);
    if schedule.is_none() && limit.is_none() {
        return None;
    }
    if schedule.is_some() {
        value::merge(canary, &json!({"spec": {"schedule": null}}));
    }
    let here = json!({"matchLabels": {"kubernetes.io/metadata.name": value::text(canary, &["metadata", "namespace"])}});
    Some(
        json!({"metadata": {"name": POLICY}, "spec": {"namespaceSelector": here, "schedule": schedule, "maxConcurrent": limit}}),
    )
}

/// For some runs: what is asked for before the first release and after each promotion. A patch.
pub(super) fn afterwards(canary: &Value, random: &mut Random) -> Value {
    let mut patch = json!({});
    let mut seconds = |least: u64| format!("{}s", least + random.below(80));
    let (bake, keep_warm) = (seconds(5), seconds(20));
    if random.chance(45) {
        value::merge(&mut patch, &json!({"spec": {"analysis": {"bake": bake}}}));
    }
    let provider = value::text(canary, &["spec", "provider"]);
    if random.chance(25) && provider == Some("istio") {
        value::merge(&mut patch, &json!({"spec": {"rollback": {"keepWarm": keep_warm}}}));
    }
    if random.chance(60) && provider == Some("kubernetes") {
        value::merge(&mut patch, &json!({"spec": {"service": {"podRouting": {"sharedLabel": SHARED}}}}));
    }
    if random.chance(25) {
        value::merge(&mut patch, &json!({"spec": {"analysis": {"onInitialize": true}}}));
    }
    let without = incompatible(&patch);
    value::extend(&mut patch, &without);
    patch
}

/// What does not go with what a Canary asks for; a patch.
pub(super) fn incompatible(canary: &Value) -> Value {
    let mut without = json!({});
    if canary.pointer("/spec/rollback/keepWarm").is_some() {
        value::extend(&mut without, &json!({"spec": {"analysis": {"match": null}}}));
    }
    if canary.pointer("/spec/service/podRouting").is_some() {
        let analysis = json!({"match": null, "mirror": null, "sessionAffinity": null, "preview": null});
        let sizes = json!({"analysis": analysis, "canaryReplicas": null, "autoscalerRef": null});
        value::extend(&mut without, &json!({"spec": sizes}));
    }
    without
}

/// A KPI is compared with the primary, too.
fn compare(canary: &mut Value, random: &mut Random) {
    let tests = [("slo", 0), ("rateRatio", 100), ("quantile", 0), ("sign", 0), ("quantile", 200), ("difference", 100)];
    let (test, least) = random.pick(&tests).unwrap_or(("slo", 0));
    let compared = usize::from(test == "quantile");
    if let Some(metrics) = canary.pointer_mut("/spec/analysis/metrics").and_then(Value::as_array_mut) {
        // What is healthy in a run is so by its own rate of errors, however much better the revision before was.
        let mut metric = metrics.get(compared).cloned().unwrap_or_default();
        value::merge(&mut metric, &json!({"comparison": {"type": test, "margin": 50}, "minRequests": least}));
        metrics.push(metric);
    }
}

/// How the releases go: steps, an A/B test or blue/green, with or without mirroring; a patch for any other form.
pub(super) fn form(random: &mut Random) -> Value {
    let iterations = 1 + random.below(4);
    let conditions = json!([{"headers": {"x-canary": {"exact": "always"}}}]);
    let mut form =
        json!({"stepWeights": null, "iterations": null, "match": null, "mirror": null, "mirrorWeight": null});
    let chosen = match random.below(10) {
        0..=1 => json!({"iterations": iterations, "match": conditions}),
        2..=4 => json!({"iterations": iterations}),
        5 => json!({"stepWeights": weights(random), "match": conditions}),
        _ => json!({"stepWeights": weights(random)}),
    };
    value::extend(&mut form, &chosen);
    if random.chance(25) {
        value::extend(&mut form, &json!({"mirror": true, "mirrorWeight": random.below(101)}));
    }
    form
}

/// The moments at which a hook has a say.
pub(super) const MOMENTS: [Moment; 7] = [
    Moment::ConfirmRollout,
    Moment::PreRollout,
    Moment::Rollout,
    Moment::ConfirmTrafficIncrease,
    Moment::ConfirmPromotion,
    Moment::PostRollout,
    Moment::Rollback,
];

/// Hooks of some moments, and gates among them that do not wait for ever.
fn webhooks(random: &mut Random) -> Vec<Value> {
    let asked: Vec<_> = MOMENTS.into_iter().filter(|_| random.chance(70)).collect();
    let mut hook = |moment: Moment| {
        let name = moment.as_str();
        let mut hook = json!({"name": name, "type": name, "url": "http://hooks.test/"});
        // A few wait for a person.
        if name.starts_with("confirm") && random.chance(10) {
            hook = json!({"name": name, "type": name});
        }
        if name.starts_with("confirm") && random.chance(30) {
            let then = random.pick(&["fail", "pass"]).unwrap_or("fail");
            let deadline = format!("{}s", 10 + random.below(60));
            value::merge(&mut hook, &json!({"deadline": deadline, "onDeadline": then}));
        }
        hook
    };
    asked.into_iter().map(&mut hook).collect()
}

/// Whether users are kept on a side; a patch.
pub(super) fn affinity(random: &mut Random) -> Value {
    match random.below(10) {
        0..=1 => json!({"sessionAffinity": {"cookieName": "side", "primaryCookieName": null}}),
        2 => json!({"sessionAffinity": {"cookieName": "side", "primaryCookieName": "other"}}),
        _ => json!({"sessionAffinity": null}),
    }
}

/// One to four rising steps.
pub(super) fn weights(random: &mut Random) -> Vec<u64> {
    let mut weight = 0;
    let steps = 1 + random.below(4);
    (0..steps)
        .map(|_| {
            weight += 1 + random.below(25);
            weight
        })
        .collect()
}

/// The user's Deployment.
pub(super) fn deployment(names: &Names) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": names.target, "namespace": names.namespace},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": names.target}},
            "template": {
                "metadata": {"labels": {"app": names.target, SHARED: names.target}},
                "spec": {
                    "terminationGracePeriodSeconds": 10,
                    "containers": [{
                        "name": "app", "image": "app:1", "ports": [{"containerPort": 8080}],
                        "envFrom": [{"configMapRef": {"name": CONFIG}}],
                    }],
                },
            },
        },
    })
}

/// Label that the pods of both sides have.
const SHARED: &str = "release";
/// The same as a StatefulSet. What its pods read is nothing to it.
pub(super) fn stateful_set(names: &Names, random: &mut Random) -> Value {
    let mut object = deployment(names);
    let policy = if random.chance(30) { "Parallel" } else { "OrderedReady" };
    let strategy = json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 0}});
    let spec = json!({"replicas": 2 + random.below(6), "podManagementPolicy": policy, "updateStrategy": strategy});
    value::merge(&mut object, &json!({"kind": names.kind.kind, "spec": spec}));
    if let Some(container) = object.pointer_mut("/spec/template/spec/containers/0").and_then(Value::as_object_mut) {
        container.shift_remove("envFrom");
    }
    object
}

/// The same as a DaemonSet.
pub(super) fn daemon_set(names: &Names, random: &mut Random) -> Value {
    let mut object = deployment(names);
    let most = random.pick(&[json!(1), json!(2), json!("30%")]).unwrap_or_default();
    let strategy = json!({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": most}});
    let spec = json!({"replicas": null, "updateStrategy": strategy});
    value::merge(&mut object, &json!({"kind": names.kind.kind, "spec": spec}));
    if let Some(container) = object.pointer_mut("/spec/template/spec/containers/0").and_then(Value::as_object_mut) {
        container.shift_remove("envFrom");
    }
    object
}

/// What makes any Canary one that is released in place; a patch.
pub(super) fn in_place(names: &Names, random: &mut Random) -> Value {
    let by_choice = (names.kind == DAEMON_SET).then_some(true);
    json!({"spec": {
        "provider": "kubernetes",
        "targetRef": {"kind": names.kind.kind, "inPlace": by_choice},
        "service": {"podRouting": null},
        "autoscalerRef": null,
        "canaryReplicas": null,
        "rollback": null,
        "revertOnDeletion": null,
        "analysis": {
            "match": null, "preview": null, "mirror": null, "mirrorWeight": null, "sessionAffinity": null,
            "iterations": null, "stepWeight": null, "maxWeight": null, "stepWeightPromotion": null, "bake": null,
            "onInitialize": null,
            "stepWeights": weights(random),
        },
    }})
}

/// How the target replaces its pods; a patch.
pub(super) fn replacement(random: &mut Random) -> Value {
    json!({"spec": {"strategy": {"type": if random.chance(15) { "Recreate" } else { "RollingUpdate" }}}})
}

/// The autoscaler of the target, where the Canary names one.
pub(super) const SCALER: &str = "scaler";

/// That autoscaler.
pub(super) fn scaler(names: &Names) -> Value {
    let target = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": names.target});
    json!({"spec": {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 6}})
}

/// The same of KEDA.
pub(super) fn scaled_object(names: &Names) -> Value {
    let target = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": names.target});
    json!({"spec": {"scaleTargetRef": target, "minReplicaCount": 1, "maxReplicaCount": 6, "triggers": []}})
}

/// The ConfigMap that the pods read.
pub(super) const CONFIG: &str = "settings";

/// The behaviour of a new image.
pub(super) fn app(temper: Temper, random: &mut Random) -> App {
    let ready_after = Some(random.millis(500, 10_000));
    let app = App { ready_after, errors: 0.1, ..App::default() };
    match temper {
        Temper::Healthy => app,
        Temper::SlowStart => App { ready_after: Some(random.millis(20_000, 40_000)), ..app },
        Temper::NeverReady => App { ready_after: None, ..app },
        Temper::NeverPrimary => App { as_primary: AsPrimary::NeverReady, ..app },
        Temper::FailingPrimary => App { as_primary: AsPrimary::Failing, ..app },
        Temper::Breaks => App { breaks_after: Some(random.millis(10_000, 120_000)), ..app },
        Temper::Failing => App { errors: 5.0, ..app },
        Temper::Leaking => App { errors_growth: 1.0, ..app },
        Temper::Slow => App { latency: 900.0, ..app },
    }
}

/// The time before the Canary is there.
pub(super) const PROLOGUE: Duration = Duration::from_secs(30);
