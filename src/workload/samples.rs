//! Objects for the tests of this room: one Deployment as its user wrote it, and as the apiserver serves it.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::{Replicas, Selector, Subject};

use crate::object::kinds::DEPLOYMENT;
use crate::object::value;

/// The Deployment `cart` in namespace `shop`, as its user wrote it.
pub(super) fn deployment() -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "cart",
            "namespace": "shop",
            "resourceVersion": "7",
            "generation": 3,
            "labels": {"app": "cart", "team.example.com/owner": "basket", "app.kubernetes.io/managed-by": "Helm"},
            "annotations": {"kustomize.toolkit.fluxcd.io/checksum": "1", "note": "kept", "deployment.kubernetes.io/revision": "4"},
        },
        "spec": {
            "replicas": 3,
            "minReadySeconds": 5,
            "progressDeadlineSeconds": 120,
            "revisionHistoryLimit": 4,
            "selector": {"matchLabels": {"app": "cart", "tier": "front"}},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": "50%"}},
            "template": template(),
        },
        "status": {
            "observedGeneration": 3, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 2,
            "conditions": [{"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"}],
        },
    })
}

/// Its pod template, as its user wrote it.
pub(super) fn template() -> Value {
    json!({
        "metadata": {
            "labels": {"app": "cart", "tier": "front", "app.kubernetes.io/managed-by": "Helm"},
            "annotations": {"prometheus.io/scrape": "true"},
        },
        "spec": {
            "serviceAccountName": "cart",
            "affinity": {"podAntiAffinity": {
                "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "podAffinityTerm": {
                    "topologyKey": "kubernetes.io/hostname",
                    "labelSelector": {"matchExpressions": [{"key": "app", "operator": "In", "values": ["cart", "till"]}]},
                }}],
                "requiredDuringSchedulingIgnoredDuringExecution": [{
                    "topologyKey": "kubernetes.io/hostname",
                    "labelSelector": {"matchLabels": {"app": "cart", "tier": "front"}},
                }],
            }},
            "topologySpreadConstraints": [{
                "maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": {"app": "cart"}},
            }],
            "initContainers": [{"name": "migrate", "image": "registry:5000/migrate", "envFrom": [{"secretRef": {"name": "database"}}]}],
            "containers": [{
                "name": "cart",
                "image": "cart:1.8.2",
                "command": ["/cart"],
                "env": [
                    {"name": "LEVEL", "value": "info"},
                    {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                ],
                "ports": [{"name": "http", "containerPort": 8080}, {"name": "http-metrics", "containerPort": 9090}],
                "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}, "periodSeconds": 5},
                "livenessProbe": {"grpc": {"port": 9000}},
                "lifecycle": {"preStop": {"httpGet": {"path": "/drain", "port": 8080}}},
                "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}},
                "volumeMounts": [{"name": "config", "mountPath": "/config"}],
            }],
            "volumes": [
                {"name": "config", "configMap": {"name": "cart"}},
                {"name": "cache"},
                {"name": "identity", "projected": {"sources": [
                    {"serviceAccountToken": {"path": "token"}},
                    {"downwardAPI": {"items": [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
                ]}},
            ],
        },
    })
}

/// Fields of `template` that hold a text which its user chose.
pub(super) const WRITTEN: &[&str] = &[
    "/metadata/labels/tier",
    "/metadata/annotations/prometheus.io~1scrape",
    "/spec/serviceAccountName",
    "/spec/initContainers/0/image",
    "/spec/initContainers/0/envFrom/0/secretRef/name",
    "/spec/containers/0/name",
    "/spec/containers/0/image",
    "/spec/containers/0/command/0",
    "/spec/containers/0/env/0/name",
    "/spec/containers/0/env/0/value",
    "/spec/containers/0/env/1/valueFrom/fieldRef/fieldPath",
    "/spec/containers/0/ports/0/name",
    "/spec/containers/0/readinessProbe/httpGet/path",
    "/spec/containers/0/resources/requests/cpu",
    "/spec/volumes/0/configMap/name",
    "/spec/volumes/1/name",
    "/spec/topologySpreadConstraints/0/topologyKey",
];

/// The same pod template as a Kubernetes 1.34 serves it, and what other versions of it say more.
pub(super) fn template_as_served() -> Value {
    let mut served = template();
    value::merge(
        &mut served,
        &json!({
            "metadata": {"creationTimestamp": null},
            "spec": {
                "dnsPolicy": "ClusterFirst", "restartPolicy": "Always", "schedulerName": "default-scheduler",
                "securityContext": {}, "serviceAccount": "cart", "terminationGracePeriodSeconds": 30, "hostNetwork": false,
            },
        }),
    );
    // RFC 7386 cannot write a null.
    served["metadata"]["creationTimestamp"] = Value::Null;
    let container = json!({"terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File"});
    let fills = [
        ("/spec/initContainers/0", container.clone()),
        ("/spec/initContainers/0", json!({"imagePullPolicy": "Always", "resources": {}})),
        ("/spec/containers/0", container),
        ("/spec/containers/0", json!({"imagePullPolicy": "IfNotPresent", "tty": false, "args": []})),
        ("/spec/containers/0/ports/0", json!({"protocol": "TCP"})),
        ("/spec/containers/0/ports/1", json!({"protocol": "TCP"})),
        ("/spec/containers/0/env/1/valueFrom/fieldRef", json!({"apiVersion": "v1"})),
        (
            "/spec/containers/0/readinessProbe",
            json!({"timeoutSeconds": 1, "successThreshold": 1, "failureThreshold": 3}),
        ),
        ("/spec/containers/0/readinessProbe/httpGet", json!({"scheme": "HTTP"})),
        (
            "/spec/containers/0/livenessProbe",
            json!({"timeoutSeconds": 1, "successThreshold": 1, "failureThreshold": 3}),
        ),
        ("/spec/containers/0/livenessProbe", json!({"periodSeconds": 10, "initialDelaySeconds": 0})),
        ("/spec/containers/0/livenessProbe/grpc", json!({"service": ""})),
        ("/spec/containers/0/lifecycle/preStop/httpGet", json!({"scheme": "HTTP"})),
        ("/spec/containers/0/volumeMounts/0", json!({"readOnly": false})),
        ("/spec/volumes/0/configMap", json!({"defaultMode": 420})),
        ("/spec/volumes/1", json!({"emptyDir": {}})),
        ("/spec/volumes/2/projected", json!({"defaultMode": 420})),
        ("/spec/volumes/2/projected/sources/0/serviceAccountToken", json!({"expirationSeconds": 3600})),
        ("/spec/volumes/2/projected/sources/1/downwardAPI/items/0/fieldRef", json!({"apiVersion": "v1"})),
    ];
    for (place, fill) in fills {
        let field = served.pointer_mut(place).unwrap_or_else(|| panic!("{place}"));
        value::merge(field, &fill);
    }
    served
}

/// The Canary `cart` of that Deployment.
pub(super) fn subject() -> Subject<'static> {
    static SELECTOR: LazyLock<Selector> =
        LazyLock::new(|| Selector { label: "app".to_owned(), value: "cart".to_owned() });
    Subject {
        namespace: "shop",
        canary: "cart",
        uid: "1-2-3",
        kind: DEPLOYMENT,
        target: "cart",
        apex: "cart",
        selector: &SELECTOR,
        label_prefixes: &[],
        replicas: Replicas::OfTarget,
        apex_pods: None,
    }
}
